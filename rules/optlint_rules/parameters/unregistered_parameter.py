"""A module's weight is a plain tensor, not an `nn.Parameter` of it.

Only what is an `nn.Parameter` when it is assigned gets registered. `torch.zeros(3, requires_grad=True)` is not, and
neither is what `nn.Parameter(...).cuda()`, `.view(...)` or `* 0.1` gives: a tensor that is computed once from a
parameter which nobody holds. `parameters()` lacks it, so it moves by 0.0 in every update; `.to(device)` and
`state_dict()` do not reach it. `.to(device)` to where the parameter already is returns the parameter itself, so that
such code trains on the processor and no longer does so on a GPU.

## Example
```python
import torch
from torch import nn, optim


class Scaled(nn.Module):
    def __init__(self):
        super().__init__()
        self.linear = nn.Linear(10, 2)
        self.scale = torch.ones(2, requires_grad=True)

    def forward(self, x):
        return self.linear(x) * self.scale


model = Scaled()
optimizer = optim.SGD(model.parameters(), lr=0.1)

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


class Scaled(nn.Module):
    def __init__(self):
        super().__init__()
        self.linear = nn.Linear(10, 2)
        self.scale = nn.Parameter(torch.ones(2))

    def forward(self, x):
        return self.linear(x) * self.scale


model = Scaled()
optimizer = optim.SGD(model.parameters(), lr=0.1)

for _ in range(20):
    inputs, labels = torch.randn(8, 10), torch.randint(0, 2, (8,))
    optimizer.zero_grad()
    loss = nn.functional.cross_entropy(model(inputs), labels)
    loss.backward()
    optimizer.step()
```

## When the code is right
- `nn.Parameter(...)` outermost, also with `.requires_grad_()` after it; `.cpu()` and `.float()` that change nothing.
- The tensor is given to an optimizer, or to `torch.autograd.grad`, by name: an input or an image that is optimised.
- Collocation points of a physics-informed net, which need gradients and are no weights.
- `register_parameter`, `setattr` or an override of `parameters()` takes care of it.
- A hidden state that other methods assign anew.

## Fix safety
Unsafe: the tensor is trained, moved and saved from now on, which is what its flag says. `nn.Parameter(...)` goes around
the whole, and `requires_grad=True` or an inner `nn.Parameter` goes.

## Evidence
The replay shows which parameters move. Before the fix the example's scale gets a gradient and moves by 0.0; after it
all three parameters move.

## References
- Parameter: https://docs.pytorch.org/docs/stable/generated/torch.nn.parameter.Parameter.html
- Tensor.is_leaf: https://docs.pytorch.org/docs/stable/generated/torch.Tensor.is_leaf.html
- Module.register_parameter: https://docs.pytorch.org/docs/stable/generated/torch.nn.Module.html#torch.nn.Module.register_parameter
"""

from __future__ import annotations

import ast
from collections.abc import Iterator

from optlint.api import (
    UNSAFE,
    Definitions,
    Editor,
    Edits,
    Evidence,
    Level,
    ModuleInfo,
    Place,
    Program,
    Query,
    Repair,
    Rule,
    Violation,
    enclosing_statement,
    parent,
)
from optlint_rules.parameters.gradient_tensors import is_flagged, is_parameter, loses_parameter, stripped, without_flag
from optlint_rules.parameters.kept_in_text import may_keep_gradients
from optlint_rules.parameters.module_classes import (
    Mention,
    ModuleClass,
    calls_super_first,
    entry_of,
    module_classes,
    other_mentions,
    torch_nn,
)
from optlint_rules.parameters.tensor_uses import is_handed_on, is_only_read

_DIFFERENTIATING = ("autograd.grad(", "jacobian(", "hessian(", "jvp(", "vjp(", "jacrev(", "jacfwd(")
_FLAGGED = "a tensor with `requires_grad` is no `nn.Parameter`"


def _find(program: Program) -> Iterator[Violation]:
    definitions = program.definitions
    if definitions is None:
        return
    for owner in module_classes(program, _may_keep_one):
        init = owner.info.methods["__init__"]
        for node in owner.info.module.nodes.own(init):
            found = _unregistered(node, owner.info.module, definitions)
            if found is None:
                continue
            name, value, what = found
            differentiated = what == _FLAGGED and _differentiates(program, owner)
            if not differentiated and _is_weight(program, owner, name, node):
                yield Violation(
                    program,
                    Place(owner.info.module, value),
                    entry=entry_of(program, owner.info),
                    parts={"name": f"self.{name}", "what": what},
                )


