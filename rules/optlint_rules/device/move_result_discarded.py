"""The result of moving or converting a tensor is thrown away.

A module moves in place, a tensor does not: `inputs.to(device)` returns a copy and leaves `inputs` where and what it
was. Nothing is said. On a machine without a GPU the code even runs; with one, the first operation that meets a moved
tensor raises `Expected all tensors to be on the same device`. The same holds for `.cuda()`, `.cpu()`, `.half()`,
`.float()`, `.double()`, `.detach()`, and for the `to()` of a PackedSequence: measured, device, type and graph are
unchanged after the call.

## Example

```python
import torch
from torch import nn

device = torch.device("cuda" if torch.cuda.is_available() else "cpu")
model = nn.Linear(10, 2).to(device)
optimizer = torch.optim.SGD(model.parameters(), lr=0.1)

for _ in range(20):
    inputs = torch.randn(8, 10)
    labels = torch.randint(0, 2, (8,), device=device)
    inputs.to(device)
    optimizer.zero_grad()
    loss = nn.functional.cross_entropy(model(inputs), labels)
    loss.backward()
    optimizer.step()
```

## Use instead

```python
import torch
from torch import nn

device = torch.device("cuda" if torch.cuda.is_available() else "cpu")
model = nn.Linear(10, 2).to(device)
optimizer = torch.optim.SGD(model.parameters(), lr=0.1)

for _ in range(20):
    inputs = torch.randn(8, 10)
    labels = torch.randint(0, 2, (8,), device=device)
    inputs = inputs.to(device)
    optimizer.zero_grad()
    loss = nn.functional.cross_entropy(model(inputs), labels)
    loss.backward()
    optimizer.step()
```

## When the code is right

These are not reported:

- Modules, losses and metrics, which move in place.
- Containers with a `to` of their own: `BatchEncoding` and `BatchFeature` move what they hold, graphs and batches of
  graphs may do so. Of what nobody knows nothing is said.
- `torch.zeros(1).cuda()`, which wakes the device up, and whatever is not looked at afterwards, as in a benchmark.
- A probe inside `try`, or in a test that expects an exception.

An element of a loader of which one only sees that it is handed on is reported as a warning: it is likely a tensor.

## Fix safety

The fix assigns the result to what was moved. It is unsafe, because from then on the program computes on another
device or in another type, which is the intent. There is none where a loop over a container rebinds the name, which
would leave the container as it is.

## Evidence

No replay is needed: on torch 2.13, dtype and device of a tensor are the same after `t.to(torch.float64)`,
`t.double()` and `t.to("meta")`, and a PackedSequence stays `float32`; a `Linear` is `float64` afterwards.

## References

- `torch.Tensor.to`: https://docs.pytorch.org/docs/stable/generated/torch.Tensor.to.html
- `torch.nn.Module.to`: https://docs.pytorch.org/docs/stable/generated/torch.nn.Module.html#torch.nn.Module.to
- `PackedSequence`: https://docs.pytorch.org/docs/stable/generated/torch.nn.utils.rnn.PackedSequence.html
"""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator

from optlint.api import UNSAFE, Editor, Edits, Evidence, Level, Place, Program, Query, Repair, Rule, Violation, parent
from optlint_rules.device.tensors import Sureness, Tensors
from optlint_rules.lines import line_start

_METHODS = frozenset("to cuda cpu npu xpu half float double bfloat16 long detach".split())
_EXPECTING = ("raises", "assertRaises", "assertRaisesRegex", "warns", "assertWarns", "suppress")
_CALL = re.compile(rb"\.(?:%s)\(" % b"|".join(name.encode() for name in sorted(_METHODS)))
_BEFORE = re.compile(
    rb"(?:[^\n]*;|[^\n]*\b(?:if|else|for|while|with|try|except|finally)\b[^\n]*:)?[ \t]*"
    rb"([A-Za-z_]\w*|self\.\w+|[A-Za-z_]\w*\[(?:'\w+'|\"\w+\")\]|[\w.\[\]'\"]+)"
)
"""What stands before such a call in its line where it begins a statement, and its receiver."""
_AFTER = re.compile(rb"[^()\n#'\"]*\)[ \t]*[^\s;#\\]")
"""What stands after it in its line where the statement goes on."""
_MODULE = re.compile(rb"self|(?:.*\.)?\w*(?:model|module|net|network|criterion)")
"""What is a module by its name."""


