"""A clipping is given something that it cannot clip, or its result is dropped.

`clip_grad_norm_` and `clip_grad_value_` take parameters. A module, `optimizer.param_groups`, `named_parameters()` and a
method that is not called raise at once (`AttributeError` or `TypeError`), as does a call without a limit. Others pass
in silence: of the loss the norm is 0 and nothing is clipped, a negative limit turns the sign of each gradient around,
so that the optimizer climbs, and `torch.clamp(p.grad, -1, 1)` makes another tensor that nobody looks at.

## Example

```python
import torch
from torch import nn

model = nn.Linear(5, 1)
optimizer = torch.optim.SGD(model.parameters(), lr=0.1)

for step in range(30):
    x = torch.randn(8, 5)
    optimizer.zero_grad()
    loss = nn.functional.mse_loss(model(x), x.sum(dim=1, keepdim=True))
    loss.backward()
    nn.utils.clip_grad_norm_(model, 1.0)
    optimizer.step()
```

## Use instead

```python
import torch
from torch import nn

model = nn.Linear(5, 1)
optimizer = torch.optim.SGD(model.parameters(), lr=0.1)

for step in range(30):
    x = torch.randn(8, 5)
    optimizer.zero_grad()
    loss = nn.functional.mse_loss(model(x), x.sum(dim=1, keepdim=True))
    loss.backward()
    nn.utils.clip_grad_norm_(model.parameters(), 1.0)
    optimizer.step()
```

## When the code is right

These are not reported:

- Parameters in any form: a list, an iterator, a single tensor, `param_groups[0]["params"]`.
- A module that can be iterated, as `nn.ParameterList`, or that has an `__iter__` of its own.
- A function or method of the same name that is not torch's: Accelerate's and FSDP's take other arguments.
- `p.grad.clamp_(-1, 1)`, `p.grad = torch.clamp(p.grad, -1, 1)` and `torch.clamp(p.grad, -1, 1, out=p.grad)`.
- A loss that is a parameter's own gradient: only what is backpropagated in the same function counts.

## Fix safety

The fix is shown and never applied: whose parameters are meant, and with which limit, is not for a tool to say.

## Evidence

A replay raises the exception, or shows that the gradient which each update consumes is not the clipped one. On torch
2.13, with a limit of -1 each gradient has the opposite sign, and `clip_grad_norm_(loss, 1)` returns 0 and clips
nothing. Of a result that is dropped a replay shows nothing.

## References

- `clip_grad_norm_`: https://docs.pytorch.org/docs/stable/generated/torch.nn.utils.clip_grad_norm_.html
- `clip_grad_value_`: https://docs.pytorch.org/docs/stable/generated/torch.nn.utils.clip_grad_value_.html
- `torch.clamp`: https://docs.pytorch.org/docs/stable/generated/torch.clamp.html
- A negative limit: https://github.com/pytorch/pytorch/issues/31367
"""

from __future__ import annotations

import ast
from collections.abc import Iterator

from optlint.api import (
    DISPLAY,
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
    enclosing_function,
)
from optlint_rules.gradients.clipping import is_torch

_GIVEN = {
    "model": "a module in the place of its parameters",
    "method": "a method that is not called",
    "named": "pairs of names and parameters",
    "groups": "groups in the place of parameters",
}


def _find(program: Program) -> Iterator[Violation]:
    for entry in program.entries:
        for event in entry.having(Act.CLIP):
            node = event.place.node
            if isinstance(node, ast.Call) and is_torch(node, event.place.module):
                wrong = _wrong(entry, event, node)
                if wrong:
                    yield Violation(program, event.place, {"clip": event}, (event,), entry=entry, parts=wrong)
    data = program.module.source.data
    for node in program.module.nodes.of(ast.Expr) if b".clamp(" in data or b".clip(" in data else ():
        if _is_dropped(node.value, program):
            text = ast.unparse(node.value)
            parts = {"harm": "nothing is clipped", "what": f"the result of `{text}` is dropped"}
            yield Violation(program, Place(program.module, node.value), parts=parts)


