"""The command `optlint schedule`: the learning rates that the code as written will give its optimizers."""

from __future__ import annotations

import os
import shutil
import sys
from collections.abc import Sequence
from pathlib import Path

import click

from optlint.catalog import CatalogError
from optlint.cli.checker import Checker
from optlint.cli.devices import device_options
from optlint.cli.errors import OptlintError
from optlint.cli.page import check_report, write_page
from optlint.cli.settings import configuration
from optlint.cli.verification import placed, workers
from optlint.cli.verify import progress
from optlint.config import ConfigError
from optlint.engine import Engine
from optlint.finding import Finding
from optlint.nearest import did_you_mean
from optlint.paths import shown
from optlint.program.project import ParseError
from optlint.replay.pool import NoWorker
from optlint.replay.schedules import EntrySchedule, scheduled
from optlint.replay.verify import Setting
from optlint.report.columns import expand
from optlint.report.rate_curves import optimizer_curves
from optlint.report.schedule_text import Page, schedule_lines
from optlint.report.schedule_words import entry_name, nothing
from optlint.report.style import style_for
from optlint.report.terminal_plot import glyphs_for
from optlint.selection import Layer, SelectionError

_NARROWEST = 40
_MOST_REASONS = 3
"""Ways into a file of which it is told why they show nothing, where none shows anything."""


@click.command("schedule", short_help="Show the learning rates that a file gives its optimizers.")
@click.argument("paths", nargs=-1, type=click.Path(), metavar="FILE")
@click.option("--optimizer", metavar="NAME", help="Show only the optimizer that the code calls so.")
@click.option("--updates", type=click.IntRange(1), default=2000, show_default=True, help="The most updates of a run.")
@device_options
@click.option("--output-format", type=click.Choice(["full", "json"]), default="full", show_default=True)
@click.option("--report", metavar="FILE", type=click.Path(dir_okay=False), help="Write an HTML page with plots there.")
@click.option("--config", metavar="FILE", help="Take the configuration from this file.")
@click.option("--isolated", is_flag=True, help="Take no configuration from any file.")
def COMMAND(  # noqa: N802 (a value, as every command module has)
    paths: tuple[str, ...],
    optimizer: str | None,
    updates: int,
    device: str,
    dtype: str | None,
    output_format: str,
    report: str | None,
    config: str | None,
    isolated: bool,
) -> None:
    """Show the learning rate of each update, for each optimizer and param group, on each way into a file.

    The curves are measured: scripts run, as those of `optlint verify`, with stand-ins for data, arguments and models.
    Where `optlint check` finds something whose fix changes a rate, the curve of the fixed code is drawn as well.

    \b
    optlint schedule train.py                       the curves on the terminal
    optlint schedule train.py --report rates.html   and on a page
    """
    file = _only_file(paths)
    if report is not None:
        check_report(Path(report))
    try:
        checker = Checker(configuration(file, config, isolated), Layer("the command line", None, (), ()))
        schedules = _schedules(checker, Path(file), Setting(device, dtype or "", most_updates=updates))
    except (ConfigError, SelectionError, CatalogError) as error:
        raise OptlintError(str(error)) from error
    if not any(each.makes_updates for each in schedules):
        raise OptlintError(f"`{shown(file)}` shows no learning rate: {_why(schedules)}")
    only = None if optimizer is None else _chosen(optimizer, schedules, checker)
    if only is not None:
        schedules = [each for each in schedules if _names(each, checker) & only]
    _print(output_format, file, schedules, checker, only)
    if report is not None:
        from optlint.report.html_schedule import schedule_page
        from optlint.report.plotting_library import packed_library

        write_page(Path(report), schedule_page(file, schedules, checker.source, packed_library(), only))


def _only_file(paths: Sequence[str]) -> str:
    """Return the file.

    Raises:
        click.UsageError: there is none, or it is more than one, or a folder.
    """
    if len(paths) != 1:
        several = f", and not {len(paths)}" if paths else ""
        raise click.UsageError(f"name one file, whose learning rates are to be shown{several}")
    [file] = paths
    if not os.path.lexists(file):
        raise click.UsageError(f"`{shown(file)}`: no such file or folder")
    if Path(file).is_dir():
        raise click.UsageError(f"`{shown(file)}` is a folder: name the file in it that trains")
    return file


def _schedules(checker: Checker, path: Path, setting: Setting) -> list[EntrySchedule]:
    try:
        data = path.read_bytes()
        planned = scheduled(
            Engine(checker.entries, checker.required), path, data, lambda files: _findings(checker, files)
        )
    except OSError as error:
        raise OptlintError(f"`{shown(path)}` cannot be read: {error.strerror}") from error
    except ParseError as error:
        raise OptlintError(f"`{shown(path)}` cannot be read, row {error.row}: {error.reason}") from error
    except RecursionError as error:
        raise OptlintError(f"`{shown(path)}` is nested too deeply to be followed") from error
    if not planned.written:
        return []
    found = []
    with workers(1) as pool, progress(len(planned.written)) as done:
        setting = placed(setting, pool)
        for entry in planned.written:
            try:
                found.append(planned.replayed(entry, pool, setting))
            except NoWorker as error:
                raise OptlintError(f"the replay does not start: {error}") from error
            done()
    return found


def _findings(checker: Checker, files: Sequence[Path]) -> list[Finding]:
    """Return what `optlint check` finds; what the checks of several files find is found once."""
    found = {(each.location.path.absolute(), each.location.span, each.code): each for each in checker.check(files)}
    return list(found.values())


def _why(schedules: Sequence[EntrySchedule]) -> str:
    if not schedules:
        return "no optimizer steps in it"
    told = "; ".join(f"{entry_name(each.entry)}: {nothing(each)}" for each in schedules[:_MOST_REASONS])
    more = len(schedules) - _MOST_REASONS
    return f"{told}; and {more} more" if more > 0 else told


def _names(schedule: EntrySchedule, checker: Checker) -> frozenset[str]:
    found = (optimizer_curves(schedule, variant, checker.source) for variant in schedule.variants)
    return frozenset(each.name for curves in found for each in curves)


def _chosen(wanted: str, schedules: Sequence[EntrySchedule], checker: Checker) -> frozenset[str]:
    """Return the names of the optimizers that the code calls so.

    Raises:
        OptlintError: there is none.
    """
    names = frozenset[str]().union(*(_names(each, checker) for each in schedules))
    chosen = frozenset(name for name in names if wanted in (name, name.partition(" (")[0]))
    if not chosen:
        there = ", ".join(f"`{name}`" for name in sorted(names))
        near = did_you_mean(wanted, sorted(names)) or f"; there are {there}"
        raise OptlintError(f"no optimizer is called `{wanted}`{near}")
    return chosen


def _print(
    form: str, file: str, schedules: Sequence[EntrySchedule], checker: Checker, only: frozenset[str] | None
) -> None:
    if form == "json":
        import json

        from optlint.report.schedule_json import schedule_object

        click.echo(json.dumps([schedule_object(each, checker.source, only) for each in schedules], indent=2))
        return
    encoding = sys.stdout.encoding or "ascii"
    width = max(_NARROWEST, shutil.get_terminal_size((80, 24)).columns)
    page = Page(width, glyphs_for(encoding), style_for(sys.stdout), expand(shown(file)))
    for number, schedule in enumerate(schedules):
        lines = schedule_lines(schedule, checker.source, page, only)
        for line in (*([""] if number else []), *lines):
            click.echo(line.encode(encoding, "backslashreplace").decode(encoding), color=page.style.colour)