def _may_discard(data: bytes) -> bool:
    """Whether a call of one of them may be a statement of its own, and its receiver a tensor."""
    for call in _CALL.finditer(data):
        start = line_start(data, call.start())
        if start is None:
            return True
        before = _BEFORE.fullmatch(data, start, call.start())
        if before is not None and _AFTER.match(data, call.end()) is None and _may_be_tensor(before[1], data):
            return True
    return False


def _may_be_tensor(receiver: bytes, data: bytes) -> bool:
    """Whether a receiver, as written in the bytes of a file, may be a tensor, or be asked whether it is one."""
    if _MODULE.fullmatch(receiver) is not None:
        return False
    if receiver.count(b".") == receiver.startswith(b"self."):
        return True
    return b"is_tensor(" + receiver in data or b"isinstance(" + receiver in data


def _find(program: Program) -> Iterator[Violation]:
    module = program.module
    tensors: Tensors | None = None
    for statement in module.nodes.of(ast.Expr):
        match statement:
            case ast.Expr(value=ast.Call(func=ast.Attribute(value=receiver, attr=method)) as call) if (
                method in _METHODS and isinstance(receiver, ast.Name | ast.Attribute | ast.Subscript)
            ):
                pass
            case _:
                continue
        if _is_probe(Place(module, statement)) or module.shows(statement):
            continue
        tensors = tensors or Tensors(module, program.qualify)
        tested = tensors.is_tested(receiver)
        sureness = Sureness.SURE if tested else tensors.sureness(receiver)
        if sureness is Sureness.OTHER or not (tested or tensors.is_read_later(receiver, statement)):
            continue
        text = ast.unparse(receiver)
        likely = f"if `{text}` is a tensor, " if sureness is Sureness.LIKELY else ""
        what = f"{likely}nothing is {_DONE.get(method, 'moved')}"
        yield Violation(
            program,
            Place(module, call),
            parts={"what": what, "call": ast.unparse(call), "receiver": text},
            level=Level.WARNING if likely else Level.ERROR,
        )


_DONE = {
    "detach": "detached",
    "half": "converted",
    "float": "converted",
    "double": "converted",
    "bfloat16": "converted",
    "long": "converted",
}


def _is_probe(place: Place) -> bool:
    """Whether a statement is there to see whether it raises."""
    node = parent(place.module, place.node)
    inner = place.node
    while node is not None and not isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef):
        if isinstance(node, ast.Try) and inner in node.body and len(node.body) == 1:
            return True
        if isinstance(node, ast.With):
            for item in node.items:
                function = getattr(item.context_expr, "func", None)
                if getattr(function, "attr", getattr(function, "id", "")) in _EXPECTING:
                    return True
        inner, node = node, parent(place.module, node)
    return False


def _assign(violation: Violation, editor: Editor) -> Edits | None:
    call = violation.at.node
    assert isinstance(call, ast.Call)
    assert isinstance(call.func, ast.Attribute)
    receiver, module = call.func.value, violation.at.module
    statement = parent(module, call)
    assert isinstance(statement, ast.stmt)
    tensors = Tensors(module, violation.program.qualify)
    if isinstance(receiver, ast.Name):
        if receiver.id not in tensors.scope(call).bound or not tensors.is_read_later(receiver, statement):
            return None  # an assignment would make another variable, or one that nobody reads
    return editor.replace(call, f"{editor.text(receiver)} = {editor.text(call)}")


RULE = Rule(
    code="OPT304",
    level=Level.ERROR,
    message="{what}: `{call}` returns a copy, and `{receiver}` stays as it is",
    triggers=(("torch",),),
    screen=_may_discard,
    property=Query(_find),
    repair=Repair("Assign the result", UNSAFE, _assign),
    evidence=Evidence.TEXT,
)