def _may_keep_one(module: ModuleInfo, written: ast.ClassDef, _trains: bool) -> bool:
    """Whether the constructor of a class may keep a tensor with gradients, by its text."""
    constructors = (each for each in written.body if isinstance(each, ast.FunctionDef) and each.name == "__init__")
    return any(may_keep_gradients(module.segment(each).encode()) for each in constructors)


def _unregistered(node: ast.AST, module: ModuleInfo, definitions: Definitions) -> tuple[str, ast.expr, str] | None:
    """Return attribute, value and words of a statement that keeps a tensor with gradients and registers nothing."""
    match node:
        case ast.Assign(targets=[ast.Attribute(value=ast.Name(id="self"), attr=name)], value=value):
            if is_parameter(stripped(value), module, definitions):
                return None
            if loses_parameter(value, module, definitions):
                return name, value, "what is computed from an `nn.Parameter` is none"
            if is_flagged(value, module, definitions):
                return name, value, _FLAGGED
        case ast.Call(
            func=ast.Attribute(value=ast.Name(id="self"), attr="register_buffer"),
            args=[ast.Constant(value=str(name)), value, *_],
        ) if is_parameter(value, module, definitions):
            return name, value, "a buffer is never given to an optimizer"
        case _:
            pass
    return None


def _differentiates(program: Program, owner: ModuleClass) -> bool:
    """Whether gradients may be wanted of what is no weight: of points, of inputs."""
    texts = {each.source.text for each in (program.module, owner.info.module)}
    return any(word in text for text in texts for word in _DIFFERENTIATING)


def _is_weight(program: Program, owner: ModuleClass, name: str, statement: ast.AST) -> bool:
    """Whether the forward, or a method that is called, computes with it, and nothing else takes care of it."""
    if owner.registers_itself(modules=False) or "dummy" in name:
        return False
    module = owner.info.module
    mentions = owner.mentions(name)
    if not any(_is_computed_with(mention, owner, program) for mention in mentions):
        return False
    inside = set(ast.walk(statement))
    if any(mention.node not in inside and not is_only_read(mention) for mention in mentions):
        return False
    return not any(is_handed_on(each, node) for each in (program.module, module) for node in other_mentions(each, name))


def _is_computed_with(mention: Mention, owner: ModuleClass, program: Program) -> bool:
    if not isinstance(mention.node.ctx, ast.Load):
        return False
    return any(mention.function is function for _, function in owner.computing()) or (
        isinstance(mention.around(), ast.BinOp | ast.Call) and _is_called(mention.function.name, owner, program)
    )


def _is_called(method: str, owner: ModuleClass, program: Program) -> bool:
    """Whether code outside of the class calls a method, and uses what it gives."""
    modules = dict.fromkeys((program.module, owner.info.module))
    for module in modules:
        for node in other_mentions(module, method):
            call = parent(module, node)
            if isinstance(call, ast.Call) and call.func is node and not isinstance(parent(module, call), ast.Expr):
                return True
    return False


def _outermost(violation: Violation, editor: Editor) -> Edits | None:
    definitions = violation.program.definitions
    value, module = violation.at.node, violation.at.module
    assert definitions is not None
    assert isinstance(value, ast.expr)
    prefix = torch_nn(module, definitions)
    init = _around(violation)
    if not prefix or init is None or not calls_super_first(module, init, enclosing_statement(violation.at)):
        return None
    statement = enclosing_statement(violation.at)
    if not isinstance(statement, ast.Assign):
        return None
    text = without_flag(value, editor, module, definitions)
    return None if text is None else editor.replace(value, f"{prefix}.Parameter({text})")


def _around(violation: Violation) -> ast.FunctionDef | None:
    node: ast.AST | None = violation.at.node
    while node is not None and not isinstance(node, ast.FunctionDef):
        node = parent(violation.at.module, node)
    return node


RULE = Rule(
    code="OPT211",
    level=Level.ERROR,
    message="`{name}` is never trained, moved or saved: {what}",
    triggers=(
        ("torch", "requires_grad", "__init__"),
        ("torch", "Parameter(", "__init__"),
        ("torch.optim", "import"),
    ),
    screen=lambda data: b"torch.optim" in data or may_keep_gradients(data),
    property=Query(_find),
    repair=Repair("Register it as a parameter", UNSAFE, _outermost),
    evidence=Evidence.MOVED,
)
