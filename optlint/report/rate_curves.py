"""What is shown of each optimizer of a replay: its rates as written and as fixed, and what made them."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field, replace
from typing import TypeAlias

from optlint.program.events import Act
from optlint.replay.pairs import Script
from optlint.replay.schedules import EntrySchedule, Variant
from optlint.replay.script import ReplayScript
from optlint.replay.trace import Happening, Kind, Thing, Trace
from optlint.replay.wire import Outcome
from optlint.report.curves import SiteOf, Walk, walks
from optlint.report.report import Sources
from optlint.report.script_sites import sites_of

Values: TypeAlias = tuple[float | None, ...]

_STANDIN = re.compile(r"(?:(\S+) = )?(?:.*\W)?standin\.(?:optimizer|scheduler)\(")


@dataclass(frozen=True, slots=True)
class Maker:
    """An optimizer or a scheduler.

    Attributes:
        kind: The name of its class, with the classes that it is composed of.
        name: What the code calls it, or an empty string.
        place: The line that builds it; empty for a stand-in.
        replaced: What it stands in for, empty for one that the code builds.
        steps: The lines that step it; for a scheduler only.
        built: How many such the same line builds.
    """

    kind: str
    name: str
    place: str
    replaced: str
    steps: tuple[tuple[str, int], ...] = ()
    built: int = 1


@dataclass(frozen=True, slots=True)
class GroupCurves:
    """Param groups with the same rates: their numbers, and the rates; `fixed` is empty where they are as written."""

    groups: tuple[int, ...]
    written: Values
    fixed: Values


@dataclass(frozen=True, slots=True)
class OptimizerCurves:
    """An optimizer with its rates.

    Attributes:
        name: What the code calls it, told apart from the others.
        maker: The optimizer.
        schedulers: Those that drive it.
        by_hand: The lines at which it is first seen that a rate was written.
        groups: The curves.
        updates: How many it makes as written.
        fixed_updates: The same as fixed; None where the text with the fixes does the same.
        written: The walk as written; None where it makes no update.
        fixed: The walk as fixed, where it differs.
    """

    name: str
    maker: Maker
    schedulers: tuple[Maker, ...]
    by_hand: tuple[tuple[str, int], ...]
    groups: tuple[GroupCurves, ...]
    updates: int
    fixed_updates: int | None
    written: Walk | None = field(repr=False)
    fixed: Walk | None = field(repr=False)


def optimizer_curves(schedule: EntrySchedule, variant: Variant, sources: Sources) -> tuple[OptimizerCurves, ...]:
    """Return the optimizers that make an update in a run, as written or as fixed, in the order of their making."""
    written = _Run(variant.written, schedule.written, sites_of(schedule.written, sources))
    fixed = _Run(variant.fixed, schedule.fixed, sites_of(schedule.fixed, sources, schedule.fixes))
    return tuple(_curves(name, own, written, other, fixed) for name, own, other in _matched(written.walks, fixed.walks))


class _Run:
    """One run: its walks, and who drives what."""

    def __init__(self, outcome: Outcome | None, script: Script | None, site_of: SiteOf) -> None:
        self.ran = isinstance(outcome, Trace)
        self.trace = outcome if isinstance(outcome, Trace) else None
        self.site_of = site_of
        self._script = script if isinstance(script, ReplayScript) else None
        self.walks = walks(self.trace, site_of) if self.trace is not None else ()

    def makers(self, position: int) -> tuple[Maker, tuple[Maker, ...], tuple[tuple[str, int], ...]]:
        """Return the optimizer of a walk, its schedulers, and the lines at which written rates are seen."""
        assert self.trace is not None
        numbers = {update.optimizer for update in self.trace.updates}
        of_kind = [thing for thing in self.trace.things if thing.kind is Kind.OPTIMIZER and thing.number in numbers]
        optimizer = of_kind[position]
        driving = [thing for thing in self.trace.things if thing.optimizer == optimizer.number]
        parts = {child for thing in driving for child in thing.children}
        schedulers = _joined([self._maker(thing) for thing in driving if thing.number not in parts])
        by_hand = self._places(each for each in self._having(Act.SET_RATE, optimizer.number) if each.by_hand)
        return self._maker(optimizer), schedulers, by_hand

    def _having(self, act: Act, number: int) -> Iterator[Happening]:
        assert self.trace is not None
        return (each for each in self.trace.happenings if each.act is act and number in each.things)

    def _places(self, happenings: Iterator[Happening]) -> tuple[tuple[str, int], ...]:
        sites = (self.site_of(each.row) for each in happenings)
        return tuple(Counter(site.place for site in sites if site is not None).items())

    def _maker(self, thing: Thing) -> Maker:
        assert self.trace is not None
        built = next(self._having(Act.NEW, thing.number), None)
        row = 0 if built is None else built.row
        site = self.site_of(row)
        replaced = self._replaced(row)
        names = {each.number: each.name for each in self.trace.things}
        parts = ", ".join(names[child] for child in thing.children)
        kind = f"{thing.name} of {parts}" if parts else thing.name
        steps = self._places(self._having(Act.SCHEDULE, thing.number)) if thing.kind is Kind.SCHEDULER else ()
        return Maker(kind, thing.label, "" if replaced or site is None else site.place, replaced, steps)

    def _replaced(self, row: int) -> str:
        """Return what the stand-in of a row is in the place of; an empty string where the row is the code's own."""
        if self._script is None or not row:
            return ""
        found = _STANDIN.match(self._script.body.split("\n")[row - 1].strip())
        if found is None:
            return ""
        known = (each.replaced for each in self._script.standins if each.name == found[1])
        site = self.site_of(row)
        return next(known, found[0] if site is None else site.text)


