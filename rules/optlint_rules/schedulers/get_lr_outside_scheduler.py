"""`get_lr()` is asked from outside of the scheduler.

`get_lr()` computes the *next* rate from the present one; it is what a scheduler's `step()` calls. Asked from
outside, it reports a rate that is not in force: 0.09 for 0.1 with `ExponentialLR(gamma=0.9)`, ten times too little
in the epochs in which `StepLR` decays, and more than the base rate (0.1025) with `CosineAnnealingLR`.
`ChainedScheduler`, `SequentialLR` and `ReduceLROnPlateau` do not implement it: the call raises
`NotImplementedError`. Training itself is not changed.

## Example

```python
import torch
from torch import nn
from torch.optim.lr_scheduler import StepLR

model = nn.Linear(3, 1)
optimizer = torch.optim.SGD(model.parameters(), lr=0.1)
scheduler = StepLR(optimizer, step_size=3, gamma=0.1)

for epoch in range(9):
    x = torch.randn(32, 3)
    optimizer.zero_grad()
    loss = (model(x) - x.prod(dim=1, keepdim=True)).pow(2).mean()
    loss.backward()
    optimizer.step()
    print(f"epoch {epoch}: learning rate {scheduler.get_lr()[0]:.4f}")
    scheduler.step()
```

## Use instead

```python
import torch
from torch import nn
from torch.optim.lr_scheduler import StepLR

model = nn.Linear(3, 1)
optimizer = torch.optim.SGD(model.parameters(), lr=0.1)
scheduler = StepLR(optimizer, step_size=3, gamma=0.1)

for epoch in range(9):
    x = torch.randn(32, 3)
    optimizer.zero_grad()
    loss = (model(x) - x.prod(dim=1, keepdim=True)).pow(2).mean()
    loss.backward()
    optimizer.step()
    print(f"epoch {epoch}: learning rate {scheduler.get_last_lr()[0]:.4f}")
    scheduler.step()
```

## When the code is right

These are not reported:

- `self.get_lr()` and `super().get_lr()` inside a scheduler class, and a scheduler that asks another one which it
  wraps.
- Schedulers that are not torch's, with a `get_lr()` of their own.
- Functions and methods of that name, such as `get_lr(optimizer)`.

For `LambdaLR`, `CosineAnnealingWarmRestarts`, `CyclicLR` and `OneCycleLR` the value happens to be right; torch
warns all the same, and the finding stays.

## Fix safety

Safe: both return a list with one rate per parameter group, and training does not depend on either. `get_last_lr()`
exists since torch 1.4, for `ReduceLROnPlateau` since 2.2: for a project that must run with an older one, by
`target-torch` or its own requirement, the fix is unsafe.

## Evidence

No update is different: only what is reported, and torch's `UserWarning` is gone. On torch 2.13 the value is wrong
in every epoch for `ExponentialLR`, `MultiplicativeLR`, `PolynomialLR` and `CosineAnnealingLR`; in the epochs of a
decay for `StepLR` and `MultiStepLR`; for `LinearLR` it was 0.001 in place of 0.01. The three classes above raise
`NotImplementedError` before the fix and nothing after it. `get_last_lr()` was right for all of them in every epoch.

## References

- `torch.optim.lr_scheduler.LRScheduler`: https://docs.pytorch.org/docs/stable/generated/torch.optim.lr_scheduler.LRScheduler.html
- How to adjust learning rate: https://docs.pytorch.org/docs/stable/optim.html#how-to-adjust-learning-rate
"""

from __future__ import annotations

import ast
from collections.abc import Iterator

from optlint.api import (
    SAFE,
    UNSAFE,
    Act,
    Applicability,
    Change,
    Confidence,
    Editor,
    Edits,
    Evidence,
    Level,
    Program,
    Query,
    Repair,
    Rule,
    Scheduler,
    Violation,
    exception_of,
    since,
    tables,
)


def _find(program: Program) -> Iterator[Violation]:
    if not program.torch().precedes(since(Change.GET_LAST_LR)):
        yield from _calls(program)


def _calls(program: Program) -> Iterator[Violation]:
    for entry in program.entries:
        for event in entry.having(Act.CALL):
            scheduler = event.subjects[0] if event.subjects else None
            if event.detail != "get_lr" or not isinstance(scheduler, Scheduler):
                continue
            if scheduler.info is not None or scheduler.confidence is not Confidence.CERTAIN:
                continue
            names = sorted({name.partition(":")[0] for name in scheduler.classes})
            known = tables().schedulers
            facts = {known[name].get_lr if name in known else "" for name in names}
            level = Level.ERROR if facts == {"raises"} else Level.WARNING
            what = {
                frozenset(("raises",)): f"`{{0}}` raises {exception_of('get_lr of a composite')} for {{1}}",
                frozenset(("right",)): "`{0}` warns on each call, although {1} gives the right value here",
            }.get(frozenset(facts), "`{0}` called from outside gives a wrong learning rate for {1}")
            kinds = " or ".join(names) if names and all(name in known for name in names) else "most schedulers"
            text = ast.unparse(event.place.node)
            yield Violation(
                program,
                event.place,
                {"call": event},
                (event,),
                entry=entry,
                parts={"what": what.format(text, kinds)},
                level=level,
            )


def _rename(violation: Violation, editor: Editor) -> Edits | None:
    call = violation.roles["call"].place.node
    if isinstance(call, ast.Call) and isinstance(call.func, ast.Attribute):
        return editor.rename_attribute(call.func, "get_last_lr")
    return None


def _applicability(violation: Violation) -> Applicability:
    scheduler = violation.roles["call"].subjects[0]
    plateau = isinstance(scheduler, Scheduler) and "ReduceLROnPlateau" in scheduler.classes
    change = Change.PLATEAU_GET_LAST_LR if plateau else Change.GET_LAST_LR
    return UNSAFE if violation.program.torch().may_precede(since(change)) else SAFE


RULE = Rule(
    code="OPT404",
    level=Level.WARNING,
    message="{what}: `get_last_lr()` tells the rate that the optimizer uses",
    triggers=(("get_lr", "chedul", "torch"), ("get_lr", "LR(", "torch"), ("lr_scheduler",)),
    property=Query(_find),
    repair=Repair("Use `get_last_lr()`", SAFE, _rename, _applicability),
    evidence=Evidence.TEXT,
)
