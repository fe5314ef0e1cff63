"""The optimizer is given a model, or the method `parameters` itself, instead of parameters.

It raises at once: `TypeError: 'Net' object is not iterable` for a model, `TypeError: optimizer can only optimize
Tensors, but one of the params is torch.nn.modules.linear.Linear` for a Sequential or a ModuleList, `TypeError:
'method' object is not iterable` for `model.parameters` without parentheses, `TypeError: optimizer can only optimize
Tensors, but one of the params is Module.parameters` for a tuple of generators.

## Example
```python
import torch
from torch import nn, optim

model = nn.Sequential(nn.Linear(10, 20), nn.ReLU(), nn.Linear(20, 2))
optimizer = optim.SGD(model, lr=0.1)

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
optimizer = optim.SGD(model.parameters(), lr=0.1)

for _ in range(20):
    inputs, labels = torch.randn(8, 10), torch.randint(0, 2, (8,))
    optimizer.zero_grad()
    loss = nn.functional.cross_entropy(model(inputs), labels)
    loss.backward()
    optimizer.step()
```

## When the code is right
- `named_parameters()`, unless the project must run with a torch before 2.6, by `target-torch` or by its own
  requirement: there it raises as well. A ParameterList, a list of tensors, groups as dicts.
- A module that defines `__iter__` and gives its parameters.
- An object whose `parameters` is a list and no method.
- Optimizer classes of the project that take a model, also such as are named SGD or Adam or inherit from torch's.

## Fix safety
Safe: the code raises as it stands. The fix adds `.parameters()` or the missing parentheses; a tuple of calls becomes
one list of all their parameters, `[*a.parameters(), *b.parameters()]`. `named_parameters()` becomes `parameters()`,
which is unsafe for a project that also runs with torch 2.6 or newer: there the names are kept in the state dict.

## Evidence
The replay shows an exception at the construction before the fix and none after it; then all parameters move.

## References
- Constructing an optimizer: https://docs.pytorch.org/docs/stable/optim.html#constructing-it
- Module.parameters: https://docs.pytorch.org/docs/stable/generated/torch.nn.Module.html#torch.nn.Module.parameters
"""

from __future__ import annotations

import ast
from collections.abc import Iterator

from optlint.api import (
    SAFE,
    UNSAFE,
    Act,
    Applicability,
    Change,
    Editor,
    Edits,
    Event,
    Evidence,
    Level,
    Optimizer,
    Program,
    Query,
    Repair,
    Rule,
    Violation,
    canonical,
    exception_of,
    optimizer_signature,
    since,
    written,
)
from optlint_rules.parameters.construction import given_parameters

_WHAT = {
    "model": ("a module", "optimizer of a module"),
    "modules": ("a list of modules", "optimizer of modules"),
    "method": ("the method `parameters`, which is not called,", "optimizer of a method"),
    "iterators": ("several iterators", "optimizer of iterators"),
    "named": ("pairs of a name and a parameter", "optimizer of modules"),
}
"""What is given, and the situation that raises the same; it is one check that finds modules and, once, pairs."""


def _find(program: Program) -> Iterator[Violation]:
    for entry in program.entries:
        for event in entry.having(Act.NOT_PARAMETERS):
            what, situation = _WHAT[event.detail]
            named, level = since(Change.NAMED_PARAMETERS), Level.ERROR
            consequence = exception_of(situation)
            if event.detail == "named":
                if not _is_of_torch(event) or not program.torch().may_precede(named):
                    continue
                if not program.torch().precedes(named):
                    level, consequence = Level.WARNING, f"{consequence} on torch before {written(named)}"
            yield Violation(
                program,
                event.place,
                {"new": event},
                (event,),
                entry=entry,
                parts={"what": what, "consequence": consequence},
                notes={event: "the optimizer is built"},
                level=level,
            )


def _is_of_torch(event: Event) -> bool:
    """Whether an event builds an optimizer of torch's own."""
    optimizer = canonical(event.subjects[0])
    assert isinstance(optimizer, Optimizer)
    return bool(optimizer.classes) and all(optimizer_signature(name) is not None for name in optimizer.classes)


def _parameters(violation: Violation, editor: Editor) -> Edits | None:
    call = violation.at.node
    if not isinstance(call, ast.Call):
        return None
    given = given_parameters(call)
    if given is None:
        return None
    match violation.roles["new"].detail, given:
        case "model", ast.Name() | ast.Attribute():
            return editor.append(given, ".parameters()")
        case "method", ast.Attribute():
            return editor.append(given, "()")
        case "iterators", ast.Tuple(elts=elements) | ast.List(elts=elements):
            return editor.replace(given, f"[{', '.join(f'*{editor.text(element)}' for element in elements)}]")
        case "named", ast.Call(func=ast.Attribute(attr="named_parameters") as method, args=[], keywords=[]):
            return editor.rename_attribute(method, "parameters")
        case _:
            return None


def _applicability(violation: Violation) -> Applicability:
    """The newer torch keeps the names, in its state dicts, until the fix."""
    is_taken = violation.level is Level.WARNING
    return UNSAFE if is_taken else SAFE


RULE = Rule(
    code="OPT209",
    level=Level.ERROR,
    message="{consequence}: the optimizer is given {what} instead of parameters",
    triggers=(("optimizer", "torch"), ("optim.", "torch"), ("torch.optim",)),
    property=Query(_find),
    repair=Repair("Give the optimizer the parameters", SAFE, _parameters, _applicability),
    evidence=Evidence.CRASH,
)
