"""A scheduler steps twice with no step of its optimizer in between.

One learning rate is skipped each time. Where two calls follow each other the schedule runs twice as fast, and torch
says nothing: `CosineAnnealingLR` climbs back to the base rate after half of the run, `ReduceLROnPlateau` counts
each bad epoch double. A second call in the epoch loop beside one in the batch loop runs ahead by one step an epoch;
`OneCycleLR` then raises `ValueError: Tried to step 21 times. The specified number of total steps is 20`.

## Example

```python
import torch
from torch import nn
from torch.optim.lr_scheduler import OneCycleLR

EPOCHS, BATCHES = 5, 4

model = nn.Linear(8, 1)
optimizer = torch.optim.SGD(model.parameters(), lr=0.01, momentum=0.9)
scheduler = OneCycleLR(optimizer, max_lr=0.1, total_steps=EPOCHS * BATCHES)

for epoch in range(EPOCHS):
    for _ in range(BATCHES):
        x = torch.randn(16, 8)
        optimizer.zero_grad()
        loss = (model(x) - x.mean(dim=1, keepdim=True)).pow(2).mean()
        loss.backward()
        optimizer.step()
        scheduler.step()
    scheduler.step()
    print(epoch, loss.item())
```

## Use instead

```python
import torch
from torch import nn
from torch.optim.lr_scheduler import OneCycleLR

EPOCHS, BATCHES = 5, 4

model = nn.Linear(8, 1)
optimizer = torch.optim.SGD(model.parameters(), lr=0.01, momentum=0.9)
scheduler = OneCycleLR(optimizer, max_lr=0.1, total_steps=EPOCHS * BATCHES)

for epoch in range(EPOCHS):
    for _ in range(BATCHES):
        x = torch.randn(16, 8)
        optimizer.zero_grad()
        loss = (model(x) - x.mean(dim=1, keepdim=True)).pow(2).mean()
        loss.backward()
        optimizer.step()
        scheduler.step()
    print(epoch, loss.item())
```

## When the code is right

These are not reported:

- A batch-level and an epoch-level call in branches that exclude each other, such as the two arms of one option.
- Two different schedulers on one optimizer, each stepped once: the same as a `ChainedScheduler` of both.
- A warm-up per batch and a `ReduceLROnPlateau` per epoch; a warm-up object that lives only in the first epoch.
- `if epoch < warmup: a.step()` with `else: b.step()`, and the same for stochastic weight averaging.
- Winding a schedule forward on resume: `for _ in range(start_epoch): scheduler.step()`.
- A loop over a list of schedulers, and the schedulers of two networks.
- Two updates an iteration, each followed by a step of the scheduler.
- Scheduler and optimizer stepped under one accumulation guard.
- Schedulers that are not torch's, and schedulers handed to code which cannot be seen.

Stepping a `SequentialLR` or `ChainedScheduler` *and* one of its children is the fault: the child steps twice.

## Fix safety

The fix deletes the call that does not suit the class. Schedules that count updates (`OneCycleLR`, `CyclicLR`, the
warm-ups of transformers, totals given in batches) keep the call in the batch loop; schedules that count epochs
(`StepLR`, `MultiStepLR`, `ExponentialLR`, `ReduceLROnPlateau`, `T_max` in epochs) keep the call in the epoch loop.
Of two calls in one block the later is deleted. It is unsafe because it changes the learning rates, which is its
purpose.

Where nothing says what the schedule counts, as for `LambdaLR`, the finding has no fix.

## Evidence

A replay compares the rate of each update with the reference schedule. On torch 2.13, two steps per update give
every second value of the curve, whatever the class. `OneCycleLR(total_steps=10)` raises at its 11th step. With 5
epochs of 4 batches and one more call an epoch, a one-cycle of 20 steps raises and the other schedules drift ahead
by one step an epoch. `ReduceLROnPlateau(patience=0)` with a metric that improves all the time still decays in every
epoch. After the fix the rates equal the reference.

## References

- How to adjust learning rate: https://docs.pytorch.org/docs/stable/optim.html#how-to-adjust-learning-rate
- `torch.optim.lr_scheduler.OneCycleLR`: https://docs.pytorch.org/docs/stable/generated/torch.optim.lr_scheduler.OneCycleLR.html
- `torch.optim.lr_scheduler.SequentialLR`: https://docs.pytorch.org/docs/stable/generated/torch.optim.lr_scheduler.SequentialLR.html
- `torch.optim.lr_scheduler.ReduceLROnPlateau`: https://docs.pytorch.org/docs/stable/generated/torch.optim.lr_scheduler.ReduceLROnPlateau.html
"""

