"""The command `optlint completion`, and what the shell completes where a rule is asked for."""

from __future__ import annotations

import click
from click.shell_completion import CompletionItem, get_completion_class

_VARIABLE = "_OPTLINT_COMPLETE"


@click.command("completion", short_help="Print the script that makes a shell complete optlint's options and rules.")
@click.argument("shell", type=click.Choice(["bash", "zsh", "fish"]))
def COMMAND(shell: str) -> None:  # noqa: N802 (a value, as every command module has)
    """Print the script that makes a shell complete commands, options, files and rules.

    \b
    eval "$(optlint completion bash)"                            in ~/.bashrc
    eval "$(optlint completion zsh)"                             in ~/.zshrc
    optlint completion fish > ~/.config/fish/completions/optlint.fish
    """
    from optlint.cli.main import optlint

    found = get_completion_class(shell)
    assert found is not None  # the shells that click knows are the choices
    # Not `source()`, which starts bash to look at its version.
    script = found(optlint, {}, "optlint", _VARIABLE)
    click.echo(script.source_template % script.source_vars())


def selectors_that_begin(context: click.Context, parameter: click.Parameter, incomplete: str) -> list[CompletionItem]:
    """Return the codes, families and names of rules that begin as the last of the words divided by commas."""
    from optlint.catalog import known_names, load_catalog
    from optlint.selection import ALL

    before, comma, word = incomplete.rpartition(",")
    names = known_names(load_catalog())
    families = sorted({code[:4] for code in names})
    wide = [(text, "") for text in (ALL, *families) if text.startswith(word.upper())]
    codes = [(code, names[code]) for code in names if code.startswith(word.upper())]
    called = [(name, code) for code, name in names.items() if word and name.startswith(word.lower())]
    return [CompletionItem(f"{before}{comma}{text}", help=said) for text, said in (*wide, *codes, *called)]
