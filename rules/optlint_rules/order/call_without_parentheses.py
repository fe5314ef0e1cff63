"""A method that belongs to the training step is named but not called.

`optimizer.step` on a line of its own looks the method up and drops it. Nothing raises and nothing is printed:
without the step or the backward no parameter moves (0.0 measured), without `zero_grad()` the gradients add up, and
without `scheduler.step()` the learning rate stays as it is. Only a `GradScaler` whose `update` is not called
complains, in the second iteration: `step() has already been called since the last update().`

## Example

```python
import torch
from torch import nn

model = nn.Linear(6, 2)
optimizer = torch.optim.SGD(model.parameters(), lr=0.1)

for step in range(50):
    inputs = torch.randn(16, 6)
    labels = (inputs[:, 0] > 0).long()
    optimizer.zero_grad()
    loss = nn.functional.cross_entropy(model(inputs), labels)
    loss.backward()
    optimizer.step
```

## Use instead

```python
import torch
from torch import nn

model = nn.Linear(6, 2)
optimizer = torch.optim.SGD(model.parameters(), lr=0.1)

for step in range(50):
    inputs = torch.randn(16, 6)
    labels = (inputs[:, 0] > 0).long()
    optimizer.zero_grad()
    loss = nn.functional.cross_entropy(model(inputs), labels)
    loss.backward()
    optimizer.step()
```

## When the code is right

These are not reported:

- The method as an argument (`run(optimizer.step)`), in a list, a tuple or a `partial`, for something else to call.
- The method under another name (`update = optimizer.step`), compared, wrapped, or put back.
- A lambda that calls it.
- Objects that are not torch's, whose `step` or `update` may be a property which acts when it is read.
- The last line of a notebook cell, which displays a value.

## Fix safety

Safe: the statement has no effect as it stands, and with `()` it does what it names.

There is no fix where the method needs an argument, and `()` alone would raise: `LBFGS.step` wants a closure, and
`ReduceLROnPlateau.step` a metric.

## Evidence

A replay records the order of the events: the named one is missing before the fix and present after it. On torch
2.13, with `optimizer.step` or `loss.backward` not called, the parameters moved by 0.0 in 5 iterations; with
`scheduler.step` not called the rate of `StepLR(optimizer, 1)` was constant.

## References

- Taking an optimization step: https://docs.pytorch.org/docs/stable/optim.html#taking-an-optimization-step
- `torch.optim.Optimizer.step`: https://docs.pytorch.org/docs/stable/generated/torch.optim.Optimizer.step.html
- `torch.optim.LBFGS`: https://docs.pytorch.org/docs/stable/generated/torch.optim.LBFGS.html
- `torch.optim.lr_scheduler.ReduceLROnPlateau`: https://docs.pytorch.org/docs/stable/generated/torch.optim.lr_scheduler.ReduceLROnPlateau.html
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
    Evidence,
    Level,
    Model,
    Optimizer,
    Program,
    Query,
    Repair,
    Rule,
    Scheduler,
    Violation,
    parent,
    tables,
)
from optlint_rules.lines import line_start

_METHODS = frozenset(("step", "zero_grad", "backward"))
_END = re.compile(rb"\.(?:step|zero_grad|backward|update)[ \t]*(?:[;#\r\n\\]|$)")
"""One of the methods at the end of a statement."""
_BEGIN = re.compile(rb"(?:.*[;:])?[ \t]*[^\s=#;:(]+(?:\(.*\))?\Z")
"""What stands before it in its line where nothing is done with it."""


def _may_mention(data: bytes) -> bool:
    """Whether the bytes of a file may hold such a statement, or a program over files that do."""
    if b"optimizer" in data or b"optim." in data:
        return True
    lines = ((line_start(data, end.start()), end.start()) for end in _END.finditer(data))
    return any(start is None or _BEGIN.match(data, start, at) is not None for start, at in lines)


def _find(program: Program) -> Iterator[Violation]:
    for entry in program.entries:
        for event in entry.having(Act.MENTION):
            statement = parent(event.place.module, event.place.node)
            if isinstance(statement, ast.stmt) and event.place.module.shows(statement):
                continue  # to look at it
            if event.detail in _METHODS or event.detail == "update":
                yield Violation(program, event.place, {"mention": event}, (event,), entry=entry)


def _call(violation: Violation, editor: Editor) -> Edits | None:
    event = violation.roles["mention"]
    for subject in event.subjects:
        if isinstance(subject, Optimizer) and event.detail == "step" and subject.classes & tables().closure_required:
            return None
        if isinstance(subject, Scheduler) and "ReduceLROnPlateau" in subject.classes:
            return None
        if isinstance(subject, Model) and event.detail not in _METHODS:
            return None
    return editor.append(event.place.node, "()")


RULE = Rule(
    code="OPT107",
    level=Level.ERROR,
    message="nothing happens: `{mention}` stands there without `()`",
    triggers=((".step", "torch"), (".backward", "torch"), (".zero_grad", "torch"), (".update", "scaler", "torch")),
    screen=_may_mention,
    property=Query(_find),
    repair=Repair("Call the method", SAFE, _call),
    evidence=Evidence.ORDER,
)
