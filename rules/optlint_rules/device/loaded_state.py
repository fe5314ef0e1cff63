"""Optimizer state that was loaded before its module moved, so that it stays behind."""

from __future__ import annotations

import ast

from optlint.api import Act, Confidence, Event, Optimizer, Violation, canonical

_MENDED = (".state.values()", ".state.items()", "amp.initialize")
"""Signs that loaded state is moved by hand, or by apex."""
CONVERSIONS = frozenset(("half", "double", "float", "bfloat16", "type"))
_STRICT = frozenset(("Adam", "AdamW", "Adamax", "NAdam", "RAdam", "Adafactor", "LBFGS"))
"""Optimizers whose step raises where state has another type than the parameters; the others go on with the old one."""


def stays_behind(violation: Violation, move: Event) -> bool:
    """Whether the optimizer has loaded a state when a module moves, and steps with it afterwards."""
    entry, optimizer = violation.entry, violation.binding.optimizer
    assert entry is not None
    events = list(entry.events)
    position = events.index(move)
    own = [i for i, event in enumerate(events) if event.act is Act.STEP and _is_of(event, optimizer)]
    if not own or own[0] < position:
        return False
    if not any(event.act is Act.LOAD and _is_of(event, optimizer) for event in events[:position]):
        return False
    is_conversion = move.detail in CONVERSIONS
    if is_conversion and not (optimizer.classes and optimizer.classes <= _STRICT):
        return False
    model = move.models()[0]
    moves = (event for event in events[:position] if event.act is Act.MOVE)
    before = (event for event in moves if is_conversion or event.detail not in CONVERSIONS)
    if any(other.overlaps(model) for event in before for other in event.models()):
        return False  # it is there already, or goes back and forth
    return not is_stateless(optimizer) and not is_mended(violation)


def is_mended(violation: Violation) -> bool:
    """Whether loaded state seems to be moved by hand."""
    return any(token in violation.at.module.source.text for token in _MENDED)


def is_held(event: Event, optimizer: Optimizer) -> bool:
    """Whether what moves holds parameters of an optimizer, and goes to another place than the processor."""
    return event.detail != "cpu" and any(
        model.has_parameters and model.confidence is not Confidence.NAME and optimizer.holds(model)
        for model in event.models()
    )


def is_stateless(optimizer: Optimizer) -> bool:
    """Whether an optimizer is SGD without momentum, which keeps nothing."""
    call = optimizer.place.node if optimizer.place is not None else None
    if optimizer.classes != {"SGD"} or not isinstance(call, ast.Call):
        return False
    return len(call.args) < 3 and not any(keyword.arg in ("momentum", None) for keyword in call.keywords)


def _is_of(event: Event, optimizer: Optimizer) -> bool:
    return optimizer in map(canonical, event.subjects)
