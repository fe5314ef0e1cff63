"""The gradients are computed and cleared in the batch loop, and the optimizer steps only after it.

`zero_grad()` throws the gradient of each batch away before the next, so that the one update an epoch uses the last
batch alone. In the measured run of 3 epochs of 5 batches there are 3 updates instead of 15, and the loss ends at 5.96
instead of 1.37. Nothing raises: the loss falls, only slowly. As a rule the line has lost a level of indentation.

## Example

```python
import torch
from torch import nn

model = nn.Sequential(nn.Linear(4, 8), nn.Tanh(), nn.Linear(8, 1))
optimizer = torch.optim.SGD(model.parameters(), lr=0.05)
data = torch.randn(80, 4).split(16)

for epoch in range(3):
    for x in data:
        optimizer.zero_grad()
        loss = nn.functional.mse_loss(model(x), x.sum(dim=1, keepdim=True))
        loss.backward()
    optimizer.step()
```

## Use instead

```python
import torch
from torch import nn

model = nn.Sequential(nn.Linear(4, 8), nn.Tanh(), nn.Linear(8, 1))
optimizer = torch.optim.SGD(model.parameters(), lr=0.05)
data = torch.randn(80, 4).split(16)

for epoch in range(3):
    for x in data:
        optimizer.zero_grad()
        loss = nn.functional.mse_loss(model(x), x.sum(dim=1, keepdim=True))
        loss.backward()
        optimizer.step()
```

## When the code is right

These are not reported:

- Full-batch training: the gradients are cleared in the epoch loop as well, and add up over the batches.
- A step in both loops, or one of another optimizer in the batch loop.
- Inner loops that read the gradients: per-sample clipping, Fisher information, an adversarial attack on the inputs.
- A backward of its own beside the step, below the batch loop.
- Inner loops that try again until they succeed, and leave by `break`.
- Optimizers that are handed to code which cannot be seen, and updates inside a method of the trainer that is.

## Fix safety

The fix is shown and never applied: it moves the step to the end of the batch loop. The other way to mend the code is
to clear in the epoch loop, which makes one update an epoch from all of its batches; only the author knows which of
the two was meant.

## Evidence

A replay watches, for each update, which backwards gave the gradient that it uses, and whose gradients were cleared
before it without any use. On torch 2.13 each update uses 1 backward of as many as the epoch has batches.

## References

- Taking an optimization step: https://docs.pytorch.org/docs/stable/optim.html#taking-an-optimization-step
- Optimizer.zero_grad: https://docs.pytorch.org/docs/stable/generated/torch.optim.Optimizer.zero_grad.html
"""

from __future__ import annotations

import ast
from collections.abc import Iterator

from optlint.api import (
    DISPLAY,
    Act,
    Binding,
    Editor,
    Edits,
    Entry,
    Event,
    Evidence,
    Level,
    Place,
    Program,
    Query,
    Repair,
    Rule,
    Violation,
    canonical,
    enclosing_statement,
    same_function,
)
from optlint_rules.gradients.accumulation import backwards, frameworks_divide, reaches, steps, whole_clearings
from optlint_rules.gradients.whereabouts import conditions, precedes, shared_loop, within


def _find(program: Program) -> Iterator[Violation]:
    for entry in program.entries:
        if frameworks_divide(program):
            continue
        for optimizer in entry.optimizers:
            binding = Binding((optimizer,), alone=len(entry.optimizers) == 1)
            seen: set[ast.AST] = set()
            for step in steps(entry, optimizer):
                found = None if step.place.node in seen else _batch_loop(entry, binding, step)
                if found is not None:
                    seen.add(step.place.node)
                    roles = {"clear": found[0], "backward": found[1], "step": step}
                    yield Violation(program, step.place, roles, (), binding, entry)


