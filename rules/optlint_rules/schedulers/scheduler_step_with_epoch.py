"""A scheduler is told in its step which epoch it is.

torch has counted steps itself since 1.1, and the argument is deprecated since 1.4: with it, the rate comes from the
class's closed form, and torch warns in each call. What is wrong with it depends on where it stands. `step(epoch)` at
the end of the epoch asks for the rate of the epoch that is over, so that the first rate is used twice and the whole
schedule lags one epoch behind: `StepLR(optimizer, 30)` decays after 31 epochs. `SequentialLR` and `ChainedScheduler`
raise `TypeError: SequentialLR.step() takes 1 positional argument but 2 were given`. `MultiplicativeLR` and `SWALR`
count their calls and do not use the number at all. `step(epoch)` at the top and `step(epoch + 1)` at the end ask for
the right rates.

## Example

```python
import torch
from torch import nn
from torch.optim.lr_scheduler import StepLR

data = torch.randn(64, 3)

model = nn.Linear(3, 1)
optimizer = torch.optim.SGD(model.parameters(), lr=0.1)
scheduler = StepLR(optimizer, step_size=4, gamma=0.1)

for epoch in range(12):
    for batch in data.split(16):
        optimizer.zero_grad()
        loss = (model(batch) - batch.sum(dim=1, keepdim=True)).pow(2).mean()
        loss.backward()
        optimizer.step()
    scheduler.step(epoch)
```

## Use instead

```python
import torch
from torch import nn
from torch.optim.lr_scheduler import StepLR

data = torch.randn(64, 3)

model = nn.Linear(3, 1)
optimizer = torch.optim.SGD(model.parameters(), lr=0.1)
scheduler = StepLR(optimizer, step_size=4, gamma=0.1)

for epoch in range(12):
    for batch in data.split(16):
        optimizer.zero_grad()
        loss = (model(batch) - batch.sum(dim=1, keepdim=True)).pow(2).mean()
        loss.backward()
        optimizer.step()
    scheduler.step()
```

## When the code is right

These are not reported:

- `CosineAnnealingWarmRestarts`, whose documented form is `step(epoch + i / iters)`, unless it lags as above.
- Schedulers of timm, fairseq, mmcv or the project's own, which want the epoch or the number of the update.
- `ReduceLROnPlateau.step(loss)`: that is no epoch.
- Code for torch before 1.1 alone, by `target-torch` or the project's own requirement: there `step(epoch)` was the form.

`step(epoch)` at the top and `step(epoch + 1)` at the end give the right rates today. They are reported as warnings all
the same: the argument is deprecated, and who resumes from a checkpoint has to get the number right.

## Fix safety

Safe for `step(epoch + 1)` as the last thing in each round of `for epoch in range(N)`, with a scheduler that is new
there and stepped nowhere else: the rates stay the same. Otherwise unsafe: dropping the number from `step(epoch)` at the
end moves the schedule to where it should be, and at the top the call also has to move to the end. There is no fix where
the code resumes, where the call is made for each batch, and where the position in the loop is not clear.

## Evidence

A replay compares the rate of each update with the reference schedule. On torch 2.13, for every class but
`MultiplicativeLR` and `SWALR`, `step(e)` at the end uses each rate one epoch late: `StepLR(optimizer, 3)` decays after
4 and 7 epochs in place of 3 and 6. `step(e + 1)` at the end and `step(e)` at the top agree with `step()` to the last
digit.

## References

- `torch.optim.lr_scheduler.LRScheduler`: https://docs.pytorch.org/docs/stable/generated/torch.optim.lr_scheduler.LRScheduler.html
- `torch.optim.lr_scheduler.CosineAnnealingWarmRestarts`: https://docs.pytorch.org/docs/stable/generated/torch.optim.lr_scheduler.CosineAnnealingWarmRestarts.html
- How to adjust learning rate: https://docs.pytorch.org/docs/stable/optim.html#how-to-adjust-learning-rate
"""

from __future__ import annotations

import ast
from collections.abc import Iterator

