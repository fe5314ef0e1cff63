"""The options of `optlint check`."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TypeVar

import click

from optlint.cli.devices import device_options
from optlint.config import FailOn

_F = TypeVar("_F", bound=Callable[..., object])


@dataclass(frozen=True, slots=True)
class Options:
    """The options of one call."""

    paths: tuple[str, ...]
    fix: bool
    unsafe_fixes: bool
    diff: bool
    show_fixes: bool
    select: tuple[str, ...]
    ignore: tuple[str, ...]
    extend_select: tuple[str, ...]
    output_format: str
    fail_on: str | None
    exit_zero: bool
    exit_non_zero_on_fix: bool
    statistics: bool
    stdin_filename: str | None
    config: str | None
    isolated: bool
    no_gitignore: bool
    quiet: bool
    verify: bool
    verified: bool
    device: str
    dtype: str | None
    jobs: int


def check_options(command: _F) -> _F:
    """Give a command the options of `optlint check`."""
    rules = "codes, prefixes of codes or names, divided by commas; can be repeated"
    for option in reversed(
        (
            click.argument("paths", nargs=-1, type=click.Path()),
            click.option("--fix", is_flag=True, help="Mend what is safe to mend."),
            click.option(
                "--unsafe-fixes", is_flag=True, help="Count fixes that change what the program computes as applicable."
            ),
            click.option("--diff", is_flag=True, help="Show what --fix would change, and change nothing."),
            click.option("--show-fixes", is_flag=True, help="List the fixes that were applied."),
            click.option("--select", multiple=True, metavar="RULES", help=f"Report only these ({rules})."),
            click.option("--ignore", multiple=True, metavar="RULES", help="Do not report these."),
            click.option("--extend-select", multiple=True, metavar="RULES", help="Report these as well."),
            click.option(
                "--output-format", type=click.Choice(["full", "concise", "json"]), default="full", show_default=True
            ),
            click.option(
                "--fail-on",
                type=click.Choice([gate.value for gate in FailOn]),
                help="The least level that makes the exit code 1.  [default: warning]",
            ),
            click.option("--exit-zero", is_flag=True, help="Exit with 0 even if there are findings."),
            click.option("--exit-non-zero-on-fix", is_flag=True, help="Exit with 1 if a file was mended."),
            click.option("--statistics", is_flag=True, help="Count the findings of each rule instead of showing them."),
            click.option("--stdin-filename", metavar="PATH", help="The name of the text on stdin, with the path `-`."),
            click.option("--config", metavar="FILE", help="Take the configuration from this file."),
            click.option("--isolated", is_flag=True, help="Take no configuration from any file."),
            click.option("--no-gitignore", is_flag=True, help="Check files that .gitignore names as well."),
            click.option("--verify", is_flag=True, help="Replay each finding and its fix, and say what is true."),
            click.option(
                "--verified", is_flag=True, help="With --fix: apply exactly the fixes that a replay validates."
            ),
            device_options,
            click.option("--jobs", type=click.IntRange(1), default=1, help="Replays side by side.  [default: 1]"),
            click.option("-q", "--quiet", is_flag=True, help="Print no summary."),
        )
    ):
        command = option(command)
    return command
