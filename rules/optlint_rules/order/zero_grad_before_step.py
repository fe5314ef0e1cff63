"""The gradients are cleared between the backward and the step that should use them.

The optimizer finds no gradients, and no parameter moves: 0.0 for every optimizer that was measured. With
`zero_grad(set_to_none=False)` the only thing that still acts is weight decay, which shrinks the weights towards
zero. With a `GradScaler` the step raises `AssertionError: No inf checks were recorded for this optimizer.`

## Example

```python
import torch
from torch import nn

model = nn.Sequential(nn.Linear(10, 20), nn.ReLU(), nn.Linear(20, 3))
criterion = nn.CrossEntropyLoss()
optimizer = torch.optim.Adam(model.parameters(), lr=1e-3)

for step in range(100):
    inputs = torch.randn(32, 10)
    labels = inputs[:, :3].argmax(dim=1)
    outputs = model(inputs)
    loss = criterion(outputs, labels)
    loss.backward()
    optimizer.zero_grad()
    optimizer.step()
```

## Use instead

```python
import torch
from torch import nn

model = nn.Sequential(nn.Linear(10, 20), nn.ReLU(), nn.Linear(20, 3))
criterion = nn.CrossEntropyLoss()
optimizer = torch.optim.Adam(model.parameters(), lr=1e-3)

for step in range(100):
    inputs = torch.randn(32, 10)
    labels = inputs[:, :3].argmax(dim=1)
    optimizer.zero_grad()
    outputs = model(inputs)
    loss = criterion(outputs, labels)
    loss.backward()
    optimizer.step()
```

## When the code is right

These are not reported:

- Another optimizer's `zero_grad()` between the two, as in a GAN, or another network's.
- A second backward between the clearing and the step: sharpness-aware training, or a first backward for the log.
- Gradients taken out before the clearing and written back by hand.
- A clearing on a path that does not reach this step (a bad batch is cleared and skipped by `continue`), or on one
  of several paths only.
- `zero_grad()` between forward and backward, and after the step.

## Fix safety

The fix moves the call above the forward of the same block. It is unsafe because the program, which trained nothing
so far, now trains: that is its purpose.

There is no fix where the block has no forward, as under an accumulation guard: above the forward in the outer block
the call would clear in every micro-batch.

## Evidence

A replay watches which parameters an update moves. On torch 2.13, over 5 updates, none of the optimizers moves
anything with the default `zero_grad()`; with `set_to_none=False` SGD with a weight decay of 0.1 moves by 2.3e-2 and
AdamW by 2.4e-4, by decay alone. After the fix the parameters move as in the reference loop.

## References

- Taking an optimization step: https://docs.pytorch.org/docs/stable/optim.html#taking-an-optimization-step
- `torch.optim.Optimizer.zero_grad`: https://docs.pytorch.org/docs/stable/generated/torch.optim.Optimizer.zero_grad.html
- `torch.optim.Optimizer.step`: https://docs.pytorch.org/docs/stable/generated/torch.optim.Optimizer.step.html
- Automatic mixed precision examples: https://docs.pytorch.org/docs/stable/notes/amp_examples.html
"""

from __future__ import annotations

import ast

from optlint.api import (
    OPTIMIZER,
    UNSAFE,
    Act,
    Binding,
    Editor,
    Edits,
    Event,
    EventPattern,
    Evidence,
    Level,
    Place,
    Repair,
    Response,
    Rule,
    Violation,
    enclosing_statement,
    same_function,
    step,
)
from optlint_rules.order.clearing import surely_concerns
from optlint_rules.order.first_step import steps_first
from optlint_rules.order.forward import forward_statement


def _whole(event: Event, binding: Binding) -> bool:
    """A call of `zero_grad`: loops over single gradients may well mean only some of them."""
    node = event.place.node
    return isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute) and node.func.attr == "zero_grad"


def _place(violation: Violation) -> Place:
    return violation.roles["trigger"].place


def _level(violation: Violation) -> Level | None:
    """A step before the first backward of its loop is another fault, with another remedy."""
    return None if steps_first(violation, violation.roles["before"]) else Level.ERROR


def _before_forward(violation: Violation, editor: Editor) -> Edits | None:
    clearing = violation.roles["trigger"].place
    statement = enclosing_statement(clearing)
    if not isinstance(statement, ast.Expr) or statement.value is not clearing.node:
        return None
    gradient = next((event for event in reversed(_before(violation)) if event.act is Act.BACKWARD), None)
    if (
        gradient is None
        or not same_function(gradient.place, clearing)
        or not editor.same_block(gradient.place.node, statement)
    ):
        return None
    return editor.move_before(statement, forward_statement(violation, gradient.place))


def _before(violation: Violation) -> list[Event]:
    """Return the events of the entry that stand before the clearing."""
    assert violation.entry is not None
    events = list(violation.entry.events)
    return events[: events.index(violation.roles["trigger"])]


RULE = Rule(
    code="OPT104",
    level=Level.ERROR,
    message="nothing is learned: `{trigger}` clears the gradients that `{before}` is to use",
    triggers=((".zero_grad(", ".step(", "backward("), ("optimizer", "torch"), ("optim.", "torch"), ("torch.optim",)),
    property=Response(
        trigger=EventPattern(OPTIMIZER, frozenset((Act.CLEAR,)), _whole, surely_concerns),
        response=EventPattern(OPTIMIZER, frozenset((Act.BACKWARD, Act.SET_GRADIENT))),
        before=step(OPTIMIZER),
        armed_by=EventPattern(OPTIMIZER, frozenset((Act.BACKWARD, Act.SET_GRADIENT))),
        once=True,
    ),
    judge=_level,
    place=_place,
    repair=Repair("Clear the gradients before the forward", UNSAFE, _before_forward),
    evidence=Evidence.MOVED,
)
