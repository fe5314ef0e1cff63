"""A scheduler is given a list with another number of entries than its optimizer has parameter groups.

torch raises when the scheduler is made: `ValueError: Expected 2 lr_lambdas, but got 1`, or `ValueError: max_lr must
have the same length as optimizer.param_groups. max_lr has 3, param_groups has 2.`. A single value instead of a list is
taken for all groups, and so is one function.

## Example

```python
import torch
from torch import nn
from torch.optim.lr_scheduler import LambdaLR

backbone, head = nn.Linear(8, 4), nn.Linear(4, 1)
groups = [{"params": backbone.parameters(), "lr": 0.01}, {"params": head.parameters()}]
optimizer = torch.optim.SGD(groups, lr=0.1)
scheduler = LambdaLR(optimizer, lr_lambda=[lambda epoch: 0.95**epoch])

for epoch in range(10):
    x = torch.randn(32, 8)
    optimizer.zero_grad()
    loss = (head(backbone(x)) - x.mean(dim=1, keepdim=True)).pow(2).mean()
    loss.backward()
    optimizer.step()
    scheduler.step()
```

## Use instead

```python
import torch
from torch import nn
from torch.optim.lr_scheduler import LambdaLR

backbone, head = nn.Linear(8, 4), nn.Linear(4, 1)
groups = [{"params": backbone.parameters(), "lr": 0.01}, {"params": head.parameters()}]
optimizer = torch.optim.SGD(groups, lr=0.1)
scheduler = LambdaLR(optimizer, lr_lambda=[lambda epoch: 1.0, lambda epoch: 0.95**epoch])

for epoch in range(10):
    x = torch.randn(32, 8)
    optimizer.zero_grad()
    loss = (head(backbone(x)) - x.mean(dim=1, keepdim=True)).pow(2).mean()
    loss.backward()
    optimizer.step()
    scheduler.step()
```

## When the code is right

These are not reported:

- One value, or one function, for all groups.
- Lists and groups that grow while the program runs, or that come from elsewhere: nobody knows how many there are.
- Optimizers that get another group later, and those that may be one of several with different groups.
- Classes of the project.

## Fix safety

There is no fix: nobody knows what the missing entry should be, or which one is too many.

## Evidence

A replay makes the scheduler: torch 2.13 raises in `LambdaLR`, `MultiplicativeLR`, `OneCycleLR`, `CyclicLR`, `SWALR` and
`ReduceLROnPlateau` alike.

## References

- `torch.optim.lr_scheduler.LambdaLR`: https://docs.pytorch.org/docs/stable/generated/torch.optim.lr_scheduler.LambdaLR.html
- `torch.optim.lr_scheduler.OneCycleLR`: https://docs.pytorch.org/docs/stable/generated/torch.optim.lr_scheduler.OneCycleLR.html
- Per-parameter options: https://docs.pytorch.org/docs/stable/optim.html#per-parameter-options
"""

from __future__ import annotations

from collections.abc import Iterator

from optlint.api import (
    Act,
    Argument,
    Confidence,
    Construction,
    Entry,
    Evidence,
    Level,
    Optimizer,
    Place,
    Program,
    Query,
    Rule,
    Scheduler,
    Violation,
    canonical,
    scheduler_signature,
    takes_one_for_each_group,
)


def _find(program: Program) -> Iterator[Violation]:
    for entry in program.entries:
        for event in entry.having(Act.NEW):
            for subject in event.subjects:
                if isinstance(subject, Scheduler):
                    groups = _groups(entry, subject)
                    for made in subject.constructions if groups is not None else ():
                        argument = _mismatched(made, groups or 0) if made.place.node is event.place.node else None
                        if argument is not None:
                            place = made.place if argument.node is None else Place(made.place.module, argument.node)
                            parts = {
                                "argument": _named(made, argument),
                                "name": made.name,
                                "count": str(len(argument.items or ())),
                                "groups": str(groups),
                            }
                            yield Violation(program, place, {"made": event}, (event,), entry=entry, parts=parts)


def _groups(entry: Entry, scheduler: Scheduler) -> int | None:
    """Return how many groups the scheduler's optimizer has, where that is certain."""
    if scheduler.info is not None or scheduler.confidence is not Confidence.CERTAIN or len(scheduler.optimizers) != 1:
        return None
    optimizer: Optimizer = canonical(scheduler.optimizers[0])
    grown = any(entry.concerning(optimizer, Act.ADD_GROUP, Act.ESCAPE))
    certain = optimizer.confidence is Confidence.CERTAIN and optimizer.info is None and not grown
    return optimizer.groups if certain else None


def _mismatched(made: Construction, groups: int) -> Argument | None:
    """Return the first argument with another number of entries."""
    for argument in made.arguments:
        listed = argument.items is not None and len(argument.items) != groups
        if listed and takes_one_for_each_group(made.name, _named(made, argument)):
            return argument
    return None


def _named(made: Construction, argument: Argument) -> str:
    signature = scheduler_signature(made.name)
    if argument.name or signature is None or argument.index is None or argument.index >= len(signature.parameters):
        return argument.name
    return signature.parameters[argument.index].name


RULE = Rule(
    code="OPT410",
    level=Level.ERROR,
    message="torch raises here: `{argument}` of `{name}` has {count} for an optimizer of {groups} parameter groups",
    triggers=(("LR(", "torch"), ("LROnPlateau", "torch"), ("lr_scheduler",)),
    property=Query(_find),
    evidence=Evidence.CRASH,
)
