"""The same parameters stand in two groups of one optimizer.

It raises at the construction: `ValueError: some parameters appear in more than one parameter group`. A module's
parameters hold those of all its parts, so that a group for the whole model and one for its head overlap.

## Example
```python
import torch
from torch import nn, optim


class Net(nn.Module):
    def __init__(self):
        super().__init__()
        self.body = nn.Linear(10, 20)
        self.head = nn.Linear(20, 2)

    def forward(self, x):
        return self.head(torch.relu(self.body(x)))


model = Net()
optimizer = optim.SGD([{"params": model.parameters()}, {"params": model.head.parameters(), "lr": 0.01}], lr=0.1)

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


class Net(nn.Module):
    def __init__(self):
        super().__init__()
        self.body = nn.Linear(10, 20)
        self.head = nn.Linear(20, 2)

    def forward(self, x):
        return self.head(torch.relu(self.body(x)))


model = Net()
optimizer = optim.SGD([{"params": model.body.parameters()}, {"params": model.head.parameters(), "lr": 0.01}], lr=0.1)

for _ in range(20):
    inputs, labels = torch.randn(8, 10), torch.randint(0, 2, (8,))
    optimizer.zero_grad()
    loss = nn.functional.cross_entropy(model(inputs), labels)
    loss.backward()
    optimizer.step()
```

## When the code is right
- The group of the whole model leaves out what the other one has: by identity, by name, by `requires_grad`.
- The groups are of different parts, or of one list that an index or a slice divides.
- Two optimizers over the same parameters, which take turns.
- `model.parameters()` alone, which gives tied weights once.

## Fix safety
Only shown: which of the two groups was meant to have the parameters is not written down. What is shown leaves them out
of the group of the whole.

## Evidence
The replay shows an exception at the construction before the fix and none after it.

## References
- Per-parameter options: https://docs.pytorch.org/docs/stable/optim.html#per-parameter-options
- Optimizer.add_param_group: https://docs.pytorch.org/docs/stable/generated/torch.optim.Optimizer.add_param_group.html
"""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from itertools import combinations

from optlint.api import (
    DISPLAY,
    Act,
    Confidence,
    Editor,
    Edits,
    Evidence,
    GivenGroup,
    Level,
    Model,
    Optimizer,
    Place,
    Program,
    Query,
    Repair,
    Rule,
    Selection,
    Violation,
    canonical,
    parent,
)

_PLAIN_PART = re.compile(r"[A-Za-z_]\w*|\[-?\d+\]")
"""The name of a part that is always the same one: an attribute, or an item by a number."""
_REPEATING = (ast.For, ast.While, ast.ListComp, ast.SetComp, ast.DictComp, ast.GeneratorExp)


def _find(program: Program) -> Iterator[Violation]:
    for entry in program.entries:
        for event in entry.having(Act.NEW):
            optimizer = canonical(event.subjects[0]) if event.subjects else None
            if not isinstance(optimizer, Optimizer) or optimizer.confidence is not Confidence.CERTAIN:
                continue
            # Where branches give different groups, not all of them are of one optimizer.
            given = optimizer.given if len(optimizer.given) == optimizer.groups else ()
            for first, second in combinations(given, 2):
                shared = _shared(first, second)
                if shared is None:
                    continue
                whole, part = shared
                yield Violation(
                    program,
                    _place(first) or event.place,
                    {"new": event},
                    (event,),
                    entry=entry,
                    parts={"whole": _text(whole), "part": _text(part)},
                    notes={event: "the optimizer is given the groups"},
                )


def _shared(first: GivenGroup, second: GivenGroup) -> tuple[GivenGroup, GivenGroup] | None:
    """Return two groups that surely share parameters, first the one that holds all that the other has."""
    for one in first.sources:
        for other in second.sources:
            if one.selection is not Selection.ALL or other.selection is not Selection.ALL:
                continue
            a, b = canonical(one.model), canonical(other.model)
            if not (a.has_parameters and b.has_parameters and _is_plain(a) and _is_plain(b)):
                continue
            if b.within(a) and _is_same_item(a, first, second):
                return first, second
            if a.within(b) and _is_same_item(b, second, first):
                return second, first
    return None


