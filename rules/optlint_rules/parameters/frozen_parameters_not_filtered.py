"""The optimizer is given parameters that are frozen.

On today's torch this changes no result: a frozen parameter has no gradient, and an optimizer skips it (measured
difference to the filtered optimizer 0.0, for 13 optimizers, with and without weight decay, with both ways of
`zero_grad`). What remains is waste and surprise: Adagrad allocates its sums for the frozen parameters too, Muon
raises for a frozen vector, and a checkpoint of the optimizer fits only an optimizer over the same parameters.
The finding is a note, and a warning for Adagrad and Muon.

## Example
```python
import torch
from torch import nn, optim

model = nn.Sequential(nn.Linear(10, 20), nn.ReLU(), nn.Linear(20, 2))
for param in model[0].parameters():
    param.requires_grad = False

optimizer = optim.SGD(model.parameters(), lr=0.1, momentum=0.9)

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

model = nn.Sequential(nn.Linear(10, 20), nn.ReLU(), nn.Linear(20, 2))
for param in model[0].parameters():
    param.requires_grad = False

optimizer = optim.SGD(filter(lambda p: p.requires_grad, model.parameters()), lr=0.1, momentum=0.9)

for _ in range(20):
    inputs, labels = torch.randn(8, 10), torch.randint(0, 2, (8,))
    optimizer.zero_grad()
    loss = nn.functional.cross_entropy(model(inputs), labels)
    loss.backward()
    optimizer.step()
```

## When the code is right
- The optimizer gets a filter, a comprehension over `p.requires_grad`, or only the part that learns.
- The frozen parameters are unfrozen before the optimizer is built.
- They are unfrozen later in the training: giving all of them to the optimizer is then the simple way.
- The frozen network is another one: a teacher, an extractor of a perceptual loss, a discriminator that rests.
- `requires_grad` is set on an input, not on a parameter.

## Fix safety
Unsafe. The updates stay the same, but the optimizer no longer holds the frozen parameters: if they are unfrozen
later they need `add_param_group`, and optimizer states saved before the fix have more entries and do not load
after it.

## Evidence
The replay compares which parameters move, before and after the fix: the same ones, by the same amounts (0.0
difference over 20 updates, float64). Adagrad's state has one entry fewer for each frozen parameter; for Muon
`ValueError: Muon only supports 2D parameters whereas we found a parameter with size: torch.Size([8])` disappears.
Loading a state of the other kind raises `ValueError: loaded state dict contains a parameter group that doesn't match
the size of optimizer's group`.

## References
- Setting requires_grad: https://docs.pytorch.org/docs/stable/notes/autograd.html#setting-requires-grad
- Optimizer.load_state_dict: https://docs.pytorch.org/docs/stable/generated/torch.optim.Optimizer.load_state_dict.html
- Adagrad: https://docs.pytorch.org/docs/stable/generated/torch.optim.Adagrad.html
- Muon: https://docs.pytorch.org/docs/stable/generated/torch.optim.Muon.html
"""

from __future__ import annotations

import ast
from collections.abc import Iterator

from optlint.api import (
    UNSAFE,
    Act,
    Editor,
    Edits,
    Entry,
    Event,
    Evidence,
    Level,
    Model,
    Optimizer,
    Program,
    Query,
    Repair,
    Rule,
    Selection,
    Violation,
    tables,
)
from optlint_rules.parameters.construction import given_parameters


def _find(program: Program) -> Iterator[Violation]:
    for entry in program.entries:
        for position, event in enumerate(entry.events):
            if event.act is not Act.NEW or not isinstance(event.subjects[0], Optimizer):
                continue
            optimizer = event.subjects[0]
            freezing = _frozen_then(entry, position, optimizer)
            if freezing is not None and optimizer.info is None:
                costly = sorted(optimizer.classes & tables().touches_frozen)
                harm = (
                    f"{costly[0]} allocates state for them or refuses them"
                    if costly
                    else "they are passed over at each step"
                )
                level = Level.WARNING if costly else Level.NOTE
                roles = {"new": event, "freeze": freezing}
                yield Violation(
                    program, event.place, roles, (freezing, event), entry=entry, parts={"harm": harm}, level=level
                )


def _frozen_then(entry: Entry, position: int, optimizer: Optimizer) -> Event | None:
    """Return a freeze of parameters that the optimizer is given unfiltered, and that is still in force then."""
    whole = [source.model for source in optimizer.sources if source.selection is Selection.ALL]
    freezing: Event | None = None
    frozen: list[Model] = []
    partly: list[Model] = []
    for event in entry.events[:position]:
        for model in event.models():
            if event.act is Act.FREEZE and any(model.within(source) for source in whole):
                freezing = event
                frozen.append(model)
                if event.detail:
                    partly.append(model)
            elif event.act is Act.REPLACE:
                partly.extend(other for other in frozen if model.within(other))
            elif event.act is Act.UNFREEZE and not event.detail:
                frozen = [other for other in frozen if not other.within(model)]
    for event in entry.events[position:]:
        if event.act is Act.UNFREEZE and any(model.overlaps(other) for model in event.models() for other in frozen):
            return None  # they join in later, which a filter would prevent
    trained = [source for source in whole if not any(source.within(model) and source not in partly for model in frozen)]
    return freezing if frozen and trained else None


def _filter(violation: Violation, editor: Editor) -> Edits | None:
    call = violation.at.node
    if not isinstance(call, ast.Call):
        return None
    given = given_parameters(call)
    match given:
        case ast.Call(func=ast.Attribute(attr="parameters"), args=[], keywords=[]):
            return editor.wrap(given, "filter(lambda p: p.requires_grad, ", ")")
        case _:
            return None


RULE = Rule(
    code="OPT201",
    level=Level.NOTE,
    message="frozen parameters are given to the optimizer: {harm}",
    triggers=(("optimizer", "torch"), ("optim.", "torch"), ("torch.optim",)),
    property=Query(_find),
    repair=Repair("Give the optimizer the trainable parameters only", UNSAFE, _filter),
    evidence=Evidence.MOVED,
)
