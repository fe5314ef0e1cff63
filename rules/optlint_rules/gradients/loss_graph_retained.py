"""Losses are added up together with their graphs.

`total += loss` keeps what each loss was computed from for as long as `total` lives. Where no backward frees it, as in a
validation loop without `torch.no_grad()`, that is every activation of every batch: 393 MiB instead of 1 MiB in the
measured run of 200 batches with about 2 MiB each, until memory runs out. After `backward()` the activations are gone
and a chain of nodes is left, some kilobytes an iteration, which is freed at the end of the epoch.

## Example

```python
import torch
from torch import nn

model = nn.Sequential(nn.Linear(8, 64), nn.Tanh(), nn.Linear(64, 1))
criterion = nn.MSELoss()

model.eval()
total = 0.0
for x in torch.randn(50, 16, 8):
    loss = criterion(model(x), x.sum(dim=1, keepdim=True))
    total += loss
print(f"validation loss {total / 50:.4f}")
```

## Use instead

```python
import torch
from torch import nn

model = nn.Sequential(nn.Linear(8, 64), nn.Tanh(), nn.Linear(64, 1))
criterion = nn.MSELoss()

model.eval()
total = 0.0
for x in torch.randn(50, 16, 8):
    loss = criterion(model(x), x.sum(dim=1, keepdim=True))
    total += loss.detach()
print(f"validation loss {total / 50:.4f}")
```

## When the code is right

These are not reported:

- `loss.item()`, `float(loss)`, `loss.detach()`, `loss.data`.
- Sums that are backpropagated later: several tasks, truncated backpropagation through time, a loss over time steps.
- Everything under `torch.no_grad()` or `torch.inference_mode()`, also in a caller or by a decorator.
- Values of which the text does not show that they have a graph: neither by a backward that begins from them, nor by
  parameters that take part in a loss of torch's own.
- Losses that are backpropagated again, as by `retain_graph=True`.
- Functions that only code elsewhere calls, which may do so under `torch.no_grad()`.
- Sums that are given to code which cannot be seen, where no backward shows what the loss is for.

## Fix safety

The fix adds `.detach()` to what is added up. It is safe, for it is offered only where the sum is logged, returned or
compared: its value and its type stay the same. `.item()` would do as well, and waits for the GPU each time.

## Evidence

The text alone: no number of a training run changes. Measured on torch 2.13, of 200 batches in a loop without backward:
peak memory grows by 390 MiB with `total += loss`, by 2 MiB with `.item()` and by 4 MiB under `no_grad()`. After 400
iterations with backward 405 nodes hang on the sum.

## References

- My model reports "cuda runtime error(2): out of memory": https://docs.pytorch.org/docs/stable/notes/faq.html
- `torch.Tensor.detach`: https://docs.pytorch.org/docs/stable/generated/torch.Tensor.detach.html
- `torch.no_grad`: https://docs.pytorch.org/docs/stable/generated/torch.no_grad.html
"""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator

from optlint.api import (
    SAFE,
    Act,
    Editor,
    Edits,
    Entry,
    Event,
    Evidence,
    Level,
    ModuleInfo,
    Place,
    Program,
    Query,
    Repair,
    Rule,
    Violation,
    enclosing_function,
    enclosing_loops,
)
from optlint_rules.gradients.backpropagated import backpropagated
from optlint_rules.gradients.grad_mode import is_off
from optlint_rules.gradients.graph import Graph, forwards
from optlint_rules.gradients.sums import Sum, is_backpropagated, is_only_looked_at, outlives, sums
from optlint_rules.gradients.sums_in_text import may_sum_losses
from optlint_rules.gradients.whereabouts import within

_EVALUATION = re.compile(r"(?i)eval|valid|test|infer|predict")


def _find(program: Program) -> Iterator[Violation]:
    seen: set[ast.AST] = set()
    for entry in program.entries:
        ran = forwards(entry)
        computed = (*(event for events in ran.values() for event in events), *entry.having(Act.BACKWARD))
        places = [place for event in computed for place in (event.place, *event.stack[-1:])]
        modules: dict[ModuleInfo, None] = {place.module: None for place in places}
        for module in modules:
            for found in sums(module):
                place = Place(module, found.statement)
                if found.statement in seen:
                    continue
                violation = _judged(program, entry, ran, found, place)
                if violation is not None:
                    seen.add(found.statement)
                    yield violation


def _judged(
    program: Program, entry: Entry, ran: dict[ast.AST, list[Event]], found: Sum, place: Place
) -> Violation | None:
    loops = enclosing_loops(place)
    if not loops:
        return None
    shown = backpropagated(found.value, place, entry)
    function = enclosing_function(place)
    own = [event for events in ran.values() for event in events if enclosing_function(event.place) is function]
    forward = shown or (Graph(ran, own[0]).of_loss(found.value, place) if own else None)
    if forward is None or is_backpropagated(found, place) or not outlives(found, place):
        return None
    if shown is None and is_off(place, forward.stack):
        return None
    loop = Place(place.module, loops[0])
    gradients = [shown] if shown else [each for each in entry.having(Act.BACKWARD) if within(each, loop) is not None]
    roles = {"forward": forward, **({"backward": gradients[0]} if gradients else {})}
    if gradients:
        level, effect = Level.NOTE, "a chain of nodes grows with each iteration"
    elif "set_grad_enabled(False)" in place.module.source.text:
        return None  # that holds from there on, wherever it is
    elif _is_evaluation(function, forward) and is_only_looked_at(found, place):
        level, effect = Level.ERROR, "the activations of all iterations stay in memory"
    else:
        return None
    parts = {"effect": effect, "sum": ast.unparse(found.target), "loss": ast.unparse(found.value)}
    return Violation(program, place, roles, (forward,), entry=entry, parts=parts, level=level)


def _is_evaluation(function: ast.AST, forward: Event) -> bool:
    """Whether a function evaluates a model, and whoever calls it is visible."""
    if isinstance(function, ast.FunctionDef | ast.AsyncFunctionDef):
        calls = [place for place in forward.stack if isinstance(place.node, ast.Call)]
        if not calls:
            return False
    named = _EVALUATION.search(getattr(function, "name", ""))
    return bool(named) or any(
        isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute) and node.func.attr == "eval"
        for node in ast.walk(function)
    )


def _detached(violation: Violation, editor: Editor) -> Edits | None:
    module = violation.at.module
    for found in sums(module):
        if found.statement is violation.at.node:
            return editor.append(found.value, ".detach()")
    return None


RULE = Rule(
    code="OPT510",
    level=Level.ERROR,
    message="{effect}: `{sum}` adds up `{loss}` with its graph",
    triggers=(("Loss", "torch"), ("loss", "torch"), ("cross_entropy", "torch")),
    screen=may_sum_losses,
    property=Query(_find),
    repair=Repair("Add up the loss without its graph", SAFE, _detached),
    evidence=Evidence.TEXT,
)
