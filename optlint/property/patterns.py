"""Specification patterns, after Dwyer, Avrunin and Corbett: each compiles to an automaton and finds its violations.

M. B. Dwyer, G. S. Avrunin, J. C. Corbett, "Patterns in property specifications for finite-state verification",
ICSE 1999. A pattern speaks of the events of one abstract object (or of a scheduler with its optimizers), so that two
optimizers do not mix.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, TypeAlias

from optlint.program.events import Act, Event
from optlint.program.program import Entry, Program
from optlint.program.regions import Branch, Region, Try, children, events
from optlint.property.alphabet import Binding, EventPattern
from optlint.property.automaton import Anchor, Automaton, Transition, Verdict
from optlint.property.configurations import Trail
from optlint.property.loops import enclosing, innermost, share_loop
from optlint.property.roles import bindings
from optlint.property.search import Hits, pending, search
from optlint.property.violation import Violation

if TYPE_CHECKING:
    from optlint.property.used import Used


@dataclass(frozen=True)
class Precedence:
    """The first `then` comes after some `first`, on at least one of the paths that lead to it.

    Broken where no path has a `first` before it, and a `first` follows in the same loop: the pair then runs in the
    wrong order. Roles: `early` (the `then`), `late` (the `first` that follows).
    """

    first: EventPattern
    then: EventPattern

    @cached_property
    def automaton(self) -> Automaton:
        """States: 0 neither yet, 1 `first` came, 2 settled, 3 `then` came too early."""
        first, then = 0, 1
        return Automaton(
            (self.first, self.then),
            {
                (0, first): Transition(1),
                (0, then): Transition(3, Verdict.BAD, Anchor.SET),
                (1, then): Transition(2, Verdict.GOOD),
                (3, first): Transition(2, Verdict.CONFIRMED, Anchor.DROP),
            },
        )

    def find(self, program: Program) -> Iterator[Violation]:
        """Yield the violations in a program."""
        automaton = self.automaton
        for entry in _breaking(automaton, program):
            for binding in bindings(entry, (self.first, self.then)):
                for early, hits in search(automaton, entry, binding).items():
                    if hits.bad and not hits.good:
                        yield from self._confirmed(program, entry, binding, early, hits)

    def _confirmed(
        self, program: Program, entry: Entry, binding: Binding, early: Event, hits: Hits
    ) -> Iterator[Violation]:
        for late, trail in hits.confirmed.items():
            if share_loop(entry, early, late) or _begins(entry, binding, early, late):
                yield Violation(
                    program, early.place, {"early": early, "late": late}, tuple(trail.events()), binding, entry
                )
                return


@dataclass(frozen=True)
class Alternation:
    """Between two `of` there is a `separator`.

    Broken where on every path an `of` follows another one with no `separator` between. Roles: `first`, `again`.
    """

    of: EventPattern
    separator: EventPattern
    renewed: EventPattern

    @cached_property
    def automaton(self) -> Automaton:
        """States: 0 free, 1 one `of` came."""
        of, separator, renewed = 0, 1, 2
        return Automaton(
            (self.of, self.separator, self.renewed),
            {
                (0, of): Transition(1, Verdict.GOOD, Anchor.SET),
                (1, of): Transition(1, Verdict.BAD, Anchor.SET, anchored=True),
                (1, separator): Transition(0, anchor=Anchor.DROP),
                (1, renewed): Transition(0, anchor=Anchor.DROP),
            },
        )

    def find(self, program: Program) -> Iterator[Violation]:
        """Yield the violations in a program."""
        automaton = self.automaton
        for entry in _breaking(automaton, program):
            for binding in bindings(entry, (self.of, self.separator)):
                for again, hits in search(automaton, entry, binding).items():
                    for first, trail in hits.bad.items() if not hits.good else ():
                        if first is not None:
                            roles = {"first": first, "again": again}
                            yield Violation(program, again.place, roles, _between(first, trail), binding, entry)


@dataclass(frozen=True)
class Absence:
    """After `after`, there is no `of`, until `until`. Broken where on some path there is. Roles: `after`, `of`."""

    of: EventPattern
    after: EventPattern
    until: EventPattern | None = None
    definite: bool = False

    @cached_property
    def automaton(self) -> Automaton:
        """States: 0 before, 1 after."""
        symbols = [self.after, self.of] if self.after != self.of else [self.of]
        of = len(symbols) - 1
        transitions = {
            (0, 0): Transition(1, anchor=Anchor.SET),
            (1, of): Transition(1, Verdict.BAD, anchored=True),
        }
        if self.after != self.of:
            transitions[0, of] = Transition(0, Verdict.GOOD)
            transitions[1, 0] = Transition(1, anchor=Anchor.SET)
        if self.until is not None:
            symbols.append(self.until)
            transitions[1, len(symbols) - 1] = Transition(0, anchor=Anchor.DROP)
        return Automaton(tuple(symbols), transitions)

    def find(self, program: Program) -> Iterator[Violation]:
        """Yield the violations in a program."""
        automaton = self.automaton
        patterns = [self.of, self.after, *([self.until] if self.until else [])]
        for entry in _breaking(automaton, program):
            for binding in bindings(entry, patterns):
                for of, hits in search(automaton, entry, binding, cautious=not self.definite).items():
                    if self.definite and hits.good:
                        continue
                    for after, trail in hits.bad.items():
                        if after is not None:
                            yield Violation(
                                program, of.place, {"after": after, "of": of}, _between(after, trail), binding, entry
                            )
                            break


@dataclass(frozen=True)
class Existence:
    """Between two `between` that have a `given` between them, there is an `of`.

    Looked at in each innermost loop that holds both `between` and `given`; broken where on every path that reaches
    a second `between` there was none. Roles: `given`, `second`.
    """

    of: EventPattern
    between: EventPattern
    given: EventPattern

    @cached_property
    def automaton(self) -> Automaton:
        """States: 0 before the first `between`, 1 after one, 2 `given` came, 3 `of` came."""
        between, given, of = 0, 1, 2
        return Automaton(
            (self.between, self.given, self.of),
            {
                (0, between): Transition(1),
                (1, given): Transition(2, anchor=Anchor.SET),
                (1, of): Transition(3),
                (2, of): Transition(3, anchor=Anchor.DROP),
                (2, between): Transition(1, Verdict.BAD, Anchor.DROP, anchored=True),
                (3, between): Transition(1, Verdict.GOOD),
            },
        )

    def find(self, program: Program) -> Iterator[Violation]:
        """Yield the violations in a program."""
        automaton = self.automaton
        for entry in _breaking(automaton, program):
            for binding in bindings(entry, (self.between, self.given)):
                for loop in innermost(entry, binding, (self.between, self.given)):
                    for second, hits in search(automaton, entry, binding, loop).items():
                        for given, trail in hits.bad.items() if not hits.good else ():
                            if given is not None:
                                roles = {"given": given, "second": second}
                                yield Violation(program, given.place, roles, _between(given, trail), binding, entry)


@dataclass(frozen=True)
class Response:
    """Each `trigger` is followed by a `response` before the next `before`.

    It counts only once `armed_by` has come (if given), and not after `disarmed_by`. With `once`, a `before` ends
    the matter until it is armed anew; without, it goes on. With `definite`, it is broken where on every path that
    reaches a `before` the response is missing; else one path is enough. Roles: `trigger`, `before`.
    """

    trigger: EventPattern
    response: EventPattern
    before: EventPattern
    armed_by: EventPattern | None = None
    disarmed_by: EventPattern | None = None
    once: bool = False
    definite: bool = True
    or_end: bool = False
    """Whether the end of the program, too, is a `before`."""

    @cached_property
    def automaton(self) -> Automaton:
        """States: 0 not armed, 1 armed or responded to, 2 triggered."""
        symbols = [self.trigger, self.before]
        transitions: dict[tuple[int, int], Transition] = {
            (1, 0): Transition(2, anchor=Anchor.SET),
            (2, 0): Transition(2),
            (1, 1): Transition(0 if self.once else 1, Verdict.GOOD),
            (2, 1): Transition(
                0 if self.once else 2, Verdict.BAD, Anchor.DROP if self.once else Anchor.KEEP, anchored=True
            ),
        }
        if self.armed_by is None:
            transitions[0, 0] = Transition(2, anchor=Anchor.SET)
        elif self.armed_by != self.response:
            symbols.append(self.armed_by)
            transitions[0, len(symbols) - 1] = Transition(1)
        symbols.append(self.response)
        transitions[2, len(symbols) - 1] = Transition(1, anchor=Anchor.DROP)
        if self.armed_by == self.response:
            transitions[0, len(symbols) - 1] = Transition(1)
        if self.disarmed_by is not None:
            symbols.append(self.disarmed_by)
            transitions[1, len(symbols) - 1] = Transition(0)
            transitions[2, len(symbols) - 1] = Transition(0, anchor=Anchor.DROP)
        return Automaton(tuple(symbols), transitions)

    def find(self, program: Program) -> Iterator[Violation]:
        """Yield the violations in a program."""
        automaton = self.automaton
        for entry in program.entries if self.or_end else _breaking(automaton, program):
            for binding in bindings(entry, (self.trigger, self.before)):
                found = search(automaton, entry, binding, cautious=not self.definite)
                for before, hits in found.items():
                    for trigger, trail in hits.bad.items() if not (self.definite and hits.good) else ():
                        if trigger is not None:
                            roles = {"trigger": trigger, "before": before}
                            yield Violation(program, before.place, roles, _between(trigger, trail), binding, entry)
                if self.or_end and not found:
                    for trigger in pending(automaton, entry, binding, state=2):
                        yield Violation(program, trigger.place, {"trigger": trigger}, (trigger,), binding, entry)


@dataclass(frozen=True, slots=True)
class Query:
    """What fits no pattern: a generator over the program's concepts."""

    find: Callable[[Program], Iterable[Violation]]


Property: TypeAlias = "Precedence | Alternation | Absence | Existence | Response | Query | Used"


def _breaking(automaton: Automaton, program: Program) -> Iterator[Entry]:
    """Yield the entries in which something happens that could break a property."""
    return (entry for entry in program.entries if automaton.may_break_on(entry.by_act))


def _begins(entry: Entry, binding: Binding, early: Event, late: Event) -> bool:
    """Whether `early` runs once before the loop of `late`, on a scheduler that was just made."""
    made = binding.scheduler is not None and any(entry.concerning(binding.scheduler, Act.NEW))
    loaded = any(entry.having(Act.LOAD))
    return (
        made
        and not loaded
        and not enclosing(entry, early)
        and bool(enclosing(entry, late))
        and not _conditional(entry.region, early)
    )


def _conditional(region: Region, event: Event) -> bool:
    """Whether an event lies in a branch."""
    for child in children(region):
        if event in events(child):
            return isinstance(region, Branch | Try) or _conditional(child, event)
    return False


def _between(first: Event, trail: Trail) -> tuple[Event, ...]:
    """Return the events of a trail from its last `first` on."""
    events = trail.events()
    start = max((index for index, event in enumerate(events[:-1]) if event is first), default=0)
    return tuple(events[start:])
