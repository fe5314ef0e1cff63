"""A scheduler is built and never stepped.

Without steps there is no schedule. For `StepLR`, `MultiStepLR`, `ExponentialLR`, `PolynomialLR`,
`CosineAnnealingLR` and `ReduceLROnPlateau` the line does nothing at all. Others set the rate when they are built, and
there it stays: at a base rate of 0.1 `LinearLR` leaves 0.01 with a start factor of 0.1, `ConstantLR` half of it with a
factor of 0.5, `CyclicLR` its `base_lr`, `OneCycleLR` a 25th of `max_lr` with a momentum of 0.95. A warm-up whose first
factor is 0 leaves the rate 0, and nothing is ever learned.

## Example

```python
import torch
from torch import nn
from torch.optim.lr_scheduler import OneCycleLR

model = nn.Linear(6, 1)
optimizer = torch.optim.SGD(model.parameters(), lr=0.1, momentum=0.9)
scheduler = OneCycleLR(optimizer, max_lr=0.1, total_steps=60)

for step in range(60):
    x = torch.randn(16, 6)
    optimizer.zero_grad()
    loss = (model(x) - x.mean(dim=1, keepdim=True)).pow(2).mean()
    loss.backward()
    optimizer.step()
```

## Use instead

```python
import torch
from torch import nn
from torch.optim.lr_scheduler import OneCycleLR

model = nn.Linear(6, 1)
optimizer = torch.optim.SGD(model.parameters(), lr=0.1, momentum=0.9)
scheduler = OneCycleLR(optimizer, max_lr=0.1, total_steps=60)

for step in range(60):
    x = torch.randn(16, 6)
    optimizer.zero_grad()
    loss = (model(x) - x.mean(dim=1, keepdim=True)).pow(2).mean()
    loss.backward()
    optimizer.step()
    scheduler.step()
```

## When the code is right

These are not reported:

- A scheduler that is returned, put into a list or a dict, handed to a function or a class, or kept on an object that
  other code may use: it may be stepped there.
- The parts of `SequentialLR` and `ChainedScheduler`, which the whole steps.
- What Lightning's `configure_optimizers` returns, and what a Trainer is given.
- A schedule that is only drawn or tested: no optimizer steps there.

## Fix safety

Shown, never applied: the construction may be deleted, which gives the rate back that the optimizer was built with, or
a step may be missing; which of the two, and where, is not in the code.

## Evidence

A replay compares the rate of the first update with the one that the optimizer was built with. On torch 2.13 they
differ for `ConstantLR`, `LinearLR`, `CyclicLR`, `OneCycleLR` and a `LambdaLR` whose first factor is 0. For the others
nothing differs, and the finding is a note on dead code.

## References

- How to adjust learning rate: https://docs.pytorch.org/docs/stable/optim.html#how-to-adjust-learning-rate
- `torch.optim.lr_scheduler.OneCycleLR`: https://docs.pytorch.org/docs/stable/generated/torch.optim.lr_scheduler.OneCycleLR.html
"""

from __future__ import annotations

import ast

from optlint.api import (
    DISPLAY,
    SCHEDULER,
    Act,
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
    Used,
    Violation,
    canonical,
    enclosing_statement,
    step,
)
from optlint_rules.schedulers.first_value import starts_at_zero
from optlint_rules.schedulers.holding import QUESTIONS, is_dropped, name_of, stays, uses

_HARMLESS = frozenset(
    """
    StepLR MultiStepLR ExponentialLR PolynomialLR CosineAnnealingLR CosineAnnealingWarmRestarts ReduceLROnPlateau
    LambdaLR MultiplicativeLR SequentialLR ChainedScheduler
    """.split()
)
_LOADING = "load_state_dict"
_FACTORS = {"ConstantLR": "factor", "LinearLR": "start_factor"}


