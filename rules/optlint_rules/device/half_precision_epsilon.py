"""The `eps` of an adaptive optimizer is zero in float16, the type of the parameters.

Adam, AdamW, RMSprop, Adagrad, Adamax and NAdam divide by the root of the mean squared gradient, plus `eps` so that this
is never zero. The default of 1e-8 (1e-10 for Adagrad) is below the smallest number of float16, 6e-8, and becomes 0.
Squares of small gradients become 0 as well. A parameter whose gradient is zero, as behind a ReLU that is off or in a
row of an embedding that no sample asks for, is NaN after the first step. A gradient of 1e-4 makes it minus infinity for
all of them but Adamax.

## Example
```python
import torch
from torch import nn

model = nn.Sequential(nn.Linear(10, 20), nn.ReLU(), nn.Linear(20, 1))
model.half()
optimizer = torch.optim.Adam(model.parameters(), lr=1e-3)

for _ in range(20):
    x = torch.randn(16, 10).half()
    optimizer.zero_grad()
    loss = (model(x) - x.mean(dim=1, keepdim=True)).pow(2).mean()
    loss.backward()
    optimizer.step()
```

## Use instead
```python
import torch
from torch import nn

model = nn.Sequential(nn.Linear(10, 20), nn.ReLU(), nn.Linear(20, 1))
model.half()
optimizer = torch.optim.Adam(model.parameters(), lr=1e-3, eps=1e-4)

for _ in range(20):
    x = torch.randn(16, 10).half()
    optimizer.zero_grad()
    loss = (model(x) - x.mean(dim=1, keepdim=True)).pow(2).mean()
    loss.backward()
    optimizer.step()
```

Better still, leave the parameters in float32 and compute in `torch.autocast`, with a `GradScaler`.

## When the code is right
These are not reported:

- An `eps` that float16 can hold. 1e-4 and more is right; 1e-7 is held, and still makes steps that are too large.
- `fused=True`, which computes in float32.
- bfloat16, which holds 1e-8.
- SGD, Adadelta, Adafactor, RAdam, Rprop and ASGD, which give no NaN.
- `model.half()` for evaluation or export, where no optimizer steps afterwards, or where `model.float()` follows.
- Copies of the parameters in float32 that the optimizer holds in their place.
- A conversion under a condition, and a module that unknown code was given, as wrappers for mixed precision are.

## Fix safety
The fix is shown and never applied: with `eps=1e-4` small gradients make smaller steps than in float32, so that learning
rates found there no longer fit.

## Evidence
The replay takes the class, the options and some parameters of the optimizer at its first step, and makes an update of a
gradient of zero: NaN before the fix, the same numbers after it. On torch 2.13 it is NaN for all six classes.

## References
- `torch.optim.Adam`: https://docs.pytorch.org/docs/stable/generated/torch.optim.Adam.html
- `torch.finfo`: https://docs.pytorch.org/docs/stable/type_info.html
- Automatic mixed precision: https://docs.pytorch.org/docs/stable/notes/amp_examples.html
"""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator

from optlint.api import (
    DISPLAY,
    Act,
    Binding,
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
    Violation,
    canonical,
    optimizer_signature,
)
from optlint_rules.device.float16 import halving, is_held_plainly, is_made_half, may_convert

_DIVIDING = frozenset(("Adam", "AdamW", "RMSprop", "Adagrad", "Adamax", "NAdam"))
_SMALLEST = 2.0**-25
"""What is no larger becomes zero in float16."""
_SCHEDULING = re.compile(r"(?i)sched\w*$|LR$|warm_?up|\.step\w*$")
_LONGEST_TEXT = 60


