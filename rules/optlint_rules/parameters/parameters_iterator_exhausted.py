"""An iterator of parameters is used a second time, when it is empty.

`model.parameters()`, `named_parameters()`, `filter`, `map`, `chain` and generator expressions can be gone through
once. The second user gets nothing: another optimizer raises `ValueError: optimizer got an empty parameter list`, but
`clip_grad_norm_` returns 0 and clips nothing (the norm stays 6.01 instead of 0.001), with a warning for generators
and without any for `filter`, `map` and `chain`; a second list made of it is empty, so those parameters never train.

## Example
```python
import torch
from torch import nn, optim

model = nn.Sequential(nn.Linear(10, 20), nn.ReLU(), nn.Linear(20, 2))
params = model.parameters()
optimizer = optim.SGD(params, lr=0.1)

for _ in range(20):
    inputs, labels = torch.randn(8, 10), torch.randint(0, 2, (8,))
    optimizer.zero_grad()
    loss = nn.functional.cross_entropy(model(inputs), labels)
    loss.backward()
    nn.utils.clip_grad_norm_(params, max_norm=1.0)
    optimizer.step()
```

## Use instead
```python
import torch
from torch import nn, optim

model = nn.Sequential(nn.Linear(10, 20), nn.ReLU(), nn.Linear(20, 2))
params = list(model.parameters())
optimizer = optim.SGD(params, lr=0.1)

for _ in range(20):
    inputs, labels = torch.randn(8, 10), torch.randint(0, 2, (8,))
    optimizer.zero_grad()
    loss = nn.functional.cross_entropy(model(inputs), labels)
    loss.backward()
    nn.utils.clip_grad_norm_(params, max_norm=1.0)
    optimizer.step()
```

## When the code is right
- Exclusive branches, as in an optimizer factory: each call takes one of them and uses the iterator once.
- The iterator is made anew for each use: in the call, in the loop's body, by a property or a generator function.
- A list, a tuple, a dict's values, a ParameterList.
- The name is bound to another iterator between the uses.
- One place in a loop uses an iterator that the same iteration has made, or one out of several that an index picks.

## Fix safety
Safe. A list of the same parameters in the same order, made at the place where the iterator was made; its first user
sees no difference. One case differs: a `filter` or generator expression reads `requires_grad` when it is gone
through, a list when it is made, so flags that change between the two places count as they were at the first.

## Evidence
The replay shows the gradient that each update consumes: unclipped before the fix (`clip_grad_norm_` returned 0.0, real
norm 6.01), clipped after it. Where the second use builds an optimizer: an exception before, none after.

## References
- Module.parameters: https://docs.pytorch.org/docs/stable/generated/torch.nn.Module.html#torch.nn.Module.parameters
- clip_grad_norm_: https://docs.pytorch.org/docs/stable/generated/torch.nn.utils.clip_grad_norm_.html
- Python, iterators: https://docs.python.org/3/glossary.html#term-iterator
"""

from __future__ import annotations

import ast

from optlint.api import (
    ITERATOR,
    SAFE,
    Absence,
    Act,
    Editor,
    Edits,
    Event,
    Evidence,
    Level,
    Repair,
    Rule,
    Violation,
    consume,
    enclosing,
    enclosing_statement,
    new,
)


def _keep_as_list(violation: Violation, editor: Editor) -> Edits | None:
    iterator = violation.binding.iterator
    if iterator is None or iterator.place is None or iterator.place.module is not violation.at.module:
        return None
    node = iterator.place.node
    if isinstance(node, ast.GeneratorExp):
        text = editor.text(node)
        return editor.replace(node, f"list{text}") if text.startswith("(") else None
    return editor.wrap(node, "list(", ")") if isinstance(node, ast.expr) else None


def _level(violation: Violation) -> Level | None:
    first, again = violation.roles["after"], violation.roles["of"]
    if _is_picked(first) and _is_picked(again):
        return None
    if first is again and first.detail == "kept":
        return None  # the dict has a list in the place of the iterator by then
    return None if first is again and _is_made_each_time(violation, first) else Level.ERROR


def _is_picked(use: Event) -> bool:
    """Whether a place uses one out of several iterators, which an index picks: in each iteration another one."""
    statement = enclosing_statement(use.place)
    return not isinstance(statement, ast.For | ast.AsyncFor | ast.With) and any(
        isinstance(node, ast.Subscript) and not isinstance(node.slice, ast.Constant) for node in ast.walk(statement)
    )


def _is_made_each_time(violation: Violation, use: Event) -> bool:
    """Whether the iteration that uses an iterator at a place has made it, if it is made there at all."""
    entry, iterator = violation.entry, violation.binding.iterator
    assert entry is not None
    loops = enclosing(entry, use)
    places = (enclosing(entry, made) for made in entry.having(Act.NEW) if iterator in made.subjects)
    return any(all(any(loop is each for each in around) for loop in loops) for around in places)


RULE = Rule(
    code="OPT206",
    level=Level.ERROR,
    message="no parameters are left here: `{after}` has used the iterator up",
    triggers=(
        ("parameters(", "optimizer"),
        ("parameters(", "optim."),
        ("parameters(", "torch.optim"),
        ("parameters(", "clip_grad"),
    ),
    screen=lambda data: b"torch" in data or b"backward(" in data,
    property=Absence(of=consume(ITERATOR), after=consume(ITERATOR), until=new(ITERATOR)),
    repair=Repair("Keep the parameters in a list", SAFE, _keep_as_list),
    evidence=Evidence.GRADIENT,
    judge=_level,
)
