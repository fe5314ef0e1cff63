"""The model goes into evaluation mode in the epoch loop, and never back into training mode.

`model.eval()` holds until `model.train()` is called. Called once before the loop, `train()` reaches as far as the
first validation: from the second epoch on dropout is off, and batch normalisation uses running statistics that are
frozen as they were after one epoch (measured: a running mean of 0.750 in each later epoch, where 1.256 is reached).
Nothing is raised, and the gradients flow: the model just trains on without its regularisation.

## Example

```python
import torch
from torch import nn

model = nn.Sequential(nn.Linear(10, 20), nn.ReLU(), nn.Dropout(0.5), nn.Linear(20, 3))
criterion = nn.CrossEntropyLoss()
optimizer = torch.optim.SGD(model.parameters(), lr=0.1)
x, y = torch.randn(64, 10), torch.randint(0, 3, (64,))

model.train()
for epoch in range(10):
    for start in range(0, 64, 16):
        optimizer.zero_grad()
        loss = criterion(model(x[start : start + 16]), y[start : start + 16])
        loss.backward()
        optimizer.step()
    model.eval()
    with torch.no_grad():
        print(epoch, criterion(model(x), y).item())
```

## Use instead

```python
import torch
from torch import nn

model = nn.Sequential(nn.Linear(10, 20), nn.ReLU(), nn.Dropout(0.5), nn.Linear(20, 3))
criterion = nn.CrossEntropyLoss()
optimizer = torch.optim.SGD(model.parameters(), lr=0.1)
x, y = torch.randn(64, 10), torch.randint(0, 3, (64,))

model.train()
for epoch in range(10):
    model.train()
    for start in range(0, 64, 16):
        optimizer.zero_grad()
        loss = criterion(model(x[start : start + 16]), y[start : start + 16])
        loss.backward()
        optimizer.step()
    model.eval()
    with torch.no_grad():
        print(epoch, criterion(model(x), y).item())
```

## When the code is right

These are not reported:

- `train()` anywhere in the loop, in a helper too, under a condition too, and whatever unknown code may do with the
  model.
- `eval()` before the training of each epoch, or of a part of the model: batch statistics are frozen on purpose.
- A model that is made anew in each pass of the loop (folds, trials), and an `eval()` in the last epoch, or before
  the loop is left.
- Models whose layers are all visible and know no modes: no dropout, no normalisation over the batch.

## Fix safety

The fix puts `train()` at the top of the loop. It is unsafe because the model trains with dropout and batch statistics
again in all epochs, which is the intent. It is offered where the loop's function has a name for the model.

## Evidence

No replay: the modes change what layers do that a replay has no need of. On torch 2.13, over three epochs, the norm of
the running mean went 0.858, ..., 1.256 with `train()` in each epoch, and stayed at 0.750 without. A model without such
layers came out bit for bit the same.

## References

- `torch.nn.Module.eval`: https://docs.pytorch.org/docs/stable/generated/torch.nn.Module.html#torch.nn.Module.eval
- `torch.nn.Module.train`: https://docs.pytorch.org/docs/stable/generated/torch.nn.Module.html#torch.nn.Module.train
- Evaluation mode: https://docs.pytorch.org/docs/stable/notes/autograd.html#evaluation-mode-nn-module-eval
"""

from __future__ import annotations

import ast

from optlint.api import (
    OPTIMIZER,
    UNSAFE,
    Act,
    Binding,
    Confidence,
    Editor,
    Edits,
    Entry,
    Event,
    EventPattern,
    Evidence,
    Level,
    Model,
    Place,
    Repair,
    Response,
    Rule,
    Violation,
    backward,
    canonical,
    enclosing,
    new,
    parent,
    step,
)
from optlint_rules.gradients.modes import knows_no_modes
from optlint_rules.gradients.names_at_loops import name_at


def _whole(event: Event, binding: Binding) -> bool:
    """Whether all that the optimizer trains of a model goes into evaluation mode."""
    return any(
        model.confidence is not Confidence.NAME and source.model.within(model)
        for model in event.models()
        for source in binding.optimizer.sources
    )


def _loop(violation: Violation) -> Place | None:
    """Return the innermost loop around both the evaluation mode and the step that follows it."""
    entry = violation.entry
    assert entry is not None
    around = [enclosing(entry, violation.roles[role]) for role in ("trigger", "before")]
    shared = [a for a, b in zip(*around, strict=False) if a is b]
    return _statement(shared[-1]) if shared else None