from __future__ import annotations

import ast

from optlint.api import (
    OPTIMIZER,
    SCHEDULER,
    UNSAFE,
    Act,
    Alternation,
    Binding,
    Confidence,
    Editor,
    Edits,
    Event,
    EventPattern,
    Evidence,
    Level,
    Place,
    Repair,
    Rule,
    Scheduler,
    Violation,
    canonical,
    enclosing,
    enclosing_statement,
    new,
    step,
    tables,
)


def _level(violation: Violation) -> Level | None:
    scheduler = violation.binding.scheduler
    assert scheduler is not None
    assert violation.entry is not None
    stepped = {canonical(subject) for event in violation.entry.having(Act.STEP) for subject in event.subjects}
    if not stepped.intersection(violation.binding.optimizers):
        return None  # nothing is trained here: a schedule is drawn, or tested
    return None if scheduler.confidence is Confidence.NAME else Level.ERROR


def _unit(scheduler: Scheduler) -> str:
    """Return what a step of the scheduler stands for: a batch, an epoch, or an empty string where nothing tells."""
    units = set()
    for name in scheduler.classes:
        facts = tables().schedulers.get(name.partition(":")[0])
        unit = facts.per if facts is not None else ""
        if name.endswith(":warmup"):
            unit = "batch"
        if facts is not None and facts.total and _total_is_epochs(scheduler, facts.total):
            unit = "epoch"
        units.add(unit)
    return units.pop() if len(units) == 1 else ""


def _total_is_epochs(scheduler: Scheduler, name: str) -> bool:
    call = scheduler.place.node if scheduler.place is not None else None
    if not isinstance(call, ast.Call):
        return False
    given = call.args[1] if len(call.args) > 1 else next((k.value for k in call.keywords if k.arg == name), None)
    return given is not None and "epoch" in ast.unparse(given).lower() and not isinstance(given, ast.BinOp)


def _superfluous(violation: Violation) -> Event | None:
    """Return the call that does not fit the scheduler's unit, or None where nothing tells which one that is."""
    first, again = violation.roles["first"], violation.roles["again"]
    assert violation.entry is not None
    assert violation.binding.scheduler is not None
    depths = [len(enclosing(violation.entry, event)) for event in (first, again)]
    if first.place.node is again.place.node:
        return None
    if depths[0] == depths[1]:
        return again
    inner, outer = (first, again) if depths[0] > depths[1] else (again, first)
    return {"batch": outer, "epoch": inner}.get(_unit(violation.binding.scheduler))


def _place(violation: Violation) -> Place:
    return (_superfluous(violation) or violation.roles["again"]).place


def _delete(violation: Violation, editor: Editor) -> Edits | None:
    event = _superfluous(violation)
    if event is None:
        return None
    statement = enclosing_statement(event.place)
    if not isinstance(statement, ast.Expr) or statement.value is not event.place.node:
        return None
    return editor.delete(statement)


def _plain(event: Event, binding: Binding) -> bool:
    """Of a composite and its child, each step counts; with an explicit epoch, repeating a step changes nothing."""
    return event.detail == "" or any(
        "ReduceLROnPlateau" in scheduler.classes for scheduler in event.subjects if isinstance(scheduler, Scheduler)
    )


RULE = Rule(
    code="OPT102",
    level=Level.ERROR,
    message="the schedule runs too fast: `{again}` follows `{first}` with no step of the optimizer between",
    triggers=((".step(", "backward("), ("optimizer", "torch"), ("optim.", "torch"), ("torch.optim",)),
    property=Alternation(
        of=EventPattern(SCHEDULER, frozenset((Act.SCHEDULE,)), _plain),
        separator=step(OPTIMIZER),
        renewed=new(SCHEDULER),
    ),
    judge=_level,
    place=_place,
    repair=Repair("Step the scheduler once", UNSAFE, _delete),
    evidence=Evidence.LEARNING_RATE,
)
