"""Options of `optlint check` that do not go together."""

from __future__ import annotations

import os
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import click

from optlint.cli.reports import DEFAULT, refuse_targets
from optlint.nearest import did_you_mean
from optlint.paths import shown

if TYPE_CHECKING:
    from optlint.cli.check_options import Options

STDIN = "-"


def refuse_contradictions(options: Options) -> None:
    """Refuse options that contradict each other.

    Raises:
        UsageError: it says which of them to take.
    """
    paths = options.paths
    if STDIN in paths and paths != (STDIN,):
        raise click.UsageError("`-` stands alone: check the standard input or paths")
    if options.stdin_filename is not None and STDIN not in paths:
        raise click.UsageError("`--stdin-filename` names the text on the standard input: add the path `-`")
    if options.verified and not options.fix:
        raise click.UsageError("`--verified` says which fixes `--fix` applies: add `--fix`, or take `--verify`")
    if (options.verify or options.verified) and STDIN in paths:
        raise click.UsageError("a replay follows the files around: name files and not the standard input")
    if options.verify and (options.fix or options.diff):
        raise click.UsageError("`--verify` changes nothing: take `--fix --verified` to mend what a replay validates")
    if options.fix and options.diff:
        raise click.UsageError("`--fix` writes files and `--diff` does not: take one of them")
    if options.add_ignore and (options.diff or options.verify or STDIN in paths):
        raise click.UsageError("`--add-ignore` writes comments into files: name files, without `--diff` and `--verify`")
    if options.reason is not None and not options.add_ignore:
        raise click.UsageError("`--reason` is for the comments that `--add-ignore` writes: add `--add-ignore`")
    if options.no_baseline and options.baseline is not None:
        raise click.UsageError("`--no-baseline` goes without a baseline and `--baseline` names one: take one of them")
    if options.watch and (STDIN in paths or options.fix or options.diff or options.add_ignore or options.verify):
        raise click.UsageError("`--watch` checks files again and again: name files, and mend them in another call")
    if options.diff and options.targets != DEFAULT:
        raise click.UsageError("`--diff` prints a diff and no report: leave out `--output-format`")
    refuse_targets(options.targets, options.statistics)
    if options.isolated and options.config is not None:
        raise click.UsageError("`--isolated` reads no configuration and `--config` one: take one of them")


def refuse_missing(paths: Sequence[str]) -> None:
    """Refuse paths that are not there.

    Raises:
        UsageError: it names the nearest one that is.
    """
    for path in paths:
        if path != STDIN and not os.path.lexists(path):
            near = did_you_mean(Path(path).name, _siblings(path), likeness=0.8)
            raise click.UsageError(f"`{shown(path)}`: no such file or folder{near}")


def _siblings(path: str) -> list[str]:
    try:
        return sorted(sibling.name for sibling in Path(path).parent.iterdir())
    except OSError:
        return []
