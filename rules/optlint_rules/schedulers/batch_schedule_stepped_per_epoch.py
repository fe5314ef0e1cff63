"""A schedule that counts batches is stepped once an epoch.

It covers one step an epoch of a curve that is as long as all batches together, so that the rate stays near its first
value. `OneCycleLR` with 10 epochs of 20 batches ends at 0.0094 in place of going up to 0.1 and down again, and the
parameters travel an eighth of their way. `CosineAnnealingLR` with a `T_max` of 200 ends at 0.0995, where it should
be near zero. torch says nothing.

## Example

```python
import torch
from torch import nn
from torch.optim.lr_scheduler import OneCycleLR

EPOCHS = 5

batches = [torch.randn(16, 8) for _ in range(20)]
model = nn.Linear(8, 1)
optimizer = torch.optim.SGD(model.parameters(), lr=0.01, momentum=0.9)
scheduler = OneCycleLR(optimizer, max_lr=0.1, total_steps=EPOCHS * len(batches))

for epoch in range(EPOCHS):
    for x in batches:
        optimizer.zero_grad()
        loss = (model(x) - x.mean(dim=1, keepdim=True)).pow(2).mean()
        loss.backward()
        optimizer.step()
    scheduler.step()
    print(epoch, loss.item())
```

## Use instead

```python
import torch
from torch import nn
from torch.optim.lr_scheduler import OneCycleLR

EPOCHS = 5

batches = [torch.randn(16, 8) for _ in range(20)]
model = nn.Linear(8, 1)
optimizer = torch.optim.SGD(model.parameters(), lr=0.01, momentum=0.9)
scheduler = OneCycleLR(optimizer, max_lr=0.1, total_steps=EPOCHS * len(batches))

for epoch in range(EPOCHS):
    for x in batches:
        optimizer.zero_grad()
        loss = (model(x) - x.mean(dim=1, keepdim=True)).pow(2).mean()
        loss.backward()
        optimizer.step()
        scheduler.step()
    print(epoch, loss.item())
```

## When the code is right

These are not reported:

- A schedule of as many steps as there are epochs: `OneCycleLR(total_steps=epochs)`, stepped once an epoch.
- Training on the whole data set at once: one update an epoch, and one step of the schedule.
- Loops that count updates, whatever they are called: `for epoch in range(epochs * len(loader))`.
- A length of which nothing says what it counts, such as `T_max=args.t_max`.
- `step(epoch + i / len(loader))` of `CosineAnnealingWarmRestarts`.
- Schedules that are handed to code which cannot be seen: Lightning and Accelerate may step them there.

A `T_max` or `T_0` of `len(loader)`, without the number of epochs, is a warning: the two numbers may happen to be near
each other.

## Fix safety

The fix moves the call into the loop over the batches: to its end, or, where that loop skips batches or accumulates
them, directly below the step of the optimizer. It changes the learning rates, which is its purpose, and is therefore
unsafe. There is none where the batches are gone through in another file, or in a function that does not know the
scheduler.

## Evidence

A replay compares the way of the schedule with one that is spread evenly over the run. On torch 2.13, with 10 epochs of
20 batches, a rate of 0.1 and one step an epoch: `OneCycleLR(total_steps=200)` ends at 0.0094, `CyclicLR` with its
default of 2000 steps upwards ends at 0.00145, `CosineAnnealingLR(T_max=200)` at 0.0995, and a warm-up over 50 batches
has come to 0.019. After the fix they all reach what they were made for.

## References

- `torch.optim.lr_scheduler.OneCycleLR`: https://docs.pytorch.org/docs/stable/generated/torch.optim.lr_scheduler.OneCycleLR.html
- `torch.optim.lr_scheduler.CyclicLR`: https://docs.pytorch.org/docs/stable/generated/torch.optim.lr_scheduler.CyclicLR.html
- How to adjust learning rate: https://docs.pytorch.org/docs/stable/optim.html#how-to-adjust-learning-rate
"""

from __future__ import annotations

from collections.abc import Iterator

from optlint.api import (
    UNSAFE,
    Editor,
    Edits,
    Evidence,
    Level,
    Program,
    Query,
    Repair,
    Rule,
    Violation,
    number_of,
    ratio,
)
from optlint_rules.schedulers.moving import into_batch_loop
from optlint_rules.schedulers.pace import CURVES, WHOLE, Happening, Pace, Span, known_product, paces, worded
from optlint_rules.schedulers.words import BUILT

_FEWEST_UP = 1000
"""Epochs that nobody trains for where there are several batches in each."""


def _find(program: Program) -> Iterator[Violation]:
    for pace in paces(program):
        span = pace.span
        if span is None:
            continue
        levels = [_level(pace, span, step) for step in pace.steps]
        if None not in levels:
            step = pace.steps[0]
            updates = pace.inner_updates(step)
            roles = {"made": pace.made, "step": step.event}
            if updates:
                roles["update"] = updates[-1].event
            each = any(known_product(each.repetition.counts) == span.length for each in updates)
            parts = {"total": worded(pace, span), "name": pace.construction.name, "each": "batch" if each else "update"}
            path = (pace.made, *(each.event for each in updates[-1:]), step.event)
            yield Violation(
                program, step.event.place, roles, path, pace.binding, pace.entry, parts=parts, level=levels[0]
            )


def _level(pace: Pace, span: Span, step: Happening) -> Level | None:
    """Return how sure it is that the schedule counts batches, and the step comes once an epoch; None if it is not."""
    counts = step.repetition.counts
    if not counts or any(count is not None and count.counts for count in counts):
        return None
    name, total = pace.construction.name, known_product(counts)
    updates = pace.inner_updates(step)
    if not updates:
        # The batches are elsewhere: then all that counts is that the schedule is longer by what a loader has.
        known = total is not None and bool(total.terms) and not pace.updates
        times = span.length / total if known and total is not None else None
        return Level.ERROR if times is not None and times.counts and times.is_entire and name in WHOLE else None
    if span.per_epoch is not None:
        return None if span.per_epoch == number_of(1) else Level.ERROR
    if span.argument is None:
        few = total is None or total.by_default is None or total.by_default < _FEWEST_UP
        return Level.ERROR if name == "CyclicLR" and few else None
    if name in CURVES and span.length in (known_product(each.repetition.counts) for each in updates):
        return Level.ERROR if total is not None and ratio(span.length, total) != 1 else None
    parts = span.parts or (span.length,)
    if not any(part.counts for part in parts):
        return None
    if name in ("CosineAnnealingLR", "CosineAnnealingWarmRestarts", "StepLR"):
        times = None if total is None or not total.terms else span.length / total
        return Level.ERROR if times is not None and times.is_entire else Level.WARNING
    return Level.ERROR


def _move(violation: Violation, editor: Editor) -> Edits | None:
    update = violation.roles.get("update")
    if update is None:
        return None
    each = violation.parts["each"] == "batch"
    return into_batch_loop(violation, editor, violation.roles["step"], update, each=each)


RULE = Rule(
    code="OPT405",
    level=Level.ERROR,
    message="the rate hardly leaves its first value: `{total}` of `{name}` counts batches, `{step}` runs once an epoch",
    triggers=BUILT,
    property=Query(_find),
    repair=Repair("Step the scheduler after each batch", UNSAFE, _move),
    evidence=Evidence.PACE,
)
