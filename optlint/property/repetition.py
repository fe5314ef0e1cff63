"""How often an event happens: the loops around it, and what stands between them and it."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property
from weakref import WeakKeyDictionary

from optlint.program.events import Event
from optlint.program.lengths import Length, number_of, product_of
from optlint.program.program import Entry
from optlint.program.regions import Branch, Call, Jump, Leave, Loop, Region, Try, Unrolled, children

_LEFT = (Leave.BREAK, Leave.CONTINUE, Leave.RETURN)


@dataclass(frozen=True)
class Repetition:
    """The loops and branches around an event, the outermost first.

    A loop whose first iteration is followed apart counts as one, and so does one over a known list.
    """

    around: tuple[Region, ...]

    @cached_property
    def loops(self) -> tuple[Loop | Unrolled, ...]:
        """The loops."""
        return tuple(each for each in self.around if isinstance(each, Loop | Unrolled))

    @property
    def counts(self) -> tuple[Length | None, ...]:
        """How many iterations each loop has, where that is known."""
        return tuple(map(_count, self.loops))

    @property
    def is_whole(self) -> bool:
        """Whether nothing ends a loop, or one of its iterations, before its time."""
        bodies = (body for loop in self.loops for body in _bodies(loop))
        return not any(_leaves(body, _LEFT) for body in bodies)

    @property
    def periods(self) -> tuple[Length, ...]:
        """The `n` of each condition `i % n == 0`."""
        return tuple(each.period for each in self.around if isinstance(each, Branch) and each.period is not None)

    @property
    def is_certain(self) -> bool:
        """Whether it happens in each iteration of the innermost loop, or once in a known number of them."""
        last = max((i for i, each in enumerate(self.around) if isinstance(each, Loop | Unrolled)), default=-1)
        inner = self.loops[-1] if self.loops else None
        for i, each in enumerate(self.around):
            if isinstance(each, Try) or not isinstance(each, Branch) or each.period is not None:
                continue
            if i > last and (each.guard is None or inner is None or _changes(each, inner)):
                return False
            if i < last and (each.guard is None or any(_changes(each, loop) for loop in self.around[:i])):
                return False
        return True

    @property
    def total(self) -> Length | None:
        """How often it happens at most, or None where that is not known."""
        counts = [count for count in self.counts if count is not None]
        if len(counts) != len(self.loops):
            return None
        total = product_of(counts)
        for period in self.periods:
            if not period.terms:
                return None
            total = total / period
        return total


def repetition(entry: Entry, event: Event) -> Repetition:
    """Return how often an event of an entry happens."""
    found = _FOUND.get(entry)
    if found is None:
        found = _FOUND[entry] = dict(_walk(entry.region))
    return found.get(event, Repetition(()))


_FOUND: WeakKeyDictionary[Entry, dict[Event, Repetition]] = WeakKeyDictionary()


def _walk(root: Region) -> Iterator[tuple[Event, Repetition]]:
    pending: list[tuple[Region, tuple[Region, ...]]] = [(root, ())]
    while pending:
        region, around = pending.pop()
        if isinstance(region, Event):
            yield region, Repetition(around)
            continue
        if isinstance(region, Unrolled) and _first_apart(region):
            # The first iteration stands beside the loop of the others: both are iterations of that loop.
            loop = region.iterations[-1]
            pending.extend((each, (*around, loop)) for each in region.iterations[:-1])
            pending.append((loop, around))
            continue
        inner = (*around, region) if isinstance(region, Loop | Unrolled | Branch | Try) else around
        for child in children(region):
            outside = isinstance(region, Loop) and child is region.orelse
            pending.append((child, around if outside else inner))


def _first_apart(region: Unrolled) -> bool:
    return len(region.iterations) == 2 and isinstance(region.iterations[1], Loop)


def _count(loop: Loop | Unrolled) -> Length | None:
    return number_of(len(loop.iterations)) if isinstance(loop, Unrolled) else loop.count


def _bodies(loop: Loop | Unrolled) -> tuple[Region, ...]:
    return (loop.body,) if isinstance(loop, Loop) else loop.iterations


def _changes(branch: Branch, loop: Region) -> bool:
    """Whether an iteration of the loop may change the outcome of the branch's condition."""
    if not isinstance(loop, Loop) or branch.guard is None:
        return True
    return bool(branch.guard.variables & loop.assigned)


def _leaves(region: Region, how: tuple[Leave, ...]) -> bool:
    """Whether a loop may be left from within its body, by itself or by a loop around it."""
    match region:
        case Jump(leave=leave):
            return leave in how
        case Call():
            return False  # what returns there only goes on here
        case Loop(body=body):
            return _leaves(body, tuple(each for each in how if each is Leave.RETURN))
        case Unrolled(iterations=iterations):
            return any(_leaves(each, tuple(leave for leave in how if leave is Leave.RETURN)) for each in iterations)
        case _:
            return any(_leaves(child, how) for child in children(region))
