"""Gradients are clipped while they are still multiplied by the scale of a `GradScaler`.

The limit is meant for the gradients of the loss, but it meets ones that are up to 65536 times larger. Nearly every
gradient is then over the limit, and what remains is divided by the scale afterwards: with a scale of 1024, SGD moves
by 1.4e-5 where it should move by 1.4e-2. Nothing raises. Adam hides most of it, since it does not care for the size of
gradients, but each of them is clipped, and near its `eps` the updates shrink all the same. On a machine without a GPU
torch switches the scaler off, so that a test there shows nothing.

## Example

```python
import torch
from torch import nn

model = nn.Linear(10, 2).cuda()
optimizer = torch.optim.SGD(model.parameters(), lr=0.1)
scaler = torch.amp.GradScaler("cuda")

for step in range(100):
    x = torch.randn(32, 10, device="cuda")
    optimizer.zero_grad()
    with torch.autocast("cuda", dtype=torch.float16):
        loss = nn.functional.cross_entropy(model(x), (x[:, 0] > 0).long())
    scaler.scale(loss).backward()
    nn.utils.clip_grad_norm_(model.parameters(), max_norm=1.0)
    scaler.step(optimizer)
    scaler.update()
```

## Use instead

```python
import torch
from torch import nn

model = nn.Linear(10, 2).cuda()
optimizer = torch.optim.SGD(model.parameters(), lr=0.1)
scaler = torch.amp.GradScaler("cuda")

for step in range(100):
    x = torch.randn(32, 10, device="cuda")
    optimizer.zero_grad()
    with torch.autocast("cuda", dtype=torch.float16):
        loss = nn.functional.cross_entropy(model(x), (x[:, 0] > 0).long())
    scaler.scale(loss).backward()
    scaler.unscale_(optimizer)
    nn.utils.clip_grad_norm_(model.parameters(), max_norm=1.0)
    scaler.step(optimizer)
    scaler.update()
```

## When the code is right

These are not reported:

- `scaler.unscale_(optimizer)` on some path to the clipping: the conditions of the two may well agree.
- A scaler with `enabled=False`. With `enabled=` something that is not known here the finding is a warning.
- A limit of infinity, which clips nothing and only measures the norm.
- A limit that is multiplied by `scaler.get_scale()`, or gradients that are divided by it by hand.
- The clipping of other parameters than those of the scaled loss.
- The protocols of other packages (Accelerate, Fabric, DeepSpeed, apex, timm's loss scaler): their own clipping
  unscales first, or their backward is not torch's.

## Fix safety

The fix inserts `scaler.unscale_(optimizer)` above the clipping, under the condition for mixed precision under which
the scaler steps. It is unsafe because updates become larger, as they were meant to be; a learning rate that was tuned
with the fault may be too high afterwards.

There is no fix where the scaler's step stands in another function, for the names of scaler and optimizer are not known
at the clipping.

## Evidence

A replay compares the gradient that each update consumes with the clipped gradient of the loss. On torch 2.13, with a
scale of 1024 and a limit of 1, the gradient is 1/1000 of what it should be before the fix, and equal to it after it.

## References

- Working with unscaled gradients: https://docs.pytorch.org/docs/stable/notes/amp_examples.html#working-with-unscaled-gradients
- `torch.amp.GradScaler`: https://docs.pytorch.org/docs/stable/amp.html#gradient-scaling
- `clip_grad_norm_`: https://docs.pytorch.org/docs/stable/generated/torch.nn.utils.clip_grad_norm_.html
"""

from __future__ import annotations

import ast

from optlint.api import (
    OPTIMIZER,
    UNSAFE,
    Act,
    Editor,
    Edits,
    Event,
    EventPattern,
    Evidence,
    Level,
    Optimizer,
    Place,
    Repair,
    Response,
    Rule,
    Violation,
    canonical,
    enclosing_loops,
    enclosing_statement,
    same_function,
)
from optlint_rules.gradients.clipping import limits
from optlint_rules.gradients.losses import block_around
from optlint_rules.precision.scaling import (
    asks_for_scale,
    backwards,
    by_scaler,
    condition,
    is_always_done,
    level_of,
    precision_asked,
    scaled,
    step_near,
    unscaled,
    unscalings,
)


