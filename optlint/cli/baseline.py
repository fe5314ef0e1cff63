"""The commands `optlint baseline write`, `check` and `prune`: the file of adopted findings."""

from __future__ import annotations

import os
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TypeVar

import click

from optlint import baseline
from optlint.baseline import BaselineError, Entry
from optlint.builtin import INTERNAL_ERROR
from optlint.catalog import CatalogError
from optlint.cli.checker import Checker
from optlint.cli.contradictions import refuse_missing
from optlint.cli.errors import OptlintError
from optlint.cli.known_findings import KnownFindings, baseline_file, fixed_entries
from optlint.cli.settings import configuration
from optlint.config import Config, ConfigError
from optlint.paths import shown
from optlint.report.summary import counted
from optlint.scan.files import discover
from optlint.scan.globs import Globs
from optlint.selection import Layer, SelectionError

_F = TypeVar("_F", bound=Callable[..., object])


@click.group("baseline", short_help="Adopt the findings that are there, so that new ones alone are reported.")
def COMMAND() -> None:  # noqa: N802 (a value, as every command module has)
    """Adopt the findings that are there, so that `optlint check` reports new ones alone.

    \b
    optlint baseline write      adopt what is found in the current folder
    optlint baseline check      say whether the baseline is what is found
    optlint baseline prune      remove what is no longer found

    The baseline is `.optlint-baseline.json`, or the file that `baseline` in the configuration or --baseline names.
    `optlint check` heeds it where one of these does. Findings are known by their code and its surroundings, so that
    moved lines and renamed files change nothing.
    """


def _common(command: _F) -> _F:
    """Give a command the options that all three have."""
    for option in reversed(
        (
            click.argument("paths", nargs=-1, type=click.Path()),
            click.option("--baseline", "named", metavar="FILE", type=click.Path(), help="Another baseline."),
            click.option("--config", metavar="FILE", help="Take the configuration from this file."),
            click.option("--isolated", is_flag=True, help="Take no configuration from any file."),
            click.option("-q", "--quiet", is_flag=True, help="Print no summary."),
        )
    ):
        command = option(command)
    return command


@dataclass(frozen=True, slots=True)
class _Compared:
    """A baseline beside what is found: the entries of the named paths that are gone, and those that would be new.

    `stays` are all other entries, moved ones under the names of today.
    """

    file: Path
    config: Config
    stays: tuple[Entry, ...]
    gone: tuple[Entry, ...]
    new: tuple[Entry, ...]
    defects: tuple[str, ...]


def _compared(
    paths: tuple[str, ...], named: str | None, config: str | None, isolated: bool, may_lack: bool
) -> _Compared:
    """Check the paths and compare.

    All that lies below the baseline's folder is checked with them, since a finding in one file may come to light
    through another one that calls it: what is not found then is really gone.
    """
    refuse_missing(paths)
    asked = paths or (os.curdir,)
    try:
        loaded = configuration(asked[0], config, isolated)
        file = baseline_file(loaded, named)
        entries = () if may_lack and not os.path.lexists(file) else baseline.read(file)
        exclude = Globs(loaded.root, loaded.exclude)
        files = discover(asked, exclude)
        around = discover((*asked, str(file.parent)), exclude)
        if files.unreadable:
            raise OptlintError(files.unreadable[0])
        known = KnownFindings(file.parent, entries)
        Checker(loaded, Layer("the command line"), frozenset(around.files), known).check(around.files)
    except (BaselineError, ConfigError, SelectionError, CatalogError) as error:
        raise OptlintError(str(error)) from error
    gone = tuple(fixed_entries(known, files.files, (path for path in asked if Path(path).is_dir())))
    others = {known.names.of(path) for path in around.files} - {known.names.of(path) for path in files.files}
    here = [entry for entry in known.news if entry.path not in others]
    lost = {id(entry) for entry in gone}
    return _Compared(
        file,
        loaded,
        tuple(entry for entry in known.entries if id(entry) not in lost),
        gone,
        tuple(entry for entry in here if entry.code != INTERNAL_ERROR.code),
        tuple(f"{entry.path}: {entry.message}" for entry in here if entry.code == INTERNAL_ERROR.code),
    )


@COMMAND.command("write")
@_common
@click.option("--reason", metavar="TEXT", default="", help="Why the findings that are new in it are adopted.")
@click.pass_context
def write(
    context: click.Context,
    paths: tuple[str, ...],
    named: str | None,
    config: str | None,
    isolated: bool,
    quiet: bool,
    reason: str,
) -> None:
    """Adopt all that is found in the paths, or in the current folder.

    Entries that stay keep their reasons, those that are gone go, and entries of other files are left alone.
    """
    compared = _compared(paths, named, config, isolated, may_lack=True)
    new = tuple(replace(entry, reason=reason) for entry in compared.new)
    _save(compared.file, (*compared.stays, *new))
    if not quiet:
        total = counted(len(compared.stays) + len(new), "finding")
        click.echo(f"{shown(compared.file)}: {total}, {len(new)} new, {len(compared.gone)} removed")
        if compared.config.baseline is None:
            _tell_how_to_name(compared)
    _end(context, compared, failed=False)


@COMMAND.command("check")
@_common
@click.pass_context
def check(
    context: click.Context, paths: tuple[str, ...], named: str | None, config: str | None, isolated: bool, quiet: bool
) -> None:
    """Say whether the baseline is what is found; exit with 1 where something is new or gone."""
    compared = _compared(paths, named, config, isolated, may_lack=False)
    for word, entries in (("new", compared.new), ("gone", compared.gone)):
        for entry in sorted(entries):
            click.echo(f"{word}: {_shown(entry)}")
    if not quiet:
        new, gone = len(compared.new), len(compared.gone)
        known = len(compared.stays)
        click.echo(f"{shown(compared.file)}: {counted(known, 'finding')} known, {new} new, {gone} gone", err=True)
    _end(context, compared, failed=bool(compared.new or compared.gone))


@COMMAND.command("prune")
@_common
@click.pass_context
def prune(
    context: click.Context, paths: tuple[str, ...], named: str | None, config: str | None, isolated: bool, quiet: bool
) -> None:
    """Remove the entries of the paths, or of the current folder, that are no longer found."""
    compared = _compared(paths, named, config, isolated, may_lack=False)
    if compared.gone:
        _save(compared.file, compared.stays)
    if not quiet:
        click.echo(f"{shown(compared.file)}: {len(compared.gone)} removed, {len(compared.stays)} left")
    _end(context, compared, failed=False)


def _save(file: Path, entries: tuple[Entry, ...]) -> None:
    try:
        baseline.write(file, entries)
    except BaselineError as error:
        raise OptlintError(str(error)) from error


def _tell_how_to_name(compared: _Compared) -> None:
    name = os.path.relpath(compared.file, compared.config.root).replace(os.sep, "/")
    click.echo(f'write `baseline = "{name}"` into `[tool.optlint]` so that `optlint check` heeds it', err=True)


def _shown(entry: Entry) -> str:
    """Return an entry on one line, whatever the name of its file holds."""
    path = entry.path if entry.path.isprintable() else ascii(entry.path)[1:-1]
    return f"{path}: {entry.code} {entry.message}" + (f" ({entry.reason})" if entry.reason else "")


def _end(context: click.Context, compared: _Compared, failed: bool) -> None:
    for message in compared.defects:
        click.echo(f"optlint: {message}", err=True)
    context.exit(2 if compared.defects else int(failed))
