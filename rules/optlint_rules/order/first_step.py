"""Steps that come before the first backward of their loop."""

from __future__ import annotations

from optlint.api import (
    OPTIMIZER,
    Act,
    Binding,
    Event,
    EventPattern,
    Precedence,
    Violation,
    enclosing,
    events_in,
)


def _unscaled(event: Event, binding: Binding) -> bool:
    """A step that no `GradScaler` makes: that one raises by itself."""
    return event.scaler is None


STEP_FIRST = Precedence(
    first=EventPattern(OPTIMIZER, frozenset((Act.BACKWARD, Act.SET_GRADIENT))),
    then=EventPattern(OPTIMIZER, frozenset((Act.STEP,)), _unscaled),
)
"""Broken where no path to a step has a backward, and one follows in the same loop."""


def steps_first(violation: Violation, step: Event) -> bool:
    """Whether a step comes before the first backward of its loop, so that this is the fault to speak of."""
    return any(found.roles["early"] is step for found in STEP_FIRST.find(violation.program))


def iteration(violation: Violation, first: Event, second: Event) -> list[Event]:
    """Return the events of one iteration of the innermost loop around two events, in the order of the text."""
    assert violation.entry is not None
    around = zip(enclosing(violation.entry, first), enclosing(violation.entry, second), strict=False)
    shared = [loop for loop, other in around if loop is other]
    return list(events_in(shared[-1])) if shared else []
