"""The optimizer is given tensors that are detached from the model's graph, in the place of its parameters.

`p.data`, `p.detach()` and the values of `model.state_dict()` are other tensors than the parameters, even where they
share memory with them. Torch takes them without a word, no backward ever gives them a gradient, and the optimizer
passes over what has none: in the replay every parameter moved by exactly 0.0. Copies that want gradients, such as
`p.detach().clone().requires_grad_()` or a deep copy of a list of parameters, fare no better, since the model goes on
computing with its own.

## Example
```python
import torch
from torch import nn, optim

model = nn.Sequential(nn.Linear(10, 20), nn.ReLU(), nn.Linear(20, 2))
optimizer = optim.SGD([p.data for p in model.parameters()], lr=0.1)

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
optimizer = optim.SGD([p for p in model.parameters()], lr=0.1)

for _ in range(20):
    inputs, labels = torch.randn(8, 10), torch.randint(0, 2, (8,))
    optimizer.zero_grad()
    loss = nn.functional.cross_entropy(model(inputs), labels)
    loss.backward()
    optimizer.step()
```

## When the code is right
- Gradients are written by hand: evolution strategies, and master weights in float32 beside a model in half precision.
- The program computes its loss from the detached tensors: adversarial examples, style transfer, latent codes,
  `functional_call` with copies of the weights.
- `model.state_dict(keep_vars=True)`, which gives the parameters themselves.
- The copies are kept for something else than an optimizer: averages, snapshots, distances to the start.

## Fix safety
Only shown: the parameters themselves are put in the place of the detached tensors. Which of them were to be trained,
and whether the copy had a purpose, is not written down; the values of a `state_dict` hold buffers too.

## Evidence
The replay shows which parameters move: with detached tensors none that the optimizer was meant to have, whatever the
gradients, and with the parameters themselves all of them, from the first update on.

## References
- Tensor.detach: https://docs.pytorch.org/docs/stable/generated/torch.Tensor.detach.html
- Module.state_dict: https://docs.pytorch.org/docs/stable/generated/torch.nn.Module.html#torch.nn.Module.state_dict
- Constructing an optimizer: https://docs.pytorch.org/docs/stable/optim.html#constructing-it
"""

from __future__ import annotations

import ast
from collections.abc import Iterator

from optlint.api import (
    DISPLAY,
    Act,
    Confidence,
    Editor,
    Edits,
    Entry,
    Event,
    Evidence,
    Level,
    ModuleInfo,
    Optimizer,
    Program,
    Query,
    Repair,
    Rule,
    Violation,
    canonical,
    enclosing_statement,
    optimizer_signature,
    parent,
)
from optlint_rules.parameters.detached_uses import gradients_may_come_otherwise, is_only_optimised

_CUTTING = {"data": "`{}` is", "detach": "`{}` is", "state_dict": "the values of `{}` are", "deepcopy": "`{}` is"}


def _find(program: Program) -> Iterator[Violation]:
    for entry in program.entries:
        for event in entry.having(Act.DETACHED):
            optimizer = canonical(event.subjects[0])
            if not isinstance(optimizer, Optimizer) or not _is_of_torch(optimizer):
                continue
            made = next((each for each in entry.having(Act.NEW) if optimizer in each.subjects), None)
            step = next(entry.concerning(optimizer, Act.STEP), None)
            if made is None or step is None or not _is_trained(entry, event) or _is_given_away(entry, optimizer):
                continue
            beside = _beside(entry, event)
            if beside[0] is not event or gradients_may_come_otherwise(entry):
                continue
            if not is_only_optimised(event.place, made.place):
                continue
            what = _CUTTING[event.detail].format(ast.unparse(event.place.node))
            yield Violation(
                program,
                event.place,
                {"cut": event},
                (event, made, step),
                entry=entry,
                notes={event: "is detached here", made: "the optimizer is built", step: "finds no gradient"},
                parts={"what": what, "are": "them" if event.detail == "state_dict" else "it"},
            )


def _beside(entry: Entry, cut: Event) -> list[Event]:
    """Return all that one statement detaches for one optimizer, each place once."""
    found: dict[ast.AST, Event] = {}
    for event in entry.having(Act.DETACHED):
        if event.subjects[0] is cut.subjects[0] and event.place.module is cut.place.module:
            if enclosing_statement(event.place) is enclosing_statement(cut.place):
                found.setdefault(event.place.node, event)
    return list(found.values())


def _is_of_torch(optimizer: Optimizer) -> bool:
    certain = optimizer.confidence is Confidence.CERTAIN and optimizer.info is None
    return certain and all(optimizer_signature(name) is not None for name in optimizer.classes)


def _is_trained(entry: Entry, cut: Event) -> bool:
    """Whether a backward may reach the modules whose parameters were meant."""
    models = cut.models()
    return any(
        not each.known or not models or any(reached.overlaps(model) for reached in each.models() for model in models)
        for each in entry.having(Act.BACKWARD)
    )


def _is_given_away(entry: Entry, optimizer: Optimizer) -> bool:
    """Whether unknown code has the optimizer, and with it the tensors."""
    return any(entry.concerning(optimizer, Act.ESCAPE))


def _parameters(violation: Violation, editor: Editor) -> Edits | None:
    """Put the parameters into the place of what was detached from them."""
    assert violation.entry is not None
    edits = [_attached(event, editor) for event in _beside(violation.entry, violation.roles["cut"])]
    return tuple(each for some in edits for each in some or ()) if all(edits) else None


def _attached(cut: Event, editor: Editor) -> Edits | None:
    node = cut.place.node
    match cut.detail, node:
        case "state_dict", ast.Call(func=ast.Attribute(value=model)):
            values = _called_on(cut.place.module, node)
            is_whole = isinstance(values, ast.Call) and ast.unparse(values.func).endswith(".values")
            return editor.replace(values, f"{editor.text(model)}.parameters()") if values and is_whole else None
        case "deepcopy", ast.Call(args=[given, *_]):
            return editor.replace(node, editor.text(given))
        case "data", ast.Attribute(value=parameter):
            pass
        case "detach", ast.Call(func=ast.Attribute(value=parameter)):
            pass
        case _:
            return None
    if isinstance(parameter, ast.Call):
        return None
    outermost: ast.AST = node
    while (outer := _called_on(cut.place.module, outermost)) is not None:
        outermost = outer
    return editor.replace(outermost, editor.text(parameter))


def _called_on(module: ModuleInfo, node: ast.AST) -> ast.Call | None:
    """Return the call of a method of what a node gives."""
    attribute = parent(module, node)
    if not isinstance(attribute, ast.Attribute):
        return None
    call = parent(module, attribute)
    return call if isinstance(call, ast.Call) and call.func is attribute else None


RULE = Rule(
    code="OPT212",
    level=Level.ERROR,
    message="nothing is learned: {what} detached from the graph, and no backward gives {are} a gradient",
    triggers=(("optimizer", "torch"), ("optim.", "torch"), ("torch.optim",)),
    property=Query(_find),
    repair=Repair("Give the optimizer the parameters themselves", DISPLAY, _parameters),
    evidence=Evidence.MOVED,
)
