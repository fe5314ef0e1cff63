"""Curves: what the updates of a trace did to rates and parameters, one walk an optimizer, with the lines behind it."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TypeAlias

from optlint.program.events import Act
from optlint.replay.trace import Happening, Kind, Thing, Trace, Update


@dataclass(frozen=True, slots=True)
class Site:
    """A line of source: `place` is the file and its row, `text` the line without indentation."""

    place: str
    text: str


SiteOf: TypeAlias = Callable[[int], Site | None]
"""The site of a row of the script, or None where the row comes from no line."""


@dataclass(frozen=True, slots=True)
class Walk:
    """The updates of one optimizer, in order; all columns but `rates` and `due` have an item an update.

    Attributes:
        name: What the code calls the optimizer, told apart from the others.
        updates: Their numbers among all updates of the trace, from 1.
        sites: The line that made the update.
        changes: The lines that stepped a schedule or wrote a rate since the optimizer's last update, and how often.
        rates: For each param group the rates used; None before the group was added.
        due: For each param group the rates due.
        travelled: The distance of the parameters from their start; None where the replay has no numbers.
        groups: What the param groups are called, where that is not by their number.
        reference: How far the reference would have come; None where that is not known. Empty for nowhere.
    """

    name: str
    updates: tuple[int, ...]
    sites: tuple[Site | None, ...]
    changes: tuple[tuple[tuple[Site, int], ...], ...]
    rates: tuple[tuple[float | None, ...], ...]
    due: tuple[tuple[float | None, ...], ...]
    travelled: tuple[float | None, ...]
    groups: tuple[str, ...] = ()
    reference: tuple[float | None, ...] = ()


def walks(trace: Trace, site_of: SiteOf) -> tuple[Walk, ...]:
    """Return the walks of all optimizers that made an update, in the order in which the optimizers were built."""
    made: dict[int, list[Update]] = {}
    for update in trace.updates:
        made.setdefault(update.optimizer, []).append(update)
    names = _names([thing for thing in trace.things if thing.kind is Kind.OPTIMIZER and thing.number in made])
    return tuple(_walk(trace, number, names[number], made[number], site_of) for number in names)


def _walk(trace: Trace, number: int, name: str, updates: Sequence[Update], site_of: SiteOf) -> Walk:
    groups = range(max(len(update.rates) for update in updates))
    sites = {row: site_of(row) for row in {update.row for update in updates}}
    return Walk(
        name,
        tuple(update.number for update in updates),
        tuple(sites[update.row] for update in updates),
        tuple(_changes(trace, number, updates, site_of)),
        tuple(tuple(_at(update.rates, group) for update in updates) for group in groups),
        tuple(tuple(_at(update.due_rates, group) for update in updates) for group in groups),
        tuple(None if trace.shapes_only else update.travelled for update in updates),
        reference=tuple(None if trace.shapes_only else update.travelled_reference for update in updates),
    )


def _changes(
    trace: Trace, number: int, updates: Sequence[Update], site_of: SiteOf
) -> list[tuple[tuple[Site, int], ...]]:
    """Return for each update what came to the optimizer's rates after the update before."""
    things = {number} | {thing.number for thing in trace.things if thing.optimizer == number}
    written = [each for each in trace.happenings if _writes_rates(each) and things.intersection(each.things)]
    found: list[tuple[tuple[Site, int], ...]] = []
    at = 0
    for update in updates:
        counts: Counter[Site] = Counter()
        while at < len(written) and written[at].updates < update.number:
            if (site := site_of(written[at].row)) is not None:
                counts[site] += 1
            at += 1
        found.append(tuple(counts.items()))
    return found


def _writes_rates(happening: Happening) -> bool:
    return happening.act in (Act.SCHEDULE, Act.SET_RATE)


def _names(optimizers: Sequence[Thing]) -> dict[int, str]:
    """Return the name of each optimizer; those that would have the same are numbered."""
    plain = {thing.number: thing.label or thing.name for thing in optimizers}
    counts, seen = Counter(plain.values()), Counter[str]()
    names: dict[int, str] = {}
    for number, name in plain.items():
        seen[name] += 1
        names[number] = f"{name} ({seen[name]})" if counts[name] > 1 else name
    return names


def _at(values: Sequence[float], index: int) -> float | None:
    return values[index] if index < len(values) else None
