"""The scheduler steps before its optimizer has stepped for the first time.

The first learning rate is never used, and the whole schedule runs one step early: `StepLR(optimizer, 30)` decays
after 29 epochs, and `OneCycleLR(anneal_strategy="linear")` makes its last update with a negative rate (-0.0143 in the
measured run of 10 steps), which is gradient ascent.

`ExponentialLR` never uses the base rate. This was the documented order before torch 1.1; torch 1.1 reversed it. torch
warns once at run time, and for some schedulers (`CosineAnnealingWarmRestarts`, `SequentialLR` with a milestone at 1) it
does not warn at all.

## Example

```python
import torch
from torch import nn
from torch.optim.lr_scheduler import StepLR

x = torch.randn(64, 4)
y = x.sum(dim=1, keepdim=True)

model = nn.Linear(4, 1)
optimizer = torch.optim.SGD(model.parameters(), lr=0.1)
scheduler = StepLR(optimizer, step_size=30, gamma=0.1)

for epoch in range(90):
    scheduler.step()
    for xb, yb in zip(x.split(16), y.split(16)):
        optimizer.zero_grad()
        loss = nn.functional.mse_loss(model(xb), yb)
        loss.backward()
        optimizer.step()
    print(epoch, scheduler.get_last_lr()[0], loss.item())
```

## Use instead

```python
import torch
from torch import nn
from torch.optim.lr_scheduler import StepLR

x = torch.randn(64, 4)
y = x.sum(dim=1, keepdim=True)

model = nn.Linear(4, 1)
optimizer = torch.optim.SGD(model.parameters(), lr=0.1)
scheduler = StepLR(optimizer, step_size=30, gamma=0.1)

for epoch in range(90):
    for xb, yb in zip(x.split(16), y.split(16)):
        optimizer.zero_grad()
        loss = nn.functional.mse_loss(model(xb), yb)
        loss.backward()
        optimizer.step()
    print(epoch, scheduler.get_last_lr()[0], loss.item())
    scheduler.step()
```

## When the code is right

These are not reported:

- `if epoch > 0: scheduler.step()` at the top of the loop: bit for bit the rates of the usual order.
- `scheduler.step(epoch)` at the top: it asks for that epoch's rate by number, and epoch 0 gets rate number 0.
- `ReduceLROnPlateau`: it has no first rate to lose, so it may judge its metric before or after the updates.
- A warm-up whose factor is 0 at step 0: in the usual order its first update would move nothing.
- Winding a schedule forward on resume: `for _ in range(start_epoch): scheduler.step()`.
- A scheduler that follows its own optimizer's step and precedes another optimizer's.
- A `GradScaler` that skips its very first update: torch warns about the order there, and the code is right.
- Schedulers of the project's own that are not torch's: their `step()` may set the rate of the epoch that begins, or
  step the optimizer inside.
- An optimizer that was handed to code which cannot be seen: it may have stepped there.

## Fix safety

The fix moves the call to the end of its loop's body (or of the function whose first line it is), above a `break` that
follows the update. It is unsafe because it changes every learning rate of the run, which is its purpose: results will
differ from earlier runs.

There is no fix where moving the statement would not do: a call once before the loop, a call inside a branch, and a
loop body with a `continue` or `return` that would skip the moved call.

## Evidence

A replay compares the rate of each update with the reference schedule. On torch 2.13, for every scheduler with a
fixed curve, the rates of the wrong order are the right ones shifted left by exactly one. `StepLR(optimizer, 30)`
over 90 epochs: the first epochs with a lower rate are 29 and 59 in place of 30 and 60. `OneCycleLR` over 10 steps
ends on 0.00495 in place of 4e-7 (cosine), and on -0.0143 (linear). After the fix the rates equal the reference.

## References

- How to adjust learning rate: https://docs.pytorch.org/docs/stable/optim.html#how-to-adjust-learning-rate
- `torch.optim.lr_scheduler.StepLR`: https://docs.pytorch.org/docs/stable/generated/torch.optim.lr_scheduler.StepLR.html
- `torch.optim.lr_scheduler.OneCycleLR`: https://docs.pytorch.org/docs/stable/generated/torch.optim.lr_scheduler.OneCycleLR.html
"""

from __future__ import annotations

import ast

