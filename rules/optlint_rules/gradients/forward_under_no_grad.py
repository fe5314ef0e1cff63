"""The loss that is backpropagated is computed where gradients are off.

Under `torch.no_grad()` or `torch.inference_mode()` no graph is recorded, in a `with` block as under a decorator. The
backward has nothing to go back through and raises `element 0 of tensors does not require grad and does not have a
grad_fn`, wherever it stands itself. Mostly the context was meant for the validation next door, or was copied with it.

## Example

```python
import torch
from torch import nn

model = nn.Sequential(nn.Linear(10, 20), nn.ReLU(), nn.Linear(20, 3))
criterion = nn.CrossEntropyLoss()
optimizer = torch.optim.SGD(model.parameters(), lr=0.1)

for step in range(100):
    inputs = torch.randn(32, 10)
    labels = inputs[:, :3].argmax(dim=1)
    optimizer.zero_grad()
    with torch.no_grad():
        loss = criterion(model(inputs), labels)
    loss.backward()
    optimizer.step()
```

## Use instead

```python
import torch
from torch import nn

model = nn.Sequential(nn.Linear(10, 20), nn.ReLU(), nn.Linear(20, 3))
criterion = nn.CrossEntropyLoss()
optimizer = torch.optim.SGD(model.parameters(), lr=0.1)

for step in range(100):
    inputs = torch.randn(32, 10)
    labels = inputs[:, :3].argmax(dim=1)
    optimizer.zero_grad()
    loss = criterion(model(inputs), labels)
    loss.backward()
    optimizer.step()
```

## When the code is right

These are not reported:

- A backward, a clipping or a step under `no_grad` whose forward stands outside of it.
- A frozen part, a teacher or a target network under `no_grad`, and a loss outside of it that depends on other
  parameters as well.
- `torch.enable_grad()` inside, `set_grad_enabled(flag)` with a flag that is not known here, and functions that turn
  gradients on themselves.
- A loss that comes from elsewhere: an attribute, a list, a function that is not part of the project.

## Fix safety

There is no fix that could be applied: which lines are to leave the context is the author's to say. What is shown
turns gradients on in it, or takes the decorator away.

## Evidence

The replay shows the exception at the first backward. On torch 2.13 it comes with `no_grad` and with `inference_mode`,
and with the backward inside or outside; with the forward outside, a backward and a step under `no_grad` do their work.

## References

- `torch.no_grad`: https://docs.pytorch.org/docs/stable/generated/torch.no_grad.html
- `torch.autograd.grad_mode.inference_mode`: https://docs.pytorch.org/docs/stable/generated/torch.autograd.grad_mode.inference_mode.html
- Locally disabling gradient computation: https://docs.pytorch.org/docs/stable/notes/autograd.html#locally-disabling-gradient-computation
"""

from __future__ import annotations

import ast
from collections.abc import Iterator

from optlint.api import (
    DISPLAY,
    Act,
    Editor,
    Edits,
    Event,
    Evidence,
    Level,
    Place,
    Program,
    Query,
    Repair,
    Rule,
    Violation,
)
from optlint_rules.gradients.backward_in_text import may_go_back
from optlint_rules.gradients.grad_mode import is_off, switch
from optlint_rules.gradients.graphless import Cut, Graphless
from optlint_rules.gradients.losses import Assignments, block_around, loss_of

_OFF = (b"no_grad", b"inference_mode(", b".inference_mode\n", b".inference_mode\r", b"set_grad_enabled")
_FLAGS = frozenset(("requires_grad", "requires_grad_"))


def _may_cut(data: bytes) -> bool:
    """Whether a file may turn gradients off, or be a program whose other files do."""
    turns_off = any(word in data for word in _OFF)
    if b"optimizer" in data or b"optim." in data:
        return turns_off or b"backward(" in data
    return turns_off and may_go_back(data)


def _find(program: Program) -> Iterator[Violation]:
    for entry in program.entries:
        graphless = Graphless(program, entry)
        for event in entry.having(Act.BACKWARD):
            cuts = _cuts(event, graphless)
            if cuts and cuts[0] is not None and None not in cuts:
                made = Event(Act.FORWARD, (), cuts[0].place, cuts[0].stack, "no_grad")
                context = switch(cuts[0].place, cuts[0].stack)
                assert context is not None
                yield Violation(
                    program,
                    cuts[0].place,
                    {"forward": made, "backward": event},
                    (made, event),
                    entry=entry,
                    notes={
                        made: f"gradients are off here: `{ast.unparse(context)}`",
                        event: "has no graph to go through",
                    },
                )


def _cuts(backward: Event, graphless: Graphless) -> list[Cut | None]:
    """Return what cuts the graph of each value that a backward may begin from, nothing where there may be others."""
    place = backward.place
    loss = loss_of(place.node)
    if loss is None:
        return []
    values = [(loss, place)]
    if isinstance(loss, ast.Name):
        assignments = Assignments(place, loss.id, unpacked=True).reaching() or ()
        if _is_flagged(loss.id, place) or not assignments:
            return []
        values = [(each.value, Place(place.module, each.statement)) for each in assignments]
    if backward.subjects and not all(is_off(Place(place.module, value), backward.stack) for value, _ in values):
        return []  # gradients reach something
    return [graphless.cut(value, there, backward.stack) for value, there in values]


def _is_flagged(name: str, place: Place) -> bool:
    """Whether a statement before the backward makes the loss want gradients: then nothing is raised."""
    for block in block_around(place):
        for statement in block:
            for node in place.module.nodes.within(statement, ast.Attribute):
                if node.attr in _FLAGS and isinstance(node.value, ast.Name) and node.value.id == name:
                    return True
    return False


def _turn_on(violation: Violation, editor: Editor) -> Edits | None:
    """Show the context with gradients on, where it stands in the same file."""
    context = switch(violation.at, violation.roles["backward"].stack)
    nodes = violation.at.module.nodes
    if context is None or not nodes.contains(violation.at.module.tree, context):
        return None
    function = context.func if isinstance(context, ast.Call) else context
    outer = nodes.parent(context)
    if isinstance(outer, ast.withitem) and isinstance(function, ast.Attribute):
        return editor.replace(context, f"{editor.text(function.value)}.enable_grad()")
    return None


RULE = Rule(
    code="OPT511",
    level=Level.ERROR,
    message="`{backward}` raises: its loss is computed where gradients are off, and has no graph",
    triggers=((".backward", "torch"), ("optimizer", "torch"), ("optim.", "torch")),
    screen=_may_cut,
    property=Query(_find),
    repair=Repair("Turn gradients on", DISPLAY, _turn_on),
    evidence=Evidence.CRASH,
)
