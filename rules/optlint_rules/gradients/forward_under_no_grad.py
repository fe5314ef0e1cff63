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
from optlint_rules.gradients.grad_mode import is_off, switch
from optlint_rules.gradients.losses import Assignments, block_around, is_data, loss_of
from optlint_rules.gradients.plain_data import is_made_as_data

_OF_TENSORS = frozenset(
    """mean sum squeeze pow norm abs square log exp sqrt sin cos tanh sigmoid softmax log_softmax
    view reshape flatten float clamp""".split()
)
_SCREEN = (b"no_grad", b"inference_mode", b"set_grad_enabled", b"backward(")
_FLAGS = frozenset(("requires_grad", "requires_grad_"))


def _find(program: Program) -> Iterator[Violation]:
    for entry in program.entries:
        if not any(True for _ in entry.having(Act.BACKWARD)):
            continue
        runs = {event.place.node: event for event in entry.having(Act.FORWARD)}
        for event in entry.having(Act.BACKWARD):
            cuts = [_cut(value, event, runs, program) for value in _values(event)]
            if cuts and cuts[0] is not None and None not in cuts:
                place = Place(event.place.module, cuts[0])
                made = Event(Act.FORWARD, (), place, event.stack, "no_grad")
                context = switch(place, event.stack)
                assert context is not None
                yield Violation(
                    program,
                    place,
                    {"forward": made, "backward": event},
                    (made, event),
                    entry=entry,
                    notes={
                        made: f"gradients are off here: `{ast.unparse(context)}`",
                        event: "has no graph to go through",
                    },
                )


def _values(backward: Event) -> list[ast.expr]:
    """Return the expressions that the loss of a backward may come from, or nothing where there may be others."""
    place = backward.place
    loss = loss_of(place.node)
    if loss is None:
        return []
    if not isinstance(loss, ast.Name):
        return [loss]
    assignments = Assignments(place, loss.id).reaching()
    if not assignments or _is_flagged(loss.id, place):
        return []
    return [each.value for each in assignments]


def _is_flagged(name: str, place: Place) -> bool:
    """Whether a statement before the backward makes the loss want gradients: then nothing is raised."""
    for block in block_around(place):
        for statement in block:
            for node in ast.walk(statement):
                if isinstance(node, ast.Attribute) and node.attr in _FLAGS and isinstance(node.value, ast.Name):
                    if node.value.id == name:
                        return True
    return False


def _cut(value: ast.expr, backward: Event, runs: dict[ast.AST, Event], program: Program) -> ast.expr | None:
    """Return what is computed where gradients are surely off, if that leaves a value without a graph, or None.

    That is the value itself, or what it is computed from, with nothing beside that but data.
    """
    place = Place(backward.place.module, value)
    if is_off(place, backward.stack):
        return value if _is_computed(value, place, runs, program) else None
    if backward.subjects:
        return None
    match value:
        case ast.Call(func=ast.Attribute(value=inner, attr=method), args=rest) if method in _OF_TENSORS:
            if not all(isinstance(each, ast.Constant) for each in rest):
                return None
            given: list[ast.expr] = [inner]
        case ast.UnaryOp(op=ast.USub(), operand=inner):
            given = [inner]
        case ast.BinOp(left=left, right=right):
            given = [left, right]
        case ast.Call(args=[_, *_], keywords=[]) if _is_loss(value, runs, program):
            given = value.args
        case _:
            return None
    cuts: list[ast.expr] = []
    for each in given:
        if isinstance(each, ast.Constant):
            continue
        if isinstance(each, ast.Name) and (is_data(place, each.id) or is_made_as_data(place, each.id, program)):
            continue
        cut = [_cut(one, backward, runs, program) for one in _sources(place, each)]
        if not cut or None in cut:
            return None
        cuts += [one for one in cut if one is not None]
    return cuts[0] if cuts else None


def _sources(place: Place, value: ast.expr) -> list[ast.expr]:
    """Return the expressions that a value may come from, or nothing where there may be others."""
    if not isinstance(value, ast.Name):
        return [value]
    return [each.value for each in Assignments(place, value.id).reaching() or ()]


def _is_loss(call: ast.Call, runs: dict[ast.AST, Event], program: Program) -> bool:
    """Whether a call computes a loss by a function of torch, or by a module that has no parameters."""
    run = runs.get(call)
    if run is not None:
        return bool(run.models()) and not any(model.has_parameters for model in run.models())
    return program.qualify(call.func).startswith("torch.nn.functional.")


def _is_computed(value: ast.expr, place: Place, runs: dict[ast.AST, Event], program: Program) -> bool:
    """Whether an expression makes a tensor by an operation of torch, or by a module."""
    match value:
        case ast.Call(func=ast.Attribute(value=inner, attr=method)) if method in _OF_TENSORS:
            return isinstance(inner, ast.Name | ast.BinOp) or _is_computed(inner, place, runs, program)
        case ast.UnaryOp(op=ast.USub(), operand=inner):
            return _is_computed(inner, place, runs, program)
        case ast.BinOp(left=left, right=right):
            return any(_is_computed(side, place, runs, program) for side in (left, right))
        case ast.Call(func=function):
            run = runs.get(value)
            if run is not None:
                return all(not _turns_on(model.info) for model in run.models())
            if place.module is not program.module:
                return ast.unparse(function).startswith(("F.", "torch.nn.functional.", "nn.functional."))
            return program.qualify(function).startswith("torch.nn.functional.")
        case _:
            return False


def _turns_on(info: object) -> bool:
    """Whether the class of a module turns gradients on itself, or may do so."""
    lineage = getattr(info, "lineage", ())
    return any(
        name in each.module.segment(each.node)
        for each in lineage
        for name in ("enable_grad", "set_grad_enabled", "inference_mode(False")
    )


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
    triggers=(("backward", "torch"), ("optim", "torch")),
    screen=lambda data: any(word in data for word in _SCREEN),
    property=Query(_find),
    repair=Repair("Turn gradients on", DISPLAY, _turn_on),
    evidence=Evidence.CRASH,
)
