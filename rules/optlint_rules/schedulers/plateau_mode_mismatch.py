"""`ReduceLROnPlateau` watches its metric the wrong way round.

Its `mode` is `'min'` unless something else is said. An accuracy that gets better then counts as bad in every epoch,
and the rate is cut every `patience` + 1 epochs while the model learns well: with a factor of 0.1 and a patience of 3
from 0.1 to 0.001 in 8 epochs. A loss under `mode='max'` does the same. What a metric is, this rule reads off its name.

## Example

```python
import torch
from torch import nn
from torch.optim.lr_scheduler import ReduceLROnPlateau

data, labels = torch.randn(64, 3), torch.randint(0, 2, (64,))

model = nn.Linear(3, 2)
optimizer = torch.optim.SGD(model.parameters(), lr=0.1)
scheduler = ReduceLROnPlateau(optimizer, patience=3)

for epoch in range(20):
    for x, y in zip(data.split(16), labels.split(16)):
        optimizer.zero_grad()
        loss = nn.functional.cross_entropy(model(x), y)
        loss.backward()
        optimizer.step()
    accuracy = (model(data).argmax(1) == labels).float().mean().item()
    scheduler.step(accuracy)
```

## Use instead

```python
import torch
from torch import nn
from torch.optim.lr_scheduler import ReduceLROnPlateau

data, labels = torch.randn(64, 3), torch.randint(0, 2, (64,))

model = nn.Linear(3, 2)
optimizer = torch.optim.SGD(model.parameters(), lr=0.1)
scheduler = ReduceLROnPlateau(optimizer, patience=3, mode='max')

for epoch in range(20):
    for x, y in zip(data.split(16), labels.split(16)):
        optimizer.zero_grad()
        loss = nn.functional.cross_entropy(model(x), y)
        loss.backward()
        optimizer.step()
    accuracy = (model(data).argmax(1) == labels).float().mean().item()
    scheduler.step(accuracy)
```

## When the code is right

These are not reported:

- Metrics with a minus before them, or taken from something: `step(-accuracy)`, `step(1 - accuracy)`.
- Names that say nothing of the direction: `metric`, `score`, `val_result`, and those that say both.
- A mode that is not written out, and a scheduler that is stepped with metrics of both kinds.

It is a warning: names may lie. `dice` may be a loss, `map` no mean average precision.

## Fix safety

The fix gives the other mode. It is unsafe because it rests on a name, and because the rates of the run change, which is
its purpose.

## Evidence

A replay lets the metric get better in each epoch, as its name has it, and compares the rates with those of the
reference that waits for that. On torch 2.13 the rate is cut after `patience` + 1 epochs, and again each `patience` + 1
epochs; the reference never cuts it. With the other mode the two agree.

## References

- `torch.optim.lr_scheduler.ReduceLROnPlateau`: https://docs.pytorch.org/docs/stable/generated/torch.optim.lr_scheduler.ReduceLROnPlateau.html
"""

from __future__ import annotations

import ast
from collections.abc import Iterator

from optlint.api import (
    UNSAFE,
    Editor,
    Edits,
    Entry,
    Event,
    Evidence,
    Level,
    Program,
    Query,
    Repair,
    Rule,
    Scheduler,
    Violation,
    metric_direction,
)
from optlint_rules.schedulers.step_argument import Kind, argument_of
from optlint_rules.schedulers.stepping import PLATEAU, making, steps
from optlint_rules.schedulers.words import STEPPED

_MODES = {"min": -1, "max": 1}


def _find(program: Program) -> Iterator[Violation]:
    seen: dict[tuple[Entry, Scheduler], list[tuple[Event, str, int]]] = {}
    for entry, event, scheduler, classes in steps(program):
        if classes == {PLATEAU}:
            argument = argument_of(event)
            named = argument.kind is Kind.METRIC and argument.keyword in ("", "metrics") and not argument.turned
            direction = metric_direction(argument.name) if named and argument.name else None
            seen.setdefault((entry, scheduler), []).append((event, argument.name, direction or 0))
    for (entry, scheduler), found in seen.items():
        mode = _mode(scheduler)
        directions = {direction for _, _, direction in found}
        made = making(entry, scheduler)
        if len(directions) != 1 or 0 in directions or mode is None or not made or _MODES[mode] in directions:
            continue
        event, name, direction = found[0]
        better = "grows" if direction > 0 else "falls"
        yield Violation(
            program,
            made[0].place,
            {"new": made[0], "call": event},
            (*made, event),
            entry=entry,
            parts={"what": f"the rate is cut while `{name}` gets better: it {better}, and the mode is '{mode}'"},
        )


def _mode(scheduler: Scheduler) -> str | None:
    """Return the mode that a scheduler surely has."""
    found = set()
    for made in scheduler.constructions:
        given = made.given("mode", 1) if made.complete else None
        if not made.complete:
            return None
        value = "min" if given is None else given.node.value if isinstance(given.node, ast.Constant) else None
        found.add(value)
    mode = found.pop() if len(found) == 1 else None
    return mode if isinstance(mode, str) and mode in _MODES else None


def _turn(violation: Violation, editor: Editor) -> Edits | None:
    call = violation.at.node
    if not isinstance(call, ast.Call):
        return None
    written = next((keyword.value for keyword in call.keywords if keyword.arg == "mode"), None)
    if written is None and len(call.args) > 1:
        written = call.args[1]
    if written is None:
        return editor.add_argument(call, "mode='max'")
    if not isinstance(written, ast.Constant):
        return None
    quote = editor.text(written)[-1]
    return editor.replace(written, f"{quote}{'min' if written.value == 'max' else 'max'}{quote}")


RULE = Rule(
    code="OPT413",
    level=Level.WARNING,
    message="{what}",
    triggers=STEPPED,
    property=Query(_find),
    repair=Repair("Watch the metric the other way round", UNSAFE, _turn),
    evidence=Evidence.LEARNING_RATE,
)