def _find(program: Program) -> Iterator[Violation]:
    for entry in program.entries:
        for optimizer in entry.optimizers:
            made = next(_of(entry, optimizer, Act.NEW), None)
            steps = list(_of(entry, optimizer, Act.STEP))
            if made is None or not steps or not _is_lost(program, optimizer) or _is_handed_on(entry, optimizer):
                continue
            half = halving(entry, program, optimizer, steps[0])
            models = dict.fromkeys(canonical(source.model) for source in optimizer.sources)
            if half is not None:
                text = ast.unparse(half.place.node)
                how = f"`{text}`" if len(text) <= _LONGEST_TEXT else "a conversion"
                roles = {"half": half, "made": made, "step": steps[0]}
            elif models and all(is_made_half(each, program) for each in models) and not _converts(entry):
                how, roles = "their construction", {"made": made, "step": steps[0]}
            else:
                continue
            name = next(iter(optimizer.classes))
            parts = {"name": name, "how": how}
            path = tuple(roles.values())
            yield Violation(program, made.place, roles, path, Binding((optimizer,)), entry, parts=parts)


def _of(entry: Entry, optimizer: Optimizer, act: Act) -> Iterator[Event]:
    return entry.concerning(optimizer, act)


def _converts(entry: Entry) -> bool:
    """Whether any module may change its type."""
    moved = any(may_convert(event) for event in entry.having(Act.MOVE))
    return moved or any(event.models() for event in entry.having(Act.ESCAPE, Act.REPLACE))


def _is_handed_on(entry: Entry, optimizer: Optimizer) -> bool:
    """Whether unknown code is given the optimizer, or a scaler steps it, which refuses gradients of float16.

    A scheduler of another package writes learning rates.
    """
    scaled = any(event.detail for event in _of(entry, optimizer, Act.STEP))
    given = any(not _is_to_scheduler(event) for event in _of(entry, optimizer, Act.ESCAPE))
    return scaled or given or any(_of(entry, optimizer, Act.ADD_GROUP))


def _is_to_scheduler(event: Event) -> bool:
    call = event.place.node
    return isinstance(call, ast.Call) and _SCHEDULING.search(ast.unparse(call.func)) is not None


def _is_lost(program: Program, optimizer: Optimizer) -> bool:
    """Whether the `eps` of an optimizer of torch is zero in float16."""
    call = optimizer.place.node if optimizer.place is not None else None
    certain = optimizer.confidence is Confidence.CERTAIN and optimizer.info is None and len(optimizer.classes) == 1
    if not certain or optimizer.place is None or not isinstance(call, ast.Call) or not is_held_plainly(optimizer):
        return False
    [name] = optimizer.classes
    signature = optimizer_signature(name) if name in _DIVIDING else None
    dotted = program.definitions.dotted(call.func, optimizer.place.module) if program.definitions is not None else ""
    if signature is None or not (dotted.startswith("torch.optim.") and dotted.endswith(f".{name}")):
        return False
    bound = signature.bind(call)
    if bound is None or not _is_off(bound.get("fused")):
        return False
    eps = bound.get("eps")
    if eps is None:
        return True
    return isinstance(eps, ast.Constant) and isinstance(eps.value, int | float) and eps.value <= _SMALLEST


def _is_off(node: ast.expr | None) -> bool:
    return node is None or (isinstance(node, ast.Constant) and not node.value)


def _larger(violation: Violation, editor: Editor) -> Edits | None:
    call = violation.at.node
    if not isinstance(call, ast.Call):
        return None
    signature = optimizer_signature(next(iter(violation.binding.optimizer.classes)))
    given = (signature.bind(call) or {}).get("eps") if signature is not None else None
    return editor.replace(given, "1e-4") if given is not None else editor.add_argument(call, "eps=1e-4")


RULE = Rule(
    code="OPT306",
    level=Level.WARNING,
    message="a gradient of zero makes NaN: the `eps` of `{name}` is 0 in float16, which {how} gives the parameters",
    triggers=(("optimizer", "torch"), ("optim.", "torch"), ("torch.optim",)),
    property=Query(_find),
    repair=Repair("Give an `eps` that float16 can hold", DISPLAY, _larger),
    evidence=Evidence.FINITE,
)
