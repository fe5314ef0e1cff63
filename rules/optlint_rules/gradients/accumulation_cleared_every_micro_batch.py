"""The update waits for several micro-batches, but the gradients are cleared in each of them.

Each update uses the gradient of the last micro-batch alone, and what all others have computed is thrown away: the
work of `n` batches for the gradient of one. Where the loss is divided by `n`, as accumulation asks for, the update is
also `n` times too small for SGD. Nothing raises. In the measured run with 4 micro-batches and 5 updates SGD ends up
elsewhere than with whole batches for every optimizer, and Adam follows the noise of the last micro-batch.

## Example

```python
import torch
from torch import nn

model = nn.Sequential(nn.Linear(6, 12), nn.ReLU(), nn.Linear(12, 1))
optimizer = torch.optim.SGD(model.parameters(), lr=0.05)
accumulation_steps = 4

for i, x in enumerate(torch.randn(32, 8, 6)):
    optimizer.zero_grad()
    loss = nn.functional.mse_loss(model(x), x.sum(dim=1, keepdim=True)) / accumulation_steps
    loss.backward()
    if (i + 1) % accumulation_steps == 0:
        optimizer.step()
```

## Use instead

```python
import torch
from torch import nn

model = nn.Sequential(nn.Linear(6, 12), nn.ReLU(), nn.Linear(12, 1))
optimizer = torch.optim.SGD(model.parameters(), lr=0.05)
accumulation_steps = 4

for i, x in enumerate(torch.randn(32, 8, 6)):
    loss = nn.functional.mse_loss(model(x), x.sum(dim=1, keepdim=True)) / accumulation_steps
    loss.backward()
    if (i + 1) % accumulation_steps == 0:
        optimizer.step()
        optimizer.zero_grad()
```

## When the code is right

These are not reported:

- A clearing under the same guard as the step, under a guard of its own, or once an epoch.
- Another network's backward under the guard, as for a generator that is trained in every fifth iteration only.
- Two optimizers that take turns, or one that is slower than the other on purpose: `if i % 2 == 0: a.step()` with
  `else: b.step()`.
- Guards that ask for something else than a place in a window: a finite loss, the training phase, an epoch.
- Loops inside `accelerator.accumulate(model)`, where `step()` and `zero_grad()` know themselves when to act.
- A clearing of one part of the network, and clearings that only some iterations make.

## Fix safety

The fix moves the clearing behind the step, under its guard, or deletes it where the gradients are cleared there
already. It is unsafe because every update changes, which is its purpose. There is no fix where the two stand in
different functions.

## Evidence

A replay watches, for each update, which backwards gave the gradient that it uses, and whose gradients were cleared
before it without any use. On torch 2.13 with windows of 4 an update uses 1 backward of 4. After the fix it uses all
4, and the sum of their gradients, bit for bit.

## References

- Optimizer.zero_grad: https://docs.pytorch.org/docs/stable/generated/torch.optim.Optimizer.zero_grad.html
- Gradient accumulation, in the examples of mixed precision: https://docs.pytorch.org/docs/stable/notes/amp_examples.html#gradient-accumulation
"""

from __future__ import annotations

import ast
from collections.abc import Iterator

from optlint.api import (
    UNSAFE,
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
    enclosing_statement,
    same_function,
)
from optlint_rules.gradients.accumulation import Accumulation, accumulations, whole_clearings
from optlint_rules.gradients.whereabouts import conditions, precedes, within


def _find(program: Program) -> Iterator[Violation]:
    for found in accumulations(program):
        if not found.window.holds:
            continue  # an inverted guard makes an update in nearly every iteration
        for clearing in whole_clearings(found.entry, found.binding.optimizer):
            if _each_time(found, clearing):
                roles = {"clear": clearing, "backward": found.backward, "step": found.step}
                parts = {"size": found.window.size}
                yield Violation(program, clearing.place, roles, (), found.binding, found.entry, parts=parts)
                break


def _each_time(found: Accumulation, clearing: Event) -> bool:
    """Whether a clearing comes with each backward, and not between the last of them and the step."""
    around = within(clearing, found.loop)
    if around is None:
        return False
    allowed = conditions(within(found.backward, found.loop) or [])
    others = [each for each in conditions(around) if not any(each.same(other) for other in allowed)]
    if others:
        # In every micro-batch but the one that makes the update.
        guard = found.window.condition
        return all(each.owner.node is guard.owner.node and not each.same(guard) for each in others)
    return not (precedes(found.backward, clearing) and precedes(clearing, found.step))


def _under_guard(violation: Violation, editor: Editor) -> Edits | None:
    clearing, step = violation.roles["clear"], violation.roles["step"]
    statement = enclosing_statement(clearing.place)
    if not same_function(clearing.place, step.place):
        return None
    if not isinstance(statement, ast.Expr) or statement.value is not clearing.place.node:
        return None
    assert violation.entry is not None
    update = enclosing_statement(step.place)
    for other in whole_clearings(violation.entry, violation.binding.optimizer):
        there = enclosing_statement(other.place)
        if (
            other.place.node is not clearing.place.node
            and editor.same_block(there, update)
            and there.lineno > update.lineno
        ):
            return editor.delete(statement)
    return editor.move_after(statement, update)


RULE = Rule(
    code="OPT507",
    level=Level.ERROR,
    message="an update uses one micro-batch of `{size}`: `{clear}` throws away the gradients of all others",
    triggers=((".step(", "backward("), ("optimizer", "torch"), ("optim.", "torch"), ("torch.optim",)),
    property=Query(_find),
    repair=Repair("Clear the gradients after the update only", UNSAFE, _under_guard),
    evidence=Evidence.DISCARDED,
)
