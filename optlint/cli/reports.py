"""The options that say in which formats a report is written, and where: pairs, in the order of the command line."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TypeVar

import click

from optlint.paths import shown
from optlint.report.formats import COUNTING, FORMATS, Format

_F = TypeVar("_F", bound=Callable[..., object])
_FORMAT, _FILE = "output_format", "output_file"
_STDOUT = "-"
_SOURCES = (".py", ".pyi", ".ipynb")


@dataclass(frozen=True, slots=True)
class Target:
    """A report that is wanted: its format, and the file that it goes to, None for the standard output."""

    format: Format
    file: Path | None = None


DEFAULT = (Target(FORMATS["full"]),)


class ReportingCommand(click.Command):
    """A command with the options of `report_options`; its parameter `targets` holds the reports that are wanted."""

    def parse_args(self, ctx: click.Context, args: list[str]) -> list[str]:
        """Parse the arguments; click itself does not say in which order two options that are repeated have come."""
        order: Sequence[click.Parameter] = ()
        if any(argument.startswith("--output-") for argument in args) and not ctx.resilient_parsing:
            _, _, order = self.make_parser(ctx).parse_args(list(args))
        rest = super().parse_args(ctx, args)
        formats, files = ctx.params.pop(_FORMAT, None) or (), ctx.params.pop(_FILE, None) or ()
        ctx.params["targets"] = _paired([each.name for each in order], formats, files)
        return rest


def report_options(option: Callable[..., Callable[[_F], _F]]) -> Iterator[Callable[[_F], _F]]:
    """Yield the two options; `option(name, help, **attributes)` makes one."""
    yield option("--output-format", _help(), type=click.Choice(list(FORMATS)), metavar="FORMAT", multiple=True)
    yield option("--output-file", "Where the format before it goes, if not to stdout.", metavar="FILE", multiple=True)


def with_reports(command: _F) -> _F:
    """Give a command the two options."""
    options = report_options(lambda name, text, **attributes: click.option(name, help=text, **attributes))
    for option in reversed(list(options)):
        command = option(command)
    return command


def _help() -> str:
    *names, last = FORMATS
    return f"{', '.join(names)} or {last}."


def refuse_targets(targets: Iterable[Target], statistics: bool = False) -> None:
    """Find out before any work is done which reports cannot be written.

    Raises:
        click.UsageError: the file of one of them, or its format, which has no place for the counts of `--statistics`.
    """
    for target in targets:
        if statistics and target.format.name not in COUNTING:
            raise click.UsageError(
                f"`--statistics` shows counts and no findings, and the format `{target.format.name}` has no place for "
                f"counts: take {', '.join(f'`{name}`' for name in COUNTING)}"
            )
        if target.file is None:
            continue
        name = shown(target.file)
        if target.file.suffix in _SOURCES:
            raise click.UsageError(f"`{name}` is source text: name another file for the report")
        if target.file.is_dir():
            raise click.UsageError(f"`{name}` is a folder: name a file for the report")
        if not target.file.parent.is_dir():
            raise click.UsageError(f"`{name}` cannot be written: there is no folder `{shown(target.file.parent)}`")


def _paired(order: Iterable[str | None], formats: Sequence[str], files: Sequence[str]) -> tuple[Target, ...]:
    """Return the wanted reports: a file is that of the format before it, and a format without one goes to stdout."""
    rest_of_formats, rest_of_files = iter(formats), iter(files)
    targets: list[Target] = []
    is_open = False
    for name in order:
        if name == _FORMAT:
            targets.append(Target(FORMATS[next(rest_of_formats)]))
            is_open = True
        elif name == _FILE:
            file = next(rest_of_files)
            if not is_open:
                raise click.UsageError(
                    f"`--output-file {shown(file)}` has no format: write it behind one, as in "
                    f"`--output-format sarif --output-file {shown(file)}`"
                )
            targets[-1] = Target(targets[-1].format, None if file == _STDOUT else Path(file))
            is_open = False
    _refuse_twice(targets)
    return tuple(targets) or DEFAULT


def _refuse_twice(targets: Sequence[Target]) -> None:
    seen: dict[str, Target] = {}
    for target in targets:
        place = _STDOUT if target.file is None else os.path.realpath(target.file)
        former = seen.setdefault(place, target)
        if former is not target:
            both = f"`--output-format {former.format.name}` and `--output-format {target.format.name}`"
            where = "the standard output" if target.file is None else f"`{shown(target.file)}`"
            raise click.UsageError(f"{both} both go to {where}: give one of them an `--output-file` of its own")
