"""A parameter group has a key that its optimizer does not read.

Torch keeps every key of a group and reads those that it knows. `learning_rate`, `wd` and `weight_deacy` are kept and
ignored, and the group runs with the optimizer's default: 0.1 instead of 1.0 in the replay, where the parameters came
0.29 far instead of 2.9. Where it is `params` that is misspelt, or missing, the construction raises `KeyError:
'params'`.

## Example
```python
import torch
from torch import nn, optim

model = nn.Sequential(nn.Linear(10, 20), nn.ReLU(), nn.Linear(20, 2))
optimizer = optim.SGD(
    [
        {"params": model[0].parameters(), "learning_rate": 0.01},
        {"params": model[2].parameters()},
    ],
    lr=0.1,
)

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
optimizer = optim.SGD(
    [
        {"params": model[0].parameters(), "lr": 0.01},
        {"params": model[2].parameters()},
    ],
    lr=0.1,
)

for _ in range(20):
    inputs, labels = torch.randn(8, 10), torch.randint(0, 2, (8,))
    optimizer.zero_grad()
    loss = nn.functional.cross_entropy(model(inputs), labels)
    loss.backward()
    optimizer.step()
```

## When the code is right
- Keys of one's own that other code reads: `name`, `lr_scale`, `lr_mult`, `layer_id`, `group_name`, `initial_lr`.
- An optimizer of one's own or of another package, which reads other keys.
- Groups that go to one of several classes, one of which reads the key.
- A key that the file itself reads from the groups, whatever it is called.

## Fix safety
Unsafe: the value counts from now on, which is what it was written for; results change. The key gets the name that the
optimizer reads. Not offered where the group has that key as well.

## Evidence
The replay shows the options that each group is updated with. Before the fix the example's first layer is updated at
the rate 0.1; after it at 0.01, as the group asks. For `params` the construction raises before and not after.

## References
- Per-parameter options: https://docs.pytorch.org/docs/stable/optim.html#per-parameter-options
- Optimizer.add_param_group: https://docs.pytorch.org/docs/stable/generated/torch.optim.Optimizer.add_param_group.html
"""

from __future__ import annotations

import ast
from collections.abc import Iterator

from optlint.api import (
    UNSAFE,
    Act,
    Confidence,
    Editor,
    Edits,
    Event,
    Evidence,
    GivenGroup,
    Level,
    Optimizer,
    Place,
    Program,
    Query,
    Repair,
    Rule,
    Violation,
    canonical,
    exception_of,
    meant_key,
    optimizer_signature,
)

_PARAMS = ("param", "parameters", "parameter", "param_group", "parms", "paramters", "paras")


def _find(program: Program) -> Iterator[Violation]:
    for entry in program.entries:
        for event in entry.having(Act.NEW, Act.ADD_GROUP):
            optimizer = canonical(event.subjects[0]) if event.subjects else None
            if not isinstance(optimizer, Optimizer):
                continue
            read = _keys_read(optimizer)
            for group in optimizer.given if read else ():
                yield from _judged(Violation(program, event.place, {"new": event}, (event,), entry=entry), group, read)


def _keys_read(optimizer: Optimizer) -> frozenset[str]:
    """Return the keys that an optimizer of torch itself reads, all of them where it is one of several classes."""
    signatures = [optimizer_signature(name) for name in optimizer.classes]
    if optimizer.info is not None or optimizer.confidence is not Confidence.CERTAIN or not all(signatures):
        return frozenset()
    return frozenset[str]().union(*(each.group_keys for each in signatures if each is not None))


def _judged(violation: Violation, group: GivenGroup, read: frozenset[str]) -> Iterator[Violation]:
    place = group.place
    if place is None:
        return
    new = violation.roles["new"]
    written = dict(_written(place.node))
    if "params" not in group.keys and group.complete:
        key = next((each for each in written if each in _PARAMS), "")
        at = Place(place.module, written[key]) if key else place
        parts = {"key": key, "meant": "params", "consequence": f"{exception_of('group without params')}: 'params'"}
        parts["what"] = f"the group has `{key}` instead of `params`" if key else "the group has no `params`"
        yield _at(violation, at, new, parts)
    for key, node in written.items():
        meant = meant_key(key, read)
        if meant and not _is_read(violation.program, place, key, node):
            parts = {"key": key, "meant": "" if meant in group.keys else meant, "consequence": f"`{key}` is ignored"}
            parts["what"] = f"the optimizer reads `{meant}`"
            yield _at(violation, Place(place.module, node), new, parts)


def _at(violation: Violation, place: Place, new: Event, parts: dict[str, str]) -> Violation:
    notes = {new: "the optimizer is given the group"}
    return Violation(violation.program, place, {"new": new}, (new,), entry=violation.entry, parts=parts, notes=notes)


def _written(node: ast.AST) -> Iterator[tuple[str, ast.expr | ast.keyword]]:
    """Yield the keys that a dict is written with, each with its node."""
    match node:
        case ast.Dict(keys=keys):
            for key in keys:
                if isinstance(key, ast.Constant) and isinstance(key.value, str):
                    yield key.value, key
        case ast.Call(keywords=keywords):
            for keyword in keywords:
                if keyword.arg is not None:
                    yield keyword.arg, keyword
        case _:
            pass


def _is_read(program: Program, place: Place, key: str, own: ast.AST) -> bool:
    """Whether a file reads a key of some dict, so that it may be there for the file's own use."""
    for module in dict.fromkeys((program.module, place.module)):
        for node in ast.walk(module.tree):
            match node:
                case ast.Subscript(slice=ast.Constant(value=value), ctx=ast.Load()) if value == key:
                    return True
                case ast.Call(
                    func=ast.Attribute(attr="get" | "pop" | "setdefault"), args=[ast.Constant(value=value), *_]
                ):
                    if value == key:
                        return True
                case ast.Compare(left=ast.Constant(value=value)) if value == key:
                    return True
                case _:
                    pass
    return False


def _rename(violation: Violation, editor: Editor) -> Edits | None:
    meant, node = violation.parts["meant"], violation.at.node
    if not meant or not violation.parts["key"]:
        return None
    if isinstance(node, ast.keyword):
        return editor.replace(node, f"{meant}={editor.text(node.value)}")
    if isinstance(node, ast.Constant):
        quote = editor.text(node)[-1]
        return editor.replace(node, f"{quote}{meant}{quote}")
    return None


RULE = Rule(
    code="OPT208",
    level=Level.ERROR,
    message="{consequence}: {what}",
    triggers=(("optimizer", "torch"), ("optim.", "torch"), ("torch.optim",)),
    property=Query(_find),
    repair=Repair("Use the key that the optimizer reads", UNSAFE, _rename),
    evidence=Evidence.OPTIONS,
)
