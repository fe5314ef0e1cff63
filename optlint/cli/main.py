"""The command group `optlint`; a command is imported when it is called."""

from __future__ import annotations

import importlib
import sys

import click

from optlint import __version__

_COMMANDS = {
    "check": ("optlint.cli.check", "Find misuse of optimizers and schedulers, and mend it."),
    "verify": ("optlint.cli.verify", "Replay findings and their fixes, and say what is true."),
    "schedule": ("optlint.cli.schedule", "Show the learning rates that a file gives its optimizers."),
    "baseline": ("optlint.cli.baseline", "Adopt the findings that are there, so that new ones alone are reported."),
    "rule": ("optlint.cli.rule", "Explain a rule: what goes wrong, why, and how it is mended."),
    "rules": ("optlint.cli.rules", "List all rules."),
    "config": ("optlint.cli.config", "Show the settings that hold, and where each comes from."),
    "completion": ("optlint.cli.completion", "Print the script that makes a shell complete options and rules."),
    "debug": ("optlint.cli.debug", "Show what optlint understands of a file."),
}
"""Module and one line of help by command, so that `optlint --help` imports none of them."""


class LazyGroup(click.Group):
    """A group that imports a command when it is called."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        """Return the names in the order of use."""
        return list(_COMMANDS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        """Import the module of a command and return its value `COMMAND`."""
        if cmd_name not in _COMMANDS:
            return None
        command: click.Command = importlib.import_module(_COMMANDS[cmd_name][0]).COMMAND
        return command

    def resolve_command(
        self, ctx: click.Context, args: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        """Name the nearest command where there is none of that name."""
        if args and args[0] not in _COMMANDS and not args[0].startswith("-"):
            from optlint.nearest import did_you_mean

            near = did_you_mean(args[0], _COMMANDS) or "; `optlint --help` lists them"
            ctx.fail(f"there is no command `{args[0]}`{near}")
        return super().resolve_command(ctx, args)

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """Write the list of commands."""
        with formatter.section("Commands"):
            formatter.write_dl([(name, text) for name, (_, text) in _COMMANDS.items()])


@click.group(
    cls=LazyGroup,
    context_settings={"help_option_names": ["-h", "--help"]},
    epilog="Exit codes: 0 clean, 1 findings, 2 wrong usage, configuration, or a defect of optlint's.",
)
@click.version_option(__version__, "-V", "--version", message="optlint %(version)s")
def optlint() -> None:
    """Find and mend misuse of optimizers and learning-rate schedulers in PyTorch training code.

    \b
    optlint check                     check the current folder
    optlint check train.py --diff     show what would be mended
    optlint check --fix src           mend what is safe to mend
    optlint rule OPT101               explain a rule
    """


def run() -> int:
    """Run the command line on `sys.argv` and return the exit code."""
    try:
        code = optlint.main(prog_name="optlint", standalone_mode=False)
        sys.stdout.flush()
    except click.exceptions.Abort:
        return 130
    except click.ClickException as error:
        error.show()
        return error.exit_code
    return code if isinstance(code, int) else 0
