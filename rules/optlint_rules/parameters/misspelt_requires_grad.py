"""A misspelt or misplaced `requires_grad` freezes nothing.

Python lets any attribute be set on a tensor and on a module, and torch reads only `requires_grad` of a parameter.
`p.require_grad = False`, `p.requires_grads = False`, `p.requires_grad_ = False` and `module.requires_grad = False`
raise nothing and change nothing: the layers that should stay are trained, moved in the very first update.
`p.requires_grad_ = False` does one thing more: it hides the method, and a later call raises `TypeError: 'bool' object
is not callable`.

## Example
```python
import torch
from torch import nn, optim

model = nn.Sequential(nn.Linear(10, 20), nn.ReLU(), nn.Linear(20, 2))
for param in model[0].parameters():
    param.require_grad = False

optimizer = optim.SGD(filter(lambda p: p.requires_grad, model.parameters()), lr=0.1)

for _ in range(20):
    inputs, labels = torch.randn(8, 10), torch.randint(0, 2, (8,))
    optimizer.zero_grad()
    loss = nn.functional.cross_entropy(model(inputs), labels)
    loss.backward()
    optimizer.step()
```

## Use instead
```python
import torch
from torch import nn, optim

model = nn.Sequential(nn.Linear(10, 20), nn.ReLU(), nn.Linear(20, 2))
for param in model[0].parameters():
    param.requires_grad = False

optimizer = optim.SGD(filter(lambda p: p.requires_grad, model.parameters()), lr=0.1)

for _ in range(20):
    inputs, labels = torch.randn(8, 10), torch.randint(0, 2, (8,))
    optimizer.zero_grad()
    loss = nn.functional.cross_entropy(model(inputs), labels)
    loss.backward()
    optimizer.step()
```

## When the code is right
- A module class that defines `requires_grad` as a property, or keeps a flag of that name for itself and reads it.
- `self.weight.requires_grad = False` where the attribute is an `nn.Parameter` or a tensor.
- Options, data classes and automatic differentiation of one's own with attributes of a similar name.
- `requires_grad_()` called, on a module or on a tensor.

## Fix safety
Unsafe: the parameters are frozen (or unfrozen) from now on, which is what the line says; results change. On a
parameter the attribute's name is corrected; on a module the assignment becomes the call
`module.requires_grad_(False)`, which reaches all its parameters.

## Evidence
The replay shows which parameters move. Before the fix `requires_grad` is True for all four parameters of the example
and all move in the first update; after it the first layer moves by 0.0.

## References
- Module.requires_grad_: https://docs.pytorch.org/docs/stable/generated/torch.nn.Module.html#torch.nn.Module.requires_grad_
- Tensor.requires_grad: https://docs.pytorch.org/docs/stable/generated/torch.Tensor.requires_grad.html
- Setting requires_grad: https://docs.pytorch.org/docs/stable/notes/autograd.html#setting-requires-grad
"""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from difflib import SequenceMatcher

from optlint.api import (
    UNSAFE,
    Act,
    Confidence,
    Editor,
    Edits,
    Event,
    Evidence,
    Level,
    Model,
    Object,
    Parameter,
    Program,
    Query,
    Repair,
    Rule,
    Violation,
    enclosing_statement,
)

_SLIP = re.compile(r"requires?d?_?(?:a_)?grad(?:s|ient|ients)?_?|grads?_requir\w+|need_?s?_grad", re.IGNORECASE)
_SET = re.compile(rb"\.(\w*(?:requir|need)\w*)[ \t]*(?::[^=\n]+)?=(?!=)")
"""An assignment of the attribute."""
_TARGET = re.compile(rb"(?:[^\n]*[:;=])?[ \t]*(?:[\w.]|\[[^]\n]*\]|\([^)\n]*\))*?(\w+|\]|\))")
"""What stands before that in its line where it is a statement; in the group, whose attribute it is."""
_EACH = re.compile(rb"\bfor\s+([^:\n]+?)\s+in\s+([^\n]*)")
_LONG = 300
_OTHERS = frozenset((b"weight", b"bias", b"self", b"]"))
"""What the right attribute is set on rightly, or is an attribute of the code's own, or nobody knows."""
_TENSOR = re.compile(
    rb"(?i)(?:\w*_)?(?:[bpvwx]|params?|parameters?|weights?|bias|tensor|probs?|target|data|inputs?|out)"
)
"""What is no module by its name, unless it goes through modules."""
_MODULES = re.compile(rb"children\(|modules\(|layers|blocks|encoder|backbone|features|\bmodel\b|\bnet\b")


