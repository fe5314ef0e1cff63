"""`ReduceLROnPlateau` steps without the metric that it watches.

`step()` raises `TypeError: ReduceLROnPlateau.step() missing 1 required positional argument: 'metrics'` when the first
epoch is over; `step(None)`, a list, a dict, and keywords such as `loss=` raise likewise. All other schedulers of torch
are stepped without an argument, so this happens when one is exchanged for the other. `step(epoch)`, which those once
took, raises nothing: the epoch number is taken for a loss that gets worse all the time, and the rate is multiplied by
`factor` every `patience` + 1 epochs, whatever the model learns.

## Example

```python
import torch
from torch import nn
from torch.optim.lr_scheduler import ReduceLROnPlateau

x_train, x_val = torch.randn(64, 3), torch.randn(32, 3)

model = nn.Linear(3, 1)
optimizer = torch.optim.SGD(model.parameters(), lr=0.1)
scheduler = ReduceLROnPlateau(optimizer, patience=3)

for epoch in range(20):
    for batch in x_train.split(16):
        optimizer.zero_grad()
        loss = (model(batch) - batch.sum(dim=1, keepdim=True)).pow(2).mean()
        loss.backward()
        optimizer.step()
    with torch.no_grad():
        val_loss = (model(x_val) - x_val.sum(dim=1, keepdim=True)).pow(2).mean().item()
    scheduler.step()
    print(epoch, val_loss)
```

## Use instead

```python
import torch
from torch import nn
from torch.optim.lr_scheduler import ReduceLROnPlateau

x_train, x_val = torch.randn(64, 3), torch.randn(32, 3)

model = nn.Linear(3, 1)
optimizer = torch.optim.SGD(model.parameters(), lr=0.1)
scheduler = ReduceLROnPlateau(optimizer, patience=3)

for epoch in range(20):
    for batch in x_train.split(16):
        optimizer.zero_grad()
        loss = (model(batch) - batch.sum(dim=1, keepdim=True)).pow(2).mean()
        loss.backward()
        optimizer.step()
    with torch.no_grad():
        val_loss = (model(x_val) - x_val.sum(dim=1, keepdim=True)).pow(2).mean().item()
    scheduler.step(val_loss)
    print(epoch, val_loss)
```

## When the code is right

These are not reported:

- `if isinstance(scheduler, ReduceLROnPlateau): scheduler.step(loss)` with `else: scheduler.step()`.
- The same choice by an option: `if args.sched == "plateau"`, or by whether a metric is there at all.
- A variable that holds this scheduler under one option and another one under another.
- A scheduler of the project's own, or a subclass with a `step()` of its own: what it takes is its own affair.
- A wrapper that remembers the metric, and hands it on.

## Fix safety

There is no fix: which metric the rate should follow is for the author to say. The loss on held-out data is usual.

## Evidence

A replay steps the scheduler as written. On torch 2.13 `step()` and `step(None)` raise TypeError at the first call, so
do `step([loss])` and `step(val_loss=loss)`. `step(epoch)` with `patience=3` multiplies the rate by 0.1 after each
fourth epoch; the replay shows that what it is given are the numbers 0, 1, 2 and so on.

## References

- `torch.optim.lr_scheduler.ReduceLROnPlateau`: https://docs.pytorch.org/docs/stable/generated/torch.optim.lr_scheduler.ReduceLROnPlateau.html
- How to adjust learning rate: https://docs.pytorch.org/docs/stable/optim.html#how-to-adjust-learning-rate
"""

from __future__ import annotations

import ast
from collections.abc import Iterator

from optlint.api import Evidence, Level, Program, Query, Rule, Scheduler, Violation
from optlint_rules.schedulers.step_argument import Argument, Kind, argument_of
from optlint_rules.schedulers.stepping import PLATEAU, call_of, given, is_unpacked, making, steps
from optlint_rules.schedulers.words import STEPPED

_KEYWORDS = frozenset(("", "metrics"))


def _find(program: Program) -> Iterator[Violation]:
    for entry, event, scheduler, classes in steps(program):
        if classes != {PLATEAU}:
            continue
        what = _wrong(argument_of(event), scheduler)
        if what:
            what = what.replace("{call}", ast.unparse(event.place.node))
            yield Violation(
                program,
                event.place,
                {"call": event},
                (*making(entry, scheduler), event),
                entry=entry,
                parts={"what": what},
            )


def _wrong(argument: Argument, scheduler: Scheduler) -> str:
    """Return what is wrong with the argument, or nothing."""
    if argument.kind is Kind.NOTHING:
        return "it raises TypeError: `{call}` gives `ReduceLROnPlateau` no metric"
    if argument.keyword == "epoch":
        return "it raises TypeError: `{call}` gives `ReduceLROnPlateau` an epoch and no metric"
    if argument.keyword not in _KEYWORDS:
        return f"it raises TypeError: `ReduceLROnPlateau.step()` has no argument `{argument.keyword}`, only `metrics`"
    if isinstance(argument.node, ast.List | ast.Tuple | ast.Dict | ast.Set | ast.ListComp):
        return "it raises TypeError: `{call}` gives `ReduceLROnPlateau` a collection in the place of a number"
    if argument.kind is Kind.COUNTER and argument.name and not argument.turned and _seeks_minimum(scheduler):
        return "the rate is cut again and again: `{call}` takes the number of an epoch for the metric"
    return ""


def _seeks_minimum(scheduler: Scheduler) -> bool:
    call = call_of(scheduler)
    if call is None or is_unpacked(call):
        return False
    mode = given(call, "mode", 1)
    return mode is None or (isinstance(mode, ast.Constant) and mode.value == "min")


RULE = Rule(
    code="OPT401",
    level=Level.ERROR,
    message="{what}",
    triggers=STEPPED,
    property=Query(_find),
    evidence=Evidence.CRASH,
)