def _batch_loop(entry: Entry, binding: Binding, step: Event) -> tuple[Event, Event] | None:
    """Return the clearing and the backward of a loop above the step, within the loop of the step."""
    for gradient in backwards(entry, binding):
        outer = shared_loop(gradient, step)
        if outer is None or not precedes(gradient, step) or conditions(within(step, outer) or []):
            continue
        for clearing in whole_clearings(entry, binding.optimizer):
            loop = shared_loop(clearing, gradient)
            if loop is None or loop.node is outer.node or within(gradient, outer) is None:
                continue
            if within(step, loop) is not None or not _inside(loop, outer, gradient):
                continue
            if _is_batch_loop(entry, binding, loop, outer, clearing, gradient, step):
                return clearing, gradient
    return None


def _inside(loop: Place, outer: Place, gradient: Event) -> bool:
    """Whether a loop around a backward lies inside of another one."""
    around = within(gradient, outer) or []
    return any(getattr(each, "place", None) is not None and each.place.node is loop.node for each in around)  # type: ignore[union-attr]


def _is_batch_loop(
    entry: Entry, binding: Binding, loop: Place, outer: Place, clearing: Event, gradient: Event, step: Event
) -> bool:
    allowed = conditions(within(gradient, loop) or [])
    if not all(any(each.same(other) for other in allowed) for each in conditions(within(clearing, loop) or [])):
        return False
    for event in entry.having(Act.STEP, Act.SET_GRADIENT, Act.ESCAPE, Act.BACKWARD):
        inside = within(event, loop) is not None
        if event.act is Act.BACKWARD:
            # A backward below the loop, or above it, gives the update a gradient of its own; what comes after the
            # step is cleared when the loop begins anew.
            late = precedes(step, event)
            if not inside and not late and within(event, outer) is not None and reaches(event, binding):
                return False
        elif inside and (event.act is not Act.ESCAPE or binding.optimizer in map(canonical, event.subjects)):
            return False
    return not _looks_at_gradients(loop, gradient) and not _leaves_early(loop.node)


def _looks_at_gradients(loop: Place, gradient: Event) -> bool:
    """Whether something in the loop, or in a function that a call in it names, reads gradients or keeps them."""
    names = {
        getattr(node.func, "attr", "") or getattr(node.func, "id", "")
        for node in ast.walk(loop.node)
        if isinstance(node, ast.Call)
    }
    scopes: list[ast.AST] = [loop.node]
    for module in {place.module for place in (loop, gradient.place, *gradient.stack)}:
        scopes += [
            node
            for node in ast.walk(module.tree)
            if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef) and node.name in names
        ]
    return any(isinstance(node, ast.Attribute) and node.attr == "grad" for scope in scopes for node in ast.walk(scope))


def _leaves_early(loop: ast.AST) -> bool:
    """Whether a loop is left by a `break` that no condition guards: it tries until something succeeds."""
    pending: list[ast.AST] = list(getattr(loop, "body", ()))
    while pending:
        node = pending.pop()
        if isinstance(node, ast.Break):
            return True
        if isinstance(node, ast.With | ast.AsyncWith | ast.Try):
            pending.extend(ast.iter_child_nodes(node))
    return isinstance(loop, ast.While) and any(isinstance(node, ast.Break) for node in ast.walk(loop))


def _into_loop(violation: Violation, editor: Editor) -> Edits | None:
    step, gradient = violation.roles["step"].place, violation.roles["backward"]
    statement = enclosing_statement(step)
    if not isinstance(statement, ast.Expr) or statement.value is not step.node:
        return None
    loop = shared_loop(violation.roles["clear"], gradient)
    if loop is None or not same_function(loop, step) or not editor.same_block(loop.node, statement):
        return None
    return editor.move_to_end(statement, loop.node)


RULE = Rule(
    code="OPT111",
    level=Level.WARNING,
    message="each update uses the last batch alone: `{clear}` runs in the loop of `{backward}`, and `{step}` below it",
    triggers=((".step(", "backward("), ("optimizer", "torch"), ("optim.", "torch"), ("torch.optim",)),
    property=Query(_find),
    repair=Repair("Step the optimizer in the batch loop", DISPLAY, _into_loop),
    evidence=Evidence.WINDOWS,
)
