"""The pattern of use: what begins must come to something, anywhere in the program."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property

from optlint.program.events import Act, Event
from optlint.program.program import Entry, Program
from optlint.property.alphabet import Binding, EventPattern, Match, escapes, may_touch_gradients
from optlint.property.automaton import Automaton, Transition
from optlint.property.loops import enclosing
from optlint.property.roles import bindings
from optlint.property.violation import Violation


@dataclass(frozen=True)
class Used:
    """Where some `begun` is, there is a `use`, before or after it (Dwyer's existence, with the scope of all).

    Broken where a whole way into the program has a `begun` and no `use`, and no bound object goes where one cannot
    follow. Roles: `begun`, the first of them.
    """

    begun: EventPattern
    use: EventPattern
    mutual: bool = False
    """Whether a `use` without any `begun` is broken as well; it then has the role."""

    @cached_property
    def automaton(self) -> Automaton:
        """States: 0 nothing yet, 1 `begun` came, 2 `use` came."""
        begun, use = 0, 1
        return Automaton(
            (self.begun, self.use),
            {(0, begun): Transition(1), (0, use): Transition(2), (1, use): Transition(2)},
        )

    def find(self, program: Program) -> Iterator[Violation]:
        """Yield the violations in a program."""
        for entry in program.entries:
            for binding in bindings(entry, (self.begun, self.use)):
                begun = _alone(self.begun, self.use, entry, binding)
                if not begun and self.mutual:
                    begun = _alone(self.use, self.begun, entry, binding)
                if not begun:
                    continue
                if any(escapes(event, binding) for event in entry.having(Act.ESCAPE)):
                    continue
                of_gradients = Act.BACKWARD in self.begun.acts | self.use.acts
                escaping = entry.having(Act.ESCAPE) if of_gradients else ()
                shown = [event for event in escaping if may_touch_gradients(event, binding)]
                if any(_may_see(event, begun[0], entry) for event in shown):
                    continue
                yield Violation(program, begun[0].place, {"begun": begun[0]}, (begun[0],), binding, entry)


def _may_see(shown: Event, begun: Event, entry: Entry) -> bool:
    """Whether unknown code that is shown a module may use the gradients of each backward, or make those of each step.

    Beyond the loop of a backward it sees those of the last one alone, so that they are of no use to it.
    """
    around = enclosing(entry, begun) if begun.act is Act.BACKWARD else []
    return not around or around[-1] in enclosing(entry, shown)


def _alone(pattern: EventPattern, other: EventPattern, entry: Entry, binding: Binding) -> list[Event]:
    """Return the events of a pattern, or nothing where there may be one of the other."""
    if any(other.match(event, binding) is not Match.NO for event in entry.having(*other.acts)):
        return []
    return [event for event in entry.having(*pattern.acts) if pattern.match(event, binding) is Match.YES]
