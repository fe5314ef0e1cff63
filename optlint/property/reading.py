"""How an automaton reads the events of one entry, for the objects that are bound."""

from __future__ import annotations

from collections.abc import Sequence

from optlint.program.events import Act, Event
from optlint.program.program import Entry
from optlint.property.alphabet import Binding, Match, escapes, may_touch_gradients
from optlint.property.automaton import Automaton
from optlint.property.shape import shape_of

_GRADIENT_ACTS = frozenset((Act.BACKWARD, Act.CLEAR, Act.SET_GRADIENT))


class Reading:
    """Takes events for symbols, each once, and says what the symbols of an entry can come to at all."""

    def __init__(self, automaton: Automaton, binding: Binding) -> None:
        self.automaton = automaton
        self.binding = binding
        self._symbols: dict[Event, tuple[int, Match]] = {}
        self._of_gradients = [number for number, symbol in enumerate(automaton.symbols) if symbol.acts & _GRADIENT_ACTS]

    def symbol(self, event: Event) -> tuple[int, Match]:
        """Return what the automaton takes an event for, and how sure that is; -1 for nothing."""
        found = self._symbols.get(event)
        if found is None:
            found = self._symbols[event] = self.automaton.symbol(event, self.binding)
        return found

    def relevant(self, entry: Entry) -> list[Event]:
        """Return the events of an entry that a search has to look at; none where the automaton sees none of them."""
        by_act = entry.by_act
        acts = (*sorted(self.automaton.acts, key=lambda act: act.value), Act.ESCAPE)
        found = [event for act in acts for event in by_act.get(act, ()) if self._matters(event)]
        return found if any(self.symbol(event)[0] >= 0 for event in found) else []

    def _matters(self, event: Event) -> bool:
        """Whether the automaton or the wildcards see an event."""
        if event.act in self.automaton.acts and self.symbol(event)[0] >= 0:
            return True
        return escapes(event, self.binding) or (bool(self._of_gradients) and may_touch_gradients(event, self.binding))

    def may_break(self, entry: Entry, again: bool = False) -> bool:
        """Whether the events of an entry could get to a verdict that something is wrong, in whatever order they came.

        Where `again`, all of the entry may happen more than once.
        """
        return self.automaton.may_break(self._counts(entry, again))

    def may_reach(self, entry: Entry, state: int) -> bool:
        """Whether some event of an entry leads to a state."""
        symbols = self._counts(entry)
        ways = self.automaton.transitions.items()
        return any(way.to == state for (_, symbol), way in ways if symbol in symbols)

    def _counts(self, entry: Entry, again: bool = False) -> dict[int, int]:
        """Return the symbols that an entry has events for, and how often they come: 1, or 2 for any number."""
        shape = shape_of(entry)
        found: dict[int, int] = {}
        for act in self.automaton.acts & entry.by_act.keys():
            possible = [number for number, symbol in enumerate(self.automaton.symbols) if act in symbol.acts]
            for event in entry.by_act[act]:
                if all(found.get(number) == 2 for number in possible):
                    break
                symbol, _ = self.symbol(event)
                if symbol >= 0 and found.get(symbol) != 2:
                    found[symbol] = 2 if again or symbol in found or shape.recurs(event) else 1
        return found

    def after_anything(self, state: int, gradients_only: bool) -> Sequence[int]:
        """Return the states in which unknown code may leave the automaton, or such that only touches gradients."""
        if not gradients_only:
            return self.automaton.reachable(state)
        return sorted({state, *(self.automaton.read(state, number).to for number in self._of_gradients)})
