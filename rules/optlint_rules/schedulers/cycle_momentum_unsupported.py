"""`OneCycleLR` or `CyclicLR` is to cycle the momentum of an optimizer that has none.

Both cycle the momentum (or `betas[0]`) against the rate unless they are told not to. For `ASGD`, `Adadelta`,
`Adafactor`, `Adagrad`, `LBFGS` and `Rprop` the constructor raises `ValueError: optimizer must support momentum or beta1
with 'cycle_momentum' option enabled`. On torch before 2.3 or so `CyclicLR` raises for `Adam` and its kin as well, whose
`betas` it did not know yet.

## Example

```python
import torch
from torch import nn
from torch.optim.lr_scheduler import OneCycleLR

data = torch.randn(64, 3)

model = nn.Linear(3, 1)
optimizer = torch.optim.Adagrad(model.parameters(), lr=0.1)
scheduler = OneCycleLR(optimizer, max_lr=0.1, total_steps=20)

for epoch in range(5):
    for batch in data.split(16):
        optimizer.zero_grad()
        loss = (model(batch) - batch.sum(dim=1, keepdim=True)).pow(2).mean()
        loss.backward()
        optimizer.step()
        scheduler.step()
```

## Use instead

```python
import torch
from torch import nn
from torch.optim.lr_scheduler import OneCycleLR

data = torch.randn(64, 3)

model = nn.Linear(3, 1)
optimizer = torch.optim.Adagrad(model.parameters(), lr=0.1)
scheduler = OneCycleLR(optimizer, max_lr=0.1, total_steps=20, cycle_momentum=False)

for epoch in range(5):
    for batch in data.split(16):
        optimizer.zero_grad()
        loss = (model(batch) - batch.sum(dim=1, keepdim=True)).pow(2).mean()
        loss.backward()
        optimizer.step()
        scheduler.step()
```

## When the code is right

These are not reported:

- `cycle_momentum=False`, or a value that is not known here.
- Optimizers with `momentum` or `betas`: SGD, RMSprop, Muon, the Adam family. Their value is replaced, silently: a
  plain `SGD` trains with a momentum of 0.85 to 0.95 under `OneCycleLR`. That is what one-cycle training is.
- An optimizer that is one of several, by an option.
- Optimizers of other packages and of the project.

## Fix safety

Safe: the code raises as it stands, and there is no momentum to cycle. There is no fix where the same call also makes
schedulers of optimizers that have a momentum, as in a helper: theirs would no longer be cycled.

## Evidence

A replay builds the scheduler. On torch 2.13 the constructor raises for the six classes named above and both schedulers,
and with `cycle_momentum=False` for none; the rates are the same as those of any other optimizer.

## References

- `torch.optim.lr_scheduler.OneCycleLR`: https://docs.pytorch.org/docs/stable/generated/torch.optim.lr_scheduler.OneCycleLR.html
- `torch.optim.lr_scheduler.CyclicLR`: https://docs.pytorch.org/docs/stable/generated/torch.optim.lr_scheduler.CyclicLR.html
- L. N. Smith, N. Topin, "Super-convergence", 2017: https://arxiv.org/abs/1708.07120
"""

from __future__ import annotations

import ast
from collections.abc import Iterator

from optlint.api import (
    SAFE,
    Act,
    Change,
    Confidence,
    Editor,
    Edits,
    Entry,
    Event,
    Evidence,
    Level,
    Optimizer,
    Program,
    Query,
    Repair,
    Rule,
    Scheduler,
    Violation,
    canonical,
    exception_of,
    optimizer_signature,
    scheduler_signature,
    since,
    written,
)
from optlint_rules.schedulers.stepping import classes_of

_CYCLING = frozenset(("OneCycleLR", "CyclicLR"))