def _joined(makers: Sequence[Maker]) -> tuple[Maker, ...]:
    """Return schedulers with those as one that the same line builds."""
    found: dict[Maker, tuple[int, Counter[str]]] = {}
    for maker in makers:
        key = replace(maker, steps=())
        built, steps = found.get(key, (0, Counter[str]()))
        steps.update(dict(maker.steps))
        found[key] = built + 1, steps
    return tuple(replace(key, steps=tuple(steps.items()), built=built) for key, (built, steps) in found.items())


def _matched(
    written: Sequence[Walk], fixed: Sequence[Walk]
) -> list[tuple[str, tuple[int, Walk] | None, tuple[int, Walk] | None]]:
    """Return name, walk as written and walk as fixed of each optimizer: of the same name, or else of the same rank."""
    others = {walk.name: (at, walk) for at, walk in enumerate(fixed)}
    by_name = all(walk.name in others for walk in written) or len(written) != len(fixed)
    found: list[tuple[str, tuple[int, Walk] | None, tuple[int, Walk] | None]] = []
    for at, walk in enumerate(written):
        other = others.get(walk.name) if by_name else (at, fixed[at])
        if other is not None:
            others.pop(other[1].name, None)
        found.append((walk.name, (at, walk), other))
    if by_name:
        found += [(name, None, other) for name, other in others.items()]
    return found


def _curves(
    name: str, own: tuple[int, Walk] | None, written: _Run, other: tuple[int, Walk] | None, fixed: _Run
) -> OptimizerCurves:
    maker, schedulers, by_hand = (
        written.makers(own[0]) if own is not None else fixed.makers(other[0] if other is not None else 0)
    )
    walk, mended = None if own is None else own[1], None if other is None else other[1]
    first = () if walk is None else walk.rates
    second = () if mended is None else mended.rates
    groups: dict[tuple[Values, Values], list[int]] = {}
    for group in range(max(len(first), len(second))):
        rates = first[group] if group < len(first) else ()
        others = second[group] if group < len(second) else ()
        groups.setdefault((rates, () if others == rates else others), []).append(group)
    curves = tuple(GroupCurves(tuple(numbers), *rates) for rates, numbers in groups.items())
    changed = fixed.ran and first != second
    return OptimizerCurves(
        name,
        replace(maker, name="" if name == maker.kind else name),
        schedulers,
        by_hand,
        curves,
        0 if walk is None else len(walk.updates),
        None if not changed else 0 if mended is None else len(mended.updates),
        walk,
        mended if changed else None,
    )


def group_names(groups: Sequence[int], of: int) -> str:
    """Return what groups are called: `group 0`, `groups 0-2, 4`, or an empty string for all groups of an optimizer."""
    if len(groups) == of:
        return ""
    parts: list[list[int]] = []
    for group in groups:
        if parts and parts[-1][-1] == group - 1:
            parts[-1].append(group)
        else:
            parts.append([group])
    told = ", ".join(str(part[0]) if len(part) == 1 else f"{part[0]}-{part[-1]}" for part in parts)
    return f"group{'' if len(groups) == 1 else 's'} {told}"


def for_page(curves: OptimizerCurves) -> tuple[tuple[Walk, ...], tuple[Walk, ...]]:
    """Return the walks of one optimizer as written and as fixed, with groups of the same rates as one."""
    of = sum(len(group.groups) for group in curves.groups)
    kept = [(group.groups[0], group_names(group.groups, of)) for group in curves.groups]
    return _for_page(curves.written, kept), _for_page(curves.fixed, kept)


def _for_page(walk: Walk | None, kept: Sequence[tuple[int, str]]) -> tuple[Walk, ...]:
    if walk is None:
        return ()
    there = [(group, name) for group, name in kept if group < len(walk.rates)]
    rates = tuple(walk.rates[group] for group, _ in there)
    updates = tuple(range(1, len(walk.updates) + 1))
    names = tuple(name for _, name in there)
    return (replace(walk, updates=updates, rates=rates, due=rates, groups=names),)
