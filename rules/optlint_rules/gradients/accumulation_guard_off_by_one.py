"""The guard of an accumulated update holds in the wrong iterations.

`if i % n == 0` holds in the very first iteration: the first update of each epoch uses one micro-batch, divided by
`n`, and what the last iterations compute is thrown away or drifts into the next epoch. An inverted guard,
`if (i + 1) % n`, makes an update in every iteration but the last of each window: 15 updates instead of 5 in the
measured run. A counter that is never set back reaches `n` once, and nothing is learned after that. Nothing raises.

## Example

```python
import torch
from torch import nn

model = nn.Sequential(nn.Linear(5, 16), nn.Tanh(), nn.Linear(16, 1))
optimizer = torch.optim.SGD(model.parameters(), lr=0.05)
accumulation_steps = 4

for epoch in range(3):
    optimizer.zero_grad()
    for i, x in enumerate(torch.randn(16, 8, 5)):
        loss = nn.functional.mse_loss(model(x), x.prod(dim=1, keepdim=True)) / accumulation_steps
        loss.backward()
        if i % accumulation_steps == 0:
            optimizer.step()
            optimizer.zero_grad()
```

## Use instead

```python
import torch
from torch import nn

model = nn.Sequential(nn.Linear(5, 16), nn.Tanh(), nn.Linear(16, 1))
optimizer = torch.optim.SGD(model.parameters(), lr=0.05)
accumulation_steps = 4

for epoch in range(3):
    optimizer.zero_grad()
    for i, x in enumerate(torch.randn(16, 8, 5)):
        loss = nn.functional.mse_loss(model(x), x.prod(dim=1, keepdim=True)) / accumulation_steps
        loss.backward()
        if (i + 1) % accumulation_steps == 0:
            optimizer.step()
            optimizer.zero_grad()
```

## When the code is right

These are not reported:

- `(i + 1) % n == 0`, `i % n == n - 1`, and `i % n == 0` where `i` begins at 1: `enumerate(loader, 1)`, a counter that
  is counted up before it is asked for.
- `i % 2` and `i % 2 == 1`, which for windows of two are the same as `(i + 1) % 2 == 0`.
- `if (i + 1) % n != 0: continue` above the step, or the step in the `else` of such a test.
- A step at the top of the iteration, before its backward: it belongs to the window that has just ended.
- Guards with their backward inside, as for a generator that is trained every `n` batches, and optimizers that take
  turns.
- Counters whose first value is not visible: a run that is resumed, an option.
- `if i % n == 0 and i > 0`, and other tests that ask for more than the place in the window.

## Fix safety

The fix changes the test: `(i + 1) % n == 0`, or the other way round, or it sets the counter back to 0 behind the
update. It is unsafe because other iterations make the updates then, which is its purpose. A schedule whose length was
counted in the wrong updates has to be looked at.

## Evidence

A replay counts the backwards of which each update is the first to make use. On torch 2.13 with windows of 4, the
updates of `i % 4 == 0` use 1, 4, 4, 4; those of `if (i + 1) % 4` 1, 1, 1, 2, 1, 1, 2, where 4, 4, 4 is due. After the
fix all windows have the same length from the first on.

## References

- Optimizer.step: https://docs.pytorch.org/docs/stable/generated/torch.optim.Optimizer.step.html
- Gradient accumulation, in the examples of mixed precision: https://docs.pytorch.org/docs/stable/notes/amp_examples.html#gradient-accumulation
"""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator

from optlint.api import UNSAFE, Editor, Edits, Evidence, Level, Program, Query, Repair, Rule, Violation
from optlint_rules.gradients.accumulation import Accumulation, accumulations
from optlint_rules.gradients.counting import first_value, sets_back
from optlint_rules.gradients.whereabouts import precedes
from optlint_rules.gradients.windows import Window

_ACCUMULATES = re.compile(r"(?i)accum|acc_?(?:grad|step|iter)|grad_?acc|iter_?size|subdivis|micro|virtual")


