"""A parameter group is added to an optimizer whose scheduler was built before.

Most schedulers keep a list with one entry for each group that was there when they were built. At the next step
`LambdaLR` (with it all schedules of transformers), `MultiplicativeLR`, `CosineAnnealingWarmRestarts` and `CyclicLR`
raise `ValueError: zip() argument 2 is shorter than argument 1`, `OneCycleLR` raises `KeyError` ('initial_lr' or
'max_lr'), `SWALR` `KeyError: 'swa_lr'`, and `SequentialLR` raises when it comes to a milestone. Before torch 2.10 the
`zip` was not strict: the new group kept its rate for good, and nobody was told. `LinearLR` and `ConstantLR` raise
nothing, and carry the rate of the new group beyond the one that it was given (0.5 became 1.087).

## Example

```python
import torch
from torch import nn
from torch.optim.lr_scheduler import LambdaLR

data = torch.randn(64, 3)

body, head = nn.Linear(3, 3), nn.Linear(3, 1)
optimizer = torch.optim.SGD(body.parameters(), lr=0.1)
scheduler = LambdaLR(optimizer, lambda epoch: 0.9**epoch)
optimizer.add_param_group({"params": head.parameters(), "lr": 0.5})

for epoch in range(12):
    for batch in data.split(16):
        optimizer.zero_grad()
        loss = (head(body(batch)) - batch.sum(dim=1, keepdim=True)).pow(2).mean()
        loss.backward()
        optimizer.step()
    scheduler.step()
```

## Use instead

```python
import torch
from torch import nn
from torch.optim.lr_scheduler import LambdaLR

data = torch.randn(64, 3)

body, head = nn.Linear(3, 3), nn.Linear(3, 1)
optimizer = torch.optim.SGD(body.parameters(), lr=0.1)
optimizer.add_param_group({"params": head.parameters(), "lr": 0.5})
scheduler = LambdaLR(optimizer, lambda epoch: 0.9**epoch)

for epoch in range(12):
    for batch in data.split(16):
        optimizer.zero_grad()
        loss = (head(body(batch)) - batch.sum(dim=1, keepdim=True)).pow(2).mean()
        loss.backward()
        optimizer.step()
    scheduler.step()
```

## When the code is right

These are not reported:

- `StepLR`, `MultiStepLR`, `ExponentialLR`, `PolynomialLR`, `CosineAnnealingLR` and `ChainedScheduler` multiply what
  they find in each group: a new one is scheduled with the rest.
- `ReduceLROnPlateau`, unless `min_lr` is a list, one for each group.
- A group that is added before the scheduler is built, or before another one takes its place.
- A scheduler that makes no step after that.
- Schedulers of the project and of other packages.

In a loop, `LinearLR`, `ConstantLR` and `SequentialLR` may be past their warm-up or last milestone when the group comes,
which is right: that is a warning.

## Fix safety

The fix moves the construction of the scheduler below the new group. It is unsafe because the new group is scheduled
from then on, which is the intent. It is offered where both stand in one block, with nothing between that needs the
scheduler; a group that comes during training wants a new scheduler, or one that multiplies.

## Evidence

A replay adds the group and steps the scheduler. On torch 2.13 the exceptions are those named above, in the first step
after it. Where none comes, the rates of the new group depart from those of a schedule that knows the group.

## References

- `torch.optim.Optimizer.add_param_group`: https://docs.pytorch.org/docs/stable/generated/torch.optim.Optimizer.add_param_group.html
- How to adjust learning rate: https://docs.pytorch.org/docs/stable/optim.html#how-to-adjust-learning-rate
"""

from __future__ import annotations

import ast

from optlint.api import (
    OPTIMIZER,
    SCHEDULER,
    UNSAFE,
    Act,
    Change,
    Editor,
    Edits,
    Event,
    Evidence,
    Level,
    Place,
    Repair,
    Response,
    Rule,
    Scheduler,
    Violation,
    add_group,
    block_of,
    canonical,
    enclosing,
    enclosing_function,
    enclosing_statement,
    new,
    raised_for_late_group,
    same_function,
    since,
    step,
    written,
)
from optlint_rules.parameters.construction import names_assigned, names_in
from optlint_rules.schedulers.stepping import PLATEAU, classes_of
from optlint_rules.schedulers.words import OPTIMIZERS