from optlint.api import (
    SAFE,
    UNSAFE,
    Applicability,
    Change,
    Editor,
    Edits,
    Event,
    Evidence,
    Level,
    Program,
    Query,
    Repair,
    Rule,
    Violation,
    enclosing_loops,
    enclosing_statement,
    parent,
    since,
)
from optlint_rules.schedulers.step_argument import Kind, argument_of
from optlint_rules.schedulers.step_position import Form, Where, form_of
from optlint_rules.schedulers.stepping import PLATEAU, making, steps
from optlint_rules.schedulers.words import STEPPED

_REFUSING = frozenset(("SequentialLR", "ChainedScheduler"))
_COUNTING = frozenset(("MultiplicativeLR", "SWALR"))
"""Classes that count their calls, whatever they are given."""
_DOCUMENTED = frozenset(("CosineAnnealingWarmRestarts",))


def _find(program: Program) -> Iterator[Violation]:
    if program.torch().precedes(since(Change.STEPS_COUNTED)):
        return
    for entry, event, scheduler, classes in steps(program):
        argument = argument_of(event)
        if PLATEAU in classes or argument.kind not in (Kind.COUNTER, Kind.FRACTION) or argument.turned:
            continue
        if argument.keyword not in ("", "epoch") or _has_more(event):
            continue
        form = form_of(entry, event, scheduler, argument)
        if classes & _DOCUMENTED and not (form.lags and argument.kind is Kind.COUNTER):
            continue
        level, what = _said(event, classes, form)
        yield Violation(
            program,
            event.place,
            {"call": event},
            (*making(entry, scheduler), event),
            entry=entry,
            parts={"what": what, "form": _words(classes, form)},
            level=level,
        )


def _said(event: Event, classes: frozenset[str], form: Form) -> tuple[Level, str]:
    call = ast.unparse(event.place.node)
    name = " or ".join(f"`{each}`" for each in sorted(classes))
    if classes <= _REFUSING:
        return Level.ERROR, f"it raises TypeError: `step()` of {name} takes no epoch"
    if classes <= _COUNTING:
        if form.where is Where.TOP:
            return Level.ERROR, f"the schedule runs one step early: {name} counts its calls, and `{call}` comes first"
        return Level.WARNING, f"`{call}` is deprecated: {name} counts its calls, and does not use the number"
    if form.lags and not classes & (_COUNTING | _REFUSING):
        return Level.ERROR, f"the schedule lags one epoch: `{call}` asks for the rate of the epoch that is over"
    return Level.WARNING, f"`{call}` is deprecated: {name} counts its steps itself"


def _words(classes: frozenset[str], form: Form) -> str:
    """Return what the repair has to know."""
    counted = "counting" if classes <= _COUNTING else ""
    return f"{form.where.value} {form.first} {'direct' if form.direct else ''} {counted}"


def _has_more(event: Event) -> bool:
    call = event.place.node
    return isinstance(call, ast.Call) and len(call.args) + len(call.keywords) != 1


def _drop(violation: Violation, editor: Editor) -> Edits | None:
    call = violation.roles["call"].place.node
    where, first, *rest = violation.parts["form"].split(" ")
    if not isinstance(call, ast.Call) or not isinstance(call.func, ast.Attribute) or first == "None":
        return None
    at_end = where == Where.END.value and (first in ("0", "1") or "counting" in rest)
    at_top = where == Where.TOP.value and first == "0"
    if at_end:
        return editor.remove_argument(call, call.args[0] if call.args else call.keywords[0])
    if at_top and "direct" in rest:
        loop = enclosing_loops(violation.roles["call"].place)[0]
        statement = enclosing_statement(violation.roles["call"].place)
        if parent(violation.at.module, statement) is not loop or loop.body[-1] is statement:
            return None
        return (*editor.delete(statement), *editor.insert_at_end(loop, f"{editor.text(call.func)}()"))
    return None


def _promise(violation: Violation) -> Applicability:
    where, first, *rest = violation.parts["form"].split(" ")
    return SAFE if where == Where.END.value and first == "1" and "direct" in rest else UNSAFE


RULE = Rule(
    code="OPT403",
    level=Level.WARNING,
    message="{what}",
    triggers=STEPPED,
    property=Query(_find),
    repair=Repair("Let the scheduler count its steps", UNSAFE, _drop, _promise),
    evidence=Evidence.LEARNING_RATE,
)
