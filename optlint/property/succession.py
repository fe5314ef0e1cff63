"""Whether one event may come after another one in a single run."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from optlint.property.alphabet import Binding, EventPattern, Match, Role
from optlint.property.automaton import Anchor, Automaton, Transition, Verdict
from optlint.property.search import search

if TYPE_CHECKING:
    from optlint.program.events import Event
    from optlint.program.program import Entry


@dataclass(frozen=True, slots=True)
class _This(EventPattern):
    """One event and no other."""

    event: Event | None = None

    def match(self, event: Event, binding: Binding) -> Match:
        return Match.YES if event is self.event else Match.NO


def may_follow(entry: Entry, first: Event, second: Event) -> bool:
    """Whether on some path through an entry `second` comes after `first`; no, where there are too many paths."""
    symbols = tuple(_This(Role.OPTIMIZER, frozenset((each.act,)), event=each) for each in (first, second))
    then = Transition(1, Verdict.BAD, anchored=True)
    automaton = Automaton(symbols, {(0, 0): Transition(1, anchor=Anchor.SET), (1, 1): then})
    hits = search(automaton, entry, Binding()).get(second)
    return hits is not None and bool(hits.bad)
