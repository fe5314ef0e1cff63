"""The optimizer steps by itself although a `GradScaler` has multiplied the gradients.

The update uses gradients that are 65536 times too large (the scale that a scaler begins with), and nothing skips it
when one of them is infinite. SGD diverges at once: a loss of 1.0e8 after three updates with a scale of 1024. Adam looks
sound, for it does not care for the size of gradients, until a gradient overflows. Followed by `scaler.update()` it
raises `AssertionError: No inf checks were recorded prior to update.` Where the scaler steps as well, each iteration
makes two updates.

## Example

```python
import torch
from torch import nn

model = nn.Linear(8, 1).cuda()
optimizer = torch.optim.SGD(model.parameters(), lr=0.01)
scaler = torch.amp.GradScaler("cuda")

for step in range(100):
    x = torch.randn(64, 8, device="cuda")
    optimizer.zero_grad()
    with torch.autocast("cuda", dtype=torch.float16):
        loss = nn.functional.mse_loss(model(x), x.sum(dim=1, keepdim=True))
    scaler.scale(loss).backward()
    optimizer.step()
    scaler.update()
```

## Use instead

```python
import torch
from torch import nn

model = nn.Linear(8, 1).cuda()
optimizer = torch.optim.SGD(model.parameters(), lr=0.01)
scaler = torch.amp.GradScaler("cuda")

for step in range(100):
    x = torch.randn(64, 8, device="cuda")
    optimizer.zero_grad()
    with torch.autocast("cuda", dtype=torch.float16):
        loss = nn.functional.mse_loss(model(x), x.sum(dim=1, keepdim=True))
    scaler.scale(loss).backward()
    scaler.step(optimizer)
    scaler.update()
```

## When the code is right

These are not reported:

- `scaler.unscale_(optimizer)` before `optimizer.step()`: only the skipping of infinite gradients is lost.
- A step on the path without a scaler, beside `scaler.step(optimizer)` on the path with one.
- A scaler with `enabled=False`. With `enabled=` something that is not known here the finding is a warning, and there
  is none where the scaler steps the optimizer on another path.
- Another optimizer's step, whose parameters the scaled loss does not reach.
- Gradients that are divided by `scaler.get_scale()` by hand.
- Protocols of other packages, as apex's `amp.scale_loss`, which unscales when its context ends.

## Fix safety

The fix puts `scaler.step(optimizer)` in the place of the step, and `scaler.update()` below it where there is none. Of
two steps it deletes the second one. It is unsafe because each update becomes another one, as it was meant to be.

There is no fix for a step with a closure, and where the scaler has no name in the
function of the step.

## Evidence

A replay compares the gradient that each update consumes with that of the loss: it is off by the scale before the fix,
and equal to it afterwards. On torch 2.13, three updates of SGD on scaled gradients end at a loss of 1.0e8, where the
plain loop ends at 7.0.

## References

- Automatic mixed precision examples: https://docs.pytorch.org/docs/stable/notes/amp_examples.html
- `torch.amp.GradScaler`: https://docs.pytorch.org/docs/stable/amp.html#gradient-scaling
"""

from __future__ import annotations

import ast

from optlint.api import (
    OPTIMIZER,
    UNSAFE,
    Absence,
    Act,
    Binding,
    Editor,
    Edits,
    Event,
    EventPattern,
    Evidence,
    Level,
    Repair,
    Rule,
    Violation,
    canonical,
    enclosing_loops,
    enclosing_statement,
    same_function,
)
from optlint_rules.order.forward import stepped
from optlint_rules.precision.scaling import (
    asks_for_scale,
    condition,
    directly,
    level_of,
    name_of_scaler,
    steps_by_scaler,
)


def _by_scaler(event: Event, binding: Binding) -> bool:
    return event.detail in ("scaled", "scaler")


def _otherwise(event: Event, binding: Binding) -> bool:
    return event.act is not Act.BACKWARD or event.detail != "scaled"


def _level(violation: Violation) -> Level | None:
    before, update = violation.roles["after"], violation.roles["of"]
    if before.act is Act.STEP:
        return Level.ERROR
    if asks_for_scale(violation, before, update):
        return None
    level = level_of(before.scaler)
    # The path on which the optimizer steps by itself may be the one without the scaler.
    return None if level is Level.WARNING and steps_by_scaler(violation) else level


def _wording(violation: Violation, level: Level) -> dict[str, str]:
    if violation.roles["after"].act is Act.STEP:
        return {"harm": "each iteration makes two updates", "how": "comes after that of the scaler"}
    return {"harm": f"the update is too large by the scale{condition(level)}", "how": "bypasses the scaler"}


def _by_the_scaler(violation: Violation, editor: Editor) -> Edits | None:
    before, update = violation.roles["after"], violation.roles["of"].place
    statement = enclosing_statement(update)
    call = update.node
    if not isinstance(statement, ast.Expr) or statement.value is not call or not isinstance(call, ast.Call):
        return None
    if before.act is Act.STEP:
        return editor.delete(statement) if same_function(before.place, update) else None
    scaler, optimizer = name_of_scaler(violation, before.scaler, update, editor), stepped(call)
    if scaler is None or optimizer is None or call.args or call.keywords:
        return None
    edits = editor.replace(call, f"{scaler}.step({editor.text(optimizer)})")
    if not _is_updated(violation):
        edits = (*edits, *editor.insert_after(statement, f"{scaler}.update()"))
    return edits


def _is_updated(violation: Violation) -> bool:
    """Whether the scaler is updated already, or another optimizer steps later, below which that will be done.

    That is one in the same loop: another one may have a scaler of its own.
    """
    assert violation.entry is not None
    update, scaler = violation.roles["of"].place, violation.roles["after"].scaler
    row, loops = getattr(update.node, "lineno", 0), enclosing_loops(update)
    for event in violation.entry.having(Act.UPDATE_SCALE, Act.STEP):
        if event.act is Act.UPDATE_SCALE:
            if scaler is None or canonical(scaler) in map(canonical, event.subjects):
                return True
        elif same_function(event.place, update) and getattr(event.place.node, "lineno", 0) > row:
            if enclosing_loops(event.place) == loops:
                return True
    return False


RULE = Rule(
    code="OPT503",
    level=Level.ERROR,
    message="{harm}: `{of}` {how}",
    triggers=((".step(", "caler", "torch"), ("GradScaler", "torch"), ("optim.", "torch"), ("torch.optim",)),
    property=Absence(
        of=EventPattern(OPTIMIZER, frozenset((Act.STEP,)), directly),
        after=EventPattern(OPTIMIZER, frozenset((Act.BACKWARD, Act.STEP)), _by_scaler),
        until=EventPattern(
            OPTIMIZER,
            frozenset((Act.UNSCALE, Act.CLEAR, Act.SET_GRADIENT, Act.CHANGE_GRADIENT, Act.BACKWARD)),
            _otherwise,
        ),
        definite=True,
    ),
    judge=_level,
    wording=_wording,
    repair=Repair("Let the scaler make the step", UNSAFE, _by_the_scaler),
    evidence=Evidence.GRADIENT,
)
