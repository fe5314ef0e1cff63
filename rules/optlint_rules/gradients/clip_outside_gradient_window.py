"""Gradients are clipped where there are none that an update will use.

Clipping acts on the gradients of this moment: between the backward, which makes them, and the step, which uses them.
Before the backward there are none yet, after the step they have been used, and after `zero_grad()` they are gone. The
run is then the same, bit for bit, as one without any clipping: in a measured run with a limit of 0.1 the largest update
was 0.60 where it should have been 0.01. Nothing is said, but `clip_grad_value_` may raise where no gradient is left.

## Example

```python
import torch
from torch import nn

model = nn.LSTM(4, 8)
optimizer = torch.optim.SGD(model.parameters(), lr=0.5)

for step in range(100):
    x = torch.randn(20, 16, 4)
    optimizer.zero_grad()
    output, _ = model(x)
    loss = (output.mean(dim=2) - x.mean(dim=2)).pow(2).mean()
    loss.backward()
    optimizer.step()
    nn.utils.clip_grad_norm_(model.parameters(), max_norm=0.1)
```

## Use instead

```python
import torch
from torch import nn

model = nn.LSTM(4, 8)
optimizer = torch.optim.SGD(model.parameters(), lr=0.5)

for step in range(100):
    x = torch.randn(20, 16, 4)
    optimizer.zero_grad()
    output, _ = model(x)
    loss = (output.mean(dim=2) - x.mean(dim=2)).pow(2).mean()
    loss.backward()
    nn.utils.clip_grad_norm_(model.parameters(), max_norm=0.1)
    optimizer.step()
```

## When the code is right

These are not reported:

- A limit of infinity, which only measures the norm, wherever it stands.
- Another network's clipping, or parameters that another optimizer has yet to step.
- Another optimizer of the same network, stepped elsewhere, whose gradients may still wait for its step.
- A clipping after each of several backwards that accumulate.
- Code that gave model or optimizer to something which cannot be seen: gradients may come from there.
- A function that clips and steps, whose gradients come from its caller.

## Fix safety

The fix moves the clipping directly above the step. It is unsafe because updates become smaller, as they were meant to
be; the limit never acted so far, and may be too low.

There is no fix where the two stand in different blocks, and where a `GradScaler` steps that does not unscale first.

## Evidence

A replay compares the gradient that each update consumes with the clipped one. On torch 2.13, clipping before the
backward and after the step gave the parameters of a run without clipping, bit for bit, for norms and for values.

## References

- `clip_grad_norm_`: https://docs.pytorch.org/docs/stable/generated/torch.nn.utils.clip_grad_norm_.html
- `clip_grad_value_`: https://docs.pytorch.org/docs/stable/generated/torch.nn.utils.clip_grad_value_.html
- Taking an optimization step: https://docs.pytorch.org/docs/stable/optim.html#taking-an-optimization-step
"""

from __future__ import annotations

import ast

from optlint.api import (
    OPTIMIZER,
    UNSAFE,
    Act,
    Editor,
    Edits,
    Entry,
    Event,
    EventPattern,
    Evidence,
    Level,
    Optimizer,
    Repair,
    Response,
    Rule,
    Violation,
    canonical,
    enclosing,
    enclosing_statement,
    parent,
    same_function,
)
from optlint_rules.gradients.accumulation import steps
from optlint_rules.gradients.clipping import limits
from optlint_rules.order.clearing import surely_concerns

_GRADIENTS = EventPattern(OPTIMIZER, frozenset((Act.BACKWARD, Act.SET_GRADIENT, Act.CHANGE_GRADIENT)))


def _level(violation: Violation) -> Level | None:
    """Parameters that another optimizer holds, or may hold, may be waiting for that one's step."""
    assert violation.entry is not None
    clipping, own = violation.roles["before"], violation.binding.optimizer
    if violation.roles["trigger"].act is Act.CLEAR and _is_followed_by_step(violation):
        return None  # the clearing stands in the wrong place, which is another rule's
    for other in violation.entry.optimizers:
        if other is own or _is_stepped_alike(violation.entry, other, own):
            continue
        if not _may_step_next(violation.entry, other, clipping):
            continue
        if not other.complete or any(map(other.holds, clipping.models())):
            return None
    return Level.ERROR