def _is_same_item(whole: Model, first: GivenGroup, second: GivenGroup) -> bool:
    """Whether a module is one and the same in both groups, and not each time another one that a loop has made."""
    one, other = _text(first), _text(second)
    if one == other:
        return True
    if any(ours != theirs for ours, theirs in zip(_items(first), _items(second), strict=False)):
        return False
    return whole.parent is not None or whole.place is None or not _is_repeated(whole.place)


def _items(group: GivenGroup) -> list[str]:
    """Return the items that are taken of containers, the outermost container's first."""
    value = _params(group)
    nodes = [each for each in ast.walk(value) if isinstance(each, ast.Subscript)] if value is not None else []
    return [ast.unparse(each.slice) for each in reversed(nodes)]


def _is_repeated(place: Place) -> bool:
    """Whether what is made at a place may be made there several times."""
    node: ast.AST | None = parent(place.module, place.node)
    while node is not None:
        if isinstance(node, _REPEATING):
            return True
        node = parent(place.module, node)
    return False


def _is_plain(model: Model) -> bool:
    """Whether a module is a whole, or a part that is known by name, and gives its parameters as torch does."""
    seen: set[Model] = set()
    current: Model | None = model
    while current is not None and current not in seen:
        seen.add(current)
        if current.info is not None and current.info.method("parameters") is not None:
            return False
        if current.copied or (current.parent is not None and not _PLAIN_PART.fullmatch(current.attribute)):
            return False
        current = canonical(current.parent) if current.parent is not None else None
    return True


def _place(group: GivenGroup) -> Place | None:
    value = _params(group)
    return Place(group.place.module, value) if group.place is not None and value is not None else None


def _params(group: GivenGroup) -> ast.expr | None:
    """Return the expression that a group's parameters are written as."""
    match group.place.node if group.place is not None else None:
        case ast.Dict(keys=keys, values=values):
            found = (value for key, value in zip(keys, values, strict=True) if _is_params(key))
            return next(found, None)
        case ast.Call(keywords=keywords):
            return next((keyword.value for keyword in keywords if keyword.arg == "params"), None)
        case _:
            return None


def _is_params(key: ast.expr | None) -> bool:
    return isinstance(key, ast.Constant) and key.value == "params"


def _text(group: GivenGroup) -> str:
    value = _params(group)
    return ast.unparse(value) if value is not None else "a group"


def _leave_out(violation: Violation, editor: Editor) -> Edits | None:
    """Leave the part's parameters out of the group of the whole."""
    optimizer = canonical(violation.roles["new"].subjects[0])
    assert isinstance(optimizer, Optimizer)
    for first, second in combinations(optimizer.given, 2):
        shared = _shared(first, second)
        if shared is None or (_text(shared[0]), _text(shared[1])) != (
            violation.parts["whole"],
            violation.parts["part"],
        ):
            continue
        whole, part = _params(shared[0]), _params(shared[1])
        place = _place(shared[0])
        if whole is None or part is None or place is None or place.module is not violation.at.module:
            return None
        if isinstance(whole, ast.Call) and isinstance(part, ast.Call) and ast.unparse(whole) != ast.unparse(part):
            text, other = editor.text(whole), editor.text(part)
            return editor.replace(whole, f"[p for p in {text} if all(p is not other for other in {other})]")
    return None


RULE = Rule(
    code="OPT207",
    level=Level.ERROR,
    message="ValueError: some parameters appear in more than one parameter group: `{whole}` holds `{part}` too",
    triggers=(("optimizer", "torch"), ("optim.", "torch"), ("torch.optim",)),
    property=Query(_find),
    repair=Repair("Leave them out of one group", DISPLAY, _leave_out),
    evidence=Evidence.CRASH,
)
