"""A new scheduler is built in each iteration of the loop that steps it.

A scheduler counts its own steps. One that is built anew each time never counts further than to one, and its curve is
lost. `LambdaLR`, `StepLR`, `MultiStepLR`, `CosineAnnealingWarmRestarts`, `CyclicLR`, `OneCycleLR` and `SequentialLR`
stay where they begin. `LinearLR` and `ConstantLR` multiply the rate by their first factor each time: from 0.1 to
2e-5 in six epochs. `PolynomialLR`, `CosineAnnealingLR` and `SWALR` follow another curve than theirs. Nothing is
raised.

## Example

```python
import torch
from torch import nn
from torch.optim.lr_scheduler import StepLR

model = nn.Linear(4, 1)
optimizer = torch.optim.SGD(model.parameters(), lr=0.1)

for epoch in range(30):
    scheduler = StepLR(optimizer, step_size=10, gamma=0.1)
    for x in torch.randn(40, 4).split(10):
        optimizer.zero_grad()
        loss = (model(x) - x.sum(dim=1, keepdim=True)).pow(2).mean()
        loss.backward()
        optimizer.step()
    scheduler.step()
```

## Use instead

```python
import torch
from torch import nn
from torch.optim.lr_scheduler import StepLR

model = nn.Linear(4, 1)
optimizer = torch.optim.SGD(model.parameters(), lr=0.1)

scheduler = StepLR(optimizer, step_size=10, gamma=0.1)
for epoch in range(30):
    for x in torch.randn(40, 4).split(10):
        optimizer.zero_grad()
        loss = (model(x) - x.sum(dim=1, keepdim=True)).pow(2).mean()
        loss.backward()
        optimizer.step()
    scheduler.step()
```

## When the code is right

These are not reported:

- `ExponentialLR` and `MultiplicativeLR`, which multiply the rate that they find: the rates are the same, bit for bit.
- A scheduler for each phase, fold or task, along with a new optimizer.
- A schedule that lasts for the iteration: built in the epoch loop and stepped in the batch loop, as for warm-up in the
  first epoch or for restarts.
- `last_epoch=` in the construction or an epoch in `step(epoch)`, which say how far it is.
- Arguments that change from one iteration to the next, and rates that are set by hand beside it.
- A construction under a condition.

## Fix safety

The fix moves the construction above the loop. It is unsafe because it changes the learning rates of the run, which
is its purpose.

There is no fix where the construction is not a plain assignment in the body of the loop.

## Evidence

A replay compares the rate of each update with that of one scheduler that goes on. On torch 2.13, over six epochs at
a base rate of 0.1: `StepLR(optimizer, 2, 0.5)` built once gives 0.1, 0.1, 0.05, 0.05, 0.025, 0.025, and built anew
0.1 throughout. After the fix the rates equal the reference.

## References

- How to adjust learning rate: https://docs.pytorch.org/docs/stable/optim.html#how-to-adjust-learning-rate
- `torch.optim.lr_scheduler.StepLR`: https://docs.pytorch.org/docs/stable/generated/torch.optim.lr_scheduler.StepLR.html
- `torch.optim.lr_scheduler.LinearLR`: https://docs.pytorch.org/docs/stable/generated/torch.optim.lr_scheduler.LinearLR.html
"""

from __future__ import annotations

import ast

from optlint.api import (
    SCHEDULER,
    UNSAFE,
    Absence,
    Act,
    Binding,
    Confidence,
    Editor,
    Edits,
    Event,
    EventPattern,
    Evidence,
    Level,
    Loop,
    Repair,
    Rule,
    Scheduler,
    Violation,
    canonical,
    new,
)
from optlint_rules.order.hoisting import above_the_loops, building_statement
from optlint_rules.order.repetition import (
    bodies,
    events_of,
    innermost_loop,
    is_conditional,
    is_made_in,
    loops_between,
    read_in,
    statement_of,
    stored_in,
)

_FROZEN = frozenset(
    ("LambdaLR", "StepLR", "MultiStepLR", "CosineAnnealingWarmRestarts", "CyclicLR", "OneCycleLR", "SequentialLR")
)
_SHRINKING = frozenset(("LinearLR", "ConstantLR"))
_ASTRAY = frozenset(("PolynomialLR", "CosineAnnealingLR", "SWALR"))


