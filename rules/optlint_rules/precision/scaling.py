"""What the rules about gradient scalers share: which backward and step is a scaler's, and whether it is switched on."""

from __future__ import annotations

import ast
import re
from collections.abc import Callable, Iterator

from optlint.api import (
    OPTIMIZER,
    Act,
    Binding,
    Editor,
    Event,
    EventPattern,
    Level,
    Optimizer,
    Place,
    Scaler,
    Violation,
    canonical,
    enclosing_function,
    parent,
    same_function,
)

_SETTLED = re.compile(
    r"(?i)clip|norm|grad|accum|step|idx|index|iter|batch|count|len|sync|update|last|train|^i$|^__name__$"
)
"""Words of conditions that have nothing to do with mixed precision."""


def scaled(event: Event, binding: Binding) -> bool:
    """A backward of a loss that a scaler has multiplied."""
    return event.detail == "scaled"


def unscaled(event: Event, binding: Binding) -> bool:
    """A backward of a loss that no scaler has multiplied, as far as one can see."""
    return event.detail != "scaled"


def by_scaler(event: Event, binding: Binding) -> bool:
    """A step that a scaler makes."""
    return event.detail == "scaler"


def directly(event: Event, binding: Binding) -> bool:
    """A step that no scaler makes."""
    return event.detail == ""


def level_of(scaler: Scaler | None) -> Level | None:
    """Return the level of a fault that a scaler does only where it is switched on; None where it is switched off."""
    enabled = None if scaler is None else canonical(scaler).enabled
    return None if enabled is False else Level.ERROR if enabled else Level.WARNING


def condition(level: Level) -> str:
    """Return the words for the condition of a warning."""
    return " where the scaler is enabled" if level is Level.WARNING else ""


def asks_for_scale(violation: Violation, first: Event, last: Event) -> bool:
    """Whether the code reads the scale between two events: it may then unscale by hand, or scale a limit."""
    assert violation.entry is not None
    events = list(violation.entry.events)
    start, end = events.index(first), events.index(last)
    between = events[start:end] if start < end else events
    return any(event.act is Act.CALL and event.detail == "get_scale" for event in between)


def backwards(violation: Violation, where: Callable[[Event, Binding], bool]) -> list[Event]:
    """Return the backwards that reach the violation's optimizer, or may, as far as they are so."""
    return _matching(violation, EventPattern(OPTIMIZER, frozenset((Act.BACKWARD,)), where))


def unscalings(violation: Violation) -> list[Event]:
    """Return where the violation's optimizer is unscaled."""
    return _matching(violation, EventPattern(OPTIMIZER, frozenset((Act.UNSCALE,))))


def _matching(violation: Violation, pattern: EventPattern) -> list[Event]:
    assert violation.entry is not None
    return [event for event in violation.entry.events if pattern.match(event, violation.binding).value]


def is_always_done(place: Place) -> bool:
    """Whether no condition around a place, within its function, can have to do with mixed precision."""
    return all(in_body and _is_settled(test) for _, test, in_body in _conditions(place))


def precision_asked(place: Place, near: Place, editor: Editor) -> str:
    """Return the condition with which mixed precision is asked for around a place, and not around another one."""
    there = {owner for owner, _, _ in _conditions(near)}
    asked = [
        editor.text(test) if in_body else f"not ({editor.text(test)})"
        for owner, test, in_body in _conditions(place)
        if owner not in there and not _is_settled(test)
    ]
    return asked[0] if len(asked) == 1 else " and ".join(f"({each})" for each in reversed(asked))


def _conditions(place: Place) -> Iterator[tuple[ast.AST, ast.expr, bool]]:
    """Yield who asks what around a place within its function, and whether it holds there; the innermost first."""
    inner: ast.AST = place.node
    outer = parent(place.module, inner)
    while outer is not None and not isinstance(outer, ast.FunctionDef | ast.AsyncFunctionDef | ast.Lambda):
        if isinstance(outer, ast.If | ast.IfExp) and inner is not outer.test:
            yield outer, outer.test, inner in outer.body if isinstance(outer, ast.If) else inner is outer.body
        inner, outer = outer, parent(place.module, outer)


def _is_settled(test: ast.expr) -> bool:
    """Whether a condition has nothing to do with mixed precision."""
    words = {node.id for node in ast.walk(test) if isinstance(node, ast.Name)}
    words |= {node.attr for node in ast.walk(test) if isinstance(node, ast.Attribute)}
    return all(map(_SETTLED.search, words - {"args", "opt", "cfg", "config", "self"}))


def steps_by_scaler(violation: Violation) -> list[Event]:
    """Return the steps of the violation's optimizer that a scaler makes, in the order of the text."""
    assert violation.entry is not None
    optimizer = violation.binding.optimizer
    steps = violation.entry.having(Act.STEP)
    return [event for event in steps if event.detail == "scaler" and _is_of(event, optimizer)]


def _is_of(event: Event, optimizer: Optimizer) -> bool:
    return any(canonical(subject) is optimizer for subject in event.subjects)


def step_near(violation: Violation, near: Place) -> tuple[Place, ast.expr, ast.expr] | None:
    """Return a scaler's step in the function of a place, and the expressions for the scaler and its optimizer there."""
    for event in steps_by_scaler(violation):
        match event.place.node:
            case ast.Call(func=ast.Attribute(value=scaler, attr="step"), args=[optimizer, *_]) if same_function(
                event.place, near
            ):
                return event.place, scaler, optimizer
            case _:
                pass
    return None


def name_of_scaler(violation: Violation, scaler: Scaler | None, near: Place, editor: Editor) -> str | None:
    """Return what a scaler is called in the function of a place, by its calls there."""
    assert violation.entry is not None
    for event in violation.entry.events:
        if event.scaler is not scaler and scaler not in event.subjects:
            continue
        match event.place.node:
            case ast.Call(func=ast.Attribute(value=name, attr="scale" | "step" | "update" | "unscale_")) if (
                isinstance(name, ast.Name | ast.Attribute)
                and not (event.act is Act.STEP and event.detail != "scaler")
                and _is_named_at(name, event.place, near)
            ):
                return editor.text(name)
            case _:
                pass
    return None


def _is_named_at(name: ast.expr, place: Place, near: Place) -> bool:
    """Whether a name that stands at a place means the same at another one: in its function, or in its class."""
    if same_function(place, near):
        return True
    while isinstance(name, ast.Attribute):
        name = name.value
    owners = [parent(each.module, enclosing_function(each)) for each in (place, near)]
    return (
        isinstance(name, ast.Name) and name.id == "self" and owners[0] is owners[1] and type(owners[0]) is ast.ClassDef
    )
