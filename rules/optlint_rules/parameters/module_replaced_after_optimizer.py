"""A part of the model is replaced after the optimizer was built: the new part never learns.

An optimizer holds Parameter objects, not their names. After `model.fc = nn.Linear(...)` it still holds those of the
old layer, which no forward uses any more; those of the new layer get gradients and move by exactly 0.0, while the
rest of the model learns around a random head. Nothing is raised. The same holds for `setattr`, for an item of a
Sequential, for `model.weight = nn.Parameter(...)`, for a layer added in `__init__` below the optimizer, and for
`load_state_dict(..., assign=True)`, which replaces every parameter at once.

## Example
```python
import torch
from torch import nn, optim


class Net(nn.Module):
    def __init__(self):
        super().__init__()
        self.body = nn.Linear(10, 20)
        self.fc = nn.Linear(20, 1000)

    def forward(self, x):
        return self.fc(self.body(x).relu())


model = Net()
optimizer = optim.SGD(model.parameters(), lr=0.1)
model.fc = nn.Linear(20, 2)

for _ in range(20):
    inputs, labels = torch.randn(8, 10), torch.randint(0, 2, (8,))
    optimizer.zero_grad()
    loss = nn.functional.cross_entropy(model(inputs), labels)
    loss.backward()
    optimizer.step()
```

## Use instead
```python
import torch
from torch import nn, optim


class Net(nn.Module):
    def __init__(self):
        super().__init__()
        self.body = nn.Linear(10, 20)
        self.fc = nn.Linear(20, 1000)

    def forward(self, x):
        return self.fc(self.body(x).relu())


model = Net()
model.fc = nn.Linear(20, 2)
optimizer = optim.SGD(model.parameters(), lr=0.1)

for _ in range(20):
    inputs, labels = torch.randn(8, 10), torch.randint(0, 2, (8,))
    optimizer.zero_grad()
    loss = nn.functional.cross_entropy(model(inputs), labels)
    loss.backward()
    optimizer.step()
```

## When the code is right
- The part is replaced before the optimizer is built, or a new optimizer or `add_param_group` follows.
- What is assigned holds the old module, `nn.Sequential(model.fc, nn.Dropout())`, or no parameters: Identity, Dropout,
  activations, losses, buffers.
- A plain `load_state_dict`, `weight.data = ...`, `nn.init`, spectral norm, pruning: the objects stay the same.
- DataParallel, DistributedDataParallel, `torch.compile`, SyncBatchNorm: wrappers keep the objects.
- Another model is meant: a deep copy for averaging, a teacher, a probe.
- The optimizer never steps afterwards.

## Fix safety
Unsafe. The construction of the optimizer, and of a scheduler built on it in between, moves directly below the
replacement: the new part learns from then on, which is the intent. Offered only where all stand in the same block.

## Evidence
The replay shows which parameters move. Before the fix, three updates move the body and leave `fc.weight` and `fc.bias`
where they were (with `assign=True`: nothing moves at all); after it, all four move.

## References
- Constructing an optimizer: https://docs.pytorch.org/docs/stable/optim.html#constructing-it
- Module.load_state_dict, `assign`: https://docs.pytorch.org/docs/stable/generated/torch.nn.Module.html#torch.nn.Module.load_state_dict
- Optimizer.add_param_group: https://docs.pytorch.org/docs/stable/generated/torch.optim.Optimizer.add_param_group.html
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
    Selection,
    Violation,
    canonical,
    enclosing_statement,
    new,
    step,
)
from optlint_rules.parameters.construction import names_in, scheduler_statements


def _held(event: Event, binding: Binding) -> bool:
    """Whether the optimizer holds the old parameters: the replaced part, or the module around it."""
    owner, *old = event.models()
    for source in binding.optimizer.sources:
        if source.selection is not Selection.SOME and owner.within(source.model):
            return True
        if any(source.model.within(part) for part in old):
            return True
    return False


def _place(violation: Violation) -> Place:
    return violation.roles["trigger"].place


def _level(violation: Violation) -> Level | None:
    assert violation.entry is not None
    owner = violation.roles["trigger"].models()[0]
    if "before" not in violation.roles:
        # The optimizer is not seen to step: what counts is whether a later one takes its place.
        events = violation.entry.events
        after = events[events.index(violation.roles["trigger"]) :]
        if any(
            event.act is Act.NEW and any(getattr(o, "holds", lambda _: False)(owner) for o in event.subjects)
            for event in after
        ):
            return None
        optimizer = violation.binding.optimizer
        if any(event.act is Act.ESCAPE and optimizer in map(canonical, event.subjects) for event in after):
            return None
    return Level.ERROR


def _rebuild_below(violation: Violation, editor: Editor) -> Edits | None:
    optimizer = violation.binding.optimizer
    if optimizer.place is None or optimizer.place.module is not violation.at.module:
        return None
    built, replaced = enclosing_statement(optimizer.place), enclosing_statement(violation.at)
    if not isinstance(built, ast.Assign) or not editor.same_block(built, replaced):
        return None
    moved = [built, *scheduler_statements(violation, optimizer, built, replaced)]
    names = names_in(built.targets)
    if any(
        names & names_in([statement])
        for statement in editor.statements_between(built, replaced)
        if statement not in moved
    ):
        return None
    if names & names_in([replaced]):
        return None
    return tuple(edit for statement in moved for edit in editor.move_after(statement, replaced))


RULE = Rule(
    code="OPT205",
    level=Level.ERROR,
    message="the new parameters are never trained: the optimizer still holds those that this replaces",
    triggers=(("optimizer", "torch"), ("optim.", "torch"), ("torch.optim",)),
    property=Response(
        trigger=EventPattern(OPTIMIZER, frozenset((Act.REPLACE,)), _held),
        response=new(OPTIMIZER),
        before=step(OPTIMIZER),
        armed_by=new(OPTIMIZER),
        definite=False,
        or_end=True,
    ),
    judge=_level,
    place=_place,
    repair=Repair("Build the optimizer after the module is replaced", UNSAFE, _rebuild_below),
    evidence=Evidence.MOVED,
)