def _may_step_next(entry: Entry, other: Optimizer, clipping: Event) -> bool:
    """Whether another optimizer may step with the gradients that are clipped: in a loop around, or further down.

    Further down it does not where it clears them first. One that is not seen to step may do so anywhere.
    """
    own = steps(entry, other)
    around, events = enclosing(entry, clipping), list(entry.events)
    after = events[events.index(clipping) :]
    for step in own:
        if any(region in around for region in enclosing(entry, step)):
            return True
        before = after[: after.index(step)] if step in after else ()
        cleared = any(event.act is Act.CLEAR and other in map(canonical, event.subjects) for event in before)
        if step in after and not cleared:
            return True
    return not own


def _is_stepped_alike(entry: Entry, other: Optimizer, own: Optimizer) -> bool:
    """Whether two optimizers hold the same and go by one name, so that each step of the one may be the other's."""
    escaped = {canonical(subject) for event in entry.having(Act.ESCAPE) for subject in event.subjects}
    same = own.complete and other.complete and bool(own.sources) and {*own.sources} == {*other.sources}
    if not same or own.label != other.label or other in escaped:
        return False
    return _places_of_steps(entry, other) <= _places_of_steps(entry, own)


def _places_of_steps(entry: Entry, optimizer: Optimizer) -> set[ast.AST]:
    return {event.place.node for event in steps(entry, optimizer)}


def _is_followed_by_step(violation: Violation) -> bool:
    """Whether the step comes next after the clipping, with no backward in between."""
    assert violation.entry is not None
    events = list(violation.entry.events)
    after = events[events.index(violation.roles["before"]) :]
    following = next((event for event in after if event.act in (Act.BACKWARD, Act.STEP)), None)
    return following is not None and following.act is Act.STEP


def _wording(violation: Violation, level: Level) -> dict[str, str]:
    return {"how": "has cleared them" if violation.roles["trigger"].act is Act.CLEAR else "has used them"}


def _before_step(violation: Violation, editor: Editor) -> Edits | None:
    clipping = violation.roles["before"].place
    statement = _movable(violation.roles["before"])
    if statement is None:
        return None
    for event in _steps(violation):
        target = enclosing_statement(event.place)
        if not same_function(event.place, clipping) or not editor.same_block(statement, target):
            continue
        if event.detail == "scaler" and not any(True for _ in violation.entry.having(Act.UNSCALE)):  # type: ignore[union-attr]
            return None
        if statement.lineno < target.lineno and _is_read(statement, editor.statements_between(statement, target)):
            return None
        return editor.move_before(statement, target)
    return None


def _steps(violation: Violation) -> list[Event]:
    assert violation.entry is not None
    own = violation.binding.optimizer
    steps = violation.entry.having(Act.STEP)
    return [event for event in steps if any(canonical(subject) is own for subject in event.subjects)]


def _movable(clipping: Event) -> ast.stmt | None:
    """Return the statement that clips, with a condition around it that is about nothing else."""
    statement = enclosing_statement(clipping.place)
    if not isinstance(statement, ast.Expr | ast.Assign) or statement.value is not clipping.place.node:
        return None
    owner = parent(clipping.place.module, statement)
    if isinstance(owner, ast.If) and owner.body == [statement] and not owner.orelse:
        return owner
    return statement


def _is_read(statement: ast.stmt, others: tuple[ast.stmt, ...]) -> bool:
    """Whether other statements read what a statement assigns."""
    stored = {node.id for node in ast.walk(statement) if isinstance(node, ast.Name) and isinstance(node.ctx, ast.Store)}
    read = {node.id for other in others for node in ast.walk(other) if isinstance(node, ast.Name)}
    return bool(stored & read)


RULE = Rule(
    code="OPT505",
    level=Level.ERROR,
    message="nothing is clipped: `{before}` finds no gradients to come, for `{trigger}` {how}",
    triggers=(("clip_grad", "torch"), ("optimizer", "torch"), ("optim.", "torch"), ("torch.optim",)),
    property=Response(
        trigger=EventPattern(OPTIMIZER, frozenset((Act.STEP, Act.CLEAR)), sure=surely_concerns),
        response=_GRADIENTS,
        before=EventPattern(OPTIMIZER, frozenset((Act.CLIP,)), limits),
        armed_by=_GRADIENTS,
    ),
    judge=_level,
    wording=_wording,
    repair=Repair("Clip between the backward and the step", UNSAFE, _before_step),
    evidence=Evidence.GRADIENT,
)
