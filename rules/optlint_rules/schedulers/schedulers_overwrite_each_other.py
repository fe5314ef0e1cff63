"""A schedule that computes the rate anew at each step undoes what another one on the same optimizer has set.

`LambdaLR` (and with it the warm-ups of transformers), `CosineAnnealingWarmRestarts`, `OneCycleLR` and `CyclicLR` write
the rate that belongs to their step number, whatever rate they find. A second schedule beside one of them is lost: a cut
by `ReduceLROnPlateau` from 0.1 to 0.01 lasts until the next step of the `LambdaLR`, so that the rates go 0.1, 0.01,
0.1, 0.01; the decay of a `StepLR` never shows at all where the other one steps after it. Nothing is raised, and
`get_last_lr()` of the schedule that is lost goes on reporting what it has set itself.

The other classes (`StepLR`, `MultiStepLR`, `ExponentialLR`, `LinearLR`, `ConstantLR`, `CosineAnnealingLR`,
`ReduceLROnPlateau`, ...) multiply the rate that they find, and go together.

## Example

```python
import torch
from torch import nn
from torch.optim.lr_scheduler import LambdaLR, StepLR

model = nn.Linear(8, 1)
optimizer = torch.optim.SGD(model.parameters(), lr=0.1)
decay = StepLR(optimizer, step_size=3, gamma=0.1)
warmup = LambdaLR(optimizer, lambda epoch: min(1.0, (epoch + 1) / 4))

for epoch in range(10):
    for x in torch.randn(64, 8).split(16):
        optimizer.zero_grad()
        loss = (model(x) - x.mean(dim=1, keepdim=True)).pow(2).mean()
        loss.backward()
        optimizer.step()
    decay.step()
    warmup.step()
```

## Use instead

```python
import torch
from torch import nn
from torch.optim.lr_scheduler import LinearLR, StepLR

model = nn.Linear(8, 1)
optimizer = torch.optim.SGD(model.parameters(), lr=0.1)
decay = StepLR(optimizer, step_size=3, gamma=0.1)
warmup = LinearLR(optimizer, start_factor=0.25, total_iters=3)

for epoch in range(10):
    for x in torch.randn(64, 8).split(16):
        optimizer.zero_grad()
        loss = (model(x) - x.mean(dim=1, keepdim=True)).pow(2).mean()
        loss.backward()
        optimizer.step()
    decay.step()
    warmup.step()
```

Other ways out are `SequentialLR`, or one `LambdaLR` whose function holds both factors.

## When the code is right

These are not reported:

- Two schedules that multiply: `LinearLR` and `CosineAnnealingLR`, `ExponentialLR` and `ReduceLROnPlateau`.
- `if epoch < warmup: a.step()` with `else: b.step()`: each has its own time.
- A warm-up that steps under a condition, such as in the first epoch only, and one whose loop ends before the other's.
- The parts of a `SequentialLR` or `ChainedScheduler`.
- Schedules of two optimizers.
- Schedulers whose class is not certain, that are no torch classes, or that are handed to code which cannot be seen.

## Fix safety

There is no fix: which of the two is meant, and how one is to give way to the other, only the author knows.

## Evidence

A replay computes, at each step of a schedule, what it would give had no other one changed the rate since its last step.
Where it gives just that, although the rate was another, the change is undone, and the next update goes without it. On
torch 2.13, `StepLR(step_size=3, gamma=0.1)` and then a warm-up by `LambdaLR`: 0.025, 0.05, 0.075, 0.1, 0.1, 0.1, as if
there were no `StepLR`.

## References

- `torch.optim.lr_scheduler.LambdaLR`: https://docs.pytorch.org/docs/stable/generated/torch.optim.lr_scheduler.LambdaLR.html
- `torch.optim.lr_scheduler.SequentialLR`: https://docs.pytorch.org/docs/stable/generated/torch.optim.lr_scheduler.SequentialLR.html
- How to adjust learning rate: https://docs.pytorch.org/docs/stable/optim.html#how-to-adjust-learning-rate
"""

from __future__ import annotations

from collections.abc import Iterator

from optlint.api import Binding, Entry, Evidence, Level, Program, Query, Rule, Scheduler, Violation
from optlint_rules.schedulers.side_by_side import Step, pairs
from optlint_rules.schedulers.stepping import making
from optlint_rules.schedulers.words import BUILT

_ABSOLUTE = frozenset(("LambdaLR", "CosineAnnealingWarmRestarts", "OneCycleLR", "CyclicLR"))
"""Classes that compute the rate from the number of the step alone."""


def _find(program: Program) -> Iterator[Violation]:
    undone: dict[tuple[Entry, Scheduler], list[tuple[Step, Step]]] = {}
    for over, other in pairs(program):
        both = over.classes <= _ABSOLUTE and other.classes <= _ABSOLUTE
        if over.classes <= _ABSOLUTE and not (both and _comes_before(over, other)):
            undone.setdefault((over.entry, over.scheduler), []).append((over, other))
    for (entry, scheduler), found in undone.items():
        over, other = found[0]
        names = dict.fromkeys(name for _, each in found for name in sorted(each.classes))
        lost = " and ".join(f"`{name}`" for name in names)
        yield Violation(
            program,
            over.event.place,
            {"over": over.event, "other": other.event},
            (*making(entry, other.scheduler), other.event, over.event),
            Binding((over.optimizer,), scheduler),
            entry,
            parts={"lost": lost, "name": " or ".join(f"`{name}`" for name in sorted(over.classes))},
        )


def _comes_before(one: Step, other: Step) -> bool:
    """Whether of two steps the other one has the last word."""
    events = one.entry.events
    return events.index(one.event) < events.index(other.event)


RULE = Rule(
    code="OPT416",
    level=Level.WARNING,
    message="what {lost} does to the learning rate is undone by `{over}`: {name} computes it anew at each step",
    triggers=BUILT,
    property=Query(_find),
    evidence=Evidence.OVERWRITTEN,
)
