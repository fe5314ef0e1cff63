"""Schedules on a terminal: of each way into a file the optimizers, their curves, and what stood in for what."""

from __future__ import annotations

import math
import textwrap
from collections.abc import Iterator
from dataclasses import dataclass

from optlint.replay.schedules import EntrySchedule
from optlint.report.columns import expand
from optlint.report.rate_curves import GroupCurves, OptimizerCurves, group_names, optimizer_curves
from optlint.report.report import Sources
from optlint.report.schedule_words import (
    acts_in_words,
    conditions,
    endings,
    entry_name,
    maker_in_words,
    notes,
    nothing,
    summary_of,
)
from optlint.report.style import Ink, Style
from optlint.report.summary import counted
from optlint.report.terminal_plot import Glyphs, plot, samples


@dataclass(frozen=True, slots=True)
class Page:
    """Where schedules are written: how wide it is, with which characters, in which colours."""

    width: int
    glyphs: Glyphs
    style: Style
    file: str
    """The file that all is about, of whose lines the rows alone are told."""


def schedule_lines(
    schedule: EntrySchedule, sources: Sources, page: Page, only: frozenset[str] | None = None
) -> Iterator[str]:
    """Yield the lines on one way into a file; with `only` of the optimizers of those names alone."""
    yield page.style.paint(f"{page.file}, {entry_name(schedule.entry)}", Ink.STRONG)
    found = [(each, optimizer_curves(schedule, each, sources)) for each in schedule.variants]
    chosen = [(each, [one for one in curves if only is None or one.name in only]) for each, curves in found]
    for variant, curves in chosen:
        if only is not None and not curves:
            continue
        if len(chosen) > 1:
            yield ""
            yield from _wrapped(f"where {conditions(variant) or 'all conditions hold'}", page, "")
        for each in curves:
            yield ""
            yield from _optimizer(each, page)
        if not curves:
            yield from _wrapped("no update", page)
        for note in endings(schedule, variant, sources):
            yield from _wrapped(note, page)
    if not schedule.variants:
        yield from _wrapped(nothing(schedule), page)
    told = list(notes(schedule, sources))
    if told:
        yield ""
    for note in told:
        yield from _wrapped(note, page)


def is_flat(group: GroupCurves) -> bool:
    """Whether the rate of a group is the same in all updates, as written and as fixed."""
    return not group.fixed and len(set(group.written)) == 1


def _optimizer(curves: OptimizerCurves, page: Page) -> Iterator[str]:
    made = curves.updates if curves.fixed_updates is None else max(curves.updates, curves.fixed_updates)
    yield from _wrapped(f"{maker_in_words(curves.maker)}, {counted(made, 'update')}", page, "")
    for act in acts_in_words(curves):
        yield from _wrapped(act, page)
    of = sum(len(group.groups) for group in curves.groups)
    for group in curves.groups:
        yield from _group(group, of, curves, page)


def _group(group: GroupCurves, of: int, curves: OptimizerCurves, page: Page) -> Iterator[str]:
    name = group_names(group.groups, of)
    head = f"{name}: " if name else ""
    if is_flat(group) and curves.fixed_updates != 0:
        value = group.written[0]
        rate = "not finite" if value is None or not math.isfinite(value) else f"{value:.4g}"
        yield f"  {head}the rate is {rate} throughout"
        return
    if name:
        yield f"  {name}"
    one, other = samples(page.glyphs)
    paint = page.style.paint
    if group.written or not group.fixed:
        yield f"  {paint(one, Ink.CURVE)} as written: {summary_of(group.written)}"
    else:
        yield "  as written: no update"
    if group.fixed:
        yield f"  {paint(other, Ink.FIXED_CURVE)} as fixed:   {summary_of(group.fixed)}"
    elif curves.fixed is not None:
        yield "  as fixed:   the same" if curves.fixed_updates else "  as fixed:   no update"
    for line in plot(group.written, group.fixed, page.width - 2, page.glyphs, page.style):
        yield f"  {line}"


def _wrapped(text: str, page: Page, indent: str = "  ") -> Iterator[str]:
    yield from textwrap.wrap(
        expand(text).replace(f"{page.file}:cell ", "cell ").replace(f"{page.file}:", "line "),
        page.width,
        initial_indent=indent,
        subsequent_indent=f"{indent}  ",
        break_on_hyphens=False,
        break_long_words=False,
    )