def _wrong(entry: Entry, event: Event, call: ast.Call) -> dict[str, str]:
    """Return the words for what is wrong with a clipping, if something is."""
    name = ast.unparse(call.func)
    if event.detail:
        return {"harm": "an exception is raised", "what": f"`{name}` is given {_GIVEN[event.detail]}"}
    given = {keyword.arg: keyword.value for keyword in call.keywords}
    if None in given or any(isinstance(argument, ast.Starred) for argument in call.args):
        return {}
    limit = call.args[1] if len(call.args) > 1 else given.get("max_norm", given.get("clip_value"))
    if limit is None:
        return {"harm": "an exception is raised", "what": f"`{name}` is given no limit"}
    if _is_negative(limit):
        return {"harm": "gradients change their sign", "what": f"`{name}` is given a negative limit"}
    parameters = call.args[0] if call.args else given.get("parameters")
    if isinstance(parameters, ast.Name) and _is_loss(entry, event, parameters.id):
        return {"harm": "nothing is clipped", "what": f"`{name}` is given the loss in the place of parameters"}
    return {}


def _is_negative(limit: ast.expr) -> bool:
    match limit:
        case ast.UnaryOp(op=ast.USub(), operand=ast.Constant(value=int() | float() as value)):
            return value > 0
        case _:
            return False


def _is_loss(entry: Entry, clipping: Event, name: str) -> bool:
    """Whether a variable is backpropagated in the function that clips it, and in no other sense a tensor of its own."""
    function = enclosing_function(clipping.place)
    for event in entry.having(Act.BACKWARD):
        match event.place.node:
            case ast.Call(func=ast.Attribute(value=ast.Name(id=loss), attr="backward")) if loss == name:
                if enclosing_function(event.place) is function:
                    return True
            case _:
                pass
    return False


def _is_dropped(value: ast.expr, program: Program) -> bool:
    """Whether an expression makes a clamped copy of a gradient, which as a statement is dropped."""
    match value:
        case ast.Call(func=ast.Attribute(value=ast.Name(id="torch"), attr="clamp" | "clip") as function) if value.args:
            out = any(keyword.arg in ("out", None) for keyword in value.keywords)
            return _is_gradient(value.args[0]) and not out and program.qualify(function).startswith("torch.")
        case ast.Call(func=ast.Attribute(value=inner, attr="clamp" | "clip")):
            return _is_gradient(inner)
        case _:
            return False


def _is_gradient(node: ast.expr) -> bool:
    """Whether an expression is `p.grad` or `p.grad.data`."""
    match node:
        case ast.Attribute(value=inner, attr="data"):
            return _is_gradient(inner)
        case ast.Attribute(attr="grad"):
            return True
        case _:
            return False


def _parameters(violation: Violation, editor: Editor) -> Edits | None:
    event = violation.roles.get("clip")
    match event.place.node if event is not None else violation.at.node:
        case ast.Call(args=[first, *_]) if event is not None and event.detail == "model":
            return editor.append(first, ".parameters()")
        case ast.Call(args=[first, *_]) if event is not None and event.detail == "method":
            return editor.append(first, "()")
        case ast.Call(func=ast.Attribute(value=inner) as function) if event is None and _is_gradient(inner):
            return editor.rename_attribute(function, f"{function.attr}_")
        case _:
            return None


RULE = Rule(
    code="OPT506",
    level=Level.ERROR,
    message="{harm}: {what}",
    triggers=(
        ("clip_grad", "torch"),
        *(("torch", f".grad{data}.{method}(") for data in ("", ".data") for method in ("clamp", "clip")),
        *((".grad", f"torch.{method}(") for method in ("clamp", "clip")),
        ("optim.", "torch"),
        ("torch.optim",),
    ),
    property=Query(_find),
    repair=Repair("Give it parameters", DISPLAY, _parameters),
    evidence=Evidence.GRADIENT,
)