def _may_slip(data: bytes) -> bool:
    """Whether the bytes of a file may set a wrong attribute, or the right one on a module; or are of a program."""
    if b"optimizer" in data or b"optim." in data or b"torch.optim" in data:
        return True
    owners: set[bytes] = set()
    for match in _SET.finditer(data):
        name = match[1].decode("utf-8", "replace")
        farthest = max(0, match.start() - _LONG)
        start = max(farthest, data.rfind(b"\n", farthest, match.start()) + 1)
        target = _TARGET.fullmatch(data, start, match.start())
        if name != "requires_grad" and _near(name):
            return True
        if name == "requires_grad" and target is not None:
            owners.add(target[1])
    if owners <= _OTHERS:
        return False
    loops = [(re.findall(rb"\w+", names), iterable) for names, iterable in _EACH.findall(data)]
    parameters = {name for names, iterable in loops if b"parameters(" in iterable for name in names}
    others = {name for names, iterable in loops if b"parameters(" not in iterable for name in names}
    modules = {name for names, iterable in loops if _MODULES.search(iterable) is not None for name in names}
    tensors = {owner for owner in owners if _TENSOR.fullmatch(owner) is not None}
    return not owners <= (parameters - others) | (tensors - (modules - parameters)) | _OTHERS


def _find(program: Program) -> Iterator[Violation]:
    for entry in program.entries:
        for event in entry.having(Act.SET_ATTRIBUTE):
            subject = event.subjects[0] if event.subjects else None
            if _is_parameter(subject) and event.detail != "requires_grad" and _near(event.detail):
                yield Violation(
                    program, event.place, {"set": event}, (event,), entry=entry, parts=_parts("parameter", event)
                )
            elif (
                isinstance(subject, Model)
                and not _is_self(event)
                and _near(event.detail)
                and _is_module(subject, event.detail)
            ):
                yield Violation(
                    program, event.place, {"set": event}, (event,), entry=entry, parts=_parts("module", event)
                )


def _is_parameter(subject: Object | None) -> bool:
    """Whether a value is a parameter: one that was taken from a module, or the `weight` or `bias` of one."""
    if isinstance(subject, Model):
        return subject.attribute in ("weight", "bias") and subject.parent is not None
    return isinstance(subject, Parameter)


def _is_self(event: Event) -> bool:
    """Whether a class sets a flag of that name on itself, as many a constructor does."""
    match event.place.node:
        case ast.Assign(targets=[ast.Attribute(value=ast.Name(id="self"))]):
            return True
        case _:
            return False


def _parts(kind: str, event: Event) -> dict[str, str]:
    return {"kind": kind, "name": event.detail}


def _near(name: str) -> bool:
    """Whether a name is `requires_grad` or a slip of it."""
    if _SLIP.fullmatch(name) is not None:
        return True
    return 11 <= len(name) <= 15 and SequenceMatcher(None, name, "requires_grad").ratio() > 0.9  # no other length can


def _is_module(model: Model, name: str) -> bool:
    """Whether a value is surely a module, whose class gives `requires_grad` no meaning of its own."""
    if model.info is not None and (model.info.class_attribute(name) is not None or model.info.method(name) is not None):
        return False
    if model.info is not None and any(_reads(info.node, name) for info in model.info.lineage):
        return False
    if model.attribute in ("weight", "bias"):
        return False
    if model.confidence is Confidence.NAME:
        return False
    # An item may be one of a `ParameterDict`; what `children()` or `modules()` give is a module.
    return not model.attribute.startswith("[") or model.attribute == "[each]"


def _reads(node: ast.ClassDef, name: str) -> bool:
    """Whether a class reads an attribute of that name itself: then it is a flag of its own."""
    for inner in ast.walk(node):
        match inner:
            case ast.Attribute(value=ast.Name(id="self"), attr=attribute, ctx=ast.Load()) if attribute == name:
                return True
            case _:
                pass
    return False


def _correct(violation: Violation, editor: Editor) -> Edits | None:
    statement = enclosing_statement(violation.at)
    match statement:
        case ast.Assign(targets=[ast.Attribute(value=owner) as target], value=value):
            if violation.parts["kind"] == "module":
                return editor.replace(statement, f"{editor.text(owner)}.requires_grad_({editor.text(value)})")
            return editor.rename_attribute(target, "requires_grad")
        case _:
            return None


RULE = Rule(
    code="OPT204",
    level=Level.ERROR,
    message="nothing is frozen or unfrozen: `{name}` of a {kind} means nothing to torch",
    triggers=((".requir", "rad"), (".grad_requir",), (".grads_requir",), (".need", "_grad"), ("torch.optim",)),
    screen=_may_slip,
    property=Query(_find),
    repair=Repair("Set `requires_grad`", UNSAFE, _correct),
    evidence=Evidence.MOVED,
)
