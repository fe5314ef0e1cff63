"""Finite automata over patterns of events, with a verdict at each transition."""

from __future__ import annotations

import enum
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property

from optlint.program.events import Act, Event
from optlint.property.alphabet import Binding, EventPattern, Match


class Verdict(enum.Enum):
    """What taking a transition says of the property."""

    NEUTRAL = "neutral"
    GOOD = "good"
    """Here the property holds: not every path to this event breaks it."""
    BAD = "bad"
    CONFIRMED = "confirmed"
    """What was wrong before has now taken effect."""


class Anchor(enum.Enum):
    """What becomes of the event that a later verdict refers to."""

    KEEP = "keep"
    SET = "set"
    DROP = "drop"


@dataclass(frozen=True, slots=True)
class Transition:
    """Where an event leads, what that says, and whether the event is remembered.

    A `BAD` verdict that is `anchored` refers to the remembered event, and is none where there is no such event.
    """

    to: int
    verdict: Verdict = Verdict.NEUTRAL
    anchor: Anchor = Anchor.KEEP
    anchored: bool = False


@dataclass(frozen=True, eq=False)
class Automaton:
    """States are numbers, 0 the start; a missing transition stays in its state.

    `symbols` are tried in order, and the first one that an event matches is the event's symbol.
    """

    symbols: tuple[EventPattern, ...]
    transitions: dict[tuple[int, int], Transition]
    _reachable: dict[int, Sequence[int]] = field(default_factory=dict, init=False, repr=False)
    _breaking: dict[frozenset[Act], bool] = field(default_factory=dict, init=False, repr=False)

    def read(self, state: int, symbol: int) -> Transition:
        """Return the transition that a symbol takes in a state."""
        return self.transitions.get((state, symbol)) or Transition(state)

    def symbol(self, event: Event, binding: Binding) -> tuple[int, Match]:
        """Return the symbol of an event and how sure the match is; -1 where there is none."""
        for index, pattern in self._by_act.get(event.act, ()):
            found = pattern.match(event, binding)
            if found is not Match.NO:
                return index, found
        return -1, Match.NO

    @cached_property
    def acts(self) -> frozenset[Act]:
        """The acts that any symbol matches."""
        return frozenset(act for symbol in self.symbols for act in symbol.acts)

    @cached_property
    def _by_act(self) -> Mapping[Act, Sequence[tuple[int, EventPattern]]]:
        """The symbols that an event of an act may be, in order."""
        numbered = tuple(enumerate(self.symbols))
        return {act: [pair for pair in numbered if act in pair[1].acts] for act in self.acts}

    def may_break_on(self, acts: Iterable[Act]) -> bool:
        """Whether events of some acts could lead to a verdict that something is wrong; asks no pattern."""
        present = self.acts.intersection(acts)
        found = self._breaking.get(present)
        if found is None:
            counts = {number: 2 for number, symbol in enumerate(self.symbols) if not present.isdisjoint(symbol.acts)}
            found = self._breaking[present] = self.may_break(counts)
        return found

    def may_break(self, counts: Mapping[int, int]) -> bool:
        """Whether the symbols lead in some order to a verdict that something is wrong.

        Each comes once at most, or any number of times where its count is larger than 1.
        """
        start = (0, tuple(counts.items()))
        found = {start}
        pending = [start]
        while pending:
            state, left = pending.pop()
            for at, (symbol, count) in enumerate(left):
                transition = self.read(state, symbol)
                if transition.verdict is Verdict.BAD:
                    return True
                if transition.to == state:
                    continue
                following = (transition.to, left if count > 1 else left[:at] + left[at + 1 :])
                if following not in found:
                    found.add(following)
                    pending.append(following)
        return False

    def reachable(self, state: int) -> Sequence[int]:
        """Return all states that some events lead to, the state itself among them, in order."""
        known = self._reachable.get(state)
        if known is not None:
            return known
        found = {state}
        pending = [state]
        while pending:
            current = pending.pop()
            for symbol in range(len(self.symbols)):
                following = self.read(current, symbol).to
                if following not in found:
                    found.add(following)
                    pending.append(following)
        self._reachable[state] = sorted(found)
        return self._reachable[state]
