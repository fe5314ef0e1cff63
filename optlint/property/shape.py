"""The shape of an entry: what remains of its control flow around the few events that a search looks at."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from functools import cached_property
from weakref import WeakKeyDictionary

from optlint.program.events import Event
from optlint.program.program import Entry
from optlint.program.regions import (
    EMPTY,
    Branch,
    Call,
    Guard,
    Jump,
    Leave,
    Loop,
    Region,
    Sequence,
    Try,
    Unrolled,
    children,
    sequence,
)

_CAUGHT = {Loop: (Leave.BREAK, Leave.CONTINUE), Unrolled: (Leave.BREAK, Leave.CONTINUE), Call: (Leave.RETURN,)}


class Shape:
    """Reduces the regions of one entry; what does not depend on the events is computed once."""

    def __init__(self, entry: Entry) -> None:
        self._skeletons: dict[Region, Region] = {}
        self._bared: set[Region] = set()
        self._asked: dict[Region, list[tuple[Guard, tuple[Loop, ...]]]] = {}
        self._leaves: dict[Region, frozenset[Leave]] = {}
        self._root = entry.region

    @cached_property
    def _around(self) -> tuple[dict[Region, Region], set[Region]]:
        """What each region lies in, and the regions that stand in several places.

        For the latter any place will do, since only what is below the entry's region is looked at.
        """
        parents: dict[Region, Region] = {}
        shared: set[Region] = set()
        pending: list[Region] = [self._root]
        while pending:
            region = pending.pop()
            for child in children(region):
                if child in parents:
                    shared.add(child)
                parents[child] = region
                if type(child) is not Event:
                    pending.append(child)
        return parents, shared

    def recurs(self, event: Event) -> bool:
        """Whether an event may happen more than once."""
        parents, shared = self._around
        current: Region | None = event
        while current is not None:
            if isinstance(current, Loop) or current in shared:
                return True
            current = parents.get(current)
        return False

    def reduce(self, region: Region, relevant: Iterable[Event]) -> Region:
        """Return a region of the entry with the relevant events and the jumps that matter to them."""
        parents, _ = self._around
        marked: set[Region] = set()
        for event in relevant:
            current: Region | None = event
            while current is not None and current not in marked:
                marked.add(current)
                current = parents.get(current)
        return self._reduced(region, marked)

    def _reduced(self, region: Region, marked: set[Region]) -> Region:
        if region not in marked:
            return self._skeleton(region)
        match region:
            case Sequence(items=items):
                kept: list[Region] = []
                for item in items:
                    inner = self._reduced(item, marked) if item in marked else self._skeleton(item)
                    if inner is not EMPTY:
                        kept.append(inner)
                    if isinstance(inner, Jump):
                        break
                return sequence(kept)
            case Branch(then=then, otherwise=otherwise, place=place, guard=guard, positive=positive):
                return Branch(self._reduced(then, marked), self._reduced(otherwise, marked), place, guard, positive)
            case Loop(body=body, orelse=orelse, place=place, assigned=assigned, endless=endless):
                return Loop(self._reduced(body, marked), self._reduced(orelse, marked), place, assigned, endless)
            case Unrolled(iterations=iterations, place=place):
                return Unrolled(tuple(self._reduced(part, marked) for part in iterations), place)
            case Call(name=name, body=body, place=place):
                return Call(name, self._reduced(body, marked), place)
            case Try(body=body, handlers=handlers, orelse=orelse, final=final, place=place):
                caught = tuple(self._reduced(handler, marked) for handler in handlers)
                return Try(
                    self._reduced(body, marked),
                    caught,
                    self._reduced(orelse, marked),
                    self._reduced(final, marked),
                    place,
                )
            case _:
                return region

    def repeated(self, region: Region) -> frozenset[str]:
        """Return the conditions that a reduced region asks more than once: at several places, or in each iteration."""
        counts: Counter[str] = Counter()
        for guard, loops in self._guards(region):
            again = guard.lasts and any(guard.variables.isdisjoint(loop.assigned) for loop in loops)
            counts[guard.subject] += 2 if again else 1
        return frozenset(subject for subject, count in counts.items() if count > 1)

    def _guards(self, region: Region) -> list[tuple[Guard, tuple[Loop, ...]]]:
        """Return the conditions in a reduced region, each with the loops around it; of skeletons found once."""
        kind = type(region)
        if kind is Event or kind is Jump or region is EMPTY:
            return []
        found = self._asked.get(region)
        if found is None:
            found = [pair for child in children(region) for pair in self._guards(child)]
            if isinstance(region, Loop):
                found = [(guard, (region, *loops)) for guard, loops in found]
            elif isinstance(region, Branch) and region.guard is not None:
                found.append((region.guard, ()))
            if region in self._bared:
                self._asked[region] = found
        return found

    def _skeleton(self, region: Region) -> Region:
        """Return the jumps of a region that lead out of it."""
        if type(region) is Event:
            return EMPTY
        found = self._skeletons.get(region)
        if found is None:
            found = self._skeletons[region] = self._bare(region) if self._leaving(region) else EMPTY
            self._bared.add(found)
        return found

    def _bare(self, region: Region) -> Region:
        if isinstance(region, Sequence):
            return self._reduced(region, {region})
        return region if isinstance(region, Jump) else self._reduced(region, {region})

    def _leaving(self, region: Region) -> frozenset[Leave]:
        """Return the ways in which control may leave a region early."""
        found = self._leaves.get(region)
        if found is None:
            if isinstance(region, Jump):
                found = frozenset((region.leave,))
            else:
                inner = frozenset[Leave]().union(*(self._leaving(child) for child in children(region)))
                found = inner - frozenset(_CAUGHT.get(type(region), ()))
            self._leaves[region] = found
        return found


_SHAPES: WeakKeyDictionary[Entry, Shape] = WeakKeyDictionary()


def shape_of(entry: Entry) -> Shape:
    """Return the shape of an entry, made once."""
    shape = _SHAPES.get(entry)
    if shape is None:
        shape = _SHAPES[entry] = Shape(entry)
    return shape
