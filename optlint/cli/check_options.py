"""The options of `optlint check`."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any, TypeVar

import click

from optlint.cli.completion import selectors_that_begin
from optlint.cli.devices import device_options
from optlint.cli.help import GroupedOption
from optlint.cli.reports import Target, report_options
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
    targets: tuple[Target, ...]
    fail_on: str | None
    exit_zero: bool
    exit_non_zero_on_fix: bool
    statistics: bool
    stdin_filename: str | None
    config: str | None
    isolated: bool
    no_gitignore: bool
    force_exclude: bool
    quiet: bool
    verify: bool
    verified: bool
    device: str
    dtype: str | None
    jobs: int
    add_ignore: bool
    reason: str | None
    baseline: str | None
    no_baseline: bool
    diff_base: str | None
    watch: bool


def check_options(command: _F) -> _F:
    """Give a command the options of `optlint check`."""
    for option in reversed(
        (
            click.argument("paths", nargs=-1, type=click.Path()),
            *_fixing(),
            *_rules(),
            *_known(),
            *_output(),
            *_exit_code(),
            *_files(),
            _flag("--verify", "Replaying", "Replay findings and fixes; say what is true."),
            device_options,
            _option(
                "--jobs",
                "Replaying",
                "Replays side by side.  [default: 1]",
                rare=True,
                type=click.IntRange(1),
                default=1,
            ),
        )
    ):
        command = option(command)
    return command


def _option(name: str, group: str, text: str, rare: bool = False, **attributes: Any) -> Callable[[_F], _F]:
    """Return an option whose help is one line of the group's."""
    return click.option(*name.split(), cls=GroupedOption, group=group, rare=rare, help=text, **attributes)


def _flag(name: str, group: str, text: str, rare: bool = False) -> Callable[[_F], _F]:
    return _option(name, group, text, rare, is_flag=True)


def _fixing() -> Iterator[Callable[[_F], _F]]:
    group = "Mending"
    yield _flag("--fix", group, "Mend what is safe to mend.")
    yield _flag("--unsafe-fixes", group, "Take fixes that change what is computed, too.")
    yield _flag("--verified", group, "With --fix: what a replay validates, no more.")
    yield _flag("--diff", group, "Show what --fix would change, and change nothing.")
    yield _flag("--show-fixes", group, "List the fixes that were applied.", rare=True)
    yield _flag("--add-ignore", group, "Silence what is left by comments in the code.")
    yield _option("--reason", group, "The reason that these comments give.", metavar="TEXT")


def _rules() -> Iterator[Callable[[_F], _F]]:
    group = "Rules (codes, prefixes of codes or names, divided by commas; can be repeated)"
    plenty: dict[str, Any] = {"multiple": True, "metavar": "RULES", "shell_complete": selectors_that_begin}
    yield _option("--select", group, "Report only these.", **plenty)
    yield _option("--ignore", group, "Do not report these.", **plenty)
    yield _option("--extend-select", group, "Report these as well.", **plenty)


def _known() -> Iterator[Callable[[_F], _F]]:
    group = "What is known already"
    yield _option("--baseline", group, "Report what this baseline does not have.", metavar="FILE", type=click.Path())
    yield _flag("--no-baseline", group, "Report what the baseline has as well.")
    yield _option("--diff-base", group, "Report what the git revision does not have.", metavar="REV")


def _output() -> Iterator[Callable[[_F], _F]]:
    group = "Output and exit code"
    yield from report_options(lambda name, text, **more: _option(name, group, text, **more))
    yield _flag("--statistics", group, "Count the findings of each rule instead.")
    yield _flag("-q --quiet", group, "Print no summary and no notes.")


def _exit_code() -> Iterator[Callable[[_F], _F]]:
    group = "Output and exit code"
    levels = click.Choice([gate.value for gate in FailOn])
    text = "error, warning (the default), note or never."
    yield _option("--fail-on", group, text, type=levels, metavar="LEVEL")
    yield _flag("--exit-zero", group, "Exit with 0 even if there are findings.")
    yield _flag("--exit-non-zero-on-fix", group, "Exit with 1 if a file was mended.", rare=True)


def _files() -> Iterator[Callable[[_F], _F]]:
    group = "Files and configuration"
    yield _option("--config", group, "Take the configuration from this file.", metavar="FILE", type=click.Path())
    yield _flag("--isolated", group, "Take no configuration from any file.")
    yield _option("--stdin-filename", group, "Name the text on stdin, with the path `-`.", metavar="PATH")
    yield _flag("--force-exclude", group, "Pass over what `exclude` names, even if it is named here.", rare=True)
    yield _flag("--no-gitignore", group, "Check files that .gitignore names as well.", rare=True)
    yield _flag("--watch", group, "Check again whenever a file changes.")