def _find(program: Program) -> Iterator[Violation]:
    for entry in program.entries:
        for event in entry.having(Act.NEW):
            scheduler = canonical(event.subjects[0]) if event.subjects else None
            if not isinstance(scheduler, Scheduler) or not _cycles(event, scheduler):
                continue
            names = _optimizer_names(scheduler)
            kind = next(iter(classes_of(scheduler)))
            shown = " or ".join(f"`{name}`" for name in sorted(names))
            raised = exception_of("cycled momentum without momentum")
            level, what = Level.ERROR, f"`{kind}` raises {raised}: {shown} has no momentum to cycle"
            if not names or not all(map(_has_none, names)):
                cycled = since(Change.CYCLED_BETAS)
                if kind != "CyclicLR" or not names or not all("betas" in _keys(name) for name in names):
                    continue
                if not program.torch().may_precede(cycled):
                    continue
                level = Level.ERROR if program.torch().precedes(cycled) else Level.WARNING
                what = f"`CyclicLR` raises {raised} on torch before {written(cycled)}"
                what += f": it cycles no `betas` of {shown} there"
            yield Violation(
                program,
                event.place,
                {"new": event},
                (*_makings(entry, scheduler), event),
                entry=entry,
                parts={"what": what},
                level=level,
            )


def _has_none(name: str) -> bool:
    """Whether an optimizer of torch has no momentum that a scheduler could cycle."""
    keys = _keys(name)
    return bool(keys) and not keys & {"momentum", "betas"}


def _keys(name: str) -> frozenset[str]:
    signature = optimizer_signature(name)
    return signature.group_keys if signature is not None else frozenset()


def _position(name: str) -> int:
    """Return the place of `cycle_momentum` among the arguments of a scheduler, the optimizer being 0."""
    signature = scheduler_signature(name)
    assert signature is not None
    return [each.name for each in signature.parameters].index("cycle_momentum")


def _cycles(event: Event, scheduler: Scheduler) -> bool:
    """Whether the call of an event makes a schedule that surely cycles the momentum."""
    classes = classes_of(scheduler)
    made = [each for each in scheduler.constructions if each.place.node is event.place.node]
    if len(classes) != 1 or not classes <= _CYCLING or len(made) != 1 or not made[0].complete:
        return False
    if not isinstance(event.place.node, ast.Call):
        return False
    name = next(iter(classes))
    given = made[0].given("cycle_momentum", _position(name))
    return given is None or (isinstance(given.node, ast.Constant) and given.node.value is True)


def _optimizer_names(scheduler: Scheduler) -> frozenset[str]:
    """Return the classes that the scheduler's optimizer may have; none where one may be of another package."""
    optimizers = [canonical(each) for each in scheduler.optimizers]
    if any(each.info is not None or each.confidence is not Confidence.CERTAIN for each in optimizers):
        return frozenset()
    return frozenset(name for each in optimizers for name in each.classes)


def _makings(entry: Entry, scheduler: Scheduler) -> Iterator[Event]:
    own = set(map(canonical, scheduler.optimizers))
    for event in entry.having(Act.NEW):
        optimizer = canonical(event.subjects[0]) if event.subjects else None
        if isinstance(optimizer, Optimizer) and optimizer in own:
            yield event


def _keep_momentum(violation: Violation, editor: Editor) -> Edits | None:
    call = violation.at.node
    if not isinstance(call, ast.Call) or _is_shared(violation):
        return None
    for keyword in call.keywords:
        if keyword.arg == "cycle_momentum":
            return editor.replace(keyword.value, "False")
    if any(isinstance(value, ast.Constant) and value.value is True for value in call.args):
        at = _position(next(iter(_classes(violation))))
        return editor.replace(call.args[at], "False") if len(call.args) > at else None
    return editor.add_argument(call, "cycle_momentum=False")


def _classes(violation: Violation) -> frozenset[str]:
    scheduler = canonical(violation.roles["new"].subjects[0])
    return classes_of(scheduler) if isinstance(scheduler, Scheduler) else frozenset()


def _is_shared(violation: Violation) -> bool:
    """Whether the same call makes schedulers of optimizers with a momentum too."""
    for entry in violation.program.entries:
        for event in entry.having(Act.NEW):
            scheduler = canonical(event.subjects[0]) if event.place.node is violation.at.node else None
            if isinstance(scheduler, Scheduler):
                names = _optimizer_names(scheduler)
                if not names or not all(map(_has_none, names)):
                    return True
    return False


RULE = Rule(
    code="OPT417",
    level=Level.ERROR,
    message="{what}",
    triggers=(("OneCycleLR", "torch"), ("CyclicLR", "torch"), ("lr_scheduler",)),
    property=Query(_find),
    repair=Repair("Do not cycle the momentum", SAFE, _keep_momentum),
    evidence=Evidence.CRASH,
)
