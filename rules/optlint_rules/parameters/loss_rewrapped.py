"""The loss is made a new tensor before it is backpropagated, and has lost its graph.

`torch.tensor(loss, requires_grad=True)`, `Variable(loss, requires_grad=True)` and `loss.detach().requires_grad_()` are
the popular remedy for `element 0 of tensors does not require grad`. The error is gone, and with it the training: the
backward starts and ends at the new tensor, all gradients of the model stay None, no parameter moves (measured: 0.0),
and nothing is said. `loss.requires_grad = True` raises on a loss that has a graph; on one that has none it is the same.

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
    loss = criterion(model(inputs), labels)
    loss = torch.tensor(loss.item(), requires_grad=True)
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

- Inputs that want gradients, for adversarial examples and style transfer: the loss is computed *from* the new tensor.
- A sum that begins as `torch.tensor(0.0, requires_grad=True)` and to which losses are added.
- Gradient caching: a hook on the new tensor, or its `.grad`, carries the gradient on by hand.
- `loss.requires_grad_()` on a loss with a graph, which changes nothing, and a flag that is set under a condition.

## Fix safety

The fix takes the wrapper away. It is unsafe because the program, which trained nothing so far, now trains: that is
its purpose. If the loss itself was computed without a graph (from `argmax`, from NumPy, under `no_grad`), the error
that the wrapper hid comes back, and shows where the graph is lost.

## Evidence

A replay watches which parameters an update moves. On torch 2.13 all forms named above leave every `.grad` None, and
the parameters move by exactly 0.0; after the fix they move as in the reference loop.

## References

- `torch.tensor`: https://docs.pytorch.org/docs/stable/generated/torch.tensor.html
- `torch.Tensor.requires_grad_`: https://docs.pytorch.org/docs/stable/generated/torch.Tensor.requires_grad_.html
- Autograd mechanics: https://docs.pytorch.org/docs/stable/notes/autograd.html
"""

from __future__ import annotations

import ast
from collections.abc import Iterator
from dataclasses import dataclass

from optlint.api import (
    UNSAFE,
    Act,
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
)
from optlint_rules.gradients.grad_mode import is_off
from optlint_rules.gradients.losses import Assignment, Assignments, block_around, function_around, loss_of
from optlint_rules.parameters.cut_graph import is_cut, unwrapped, wrapped


@dataclass(frozen=True, slots=True)
class _Cut:
    """Where a loss loses its graph.

    Attributes:
        node: What is flagged.
        removed: Statements that a fix takes away.
        inner: The loss with its graph, in the place of `node`; None where it stays a statement of its own.
    """

    node: ast.AST
    removed: tuple[ast.stmt, ...] = ()
    inner: ast.expr | None = None
    assignment: Assignment | None = None
    mendable: bool = True
    raises: bool = False


def _find(program: Program) -> Iterator[Violation]:
    for entry in program.entries:
        if not any(True for _ in entry.having(Act.STEP)):
            continue
        for event in entry.having(Act.BACKWARD, Act.CALL):
            loss = loss_of(event.place.node)
            cut = _cut(loss, event) if loss is not None else None
            if cut is not None:
                yield _violation(program, entry, event, cut)


def _violation(program: Program, entry: Entry, backward: Event, cut: _Cut) -> Violation:
    place = Place(backward.place.module, cut.node)
    made = Event(Act.CALL, (), place, backward.stack, "requires_grad")
    harm = "it raises on a loss with a graph, and from one without a backward reaches no parameter"
    return Violation(
        program,
        place,
        {"wrap": made, "backward": backward},
        (made, backward),
        entry=entry,
        notes={made: "the graph of the loss ends here", backward: "reaches nothing but the new tensor"},
        parts={
            "harm": harm if cut.raises else "the new tensor has no graph, and a backward from it reaches no parameter"
        },
    )


def _cut(loss: ast.expr, backward: Event) -> _Cut | None:
    """Return where the loss of a backward was cut off, on every way to it."""
    place = backward.place
    inner = wrapped(loss)
    if inner is not None:
        return _Cut(loss, inner=inner)
    if not isinstance(loss, ast.Name) or _is_observed(loss.id, place):
        return None
    assignments = Assignments(place, loss.id).reaching()
    if not assignments:
        return None
    cuts = [_assigned(each, loss.id, backward) for each in assignments]
    return cuts[0] if all(cut is not None for cut in cuts) else None