def _find(program: Program) -> Iterator[Violation]:
    for found in accumulations(program):
        window = found.window
        if not precedes(found.backward, found.step):
            continue  # the step at the top ends the window of the iterations before
        seen = _never_again(found) if window.counts else _wrong_turn(found)
        if seen is not None:
            level, effect = seen
            roles = {"backward": found.backward, "step": found.step}
            parts = {"effect": effect}
            yield Violation(program, window.test, roles, (), found.binding, found.entry, parts=parts, level=level)


def _never_again(found: Accumulation) -> tuple[Level, str] | None:
    """What is wrong with a guard that asks whether a counter has reached the length."""
    window = found.window
    names = f"{ast.unparse(window.counter)} {window.size}"
    if not window.exactly or window.narrowed or window.widened or not _ACCUMULATES.search(names):
        return None  # one update for all batches may be meant
    if sets_back(window, found.loop, found.reader) or first_value(window, found.loop, found.reader) is None:
        return None
    text = ast.unparse(window.test.node)
    return (
        Level.ERROR,
        f"nothing is learned after the first update: `{text}` holds once, for nothing sets the counter back",
    )


def _wrong_turn(found: Accumulation) -> tuple[Level, str] | None:
    """What is wrong with a guard that asks for a remainder."""
    window = found.window
    begin = first_value(window, found.loop, found.reader)
    if begin is None or window.narrowed:
        return None
    text = ast.unparse(window.test.node)
    if not window.holds:
        return (
            Level.ERROR,
            f"every micro-batch but one of `{window.size}` makes an update: `{text}` is the wrong way round",
        )
    length = found.reader.number(window.length, window.condition.frame)
    late = _late(window, begin)
    if length is not None:
        first = late % length
        if not first:
            return None
        return Level.WARNING, f"the first update uses {first} of {length} micro-batches: `{text}` holds too early"
    if late != 1:
        return None
    return (
        Level.WARNING,
        f"the first update uses 1 micro-batch, unless `{window.size}` is 1: `{text}` holds in the first iteration",
    )


def _late(window: Window, begin: int) -> int:
    """Return in which iteration the guard holds first, but for a multiple of the length: 0 is right."""
    remainder = window.remainder if window.remainder is not None else -1
    return remainder - begin - window.offset + 1


def _corrected(violation: Violation, editor: Editor) -> Edits | None:
    step = violation.roles["step"]
    for found in accumulations(violation.program):
        if found.window.test.node is not violation.at.node or found.step is not step:
            continue
        window = found.window
        if window.counts:
            return _set_back(found, editor)
        begin = first_value(window, found.loop, found.reader)
        return None if begin is None else _rewritten(window, begin, editor)
    return None


def _set_back(found: Accumulation, editor: Editor) -> Edits | None:
    window, owner = found.window, found.window.condition.owner
    if not window.condition.outcome or not isinstance(owner.node, ast.If) or window.test.module is not owner.module:
        return None
    return editor.insert_at_end(owner.node, f"{ast.unparse(window.counter)} = {-window.offset}")


def _rewritten(window: Window, begin: int, editor: Editor) -> Edits | None:
    node = window.test.node
    assert isinstance(node, ast.expr)
    modulo, other, equal = node, "0", False
    if isinstance(node, ast.Compare):
        modulo, right = node.left, node.comparators[0]
        if not isinstance(modulo, ast.BinOp):
            modulo, right = right, modulo
        other, equal = editor.text(right), isinstance(node.ops[0], ast.Eq)
    assert isinstance(modulo, ast.BinOp)
    offset = window.offset + _late(window, begin)
    counter = editor.text(window.counter)
    shifted = counter if not offset else f"({counter} {'+' if offset > 0 else '-'} {abs(offset)})"
    operator = "==" if equal is window.holds else "!="
    return editor.replace(node, f"{shifted} % {editor.text(modulo.right)} {operator} {other}")


RULE = Rule(
    code="OPT509",
    level=Level.WARNING,
    message="{effect}",
    triggers=((".step(", "backward("), ("optimizer", "torch"), ("optim.", "torch"), ("torch.optim",)),
    property=Query(_find),
    repair=Repair("Make the update in the last iteration of each window", UNSAFE, _corrected),
    evidence=Evidence.WINDOWS,
)
