"""A schedule that counts epochs is stepped after each batch.

It is over within the first epoch or two. `OneCycleLR(total_steps=10)` over 10 epochs of 20 batches raises `ValueError:
Tried to step 11 times. The specified number of total steps is 10`. `CosineAnnealingLR(T_max=10)` swings up and down 20
times and ends at the full rate, `PolynomialLR` is at zero from the 11th batch on, and `StepLR(step_size=3)` ends at
1e-67: after that nothing is learnt any more.

## Example

```python
import torch
from torch import nn
from torch.optim.lr_scheduler import CosineAnnealingLR

EPOCHS = 10

batches = [torch.randn(16, 8) for _ in range(20)]
model = nn.Linear(8, 1)
optimizer = torch.optim.SGD(model.parameters(), lr=0.1, momentum=0.9)
scheduler = CosineAnnealingLR(optimizer, T_max=EPOCHS)

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
from torch.optim.lr_scheduler import CosineAnnealingLR

EPOCHS = 10

batches = [torch.randn(16, 8) for _ in range(20)]
model = nn.Linear(8, 1)
optimizer = torch.optim.SGD(model.parameters(), lr=0.1, momentum=0.9)
scheduler = CosineAnnealingLR(optimizer, T_max=EPOCHS)

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

- A total of all batches, `T_max=epochs * len(loader)`, stepped after each batch.
- Cycles and warm-ups of a given number of batches, such as `T_max=1000` or `StepLR(optimizer, step_size=5000)`.
- A step in the loop over the batches under a condition, such as the last batch of an epoch, or `epoch < warmup`.
- Epochs of one batch.
- Loops that count updates, whatever they are called.

It is an error where length and loop say the same thing: the same name, the same number, a part of it
(`step_size=epochs // 3`), or a name such as `lr_decay_epochs`. It is a warning where only numbers say so: milestones,
a step size or a `T_max` that fit the number of epochs, in a loop over a loader.

## Fix safety

The fix moves the call below the loop over the batches. It changes the learning rates, which is its purpose, and is
therefore unsafe. There is none where the call stands deeper in that loop, under a condition or in a `with`.

## Evidence

A replay compares the way of the schedule with one that is spread evenly over the run. On torch 2.13, with 10 epochs of
20 batches, a rate of 0.1 and one step a batch: `CosineAnnealingLR(T_max=10)` ends at 0.0976 (right: 0.0024),
`PolynomialLR(total_iters=10)` and `ExponentialLR(0.9)` at 0 and 8e-11, `StepLR(step_size=3)` at 1e-67, and
`OneCycleLR(total_steps=10)` raises in the first batch after the tenth. Of `StepLR`, `MultiStepLR` and `ExponentialLR`
a replay says nothing, since they have no length.

## References

- `torch.optim.lr_scheduler.CosineAnnealingLR`: https://docs.pytorch.org/docs/stable/generated/torch.optim.lr_scheduler.CosineAnnealingLR.html
- `torch.optim.lr_scheduler.StepLR`: https://docs.pytorch.org/docs/stable/generated/torch.optim.lr_scheduler.StepLR.html
- How to adjust learning rate: https://docs.pytorch.org/docs/stable/optim.html#how-to-adjust-learning-rate
"""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from fractions import Fraction

from optlint.api import (
    UNSAFE,
    Const,
    Editor,
    Edits,
    Evidence,
    Length,
    Level,
    Program,
    Query,
    Repair,
    Rule,
    Violation,
    made_of,
    ratio_by_default,
)
from optlint_rules.schedulers.defaults import default_numbers
from optlint_rules.schedulers.moving import out_of_batch_loop
from optlint_rules.schedulers.pace import CURVES, Happening, Pace, Span, known_product, paces, worded
from optlint_rules.schedulers.words import BUILT

_FUNCTIONS = frozenset(("int", "round", "max", "min"))
_EPOCHS = re.compile(r"(?i)(?<!per_)(?<!per)epochs?$")
_STEEP = 0.5
"""Factors above this one may be meant for batches."""


