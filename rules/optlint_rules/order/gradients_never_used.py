"""Gradients are made that no step uses, or steps are made that no gradient comes to.

A backward without a step of the optimizer moves nothing, and the gradients grow in vain. A step without any backward
finds all gradients to be None and passes over them, with every optimizer and without a word. Either way the parameters
moved by exactly 0.0 in the measured runs, and the loss that is printed is the one of the first values.

## Example

```python
import torch
from torch import nn

model = nn.Sequential(nn.Linear(4, 8), nn.ReLU(), nn.Linear(8, 1))
optimizer = torch.optim.Adam(model.parameters(), lr=1e-3)

for step in range(100):
    x = torch.randn(16, 4)
    optimizer.zero_grad()
    loss = (model(x) - x.sum(dim=1, keepdim=True)).pow(2).mean()
    loss.backward()
    print(step, loss.item())
```

## Use instead

```python
import torch
from torch import nn

model = nn.Sequential(nn.Linear(4, 8), nn.ReLU(), nn.Linear(8, 1))
optimizer = torch.optim.Adam(model.parameters(), lr=1e-3)

for step in range(100):
    x = torch.randn(16, 4)
    optimizer.zero_grad()
    loss = (model(x) - x.sum(dim=1, keepdim=True)).pow(2).mean()
    loss.backward()
    optimizer.step()
    print(step, loss.item())
```

## When the code is right

These are not reported:

- An optimizer, or a model, that goes where one cannot follow: a function of another package, an attribute of an object
  that others may use, a list or a dict. Functions and classes of the project are followed, and so is an attribute where
  the optimizer clears the gradients in the loop that makes them. A function of another package that
  gets the model behind that loop sees the last gradients alone.
- Updates that are made by hand from `.grad`, and gradients that are looked at for their own sake.
- Gradients that are written by hand, made by `torch.autograd.grad` alone, or in a closure.
- Another optimizer over the same parameters, whose steps may use the gradients.
- An optimizer that does not even clear its gradients, while others step: it is for another phase.
- `optimizer.step` without `()`: that is OPT107.

## Fix safety

There is no fix: what is missing, and where, is not in the code.

## Evidence

A replay watches which parameters an update moves: there is no update that the backwards could serve, or none of the
updates moves anything.

## References

- Taking an optimization step: https://docs.pytorch.org/docs/stable/optim.html#taking-an-optimization-step
- `torch.Tensor.backward`: https://docs.pytorch.org/docs/stable/generated/torch.Tensor.backward.html
"""

from __future__ import annotations

import ast

from optlint.api import (
    OPTIMIZER,
    Act,
    Confidence,
    Event,
    Evidence,
    Level,
    Object,
    Optimizer,
    Rule,
    Used,
    Violation,
    backward,
    canonical,
    enclosing,
    step,
)
from optlint_rules.order.following import stays_in_sight

_ASKED = frozenset(("zero_grad", "param_groups", "state_dict", "load_state_dict", "add_param_group", "defaults"))
_BY_HAND = frozenset(("grad", "register_hook", "register_post_accumulate_grad_hook"))


def _level(violation: Violation) -> Level | None:
    assert violation.entry is not None
    begun, optimizer = violation.roles["begun"], violation.binding.optimizer
    is_idle = _is_idle(violation)
    if not (is_idle or _is_known(optimizer)) or not _stays(violation, optimizer):
        return None
    nodes = list(violation.program.nodes())
    if any(isinstance(node, ast.Attribute) and _is_by_hand(node, begun) for node in nodes):
        return None
    if begun.act is Act.BACKWARD:
        return Level.WARNING if is_idle or (begun.known and _trains_alone(violation)) else None
    if not enclosing(violation.entry, begun):
        return None
    if any(isinstance(node, ast.Attribute | ast.Name) and "backward" in ast.unparse(node) for node in nodes):
        return None
    if any(event.act is Act.BACKWARD or event.detail == "backward" for event in violation.entry.events):
        return None  # of something else, or of nothing: other rules say which
    return Level.WARNING if any(_trains(event, violation) for event in violation.entry.events) else None


def _is_by_hand(node: ast.Attribute, begun: Event) -> bool:
    """Whether gradients are handled by hand; `torch.autograd.grad` leaves those that a backward makes as they are."""
    if begun.act is Act.BACKWARD and node.attr == "grad" and ast.unparse(node.value).endswith("autograd"):
        return False
    return node.attr in _BY_HAND


def _is_of_torch(optimizer: Optimizer) -> bool:
    return optimizer.confidence is Confidence.CERTAIN and optimizer.info is None and optimizer.place is not None


def _is_known(optimizer: Optimizer) -> bool:
    models = [source.model.root() for source in optimizer.sources]
    known = all(model.confidence is Confidence.CERTAIN and model.place is not None for model in models)
    return _is_of_torch(optimizer) and known and optimizer.complete and bool(models)