def _assigned(assignment: Assignment, name: str, backward: Event) -> _Cut | None:
    """Return where the value of one assignment was cut off."""
    value = assignment.value
    inner = wrapped(value)
    if inner is not None:
        return _taken_away(assignment, name, inner, ())
    flag = _flag(assignment, name, backward)
    if flag is None:
        return None
    inner = is_cut(value)
    if inner is not None:
        return _taken_away(assignment, name, inner, (flag,))
    place = Place(backward.place.module, assignment.value)
    if is_off(place, backward.stack) and isinstance(value, ast.Call | ast.BinOp | ast.UnaryOp):
        return _Cut(flag, mendable=False)
    if isinstance(flag, ast.Assign) and isinstance(value, ast.Call | ast.BinOp | ast.UnaryOp):
        return _Cut(flag, (flag,), raises=True)
    return None


def _taken_away(assignment: Assignment, name: str, inner: ast.expr, flags: tuple[ast.stmt, ...]) -> _Cut:
    same = isinstance(inner, ast.Name) and inner.id == name
    if same:
        return _Cut(assignment.value, (assignment.statement, *flags), assignment=assignment)
    return _Cut(assignment.value, flags, inner, assignment)


def _flag(assignment: Assignment, name: str, backward: Event) -> ast.stmt | None:
    """Return the statement between an assignment and a backward that makes the tensor want gradients."""
    module = backward.place.module
    blocks = [*block_around(backward.place), *block_around(Place(module, assignment.statement))[:1]]
    for block in blocks:
        for statement in block:
            if assignment.statement.lineno < statement.lineno <= backward.place.node.lineno:  # type: ignore[attr-defined]
                match statement:
                    case ast.Assign(
                        targets=[ast.Attribute(value=ast.Name(id=owner), attr="requires_grad")],
                        value=ast.Constant(value=True),
                    ) if owner == name:
                        return statement
                    case ast.Expr(
                        value=ast.Call(
                            func=ast.Attribute(value=ast.Name(id=owner), attr="requires_grad_"),
                            args=[] | [ast.Constant(value=True)],
                        )
                    ) if owner == name:
                        return statement
                    case _:
                        pass
    return None


def _is_observed(name: str, place: Place) -> bool:
    """Whether the gradient of the tensor itself is made use of."""
    scope: ast.AST = function_around(place) or place.module.tree
    for node in place.module.nodes.within(scope, ast.Attribute):
        match node:
            case ast.Attribute(value=ast.Name(id=owner), attr="register_hook" | "grad" | "retain_grad") if (
                owner == name
            ):
                return True
            case _:
                pass
    return False


def _unwrap(violation: Violation, editor: Editor) -> Edits | None:
    loss = loss_of(violation.roles["backward"].place.node)
    cut = _cut(loss, violation.roles["backward"]) if loss is not None else None
    if cut is None or not cut.mendable:
        return None
    if cut.assignment is not None and not _has_graph(cut, violation):
        return None
    edits = [edit for statement in cut.removed for edit in editor.delete(statement)]
    if cut.inner is not None:
        edits += editor.replace(cut.node, editor.text(cut.inner))
    return tuple(edits)


def _has_graph(cut: _Cut, violation: Violation) -> bool:
    """Whether what was wrapped is the loss itself, as far as one sees, and not a number computed from it."""
    assert cut.assignment is not None
    inner = cut.inner if cut.inner is not None else unwrapped(cut.assignment.value)
    if not isinstance(inner, ast.Name):
        return isinstance(inner, ast.Call | ast.BinOp)
    place = Place(violation.at.module, cut.assignment.statement)
    made = Assignments(place, inner.id).reaching()
    if made is None:
        function = function_around(place)
        return function is not None and any(argument.arg == inner.id for argument in function.args.args)
    return all(is_cut(each.value) is None and wrapped(each.value) is None for each in made)


RULE = Rule(
    code="OPT214",
    level=Level.ERROR,
    message="nothing is learned through `{wrap}`: {harm}",
    triggers=(("optimizer", "torch"), ("optim.", "torch"), ("torch.optim",)),
    property=Query(_find),
    repair=Repair("Backpropagate the loss itself", UNSAFE, _unwrap),
    evidence=Evidence.MOVED,
)
