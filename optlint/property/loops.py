"""Which loops of an entry hold an event, or events of several patterns."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from optlint.program.events import Event
from optlint.program.program import Entry
from optlint.program.regions import Loop, Region, Unrolled, children, events
from optlint.property.alphabet import Binding, EventPattern, Match


def loops(region: Region) -> Iterator[Loop]:
    """Yield all loops of a region, the outer ones first."""
    pending = [region]
    while pending:
        current = pending.pop()
        if isinstance(current, Loop):
            yield current
        pending.extend(reversed(children(current)))


def innermost(entry: Entry, binding: Binding, patterns: Iterable[EventPattern]) -> list[Loop]:
    """Return the loops that hold an event of each pattern, without those around another such loop."""

    def holds(loop: Loop) -> bool:
        found = list(events(loop.body))
        return all(any(pattern.match(event, binding) is Match.YES for event in found) for pattern in patterns)

    for pattern in patterns:
        if not any(pattern.match(event, binding) is Match.YES for event in entry.having(*pattern.acts)):
            return []
    candidates = [loop for loop in loops(entry.region) if holds(loop)]
    return [loop for loop in candidates if not any(other is not loop and _inside(other, loop) for other in candidates)]


def _inside(inner: Loop, outer: Loop) -> bool:
    return any(loop is inner for loop in loops(outer.body))


def enclosing(entry: Entry, event: Event) -> list[Region]:
    """Return the loops around an event, the outermost first."""
    return _loops_around(event, entry.region) or []


def _loops_around(event: Event, region: Region) -> list[Region] | None:
    """Return the loops in a region around an event in it, or None where it is not there."""
    if region is event:
        return []
    for child in children(region):
        found = _loops_around(event, child)
        if found is not None:
            return [region, *found] if isinstance(region, Loop | Unrolled) else found
    return None


def share_loop(entry: Entry, first: Event, second: Event) -> bool:
    """Whether a loop of an entry holds two events."""
    return any(a is b for a, b in zip(enclosing(entry, first), enclosing(entry, second), strict=False))
