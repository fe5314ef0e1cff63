"""The optimizer steps before the backward whose gradients it should use.

The first step finds no gradients. What becomes of the others depends on where they are cleared. If that happens
between a backward and the next step, no step ever finds any: the parameters moved by 0.0 in 30 iterations. If it
happens between the step and the backward, each gradient is used one iteration late and the last one never: 30
iterations make the 29 updates of the right loop, bit for bit. If the forward comes before the step as well, the
backward raises `one of the variables needed for gradient computation has been modified by an inplace operation`.

## Example

```python
import torch
from torch import nn

model = nn.Sequential(nn.Linear(6, 12), nn.Tanh(), nn.Linear(12, 1))
optimizer = torch.optim.SGD(model.parameters(), lr=0.05)

for _ in range(30):
    inputs = torch.randn(16, 6)
    targets = inputs.mean(dim=1, keepdim=True)
    optimizer.zero_grad()
    optimizer.step()
    loss = nn.functional.mse_loss(model(inputs), targets)
    loss.backward()
```

## Use instead

```python
import torch
from torch import nn

model = nn.Sequential(nn.Linear(6, 12), nn.Tanh(), nn.Linear(12, 1))
optimizer = torch.optim.SGD(model.parameters(), lr=0.05)

for _ in range(30):
    inputs = torch.randn(16, 6)
    targets = inputs.mean(dim=1, keepdim=True)
    optimizer.zero_grad()
    loss = nn.functional.mse_loss(model(inputs), targets)
    loss.backward()
    optimizer.step()
```

## When the code is right

These are not reported:

- A step under a condition that leaves the first iteration out (`if i > 0:`), and one that ends an accumulation.
- Gradients that a backward before the loop has made, for a pipeline that is one batch ahead.
- A closure, which runs the backward inside the step.
- Gradients that are written by hand, or made in code that cannot be seen.
- One step before the loop, which only keeps torch from warning about the order of scheduler and optimizer.
- Another optimizer's backward behind this one's step, as in a GAN.

## Fix safety

Shown, never applied: the step belongs behind the backward, but a loop that delays its gradients on purpose looks the
same. There is none where a clipping or a step of the schedule would have to move along.

## Evidence

A replay watches which parameters an update moves. On torch 2.13, over 30 iterations: `zero_grad, step, backward`
and `step, backward, zero_grad` move nothing; `step, zero_grad, backward` leads to where the right order is after 29
iterations, to the last bit; `forward, step, zero_grad, backward` raises in the second iteration.

## References

- Taking an optimization step: https://docs.pytorch.org/docs/stable/optim.html#taking-an-optimization-step
- In-place correctness checks: https://docs.pytorch.org/docs/stable/notes/autograd.html#in-place-correctness-checks
"""

from __future__ import annotations

import ast
import enum

from optlint.api import (
    DISPLAY,
    Act,
    Confidence,
    Editor,
    Edits,
    Event,
    Evidence,
    Level,
    Model,
    Repair,
    Rule,
    Violation,
    enclosing_statement,
)
from optlint_rules.order.first_step import STEP_FIRST, iteration


class _Outcome(enum.Enum):
    """What the order leads to; the words before and behind the two calls."""

    LOST = ("nothing is learned", ", and the gradients are cleared before the next step")
    RAISES = ("the backward raises an exception", ", and changes what the forward has used")
    LATE = ("the last gradient is never used", ", so that each update comes one iteration late")


def _outcome(violation: Violation) -> _Outcome:
    early, late = violation.roles["early"], violation.roles["late"]
    events = iteration(violation, early, late)
    first, last = events.index(early), events.index(late)
    if _cleared(violation, events[last + 1 :]) or _cleared(violation, events[:first]):
        return _Outcome.LOST
    before, between = _forwards(violation, events[:first]), _forwards(violation, events[first:last])
    if late.known and before and not between and not all(map(_is_one_layer, before)):
        return _Outcome.RAISES
    return _Outcome.LATE


def _cleared(violation: Violation, events: list[Event]) -> bool:
    binding = violation.binding
    return any(
        event.act is Act.CLEAR
        and (binding.optimizer in event.subjects or any(map(binding.holds, event.models())) or not event.known)
        for event in events
    )


def _forwards(violation: Violation, events: list[Event]) -> list[Model]:
    return [
        model
        for event in events
        if event.act is Act.FORWARD and event.detail != "no_grad"
        for model in event.models()
        if violation.binding.holds(model)
    ]


def _is_one_layer(model: Model) -> bool:
    """Whether a module is a layer of torch alone, whose backward needs none of its parameters."""
    call = model.place.node if model.place is not None else None
    return model.info is None and not model.parts and isinstance(call, ast.Call)


def _level(violation: Violation) -> Level | None:
    if violation.binding.optimizer.confidence is Confidence.NAME:
        return None
    return Level.WARNING if _outcome(violation) is _Outcome.LATE else Level.ERROR


def _wording(violation: Violation, level: Level) -> dict[str, str]:
    outcome, why = _outcome(violation).value
    return {"outcome": outcome, "why": why}


def _behind(violation: Violation, editor: Editor) -> Edits | None:
    early, late = violation.roles["early"], violation.roles["late"]
    step, backward = enclosing_statement(early.place), enclosing_statement(late.place)
    if not isinstance(step, ast.Expr) or step.value is not early.place.node:
        return None
    if early.place.module is not late.place.module or not editor.same_block(step, backward):
        return None
    if any(event.act in (Act.CLIP, Act.SCHEDULE) for event in iteration(violation, early, late)):
        return None
    return editor.move_after(step, backward)


RULE = Rule(
    code="OPT105",
    level=Level.ERROR,
    message="{outcome}: `{early}` runs before `{late}`{why}",
    triggers=((".step(", "backward("), ("optimizer", "torch"), ("optim.", "torch"), ("torch.optim",)),
    property=STEP_FIRST,
    judge=_level,
    wording=_wording,
    repair=Repair("Step the optimizer behind the backward", DISPLAY, _behind),
    evidence=Evidence.MOVED,
)