def _counted(event: Event, binding: Binding) -> bool:
    """A step that counts for itself: an epoch that is given says how far the schedule is."""
    return event.detail == ""


def _level(violation: Violation) -> Level | None:
    made, stepped = violation.roles["of"], violation.roles["after"]
    assert violation.entry is not None
    scheduler = violation.binding.scheduler
    assert scheduler is not None
    if not _has_a_curve(scheduler) or scheduler not in map(canonical, made.subjects):
        return None  # of a composite's parts nothing is said: they are built for it
    if any(scheduler in other.children for other in violation.entry.schedulers):
        return None
    loop = innermost_loop(violation.entry, made)
    if loop is None or loops_between(violation.entry, loop, stepped) != 0 or is_conditional(loop, made):
        return None
    return Level.WARNING if _goes_on(violation, loop) else None


def _has_a_curve(scheduler: Scheduler) -> bool:
    """Whether the scheduler is torch's, and surely depends on how often it has been stepped."""
    call = scheduler.place.node if scheduler.place is not None else None
    if scheduler.confidence is not Confidence.CERTAIN or scheduler.info is not None or not isinstance(call, ast.Call):
        return False
    if not scheduler.classes or not _names(scheduler) <= _FROZEN | _SHRINKING | _ASTRAY:
        return False
    if any(name.endswith(":constant") for name in scheduler.classes):
        return False
    return not any(keyword.arg in ("last_epoch", None) for keyword in call.keywords)


def _names(scheduler: Scheduler) -> frozenset[str]:
    return frozenset(name.partition(":")[0] for name in scheduler.classes)


def _goes_on(violation: Violation, loop: Loop) -> bool:
    """Whether it is the same optimizer, which trains, and the same scheduler once more."""
    optimizers = violation.binding.optimizers
    within = events_of(loop)
    code = bodies(loop, within)
    if any(is_made_in(optimizer, code) for optimizer in optimizers):
        return False
    acts: set[Act] = set()
    for event in within:
        if any(canonical(subject) in optimizers for subject in event.subjects):
            acts.add(event.act)
    if Act.STEP not in acts or acts & {Act.NEW, Act.SET_RATE, Act.LOAD}:
        return False
    statement = statement_of(loop)
    call = violation.roles["of"].place.node
    assert isinstance(call, ast.Call)
    given = {name for argument in call.args for name in read_in(argument)}
    given |= {name for keyword in call.keywords for name in read_in(keyword.value)}
    given -= {child.label for child in violation.binding.scheduler.children} if violation.binding.scheduler else set()
    return statement is not None and not given & stored_in(statement)


def _wording(violation: Violation, level: Level) -> dict[str, str]:
    assert violation.binding.scheduler is not None
    names = _names(violation.binding.scheduler)
    if names <= _FROZEN:
        return {"effect": "the schedule stays at its beginning"}
    if names <= _SHRINKING:
        return {"effect": "the rate shrinks with each iteration"}
    return {"effect": "the rate does not follow the schedule"}


def _above(violation: Violation, editor: Editor) -> Edits | None:
    made = violation.roles["of"].place
    assert violation.binding.scheduler is not None
    statement = building_statement(made)
    parts = [building_statement(child.place) for child in violation.binding.scheduler.children if child.place]
    moved = [each for each in (*parts, statement) if each is not None]
    if statement is None or len(moved) != len(parts) + 1:
        return None
    if not all(editor.same_block(statement, each) for each in moved):
        return None
    return above_the_loops(editor, made, moved)


RULE = Rule(
    code="OPT109",
    level=Level.WARNING,
    message="{effect}: `{of}` builds the scheduler anew in each iteration",
    triggers=(("optimizer", "torch"), ("optim.", "torch"), ("torch.optim",)),
    property=Absence(of=new(SCHEDULER), after=EventPattern(SCHEDULER, frozenset((Act.SCHEDULE,)), _counted)),
    judge=_level,
    wording=_wording,
    repair=Repair("Build the scheduler above the loop", UNSAFE, _above),
    evidence=Evidence.LEARNING_RATE,
)
