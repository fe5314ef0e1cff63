"""A loss or another metric is given to a scheduler that takes none.

Only `ReduceLROnPlateau` looks at a metric. All other schedulers take the number for an epoch, and set the rate of that
epoch: with losses between 0 and 3, `StepLR`, `MultiStepLR` and `ConstantLR` stay at their first rate for the whole run,
and the rate of `ExponentialLR`, `CosineAnnealingLR`, `LambdaLR` and others follows the loss, so that it rises while the
loss falls (`CosineAnnealingLR` over 8 epochs: from 0.074 up to 0.098 in place of down to 0.004). torch warns that the
epoch is deprecated; `CosineAnnealingWarmRestarts` does not even warn. `SequentialLR` and `ChainedScheduler` raise.

## Example

```python
import torch
from torch import nn
from torch.optim.lr_scheduler import StepLR

x_train, x_val = torch.randn(64, 3), torch.randn(32, 3)

model = nn.Linear(3, 1)
optimizer = torch.optim.SGD(model.parameters(), lr=0.1)
scheduler = StepLR(optimizer, step_size=4, gamma=0.1)

for epoch in range(12):
    for batch in x_train.split(16):
        optimizer.zero_grad()
        loss = (model(batch) - batch.sum(dim=1, keepdim=True)).pow(2).mean()
        loss.backward()
        optimizer.step()
    with torch.no_grad():
        val_loss = (model(x_val) - x_val.sum(dim=1, keepdim=True)).pow(2).mean().item()
    scheduler.step(val_loss)
```

## Use instead

```python
import torch
from torch import nn
from torch.optim.lr_scheduler import StepLR

x_train, x_val = torch.randn(64, 3), torch.randn(32, 3)

model = nn.Linear(3, 1)
optimizer = torch.optim.SGD(model.parameters(), lr=0.1)
scheduler = StepLR(optimizer, step_size=4, gamma=0.1)

for epoch in range(12):
    for batch in x_train.split(16):
        optimizer.zero_grad()
        loss = (model(batch) - batch.sum(dim=1, keepdim=True)).pow(2).mean()
        loss.backward()
        optimizer.step()
    with torch.no_grad():
        val_loss = (model(x_val) - x_val.sum(dim=1, keepdim=True)).pow(2).mean().item()
    scheduler.step()
```

## When the code is right

These are not reported:

- `ReduceLROnPlateau`, which is there for the metric, and a variable that holds it under some option.
- `isinstance`, or a comparison of an option, that decides which of `step()` and `step(loss)` is called.
- An epoch, or an epoch with a fraction: `step(epoch)` is another matter (OPT403).
- Schedulers of timm, fairseq, AllenNLP or the project's own: their `step` may take a metric and an epoch.

`MultiplicativeLR` and `SWALR` count their calls whatever they are given: the rates are right, and only torch's warning
comes; that is a note.

## Fix safety

The fix drops the argument. It is unsafe because it changes every learning rate of the run, to those of the schedule
that was asked for. Where the rate really is to follow the metric, `ReduceLROnPlateau` was meant, and not the fix.

## Evidence

A replay compares the rate of each update with the reference schedule, stepped once an epoch. On torch 2.13 the rates
are those of the first paragraph; after the fix they equal the reference. A tensor does what a float does, but in some
classes the rate itself becomes a tensor. `step(metrics=loss)` raises TypeError in every class but `ReduceLROnPlateau`.

## References

- `torch.optim.lr_scheduler.ReduceLROnPlateau`: https://docs.pytorch.org/docs/stable/generated/torch.optim.lr_scheduler.ReduceLROnPlateau.html
- How to adjust learning rate: https://docs.pytorch.org/docs/stable/optim.html#how-to-adjust-learning-rate
"""

from __future__ import annotations

import ast
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
)
from optlint_rules.schedulers.step_argument import Kind, argument_of
from optlint_rules.schedulers.stepping import PLATEAU, making, steps
from optlint_rules.schedulers.words import STEPPED

_REFUSING = frozenset(("SequentialLR", "ChainedScheduler"))
_COUNTING = frozenset(("MultiplicativeLR", "SWALR"))
"""Classes that count their calls, whatever they are given."""
_FROZEN = frozenset(("StepLR", "MultiStepLR", "ConstantLR"))
_KEYWORDS = frozenset(("", "epoch"))


def _find(program: Program) -> Iterator[Violation]:
    for entry, event, scheduler, classes in steps(program):
        if PLATEAU in classes:
            continue
        argument = argument_of(event)
        raises = argument.keyword not in _KEYWORDS
        if argument.kind is not Kind.METRIC and not (raises and argument.keyword == "metrics"):
            continue
        name = " or ".join(f"`{each}`" for each in sorted(classes))
        call = ast.unparse(event.place.node)
        if raises:
            what = f"it raises TypeError: `step()` of {name} has no argument `{argument.keyword}`"
        elif classes <= _REFUSING:
            what = f"it raises TypeError: `step()` of {name} takes no argument, least of all a metric"
        elif classes <= _COUNTING:
            what = f"`{call}` gives {name} a metric, which it takes for an epoch and does not use"
        elif classes <= _FROZEN:
            what = f"the rate stays where it begins: {name} takes the metric in `{call}` for the epoch"
        else:
            what = f"the rate follows the metric and not the schedule: {name} takes it for the epoch in `{call}`"
        level = Level.NOTE if classes <= _COUNTING and not raises else Level.ERROR
        path = (*making(entry, scheduler), event)
        yield Violation(program, event.place, {"call": event}, path, entry=entry, parts={"what": what}, level=level)


def _drop(violation: Violation, editor: Editor) -> Edits | None:
    call = violation.roles["call"].place.node
    if not isinstance(call, ast.Call) or len(call.args) + len(call.keywords) != 1:
        return None
    if _is_computed(call):
        return None  # what the argument does on the way would be lost
    given = call.args[0] if call.args else call.keywords[0]
    return editor.remove_argument(call, given)


def _is_computed(call: ast.Call) -> bool:
    """Whether the argument calls something that does more than to read a value."""
    arguments = [*call.args, *(keyword.value for keyword in call.keywords)]
    for argument in arguments:
        for node in ast.walk(argument):
            if isinstance(node, ast.NamedExpr | ast.Await | ast.Yield):
                return True
            if isinstance(node, ast.Call):
                name = getattr(node.func, "attr", "") or getattr(node.func, "id", "")
                if name not in _READING:
                    return True
    return False


_READING = frozenset("item mean sum float cpu detach numpy len round abs min max get average avg".split())


RULE = Rule(
    code="OPT402",
    level=Level.ERROR,
    message="{what}",
    triggers=STEPPED,
    property=Query(_find),
    repair=Repair("Step the scheduler without the metric", UNSAFE, _drop),
    evidence=Evidence.LEARNING_RATE,
)