_PASSING = frozenset(("LinearLR", "ConstantLR", "SequentialLR"))
"""Classes that are right again once their warm-up or their last milestone is over."""


def _scheduler(violation: Violation) -> Scheduler:
    assert violation.binding.scheduler is not None
    return violation.binding.scheduler


def _level(violation: Violation) -> Level | None:
    classes = classes_of(_scheduler(violation))
    if not classes:
        return None
    if classes == {PLATEAU}:
        return Level.ERROR if _has_list_of_minima(_scheduler(violation)) else None
    if all(map(raised_for_late_group, classes)):
        return Level.ERROR
    if all(name in _PASSING or raised_for_late_group(name) for name in classes):
        assert violation.entry is not None
        return Level.WARNING if enclosing(violation.entry, violation.roles["trigger"]) else Level.ERROR
    return None


def _has_list_of_minima(scheduler: Scheduler) -> bool:
    given = [each.given("min_lr", 7) for each in scheduler.constructions if each.complete]
    return bool(given) and all(each is not None and isinstance(each.node, ast.List | ast.Tuple) for each in given)


def _wording(violation: Violation, level: Level) -> dict[str, str]:
    classes = classes_of(_scheduler(violation))
    name = " or ".join(f"`{each}`" for each in sorted(classes))
    torch, strict = violation.program.torch(), since(Change.STRICT_ZIP)
    raised = sorted(set(map(raised_for_late_group, classes)))
    if raised == ["KeyError"]:
        what = f"{name} raises KeyError at its next step"
    elif classes == {PLATEAU}:
        what = f"{name} raises RuntimeError at its next cut"
    elif classes <= _PASSING - {"SequentialLR"}:
        what = f"{name} carries the rate of the new group beyond the one that it is given"
        what += ", if its warm-up is not over" if level is Level.WARNING else ""
    elif torch.precedes(strict):
        what = f"{name} never schedules the new group"
    elif classes & _PASSING:
        what = f"{name} raises ValueError at its next milestone" + (", if there is one" * (level is Level.WARNING))
    else:
        what = f"{name} raises {' or '.join(filter(None, raised))} at its next step"
        if torch.may_precede(strict):
            what += f", and on torch before {written(strict)} never schedules the new group"
    return {"what": what}


def _place(violation: Violation) -> Place:
    return violation.roles["trigger"].place


def _move(violation: Violation, editor: Editor) -> Edits | None:
    assert violation.entry is not None
    made = [each for each in violation.entry.having(Act.NEW) if canonical(each.subjects[0]) is _scheduler(violation)]
    if len({id(each.place.node) for each in made}) != 1:
        return None
    trigger = violation.roles["trigger"]
    here, there = made[0].place, _within(made[0], trigger)
    if here.module is not violation.at.module or there is None:
        return None
    first = enclosing_statement(here)
    block = block_of(here, first)
    last = next((each for each in block if any(node is there.node for node in ast.walk(each))), None)
    if not isinstance(first, ast.Assign) or last is None or block.index(last) <= block.index(first):
        return None
    between = block[block.index(first) + 1 : block.index(last) + 1]
    through = trigger.stack[trigger.stack.index(there) + 1 :] if there in trigger.stack else ()
    inside = [enclosing_function(place) for place in (*through, trigger.place) if place is not there]
    if names_assigned([first]) & names_in([*between, *inside]) or names_in([first]) & names_assigned(between):
        return None
    return editor.move_after(first, last)


def _within(made: Event, trigger: Event) -> Place | None:
    """Return where the function that makes the scheduler adds the group, or calls what does."""
    return next(
        (place for place in (trigger.place, *reversed(trigger.stack)) if same_function(place, made.place)), None
    )


RULE = Rule(
    code="OPT415",
    level=Level.ERROR,
    message="{what}: `{trigger}` comes after it was built",
    triggers=(("add_param_group", "torch"), *(("chedul", *words) for words in OPTIMIZERS), ("lr_scheduler",)),
    property=Response(
        trigger=add_group(OPTIMIZER),
        response=new(SCHEDULER),
        before=step(SCHEDULER),
        armed_by=new(SCHEDULER),
        definite=False,
    ),
    judge=_level,
    place=_place,
    wording=_wording,
    repair=Repair("Build the scheduler when all groups are there", UNSAFE, _move),
    evidence=Evidence.LEARNING_RATE,
)