def _statement(region: object) -> Place | None:
    """Return the statement of a loop; none is there for comprehensions."""
    place = getattr(region, "place", None)
    assert isinstance(place, Place)
    node = place.node if isinstance(place.node, ast.While) else parent(place.module, place.node)
    return Place(place.module, node) if isinstance(node, ast.For | ast.While) else None


def _within(entry: Entry, loop: Place, *acts: Act) -> list[Event]:
    """Return the events of some acts that happen in a loop."""
    return [
        event for event in entry.having(*acts) if any(_statement(region) == loop for region in enclosing(entry, event))
    ]


def _level(violation: Violation) -> Level | None:
    entry, off, stepped = violation.entry, violation.roles["trigger"], violation.roles["before"]
    assert entry is not None
    loop = _loop(violation)
    models = [
        model for model in off.models() if any(s.model.within(model) for s in violation.binding.optimizer.sources)
    ]
    if loop is None or not models or all(knows_no_modes(model) for model in models):
        return None
    order = {event: index for index, event in enumerate(entry.events)}
    steps = [
        event
        for event in _within(entry, loop, Act.STEP)
        if violation.binding.optimizer in map(canonical, event.subjects)
    ]
    if stepped not in steps or order[off] < min(order[event] for event in steps):
        return None  # evaluation mode comes first: on purpose, as far as one can tell
    modes = [event for event in entry.having(Act.TRAIN, Act.EVAL) if _may_be_of(event, models)]
    inside = set(_within(entry, loop, Act.TRAIN, Act.EVAL))
    first = min(order[event] for event in steps)
    if any(event.act is Act.TRAIN or order[event] < first for event in modes if event in inside):
        return None
    before = [event for event in modes if event not in inside and order[event] < first]
    if before and before[-1].act is Act.EVAL:
        return None
    others = _within(entry, loop, Act.ESCAPE, Act.SET_ATTRIBUTE)
    if any(_may_be_of(event, models) and (event.act is Act.ESCAPE or event.detail == "training") for event in others):
        return None
    return None if _is_of_the_end(off, loop) else Level.WARNING


def _may_be_of(event: Event, models: list[Model]) -> bool:
    """Whether an event concerns one of the models, or what may be one of them under another name."""
    return any(
        other.overlaps(model) or other.root().confidence is not Confidence.CERTAIN or other.root().place is None
        for other in event.models()
        for model in models
    )


def _is_of_the_end(off: Event, loop: Place) -> bool:
    """Whether the loop gets to the evaluation mode in its last pass only."""
    for place in (off.place, *off.stack):
        node, inner = parent(place.module, place.node), place.node
        while node is not None and node is not loop.node:
            if isinstance(node, ast.If) and inner in node.body and isinstance(node.test, ast.Compare):
                if isinstance(node.test.ops[0], ast.Eq) and _is_last(node.test.comparators[0]):
                    return True
            inner, node = node, parent(place.module, node)
    return False


def _is_last(value: ast.expr) -> bool:
    match value:
        case ast.BinOp(op=ast.Sub(), right=ast.Constant(value=1)) | ast.Name() | ast.Attribute():
            return True
        case _:
            return False


def _place(violation: Violation) -> Place:
    return violation.roles["trigger"].place


def _train_again(violation: Violation, editor: Editor) -> Edits | None:
    loop = _loop(violation)
    name = name_at(loop, violation.roles["trigger"]) if loop is not None else None
    if loop is None or name is None or loop.module is not violation.at.module:
        return None
    assert isinstance(loop.node, ast.For | ast.While)
    return editor.insert_before(loop.node.body[0], f"{name}.train()")


RULE = Rule(
    code="OPT512",
    level=Level.WARNING,
    message="dropout and batch normalisation, if there are any, stay in evaluation mode after the first pass of the "
    "loop: no `train()` follows `{trigger}`",
    triggers=(("optimizer", "torch"), ("optim.", "torch"), ("torch.optim",)),
    property=Response(
        trigger=EventPattern(OPTIMIZER, frozenset((Act.EVAL,)), _whole),
        response=EventPattern(OPTIMIZER, frozenset((Act.TRAIN,))),
        before=step(OPTIMIZER),
        armed_by=backward(OPTIMIZER),
        disarmed_by=new(OPTIMIZER),
        definite=False,
    ),
    judge=_level,
    place=_place,
    repair=Repair("Go into training mode at the top of the loop", UNSAFE, _train_again),
    evidence=Evidence.TEXT,
)
