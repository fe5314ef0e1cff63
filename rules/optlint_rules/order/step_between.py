"""A step between the forward and the backward of a loss: where it stands, and whether it changes what was run."""

from __future__ import annotations

import ast

from optlint.api import (
    Act,
    Entry,
    Event,
    Optimizer,
    Place,
    canonical,
    enclosing_function,
    enclosing_loops,
    enclosing_statement,
)
from optlint_rules.order.graph_of_loss import conditions_around, making


def here(event: Event, late: Event) -> Place | None:
    """Return where, in the same call of the function of the late backward, an event takes place."""
    depth = len(late.stack)
    if event.stack[:depth] != late.stack:
        return None
    place = (*event.stack, event.place)[depth]
    same = place.module is late.place.module and enclosing_function(place) is enclosing_function(late.place)
    return place if same else None


def row(event: Event, late: Event) -> int:
    """Return the row at which an event takes place in the function of the late backward, or 0."""
    place = here(event, late)
    return enclosing_statement(place).lineno if place is not None else 0


def is_on_the_way(stepped: Event, late: Event) -> bool:
    """Whether a step comes before the backward in each iteration."""
    place = here(stepped, late)
    if place is None or row(stepped, late) >= row(late, late):
        return False
    if enclosing_loops(place)[:1] != enclosing_loops(late.place)[:1]:
        return False
    return set(conditions_around(place)) <= set(conditions_around(late.place))


def has_gradients(entry: Entry, optimizer: Optimizer, stepped: Event, late: Event) -> bool:
    """Whether a step has gradients to change something with."""
    events = list(entry.events)
    gradients = False
    for event in events[: events.index(stepped)]:
        concerns = optimizer in map(canonical, event.subjects) or any(map(optimizer.holds, event.models()))
        if event.act is Act.BACKWARD and event.known and concerns and _is_in_iteration(event, late):
            gradients = True
        elif event.act is Act.CLEAR and (concerns or not event.known):
            gradients = False
    return gradients


def has_used_the_graph(
    entry: Entry, optimizer: Optimizer, stepped: Event, late: Event, statements: list[ast.stmt]
) -> bool:
    """Whether a step of an optimizer, of which one does not see what it holds, uses gradients of the same graph.

    The last backward above the step went through nothing but what the late one goes through as well.
    """
    events = list(entry.events)
    acts = (Act.BACKWARD, Act.CLEAR, Act.STEP)
    last = next((event for event in reversed(events[: events.index(stepped)]) if event.act in acts), None)
    if last is None or last.act is not Act.BACKWARD or last.stack != late.stack or not _is_in_iteration(last, late):
        return False
    made = making(last.place)
    return made is not None and len(made) > 1 and set(made[:-1]) <= set(statements)


def _is_in_iteration(event: Event, late: Event) -> bool:
    place = here(event, late)
    return place is not None and enclosing_loops(place)[:1] == enclosing_loops(late.place)[:1]
