"""The losses of several micro-batches are summed up for one update, where their mean is meant.

`backward()` adds to the gradients, so that `n` backwards of mean losses give `n` times the gradient of one batch of
that size. For SGD that is exactly a learning rate `n` times as high: with 4 micro-batches and 5 updates the parameters
were 0.67 away from those of whole batches, and 1.1e-16 with the division. Adam and its kin do not notice (1e-7) unless
weight decay is part of the gradient (2.5e-2) or the gradients are clipped, and then see a larger one. Nothing raises.

## Example

```python
import torch
from torch import nn

model = nn.Sequential(nn.Linear(6, 12), nn.ReLU(), nn.Linear(12, 1))
optimizer = torch.optim.SGD(model.parameters(), lr=0.05)
accumulation_steps = 4

for i, x in enumerate(torch.randn(32, 8, 6)):
    loss = nn.functional.mse_loss(model(x), x.sum(dim=1, keepdim=True))
    loss.backward()
    if (i + 1) % accumulation_steps == 0:
        optimizer.step()
        optimizer.zero_grad()
```

## Use instead

```python
import torch
from torch import nn

model = nn.Sequential(nn.Linear(6, 12), nn.ReLU(), nn.Linear(12, 1))
optimizer = torch.optim.SGD(model.parameters(), lr=0.05)
accumulation_steps = 4

for i, x in enumerate(torch.randn(32, 8, 6)):
    loss = nn.functional.mse_loss(model(x), x.sum(dim=1, keepdim=True))
    (loss / accumulation_steps).backward()
    if (i + 1) % accumulation_steps == 0:
        optimizer.step()
        optimizer.zero_grad()
```

## When the code is right

These are not reported:

- Adam, AdamW, Adagrad, RMSprop and Rprop without clipping and without weight decay in the gradient (AdamW's is none):
  they take the direction of the gradient and not its size.
- `reduction="sum"`, a loss that is computed by a function of one's own or by the model, and every loss of which the
  text does not show that it is a mean.
- A division by the length anywhere in the file: of the loss, of the gradients, of the learning rate.
- Accelerate, Lightning and DeepSpeed, which divide themselves.
- A window of the literal length 1.

## Fix safety

The fix divides the loss where it is backpropagated, so that what is logged stays as it is. It is unsafe because the
updates become smaller by that factor, which is its purpose: a learning rate that was found with the sum has to be
multiplied by it.

## Evidence

A replay reads from the graph of each loss what it was multiplied by last, and adds that up over the backwards of an
update: 4 for windows of 4, where their mean weighs 1. After the fix the weights add up to 1, and nothing else changes.

## References

- Gradient accumulation, in the examples of mixed precision: https://docs.pytorch.org/docs/stable/notes/amp_examples.html#gradient-accumulation
- `torch.nn.CrossEntropyLoss`: https://docs.pytorch.org/docs/stable/generated/torch.nn.CrossEntropyLoss.html
- `torch.optim.SGD`: https://docs.pytorch.org/docs/stable/generated/torch.optim.SGD.html
"""

from __future__ import annotations

import ast
from collections.abc import Iterator

from optlint.api import (
    UNSAFE,
    Act,
    Editor,
    Edits,
    Evidence,
    Level,
    Optimizer,
    Program,
    Query,
    Repair,
    Rule,
    Violation,
    enclosing_function,
)
from optlint_rules.gradients.accumulation import Accumulation, accumulations
from optlint_rules.gradients.mean_losses import MeanLosses, divides
from optlint_rules.gradients.whereabouts import Around, within
from optlint_rules.gradients.windows import Reader

_SCALE_FREE = frozenset(("Adam", "AdamW", "Adagrad", "RMSprop", "Rprop"))
_DECAY_IN_GRADIENT = frozenset(("Adam", "Adagrad", "RMSprop"))


