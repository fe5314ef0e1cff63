"""Objects that one row of a script makes again and again: for a rule about that they are one object."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace

from optlint.program.events import Act
from optlint.property.patterns import Absence, Property
from optlint.replay.trace import Trace
from optlint.replay.verdict import Departure

_BEGINNINGS = (Act.LOAD, Act.REPLACE, Act.FREEZE, Act.UNFREEZE)
"""What makes parameters others than those that a state belongs to."""


def is_about_remaking(rule_property: Property) -> bool:
    """Whether a property is about an object that is made once more."""
    return isinstance(rule_property, Absence) and Act.NEW in rule_property.of.acts


def first_of(trace: Trace, number: int) -> int:
    """The number of the first of the objects that one stands in line with."""
    former = trace.things[number - 1].former
    while former is not None and former != number:
        number, former = former, trace.things[former - 1].former
    return number


def in_line(trace: Trace) -> Trace:
    """A trace in which all that happens to an object, or is done by it, is of the first one of its line."""
    if all(each.former is None for each in trace.things):
        return trace

    def firsts(numbers: tuple[int, ...]) -> tuple[int, ...]:
        return tuple(dict.fromkeys(first_of(trace, number) for number in numbers))

    return replace(
        trace,
        things=tuple(
            each if each.optimizer is None else replace(each, optimizer=first_of(trace, each.optimizer))
            for each in trace.things
        ),
        happenings=tuple(
            replace(each, things=firsts(each.things), outside=firsts(each.outside)) for each in trace.happenings
        ),
        updates=tuple(replace(each, optimizer=first_of(trace, each.optimizer)) for each in trace.updates),
    )


def is_remade_in(trace: Trace, rows: Sequence[int], number: int | None = None) -> bool:
    """Whether some rows make an object, or any, in the place of another one.

    Only what is flagged counts: that something begins anew, as for another phase, may well be meant.
    """
    made = (each for each in trace.happenings if each.act is Act.NEW and each.row in rows)
    remade = {thing for each in made for thing in each.things if trace.things[thing - 1].former is not None}
    return bool(remade) if number is None else number in remade


def states_lost(trace: Trace, optimizers: frozenset[int], rows: Sequence[int]) -> Iterator[Departure]:
    """The first updates of optimizers that some rows have made in the place of another one, with a state."""
    last: dict[int, int] = {}
    gathered: dict[int, int] = {}
    begun_anew = {each.updates for each in trace.happenings if each.act in _BEGINNINGS}
    for update in trace.updates:
        first = first_of(trace, update.optimizer)
        is_new = first in last and last[first] != update.optimizer
        if is_new and update.number - 1 in begun_anew:
            gathered[first] = 0  # parameters with other values have no past
        flagged = update.optimizer in optimizers and is_remade_in(trace, rows, update.optimizer)
        if is_new and gathered[first] and flagged:
            words = f"update {update.number} begins without the state that {gathered[first]} before it have gathered"
            yield Departure("state", update.number, update.row, float(gathered[first]), 1.0, words)
        if is_new:
            gathered[first] = 0
        gathered[first] = gathered.get(first, 0) + 1 if update.stateful else 0
        last[first] = update.optimizer