def _find(program: Program) -> Iterator[Violation]:
    for pace in paces(program):
        span = pace.span
        if span is None:
            continue
        levels = [_level(pace, span, step) for step in pace.steps]
        if None not in levels:
            step = pace.steps[0]
            roles = {"made": pace.made, "step": step.event}
            parts = {"total": worded(pace, span), "name": pace.construction.name}
            path = (pace.made, *(each.event for each in pace.updates[:1]), step.event)
            yield Violation(
                program, step.event.place, roles, path, pace.binding, pace.entry, parts=parts, level=levels[0]
            )


def _level(pace: Pace, span: Span, step: Happening) -> Level | None:
    """Return how sure it is that the schedule counts epochs, and the step comes after each batch; None if it is not."""
    counts = step.repetition.counts
    if len(counts) < 2 or not step.repetition.is_certain or step.repetition.periods:
        return None
    if not any(each.loops == step.loops for each in pace.updates):
        return None
    batches = counts[-1]
    if batches is None or (batches.number is not None and batches.number <= 1):
        return None
    found = [_counts_epochs(pace, span, epochs, batches) for epochs in (known_product(counts[:-1]), counts[-2])]
    levels = [level for level in found if level is not None]
    return Level.ERROR if Level.ERROR in levels else levels[0] if levels else None


def _counts_epochs(pace: Pace, span: Span, epochs: Length | None, batches: Length) -> Level | None:
    if epochs is None or not epochs.terms or epochs.counts:
        return None
    name, parts = pace.construction.name, span.parts or (span.length,)
    if any(part.counts for part in parts):
        return None
    if name in CURVES or name == "CosineAnnealingWarmRestarts":
        if span.length == epochs and epochs.number in default_numbers(pace.made, *(each.event for each in pace.steps)):
            return Level.ERROR if _speaks_of_epochs(span) else Level.WARNING if batches.counts else None
        if span.length == epochs:
            return Level.ERROR if epochs.number is None or name != "LinearLR" else None
        same = ratio_by_default(span.length, epochs) == 1
        return Level.WARNING if same and batches.counts and name != "LinearLR" else None
    if name not in ("StepLR", "MultiStepLR"):
        return None
    if all(made_of(part, epochs) for part in parts) or _speaks_of_epochs(span):
        return Level.ERROR
    part = ratio_by_default(parts[-1], epochs)
    fits = part is not None and Fraction(1, 5) <= part <= 1 and parts[-1].number is not None
    return Level.WARNING if fits and batches.counts and _gamma(pace) <= _STEEP else None


def _speaks_of_epochs(span: Span) -> bool:
    """Whether a length is written with names of epochs, and with no others."""
    node = None if span.argument is None else span.argument.node
    if node is None:
        return False
    attributes = [each for each in ast.walk(node) if isinstance(each, ast.Attribute)]
    owners = {id(inner) for each in attributes for inner in ast.walk(each.value)}
    names = [each.attr for each in attributes if id(each) not in owners]
    names += [each.id for each in ast.walk(node) if isinstance(each, ast.Name) and id(each) not in owners]
    names = [name for name in names if name not in _FUNCTIONS]
    return bool(names) and all(map(_EPOCHS.search, names))


def _gamma(pace: Pace) -> float:
    argument = pace.construction.given("gamma", 2)
    if argument is None:
        return 0.1
    value = argument.value.value if isinstance(argument.value, Const) else None
    return float(value) if isinstance(value, int | float) else 1.0


def _move(violation: Violation, editor: Editor) -> Edits | None:
    return out_of_batch_loop(violation, editor, violation.roles["step"])


RULE = Rule(
    code="OPT406",
    level=Level.ERROR,
    message="the schedule is over far too soon: `{total}` of `{name}` counts epochs, and `{step}` runs once a batch",
    triggers=BUILT,
    property=Query(_find),
    repair=Repair("Step the scheduler after each epoch", UNSAFE, _move),
    evidence=Evidence.PACE,
)