from optlint.api import (
    OPTIMIZER,
    SCHEDULER,
    UNSAFE,
    Act,
    Binding,
    Change,
    Confidence,
    Editor,
    Edits,
    Event,
    EventPattern,
    Evidence,
    Level,
    Precedence,
    Repair,
    Rule,
    Violation,
    enclosing_function,
    enclosing_loops,
    enclosing_statement,
    parent,
    since,
    step,
    tables,
)
from optlint_rules.schedulers.first_value import starts_at_zero


def _chained(event: Event, binding: Binding) -> bool:
    """A step without an explicit epoch or metric: the form that counts for itself."""
    return event.detail == ""


def _level(violation: Violation) -> Level | None:
    scheduler = violation.binding.scheduler
    assert scheduler is not None
    if scheduler.confidence is Confidence.NAME or violation.program.torch().precedes(
        since(Change.SCHEDULER_AFTER_OPTIMIZER)
    ):
        return None  # the scheduler came first
    facts = [tables().schedulers.get(name.partition(":")[0]) for name in scheduler.classes]
    if any(fact is not None and fact.metric for fact in facts):
        return None  # ReduceLROnPlateau has no fixed place: it reacts to what happened, whenever it is asked
    return None if starts_at_zero(scheduler) else Level.ERROR


def _to_loop_end(violation: Violation, editor: Editor) -> Edits | None:
    early = violation.roles["early"]
    statement = enclosing_statement(early.place)
    if not isinstance(statement, ast.Expr) or statement.value is not early.place.node:
        return None
    owner = parent(early.place.module, statement)
    loops = enclosing_loops(early.place)
    if loops:
        if owner is not loops[0] or _leaves(loops[0]):
            return None
        ending = _ending(loops[0], violation.roles["late"])
        return editor.move_before(statement, ending) if ending else editor.move_to_end(statement, loops[0])
    function = enclosing_function(early.place)
    if (
        not early.stack
        or owner is not function
        or not isinstance(function, ast.FunctionDef)
        or not _steps_inside(violation)
    ):
        return None
    returns = [node for node in ast.walk(function) if isinstance(node, ast.Return | ast.Yield)]
    if not returns:
        return editor.move_to_end(statement, function)
    return editor.move_before(statement, function.body[-1]) if returns == [function.body[-1]] else None


def _steps_inside(violation: Violation) -> bool:
    """Whether the optimizer steps in the very call in which the scheduler steps too early."""
    early, late = violation.roles["early"], violation.roles["late"]
    return late.stack[: len(early.stack)] == early.stack


def _ending(loop: ast.For | ast.AsyncFor | ast.While, late: Event) -> ast.stmt | None:
    """Return the statement of a loop's body, below the update, that may end the loop: the last step would be lost."""
    within = [{*ast.walk(statement)} for statement in loop.body]
    ways = [place.node for place in (*late.stack, late.place)]
    below = next((at + 1 for at, nodes in enumerate(within) if not nodes.isdisjoint(ways)), len(within))
    return next((statement for statement in loop.body[below:] if _breaks(statement)), None)


def _breaks(statement: ast.AST) -> bool:
    """Whether a statement holds a `break` of the loop that it stands in."""
    if isinstance(statement, ast.For | ast.AsyncFor | ast.While | ast.FunctionDef | ast.ClassDef):
        return any(map(_breaks, getattr(statement, "orelse", ())))
    return isinstance(statement, ast.Break) or any(map(_breaks, ast.iter_child_nodes(statement)))


def _leaves(loop: ast.AST) -> bool:
    """Whether an iteration may end before the end of its body: a call moved there would be skipped."""
    pending = list(ast.iter_child_nodes(loop))
    while pending:
        node = pending.pop()
        if isinstance(node, ast.Continue | ast.Return):
            return True
        if isinstance(node, ast.For | ast.AsyncFor | ast.While):
            pending.extend(inner for inner in ast.walk(node) if isinstance(inner, ast.Return))
        elif not isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.Lambda | ast.ClassDef):
            pending.extend(ast.iter_child_nodes(node))
    return False


RULE = Rule(
    code="OPT101",
    level=Level.ERROR,
    message="the schedule runs one step early: `{early}` runs before `{late}`",
    triggers=((".step(", "backward("), ("optimizer", "torch"), ("optim.", "torch"), ("torch.optim",)),
    property=Precedence(
        first=step(OPTIMIZER),
        then=EventPattern(SCHEDULER, frozenset((Act.SCHEDULE,)), _chained),
    ),
    judge=_level,
    repair=Repair("Step the scheduler after the optimizer", UNSAFE, _to_loop_end),
    evidence=Evidence.LEARNING_RATE,
)
