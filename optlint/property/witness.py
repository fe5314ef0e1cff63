"""The witness: the events that break a property, told in the order in which they run."""

from __future__ import annotations

import ast
from collections.abc import Iterator

from optlint.program.events import Act, Event
from optlint.program.objects import Model, Object, Optimizer, Place, Scheduler, canonical
from optlint.property.violation import Violation


def witness(violation: Violation) -> Iterator[tuple[Place, str]]:
    """Yield place and note of each step: how the objects are made, the calls that lead on, and the events."""
    events = list(violation.path)
    for role in violation.roles.values():
        if role not in events:
            events.append(role)
    shown: set[tuple[int, int, str]] = set()

    def fresh(place: Place, note: str) -> bool:
        key = (id(place.module), id(place.node), note)
        if key in shown:
            return False
        shown.add(key)
        return True

    for place, note in _origins(violation):
        if fresh(place, note):
            yield place, note
    previous: Event | None = None
    for event in events:
        for place in event.stack:
            if previous is not None and place in previous.stack:
                continue
            note = f"{_callee(place)} is called"
            if fresh(place, note):
                yield place, note
        note = violation.notes.get(event) or describe(event)
        if previous is not None and _goes_back(previous, event):
            note = f"in the next iteration, {note}"
        if fresh(event.place, note):
            yield event.place, note
        previous = event


def _origins(violation: Violation) -> Iterator[tuple[Place, str]]:
    for optimizer in violation.binding.optimizers:
        if optimizer.place is not None and optimizer.label:
            yield optimizer.place, f"the optimizer `{optimizer.label}` is built"
    scheduler = violation.binding.scheduler
    if scheduler is not None and scheduler.place is not None and scheduler.label:
        yield scheduler.place, f"its scheduler `{scheduler.label}` is built"
    iterator = violation.binding.iterator
    if iterator is not None and iterator.place is not None:
        yield iterator.place, "this iterator can be used once"


def describe(event: Event) -> str:
    """Return a sentence about an event."""
    names = [_name(subject) for subject in event.subjects]
    subject = f"`{names[0]}`" if names and names[0] else "it"
    match event.act:
        case Act.STEP:
            return f"{subject if names else 'the optimizer'} steps"
        case Act.SCHEDULE:
            return f"{subject} moves on to its next learning rate"
        case Act.BACKWARD:
            return "the gradients of the loss are added to those that are there"
        case Act.CLEAR:
            return "the gradients are cleared" if event.detail != "zero" else "the gradients become zeros, not None"
        case Act.NEW:
            return f"{subject} is built"
        case Act.FREEZE:
            return "parameters are frozen"
        case Act.UNFREEZE:
            return "parameters are unfrozen"
        case Act.MOVE:
            return f"{subject} is moved or converted"
        case Act.REPLACE:
            return f"parameters of {subject} are replaced by new ones"
        case Act.CONSUME:
            return "the iterator is used up"
        case Act.FORWARD:
            return f"{subject} runs"
        case Act.SHARD:
            return f"parameters of {subject} are replaced by shards of them"
        case Act.TRAIN:
            return f"{subject} goes into training mode"
        case Act.EVAL:
            return f"{subject} goes into evaluation mode"
        case Act.LOAD:
            return f"the state of {subject} is loaded"
        case Act.ADD_GROUP:
            return f"{subject} gets another parameter group"
        case _:
            return f"{subject}: {event.detail or event.act.value}"


def _name(value: Object) -> str:
    value = canonical(value)
    if value.label:
        return value.label
    return {Optimizer: "the optimizer", Scheduler: "the scheduler", Model: "the module"}.get(type(value), "")


def _callee(place: Place) -> str:
    if isinstance(place.node, ast.Call):
        return f"`{ast.unparse(place.node.func)}`"
    return "the function"


def _goes_back(before: Event, after: Event) -> bool:
    """Whether `after` stands above `before` in one file and function, so that a loop lies between."""
    if before.place.module is not after.place.module or before.stack != after.stack:
        return False
    return getattr(after.place.node, "lineno", 0) < getattr(before.place.node, "lineno", 0)