def _level(violation: Violation) -> Level | None:
    gradient, clipping = violation.roles["trigger"], violation.roles["before"]
    if asks_for_scale(violation, gradient, clipping) or _is_unscaled_by_another(violation):
        return None
    if not backwards(violation, unscaled) or _is_where_scaled(violation, gradient, clipping):
        return level_of(gradient.scaler)
    # Some path has no scaler, and the clipping may be on no other.
    if unscalings(violation) or not is_always_done(clipping.place):
        return None
    return level_of(gradient.scaler) and Level.WARNING


def _is_where_scaled(violation: Violation, gradient: Event, clipping: Event) -> bool:
    """Whether the block of a clipping holds the scaled backward, above it, or a step that the scaler makes, below.

    Then no condition comes between them, whatever other paths do.
    """
    block = next(iter(block_around(clipping.place)), [])
    at = block.index(enclosing_statement(clipping.place))

    def stands_in(event: Event, part: list[ast.stmt]) -> bool:
        same = event.stack == clipping.stack and event.place.module is clipping.place.module
        return same and enclosing_statement(event.place) in part

    assert violation.entry is not None
    steps = (each for each in violation.entry.having(Act.STEP) if by_scaler(each, violation.binding))
    own = (each for each in steps if violation.binding.optimizer in map(canonical, each.subjects))
    return stands_in(gradient, block[:at]) or any(stands_in(each, block[at + 1 :]) for each in own)


def _is_unscaled_by_another(violation: Violation) -> bool:
    """Whether another optimizer of the same parameters is unscaled: one that a later run of a loop makes, say."""
    optimizer = violation.binding.optimizer
    others = [
        canonical(subject)
        for event in (violation.entry.having(Act.UNSCALE) if violation.entry is not None else ())
        for subject in event.subjects
    ]
    return any(
        isinstance(other, Optimizer) and other is not optimizer and other.holds(source.model)
        for other in others
        for source in optimizer.sources
    )


def _unscale(violation: Violation, editor: Editor) -> Edits | None:
    clipping = violation.roles["before"].place
    update = step_near(violation, clipping)
    if update is None or violation.entry is None:
        return None
    step, scaler, optimizer = update
    statement: ast.AST = enclosing_statement(clipping)
    gradient = violation.roles["trigger"].place
    around = [] if gradient.module is not clipping.module else enclosing_loops(gradient)
    for loop in enclosing_loops(clipping):
        if loop in around or violation.roles["trigger"].stack != violation.roles["before"].stack:
            break
        statement = loop  # over parameters or modules: unscaling is done once
    call = f"{editor.text(scaler)}.unscale_({editor.text(optimizer)})"
    if any(_is_call(event.place, call, clipping, editor) for event in violation.entry.having(Act.UNSCALE)):
        return None  # what that name means elsewhere is another optimizer, and a second call raises
    asked = precision_asked(step, clipping, editor)
    if asked:
        return editor.insert_before(statement, f"if {asked}:", f"    {call}")
    return editor.insert_before(statement, call)


def _is_call(place: Place, text: str, near: Place, editor: Editor) -> bool:
    return same_function(place, near) and isinstance(place.node, ast.expr) and editor.text(place.node) == text


RULE = Rule(
    code="OPT502",
    level=Level.ERROR,
    message="updates shrink by the scale{condition}: `{before}` clips gradients that are not unscaled yet",
    triggers=(("clip_grad", "caler", "torch"), ("GradScaler", "torch"), ("optim.", "torch"), ("torch.optim",)),
    property=Response(
        trigger=EventPattern(OPTIMIZER, frozenset((Act.BACKWARD,)), scaled),
        response=EventPattern(OPTIMIZER, frozenset((Act.UNSCALE, Act.SET_GRADIENT, Act.CHANGE_GRADIENT))),
        before=EventPattern(OPTIMIZER, frozenset((Act.CLIP,)), limits),
        disarmed_by=EventPattern(OPTIMIZER, frozenset((Act.CLEAR, Act.STEP))),
        once=True,
    ),
    judge=_level,
    wording=lambda violation, level: {"condition": condition(level)},
    repair=Repair("Unscale the gradients first", UNSAFE, _unscale),
    evidence=Evidence.GRADIENT,
)
