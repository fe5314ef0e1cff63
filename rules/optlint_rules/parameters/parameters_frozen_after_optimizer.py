"""Parameters that are frozen during training keep a gradient, and the optimizer keeps moving them.

`requires_grad = False` stops new gradients; it does not remove the one that is there. An optimizer skips a parameter
only if its gradient is None. With `zero_grad(set_to_none=False)` the gradient becomes zero instead, and momentum,
moments and weight decay go on: in ten updates after the freeze a layer moved by 3.0 with SGD and momentum 0.9, by
0.07 with SGD and weight decay, by 0.06 with Adam and AdamW. A gradient that nobody clears is applied again and
again, by every optimizer (SGD with momentum: 14). With the default `zero_grad()` of torch 2.0 and later nothing
moves, and the rule is silent.

## Example
```python
import torch
from torch import nn, optim

model = nn.Sequential(nn.Linear(10, 20), nn.ReLU(), nn.Linear(20, 2))
optimizer = optim.SGD(model.parameters(), lr=0.1, momentum=0.9)

for epoch in range(10):
    if epoch == 5:
        for param in model[0].parameters():
            param.requires_grad = False
    for _ in range(10):
        inputs, labels = torch.randn(8, 10), torch.randint(0, 2, (8,))
        optimizer.zero_grad(set_to_none=False)
        loss = nn.functional.cross_entropy(model(inputs), labels)
        loss.backward()
        optimizer.step()
```

## Use instead
```python
import torch
from torch import nn, optim

model = nn.Sequential(nn.Linear(10, 20), nn.ReLU(), nn.Linear(20, 2))
optimizer = optim.SGD(model.parameters(), lr=0.1, momentum=0.9)

for epoch in range(10):
    if epoch == 5:
        for param in model[0].parameters():
            param.requires_grad = False
            param.grad = None
    for _ in range(10):
        inputs, labels = torch.randn(8, 10), torch.randint(0, 2, (8,))
        optimizer.zero_grad(set_to_none=False)
        loss = nn.functional.cross_entropy(model(inputs), labels)
        loss.backward()
        optimizer.step()
```

## When the code is right
- Gradients are cleared by the default `zero_grad()` before the next step, on torch 2.0 and newer. For a project that
  requires an older torch, where zeros were the default, the finding is made.
- The freeze comes before the first backward: there is no gradient yet.
- Plain SGD, without momentum and without weight decay: a zero moves nothing.
- The frozen parameters are in no optimizer that steps afterwards: a new optimizer for the next stage, a target
  network, an extractor, a GAN's discriminator while the generator learns.
- The gradient is dropped beside the freeze, or the training is over.

## Fix safety
Safe. The line is added directly after the freeze and drops a gradient that no backward will renew. What right code
computes stays the same: there, the gradient would not have been used.

## Evidence
The replay shows which parameters each update moves. Before the fix the frozen layer moves although
`requires_grad` is False (SGD with momentum 0.9: 0.46 in the first update after the freeze, 3.0 in ten); after it,
0.0. The other parameters move in both.

## References
- Optimizer.zero_grad, `set_to_none`: https://docs.pytorch.org/docs/stable/generated/torch.optim.Optimizer.zero_grad.html
- Setting requires_grad: https://docs.pytorch.org/docs/stable/notes/autograd.html#setting-requires-grad
"""

from __future__ import annotations

import ast

from optlint.api import (
    OPTIMIZER,
    SAFE,
    Act,
    Binding,
    Editor,
    Edits,
    Event,
    EventPattern,
    Evidence,
    Level,
    Optimizer,
    Place,
    Repair,
    Response,
    Rule,
    Violation,
    backward,
    enclosing_statement,
    freeze,
    step,
    tables,
)


def _to_none(event: Event, binding: Binding) -> bool:
    return event.act is Act.UNFREEZE or event.detail != "zero"


def _place(violation: Violation) -> Place:
    return violation.roles["trigger"].place


def _level(violation: Violation) -> Level | None:
    optimizer = violation.binding.optimizer
    assert violation.entry is not None
    zeroed = any(
        event.detail == "zero" and any(optimizer is subject or subject in event.models() for subject in event.subjects)
        for event in violation.entry.having(Act.CLEAR)
    )
    if zeroed and _still(optimizer):
        return None
    return Level.WARNING


def _still(optimizer: Optimizer) -> bool:
    """Whether zero gradients move nothing in this optimizer: no momentum, no weight decay, no running average."""
    if not optimizer.classes or not optimizer.classes <= tables().still_on_zero_gradient:
        return False
    call = optimizer.place.node if optimizer.place is not None else None
    if not isinstance(call, ast.Call) or len(call.args) > 2:
        return False
    return not any(keyword.arg in ("momentum", "weight_decay", None) for keyword in call.keywords)


def _drop_gradient(violation: Violation, editor: Editor) -> Edits | None:
    statement = enclosing_statement(violation.at)
    match statement:
        case ast.Assign(targets=[ast.Attribute(value=parameter, attr="requires_grad")]):
            return editor.insert_after(statement, f"{editor.text(parameter)}.grad = None")
        case _:
            return None


RULE = Rule(
    code="OPT202",
    level=Level.WARNING,
    message="frozen parameters go on moving: their gradients are still there when `{before}` runs",
    triggers=(("optimizer", "torch"), ("optim.", "torch"), ("torch.optim",)),
    property=Response(
        trigger=freeze(OPTIMIZER),
        response=EventPattern(OPTIMIZER, frozenset((Act.CLEAR, Act.UNFREEZE)), _to_none),
        before=step(OPTIMIZER),
        armed_by=backward(OPTIMIZER),
        disarmed_by=EventPattern(OPTIMIZER, frozenset((Act.CLEAR,)), _to_none),
        definite=False,
    ),
    judge=_level,
    place=_place,
    repair=Repair("Drop the gradient of what is frozen", SAFE, _drop_gradient),
    evidence=Evidence.MOVED,
)