def _find(program: Program) -> Iterator[Violation]:
    for found in accumulations(program):
        window = found.window
        if not window.holds or window.narrowed:
            continue
        if any(isinstance(each, Around) for each in within(found.backward, found.loop) or ()):
            continue  # how many backwards there are in a window is not known
        effect = _effect(found)
        loss = _loss(found.backward.place.node)
        if effect is None or loss is None or _is_divided(found):
            continue
        reader = Reader(found.backward)
        last = len(reader.frames) - 1
        if MeanLosses(reader).is_mean(loss, found.backward.place, last):
            roles = {"backward": found.backward, "step": found.step}
            parts = {"effect": effect, "size": window.size}
            yield Violation(program, found.backward.place, roles, (), found.binding, found.entry, parts=parts)


def _loss(call: ast.AST) -> ast.expr | None:
    """Return what a call backpropagates, without the scale of a scaler."""
    match call:
        case ast.Call(
            func=ast.Attribute(value=ast.Call(func=ast.Attribute(attr="scale"), args=[loss]), attr="backward")
        ):
            return loss if not call.args else None
        case ast.Call(func=ast.Attribute(value=loss, attr="backward"), args=[]):
            return loss
        case _:
            return None


def _is_divided(found: Accumulation) -> bool:
    """Whether something else makes a mean of the sum: a division in one of the files, or a change of the gradients."""
    number = found.reader.number(found.window.length, found.window.condition.frame)
    places = (*found.reader.frames, *found.backward.stack, found.backward.place)
    length, _ = found.reader.resolved(found.window.length, found.window.condition.frame)
    names = {found.window.size, ast.unparse(length)}
    if any(divides(module, name, number) for module in {place.module for place in places} for name in names):
        return True
    changes = found.entry.having(Act.SET_GRADIENT, Act.CHANGE_GRADIENT)
    return any(within(event, found.loop) is not None for event in changes)


def _effect(found: Accumulation) -> str | None:
    """Return what the sum does to the updates of the optimizer, or None where that is nothing, or not known."""
    optimizer = found.binding.optimizer
    if not optimizer.classes or optimizer.info is not None:
        return None
    if optimizer.classes <= {"SGD"}:
        return f"each update is `{found.window.size}` times as large as that of the mean"
    if not optimizer.classes <= _SCALE_FREE:
        return None
    if any(within(event, found.loop) is not None for event in found.entry.having(Act.CLIP)):
        return f"the clipping sees a gradient that is `{found.window.size}` times as large as that of the mean"
    if optimizer.classes <= _DECAY_IN_GRADIENT and _decays(optimizer):
        return f"weight decay counts `{found.window.size}` times less than beside the mean"
    return None


def _decays(optimizer: Optimizer) -> bool:
    """Whether an optimizer is made with a number for its weight decay that is not 0."""
    call = optimizer.place.node if optimizer.place is not None else None
    return isinstance(call, ast.Call) and any(
        keyword.arg == "weight_decay"
        and isinstance(keyword.value, ast.Constant)
        and isinstance(keyword.value.value, int | float)
        and keyword.value.value != 0
        for keyword in call.keywords
    )


def _divided(violation: Violation, editor: Editor) -> Edits | None:
    backward = violation.roles["backward"].place
    loss = _loss(backward.node)
    for found in accumulations(violation.program):
        owner = found.window.condition.owner
        if found.backward.place.node is not backward.node or loss is None:
            continue
        if owner.module is not backward.module or enclosing_function(owner) is not enclosing_function(backward):
            return None
        length = editor.text(found.window.length)
        if isinstance(backward.node, ast.Call) and isinstance(backward.node.func, ast.Attribute):
            if backward.node.func.value is loss:
                return editor.wrap(loss, "(", f" / {length})")
        return editor.wrap(loss, "", f" / {length}") if isinstance(loss, ast.Name | ast.Attribute) else None
    return None


RULE = Rule(
    code="OPT508",
    level=Level.WARNING,
    message="{effect}: `{backward}` adds up the losses of `{size}` micro-batches, and nothing divides them",
    triggers=((".step(", "backward("), ("optimizer", "torch"), ("optim.", "torch"), ("torch.optim",)),
    property=Query(_find),
    repair=Repair("Divide the loss by the length of the window", UNSAFE, _divided),
    evidence=Evidence.WEIGHT,
)
