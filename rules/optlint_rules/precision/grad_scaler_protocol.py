"""The calls of a `GradScaler` come in an order that it refuses.

For each optimizer a scaler wants `unscale_` (at most once), `step` (once) and then `update`, which begins anew.
Anything else raises: without `update()` the second step says `step() has already been called since the last update()`,
two `unscale_()` or one after the step are refused likewise, and `update()` before any step ends with `No inf checks
were recorded prior to update`. Only where the scaler is switched off, as torch does it on a machine without a GPU, all
of them pass, so that a test there shows nothing.

## Example

```python
import torch
from torch import nn

model = nn.Linear(4, 2).cuda()
optimizer = torch.optim.SGD(model.parameters(), lr=0.1)
scaler = torch.amp.GradScaler("cuda")

for step in range(50):
    x = torch.randn(8, 4, device="cuda")
    optimizer.zero_grad()
    with torch.autocast("cuda", dtype=torch.float16):
        loss = nn.functional.cross_entropy(model(x), (x[:, 0] > 0).long())
    scaler.scale(loss).backward()
    scaler.step(optimizer)
```

## Use instead

```python
import torch
from torch import nn

model = nn.Linear(4, 2).cuda()
optimizer = torch.optim.SGD(model.parameters(), lr=0.1)
scaler = torch.amp.GradScaler("cuda")

for step in range(50):
    x = torch.randn(8, 4, device="cuda")
    optimizer.zero_grad()
    with torch.autocast("cuda", dtype=torch.float16):
        loss = nn.functional.cross_entropy(model(x), (x[:, 0] > 0).long())
    scaler.scale(loss).backward()
    scaler.step(optimizer)
    scaler.update()
```

## When the code is right

These are not reported:

- Several optimizers that each step once, with one `update()` for all of them.
- Steps, unscalings and updates under conditions: what may agree on some path is taken to agree.
- A scaler with `enabled=False`. With `enabled=` something that is not known here the finding is a warning.
- A scaler that is made anew in each iteration, which loses only the growth of its scale.
- A scaler that is handed to code which cannot be seen: it may be updated there.

## Fix safety

The fix inserts `scaler.update()` below the step that lacks it. It is unsafe because the program, which ended in its
second iteration so far, now trains.

There is no fix for the other orders: which of the calls is too many, only who wrote them can say.

## Evidence

A replay with a scaler that is switched on raises the exception before the fix, and none after it.

## References

- Automatic mixed precision examples: https://docs.pytorch.org/docs/stable/notes/amp_examples.html
- `torch.amp.GradScaler`: https://docs.pytorch.org/docs/stable/amp.html#gradient-scaling
"""

from __future__ import annotations

import ast
from collections.abc import Iterator
from dataclasses import replace

from optlint.api import (
    OPTIMIZER,
    UNSAFE,
    Absence,
    Act,
    Alternation,
    Binding,
    Editor,
    Edits,
    Event,
    EventPattern,
    Evidence,
    Existence,
    Level,
    Program,
    Query,
    Repair,
    Rule,
    Scaler,
    Violation,
    backward,
    canonical,
    enclosing,
    enclosing_statement,
    new,
)
from optlint_rules.precision.scaling import by_scaler, condition, level_of, name_of_scaler, scaled


def _own(event: Event, binding: Binding) -> bool:
    return any(canonical(subject) in binding.optimizers for subject in event.subjects)


def _by_it_alone(event: Event, binding: Binding) -> bool:
    return binding.alone


_STEP = EventPattern(OPTIMIZER, frozenset((Act.STEP,)), by_scaler)
_UNSCALE = EventPattern(OPTIMIZER, frozenset((Act.UNSCALE,)), _own)
_UPDATE = EventPattern(OPTIMIZER, frozenset((Act.UPDATE_SCALE,)))

_NOT_UPDATED = "`{step}` is made in each iteration, and nothing updates the scaler"
_ORDERS = (
    (Alternation(_STEP, _UPDATE, new(OPTIMIZER)), "again", "`{again}` follows `{first}` with no update between"),
    (Alternation(_UNSCALE, _UPDATE, new(OPTIMIZER)), "again", "`{again}` follows `{first}` with no update between"),
    (
        Absence(_UNSCALE, _STEP, _UPDATE, definite=True),
        "of",
        "`{of}` comes after `{after}`, which has unscaled already",
    ),
    (
        Absence(
            EventPattern(OPTIMIZER, frozenset((Act.UPDATE_SCALE,)), _by_it_alone),
            EventPattern(OPTIMIZER, frozenset((Act.BACKWARD,)), scaled),
            EventPattern(OPTIMIZER, frozenset((Act.STEP, Act.UNSCALE))),
            definite=True,
        ),
        "of",
        "`{of}` comes after `{after}` with no step of the scaler between",
    ),
)


def _find(program: Program) -> Iterator[Violation]:
    for found in Existence(of=_UPDATE, between=_STEP, given=backward(OPTIMIZER)).find(program):
        step = found.roles["second"]
        if not _is_made_anew(found, step):
            yield replace(found, at=step.place, roles={"step": step, "wrong": step}, parts={"how": _NOT_UPDATED})
    for order, wrong, how in _ORDERS:
        for found in order.find(program):
            roles = {**found.roles, "wrong": found.roles[wrong]}
            yield replace(found, at=roles["wrong"].place, roles=roles, parts={"how": how})


def _is_made_anew(violation: Violation, step: Event) -> bool:
    """Whether the loop that makes the step makes its scaler as well."""
    assert violation.entry is not None
    loops = enclosing(violation.entry, step)
    for made in violation.entry.having(Act.NEW):
        if any(canonical(subject) is step.scaler for subject in made.subjects):
            return any(loop is loops[-1] for loop in enclosing(violation.entry, made)) if loops else False
    return False


def _level(violation: Violation) -> Level | None:
    assert violation.entry is not None
    if any(isinstance(subject, Scaler) for event in violation.entry.having(Act.ESCAPE) for subject in event.subjects):
        return None
    if any(event.detail == "update" for event in violation.entry.having(Act.MENTION)):
        return None  # it is named and not called: that is another rule's
    return level_of(_scaler(violation.roles["wrong"]))


def _scaler(event: Event) -> Scaler | None:
    found = (subject for subject in event.subjects if isinstance(subject, Scaler))
    return event.scaler or next(found, None)


def _wording(violation: Violation, level: Level) -> dict[str, str]:
    names = {name: ast.unparse(event.place.node) for name, event in violation.roles.items()}
    return {"how": violation.parts["how"].format_map(names), "condition": condition(level)}


def _update(violation: Violation, editor: Editor) -> Edits | None:
    step = violation.roles.get("step")
    statement = None if step is None else enclosing_statement(step.place)
    if step is None or not isinstance(statement, ast.Expr):
        return None
    assert violation.entry is not None
    after = [event for event in violation.entry.having(Act.STEP) if event.detail == "scaler" and event is not step]
    if after:
        return None  # one update is enough for several optimizers, below the last of their steps
    scaler = name_of_scaler(violation, step.scaler, step.place, editor)
    return None if scaler is None else editor.insert_after(statement, f"{scaler}.update()")


RULE = Rule(
    code="OPT501",
    level=Level.ERROR,
    message="the scaler raises an exception{condition}: {how}",
    triggers=((".step(", "caler", "torch"), ("GradScaler", "torch"), ("optim.", "torch"), ("torch.optim",)),
    property=Query(_find),
    judge=_level,
    wording=_wording,
    repair=Repair("Update the scaler after the step", UNSAFE, _update),
    evidence=Evidence.CRASH,
)