def _level(violation: Violation) -> Level | None:
    scheduler = violation.binding.scheduler
    assert scheduler is not None
    assert violation.entry is not None
    built = violation.roles["begun"].place
    if not _is_of_torch(scheduler):
        return None
    if any(scheduler in map(canonical, other.children) for other in violation.entry.schedulers):
        return None
    steps = [event for event in violation.entry.having(Act.STEP) if _is_of(event, violation)]
    if not steps or not stays(built, QUESTIONS | {_LOADING}):
        return None
    if isinstance(name_of(built), ast.Attribute) and violation.entry.name != "<module>":
        return None  # who makes the object may step its scheduler
    return Level.ERROR if _sets_the_rate(scheduler) and not _is_loaded(built) else Level.NOTE


def _is_loaded(built: Place) -> bool:
    """Whether a state is loaded, of a run that may have left another rate behind."""
    target = name_of(built)
    return target is not None and not stays(built) and stays(built, QUESTIONS | {_LOADING})


def _is_own(event: Event, binding: Binding) -> bool:
    """Whether it is the scheduler itself that is made, and none of its parts."""
    return any(canonical(subject) is binding.scheduler for subject in event.subjects)


def _is_of(event: Event, violation: Violation) -> bool:
    return any(canonical(subject) in violation.binding.optimizers for subject in event.subjects)


def _is_of_torch(scheduler: Scheduler) -> bool:
    call = scheduler.place.node if scheduler.place is not None else None
    known = _HARMLESS | _FACTORS.keys() | {"CyclicLR", "OneCycleLR"}
    names = {name.partition(":")[0] for name in scheduler.classes}
    certain = scheduler.confidence is Confidence.CERTAIN and scheduler.info is None and isinstance(call, ast.Call)
    return certain and bool(names) and names <= known


def _sets_the_rate(scheduler: Scheduler) -> bool:
    """Whether the construction alone changes the learning rate."""
    call = scheduler.place.node if scheduler.place is not None else None
    if not isinstance(call, ast.Call):
        return False
    if any(name in ("SequentialLR", "ChainedScheduler") for name in scheduler.classes):
        return any(map(_sets_the_rate, scheduler.children[:1]))
    if starts_at_zero(scheduler):
        return True
    if len(scheduler.classes) != 1:
        return False
    [name] = scheduler.classes
    match name:
        case "OneCycleLR":
            return True
        case "CyclicLR":
            base = _argument(call, 1, "base_lr")
            rates = {_rate_of(optimizer.place) for optimizer in scheduler.optimizers}
            return base is not None and "" not in rates and ast.unparse(base) not in rates
        case "ConstantLR" | "LinearLR":
            factor = _argument(call, 1, _FACTORS[name])
            return factor is None or (isinstance(factor, ast.Constant) and factor.value not in (1, 1.0))
        case _:
            return False


def _argument(call: ast.Call, index: int, name: str) -> ast.expr | None:
    if len(call.args) > index:
        return call.args[index]
    return next((keyword.value for keyword in call.keywords if keyword.arg == name), None)


def _rate_of(built: Place | None) -> str:
    call = built.node if built is not None else None
    given = _argument(call, 1, "lr") if isinstance(call, ast.Call) else None
    return ast.unparse(given) if given is not None else ""


def _wording(violation: Violation, level: Level) -> dict[str, str]:
    sets = level is Level.ERROR
    return {"effect": "the learning rate stays where this has set it" if sets else "this does nothing"}


def _delete(violation: Violation, editor: Editor) -> Edits | None:
    built = violation.roles["begun"].place
    target = name_of(built)
    if not is_dropped(built) and (target is None or any(True for _ in uses(built, target))):
        return None
    scheduler = violation.binding.scheduler
    return None if scheduler is None or scheduler.children else editor.delete(enclosing_statement(built))


RULE = Rule(
    code="OPT412",
    level=Level.NOTE,
    message="{effect}: the scheduler is never stepped",
    triggers=(("optimizer", "torch"), ("optim.", "torch"), ("torch.optim",)),
    property=Used(begun=EventPattern(SCHEDULER, frozenset((Act.NEW,)), _is_own), use=step(SCHEDULER)),
    judge=_level,
    wording=_wording,
    repair=Repair("Delete the scheduler", DISPLAY, _delete),
    evidence=Evidence.LEARNING_RATE,
)
