"""A tensor that was moved or converted after it got its gradient flag is given to an optimizer.

`torch.randn(3, requires_grad=True).cuda()` is a copy computed from the leaf, and `nn.Parameter(t).cuda()` is a
Parameter no more. The optimizer raises `ValueError: can't optimize a non-leaf Tensor`. A move to where the tensor
already is returns the tensor itself, so the code passes on a machine without a GPU and raises on one that has it.

## Example
```python
import torch
from torch import optim

weights = torch.zeros(3, requires_grad=True).double()
optimizer = optim.SGD([weights], lr=0.1)

for _ in range(50):
    inputs = torch.randn(16, 3, dtype=torch.float64)
    optimizer.zero_grad()
    loss = (inputs @ weights - inputs.sum(dim=1)).square().mean()
    loss.backward()
    optimizer.step()
```

## Use instead
```python
import torch
from torch import optim

weights = torch.zeros(3, dtype=torch.float64, requires_grad=True)
optimizer = optim.SGD([weights], lr=0.1)

for _ in range(50):
    inputs = torch.randn(16, 3, dtype=torch.float64)
    optimizer.zero_grad()
    loss = (inputs @ weights - inputs.sum(dim=1)).square().mean()
    loss.backward()
    optimizer.step()
```

## When the code is right
- The device or type is given to the constructor, or the flag or `nn.Parameter` comes last: `t.cuda().requires_grad_()`.
- `.cpu()`, `.to("cpu")` and `.float()` on a tensor that is there already return the same tensor.
- `.detach().requires_grad_()` makes a leaf again, and so does `nn.Parameter(...)` around the whole.
- The optimizer holds the leaf, and the copy is made from it in each iteration.
- No optimizer gets the tensor; modules move in place.

## Fix safety
Safe: the code raises as it stands. The device or type goes into the constructor, `torch.zeros(3, device="cuda",
requires_grad=True)`, or inside the Parameter, `nn.Parameter(t.cuda())`. Offered where the constructor is visible.

## Evidence
The replay shows an exception at the optimizer's construction before the fix and none after it; then the tensor moves.

## References
- Tensor.is_leaf: https://docs.pytorch.org/docs/stable/generated/torch.Tensor.is_leaf.html
- Parameter: https://docs.pytorch.org/docs/stable/generated/torch.nn.parameter.Parameter.html
- Constructing an optimizer: https://docs.pytorch.org/docs/stable/optim.html#constructing-it
"""

from __future__ import annotations

import ast
from collections.abc import Iterator

from optlint.api import SAFE, Act, Editor, Edits, Evidence, Level, Program, Query, Repair, Rule, Violation

_DTYPES = {"double": "torch.float64", "float": "torch.float32", "half": "torch.float16", "bfloat16": "torch.bfloat16"}


def _find(program: Program) -> Iterator[Violation]:
    for entry in program.entries:
        for event in entry.having(Act.NON_LEAF):
            yield Violation(
                program,
                event.place,
                {"tensor": event},
                (event,),
                entry=entry,
                notes={event: "the result of this call is not a leaf"},
            )


def _inside(violation: Violation, editor: Editor) -> Edits | None:
    """Give the constructor the device or dtype, so that what it makes is the leaf."""
    match violation.at.node:
        case ast.Call(func=ast.Attribute(value=ast.Call() as inner, attr=method), args=args, keywords=keywords) as node:
            pass
        case _:
            return None
    name = (
        inner.func.attr
        if isinstance(inner.func, ast.Attribute)
        else inner.func.id
        if isinstance(inner.func, ast.Name)
        else ""
    )
    if name == "Parameter" and inner.args:
        call = editor.text(node)[len(editor.text(inner)) :]
        first = editor.text(inner.args[0])
        return editor.replace(node, editor.text(inner).replace(first, first + call, 1))
    flag = next((keyword for keyword in inner.keywords if keyword.arg == "requires_grad"), None)
    given = {keyword.arg for keyword in inner.keywords}
    if flag is None:
        return None
    prefix = editor.text(inner.func).rpartition(".")[0]
    match method, args, keywords:
        case "cuda", [], []:
            argument, key = 'device="cuda"', "device"
        case "cuda", [device], []:
            argument, key = f"device={editor.text(device)}", "device"
        case "to", [device], [] if not ast.unparse(device).startswith("torch.float"):
            argument, key = f"device={editor.text(device)}", "device"
        case "to", [dtype], []:
            argument, key = f"dtype={editor.text(dtype)}", "dtype"
        case (("double" | "float" | "half" | "bfloat16"), [], []):
            argument, key = f"dtype={_DTYPES[method].replace('torch', prefix or 'torch')}", "dtype"
        case _:
            return None
    if key in given:
        return None
    text = editor.text(inner)
    written = editor.text(flag)
    return editor.replace(node, text.replace(written, f"{argument}, {written}", 1))


RULE = Rule(
    code="OPT303",
    level=Level.ERROR,
    message="ValueError: can't optimize a non-leaf Tensor: `{tensor}` is computed from the leaf and is not it",
    triggers=(("optimizer", "torch"), ("optim.", "torch"), ("torch.optim",)),
    property=Query(_find),
    repair=Repair("Make the tensor where and as it is needed", SAFE, _inside),
    evidence=Evidence.CRASH,
)