def _is_idle(violation: Violation) -> bool:
    """Whether an optimizer clears gradients in a loop that makes some, and nothing steps anywhere.

    Then it matters little which parameters it holds: no others come to use the gradients.
    """
    assert violation.entry is not None
    steps = any(True for _ in violation.entry.having(Act.STEP))
    return not steps and _is_of_torch(violation.binding.optimizer) and _clears_what_is_made(violation)


def _clears_what_is_made(violation: Violation) -> bool:
    """Whether an optimizer clears gradients in a loop that makes some: who steps it must do so there."""
    entry = violation.entry
    assert entry is not None
    made = [region for event in entry.having(Act.BACKWARD) for region in enclosing(entry, event)]
    clearings = (event for event in entry.having(Act.CLEAR) if _clears(event, violation))
    return any(any(region in made for region in enclosing(entry, event)) for event in clearings)


def _clears(event: Event, violation: Violation) -> bool:
    """Whether gradients are cleared by the optimizer itself, or by a module that it holds."""
    return violation.binding.optimizer in _subjects(event) or any(map(violation.binding.holds, event.models()))


def _stays(violation: Violation, optimizer: Optimizer) -> bool:
    """Whether one can see all that is done with the optimizer."""
    assert violation.entry is not None
    asked = _ASKED | {"step"} if violation.roles["begun"].act is Act.STEP else _ASKED
    return stays_in_sight(optimizer, violation.entry, violation.program, asked, in_file=_clears_what_is_made(violation))


def _trains_alone(violation: Violation) -> bool:
    """Whether backwards in a loop make gradients for the optimizer, and nothing else for those that step."""
    entry = violation.entry
    assert entry is not None
    gradients = [
        event
        for event in entry.having(Act.BACKWARD)
        if event.known and any(map(violation.binding.holds, event.models()))
    ]
    if not any(enclosing(entry, event) for event in gradients):
        return False
    others = list(entry.having(Act.STEP))
    if any(not isinstance(each, Optimizer) or not each.complete for event in others for each in _subjects(event)):
        return False
    if any(not event.subjects for event in others):
        return False
    if others and not _is_cleared(violation):
        return False
    return not any(_may_use(step, gradient, violation) for step in others for gradient in gradients)


def _subjects(event: Event) -> list[Object]:
    return list(map(canonical, event.subjects))


def _is_cleared(violation: Violation) -> bool:
    """Whether the optimizer is meant to work beside the others.

    It clears the gradients in a loop itself, or its modules do where they have a loss of their own.
    """
    entry, optimizer, holds = violation.entry, violation.binding.optimizer, violation.binding.holds
    assert entry is not None
    clearings = [event for event in entry.having(Act.CLEAR) if enclosing(entry, event)]
    if any(optimizer in _subjects(event) for event in clearings):
        return True
    own = any(event.known and all(map(holds, event.models())) for event in entry.having(Act.BACKWARD))
    return own and any(_clears(event, violation) for event in clearings)


def _may_use(step: Event, gradient: Event, violation: Violation) -> bool:
    """Whether a step of another optimizer over the same parameters may use a gradient."""
    entry, optimizer = violation.entry, violation.binding.optimizer
    assert entry is not None
    others = [
        each
        for each in _subjects(step)
        if isinstance(each, Optimizer)
        and any(one.model.overlaps(two.model) for one in optimizer.sources for two in each.sources)
    ]
    if not others:
        return False
    around = enclosing(entry, step)
    if any(region in around for region in enclosing(entry, gradient)):
        return True
    events = list(entry.events)
    first, last = events.index(gradient), events.index(step)
    cleared = any(
        event.act is Act.CLEAR and event.known and any(each in _subjects(event) for each in others)
        for event in events[first:last]
    )
    return first < last and not cleared


def _trains(event: Event, violation: Violation) -> bool:
    """Whether a module of the optimizer runs with gradients, in a loop."""
    assert violation.entry is not None
    if event.act is not Act.FORWARD or event.detail == "no_grad" or not enclosing(violation.entry, event):
        return False
    return any(map(violation.binding.holds, event.models()))


def _wording(violation: Violation, level: Level) -> dict[str, str]:
    assert violation.entry is not None
    if violation.roles["begun"].act is Act.STEP:
        return {"effect": "nothing is learned", "what": "never finds a gradient, for nothing makes any"}
    if any(True for _ in violation.entry.having(Act.STEP)):
        label = violation.binding.optimizer.label
        return {
            "effect": f"what `{label}` holds learns nothing",
            "what": "makes gradients for it that no step uses",
        }
    return {"effect": "nothing is learned", "what": "makes gradients that no step uses"}


RULE = Rule(
    code="OPT106",
    level=Level.WARNING,
    message="{effect}: `{begun}` {what}",
    triggers=(("optimizer", "torch"), ("optim.", "torch"), ("torch.optim",)),
    property=Used(begun=backward(OPTIMIZER), use=step(OPTIMIZER), mutual=True),
    judge=_level,
    wording=_wording,
    evidence=Evidence.MOVED,
)
