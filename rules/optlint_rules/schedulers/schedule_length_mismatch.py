"""A schedule is made for another number of steps than the run has.

`OneCycleLR` raises as soon as it is stepped once more than it was told: `ValueError: Tried to step 11 times. The
specified number of total steps is 10`. `CosineAnnealingLR` with too small a `T_max` climbs again: with 5 for a run of
10 epochs the last rate is 0.09 of 0.1. `PolynomialLR` and the decays of transformers are at zero from there on, and
nothing is learnt any more. A schedule that is too long stops on its way: `T_max=200` for 10 epochs ends at 0.0995.

## Example

```python
import torch
from torch import nn
from torch.optim.lr_scheduler import OneCycleLR

EPOCHS = 5

batches = [torch.randn(16, 8) for _ in range(20)]
model = nn.Linear(8, 1)
optimizer = torch.optim.SGD(model.parameters(), lr=0.01, momentum=0.9)
scheduler = OneCycleLR(optimizer, max_lr=0.1, total_steps=len(batches))

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

- Lengths that cannot be compared: two arguments of the command line, a length minus a warm-up, a loop that may end
  early or skip a step.
- A cosine that goes up and down several times, and one of twice the length, which stops half-way: both are done on
  purpose. So is a length that the code computes from the number of epochs, such as `T_max=epochs // 2`; but for one
  cycle that the run ends in the middle of.
- A tenth more or less.
- A warm-up (`LinearLR`) that is shorter than the run.
- Parts of a `SequentialLR`, and schedules that go on from a `last_epoch`.

A schedule that is too short is an error, one that is too long a warning, as is one that counts batches and is stepped
with the updates of an accumulation. Where only the default of an argument says how long the run is, of the command
line or of a function that the file does not call, it is a warning.

## Fix safety

There is no fix: either number may be the one that is meant.

## Evidence

A replay compares the way of the schedule with one that is spread evenly over the run, and sees the exception of
`OneCycleLR`. On torch 2.13, over 10 epochs and from a rate of 0.1: `CosineAnnealingLR(T_max=5)` ends at 0.09 and
`T_max=200` at 0.0995, `OneCycleLR` for twice the steps ends at 0.081, and with accumulation over 4 batches and a length
in batches a quarter of the curve is seen.

## References

- `torch.optim.lr_scheduler.OneCycleLR`: https://docs.pytorch.org/docs/stable/generated/torch.optim.lr_scheduler.OneCycleLR.html
- `torch.optim.lr_scheduler.CosineAnnealingLR`: https://docs.pytorch.org/docs/stable/generated/torch.optim.lr_scheduler.CosineAnnealingLR.html
- `torch.optim.lr_scheduler.PolynomialLR`: https://docs.pytorch.org/docs/stable/generated/torch.optim.lr_scheduler.PolynomialLR.html
"""

from __future__ import annotations

import ast
from collections.abc import Iterator
from fractions import Fraction

from optlint.api import (
    Const,
    Evidence,
    Length,
    Level,
    Place,
    Program,
    Query,
    Rule,
    Violation,
    number_of,
    product_of,
    ratio,
    ratio_by_default,
)
from optlint_rules.schedulers.defaults import default_numbers
from optlint_rules.schedulers.pace import CURVES, Pace, Span, known_product, paces, worded
from optlint_rules.schedulers.words import BUILT

_LIKE = Fraction(1, 10)
"""How much longer or shorter a schedule may be than the run."""
_CYCLES = 3
"""Times that a cosine goes up or down in a run where it is meant to."""
_CRASH = "torch raises before the run is over"
_RISE = "the rate climbs again before the run is over"
_ZERO = "the rate is zero before the run is over"
_UNFINISHED = "the rate stops on its way"


def _find(program: Program) -> Iterator[Violation]:
    for pace in paces(program):
        span = pace.span
        if span is None or span.argument is None or pace.construction.name not in CURVES or _goes_on(pace):
            continue
        nodes = {step.event.place.node for step in pace.steps}
        step = pace.steps[0].repetition
        if len(nodes) > 1 or not step.loops or not step.is_whole or not step.is_certain or not pace.updates:
            continue
        total = step.total
        if total is None or not total.terms or not span.length.terms or _is_stepped_elsewhere(pace, span):
            continue
        found = _judged(pace, span, total, product_of(step.periods))
        if found is None:
            continue
        level, consequence = found
        numbers = {span.length.number, *(count.number for count in step.counts if count is not None)}
        if numbers & default_numbers(pace.made, pace.steps[0].event):
            level = Level.WARNING
        node = span.argument.node
        place = pace.construction.place if node is None else Place(pace.construction.place.module, node)
        parts = {
            "consequence": consequence,
            "total": worded(pace, span),
            "name": pace.construction.name,
            "length": str(span.length),
            "run": str(total),
        }
        roles = {"made": pace.made, "step": pace.steps[0].event}
        path = (pace.made, pace.steps[0].event)
        yield Violation(program, place, roles, path, pace.binding, pace.entry, parts=parts, level=level)


def _is_stepped_elsewhere(pace: Pace, span: Span) -> bool:
    """Whether the length is right, and the step stands in the wrong loop: OPT405 and OPT406 say so."""
    step = pace.steps[0]
    counts = step.repetition.counts
    if any(known_product(each.repetition.counts) == span.length for each in pace.inner_updates(step)):
        return True
    beside = any(each.loops == step.loops for each in pace.updates)
    return beside and len(counts) > 1 and span.length in (known_product(counts[:-1]), counts[-2])


def _goes_on(pace: Pace) -> bool:
    """Whether the schedule does not begin at its beginning."""
    given = [each for each in pace.construction.arguments if each.name == "last_epoch"]
    return any(each.value != Const(-1) for each in given)


def _judged(pace: Pace, span: Span, total: Length, period: Length) -> tuple[Level, str] | None:
    name, length = pace.construction.name, span.length
    if length / total == period and period != number_of(1):
        return Level.WARNING, _UNFINISHED
    times = ratio(length, total)
    if times is not None:
        return _compared(name, times, span)
    part = total / length
    if length.counts and part.is_entire and not part.counts and name not in ("CosineAnnealingLR", "LinearLR"):
        return Level.ERROR, _CRASH if name == "OneCycleLR" else _ZERO
    times = ratio_by_default(length, total)
    if times is not None and (length.number is None) is not (total.number is None):
        found = _compared(name, times, span)
        return None if found is None else (Level.WARNING, found[1])
    return None


def _compared(name: str, times: Fraction, span: Span) -> tuple[Level, str] | None:
    """Return what happens with a schedule that is so many times as long as the run."""
    if name == "OneCycleLR" and times < 1:
        return Level.ERROR, _CRASH
    if abs(times - 1) <= _LIKE:
        return None
    node = None if span.argument is None else span.argument.node
    computed = node is not None and any(isinstance(each, ast.BinOp) for each in ast.walk(node))
    if times > 1:
        meant = computed and name != "OneCycleLR"
        return None if meant or (name == "CosineAnnealingLR" and times == 2) else (Level.WARNING, _UNFINISHED)
    if name == "LinearLR":
        return None
    if name == "CosineAnnealingLR":
        cycles = 1 / times >= _CYCLES and times.numerator == 1
        return None if cycles or computed or span.length.counts else (Level.ERROR, _RISE)
    return Level.ERROR, _ZERO


RULE = Rule(
    code="OPT407",
    level=Level.ERROR,
    message="{consequence}: `{total}` of `{name}` makes it {length} steps long, and it is stepped {run} times",
    triggers=BUILT,
    property=Query(_find),
    evidence=Evidence.PACE,
)
