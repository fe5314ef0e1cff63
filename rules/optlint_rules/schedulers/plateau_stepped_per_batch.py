"""`ReduceLROnPlateau` is stepped with the loss of each batch.

Its patience then counts batches, and the loss of a batch is noisy: that ten of them in a row bring no new best is
nothing unusual once a good one came. With the default patience of 10 and 500 noisy batches an epoch the rate fell from
0.1 to 1e-8 within the first epoch; stepped once an epoch, with the mean, it stayed at 0.1.

## Example

```python
import torch
from torch import nn
from torch.optim.lr_scheduler import ReduceLROnPlateau

data = torch.randn(640, 3)

model = nn.Linear(3, 1)
optimizer = torch.optim.SGD(model.parameters(), lr=0.1)
scheduler = ReduceLROnPlateau(optimizer, patience=5)

for epoch in range(20):
    for batch in data.split(16):
        optimizer.zero_grad()
        loss = (model(batch) - batch.sum(dim=1, keepdim=True)).pow(2).mean()
        loss.backward()
        optimizer.step()
        scheduler.step(loss.item())
```

## Use instead

```python
import torch
from torch import nn
from torch.optim.lr_scheduler import ReduceLROnPlateau

data = torch.randn(640, 3)

model = nn.Linear(3, 1)
optimizer = torch.optim.SGD(model.parameters(), lr=0.1)
scheduler = ReduceLROnPlateau(optimizer, patience=5)

for epoch in range(20):
    losses = []
    for batch in data.split(16):
        optimizer.zero_grad()
        loss = (model(batch) - batch.sum(dim=1, keepdim=True)).pow(2).mean()
        loss.backward()
        optimizer.step()
        losses.append(loss.item())
    scheduler.step(sum(losses) / len(losses))
```

## When the code is right

These are not reported:

- A patience of 50 and more, or one that is not known: it may be meant in batches.
- A loss that is smoothed over batches: `running_loss`, `avg_loss`, `ema`.
- A step every so many batches, after an evaluation: `if step % 500 == 0`.
- Loops that are no epochs of batches: episodes, rounds, iterations of a solver.

## Fix safety

There is no fix: the call moves out of the loop, but a metric for the epoch has to be made first.

## Evidence

What a metric does to the rate depends on its values, and the stand-ins of a replay have others: the verdict is
inconclusive. The figures above are of a measured run with torch 2.13.

## References

- `torch.optim.lr_scheduler.ReduceLROnPlateau`: https://docs.pytorch.org/docs/stable/generated/torch.optim.lr_scheduler.ReduceLROnPlateau.html
"""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator

from optlint.api import (
    Act,
    Entry,
    Event,
    Evidence,
    Level,
    Loop,
    Place,
    Program,
    Query,
    Rule,
    Scheduler,
    Violation,
    canonical,
    enclosing,
    enclosing_loops,
    enclosing_statement,
    parent,
)
from optlint_rules.schedulers.step_argument import Kind, argument_of
from optlint_rules.schedulers.stepping import PLATEAU, making, steps
from optlint_rules.schedulers.words import STEPPED

_DEFAULT = 10
_LONG = 50
"""A patience that may well be meant in batches."""
_SMOOTHED = re.compile(r"(?i)avg|average|mean|smooth|ema|running|total|moving|epoch|val|test|(?:^|_)ma(?:$|_)")


def _find(program: Program) -> Iterator[Violation]:
    for entry, event, scheduler, classes in steps(program):
        if classes != {PLATEAU} or not _is_of_batch(event):
            continue
        patience = _patience(scheduler)
        if patience is None or patience >= _LONG or not _in_batch_loop(entry, event, scheduler):
            continue
        call = ast.unparse(event.place.node)
        yield Violation(
            program,
            event.place,
            {"call": event},
            (*making(entry, scheduler), event),
            entry=entry,
            parts={
                "what": f"the rate is cut as soon as {patience + 1} batches in a row bring no new best: "
                f"`{call}` counts batches, not epochs"
            },
        )


def _is_of_batch(event: Event) -> bool:
    """Whether a step is given the loss of a batch, as far as names tell."""
    argument = argument_of(event)
    if argument.kind is not Kind.METRIC or argument.node is None:
        return False
    names = [argument.name]
    for node in ast.walk(argument.node):
        names.append(getattr(node, "id", "") or getattr(node, "attr", ""))
    return "loss" in argument.name.lower() and not any(map(_SMOOTHED.search, names))


def _patience(scheduler: Scheduler) -> int | None:
    """Return the patience, where it is written out or left to the default."""
    found = set()
    for made in scheduler.constructions:
        given = made.given("patience", 3)
        if not made.complete:
            return None
        node = None if given is None else given.node
        written = node.value if isinstance(node, ast.Constant) else None
        found.add(_DEFAULT if given is None else written if isinstance(written, int) else None)
    return found.pop() if len(found) == 1 else None


def _in_batch_loop(entry: Entry, event: Event, scheduler: Scheduler) -> bool:
    """Whether a step runs in each round of the loop in which the optimizer steps, within a loop over epochs."""
    loops = enclosing(entry, event)
    own = set(map(canonical, scheduler.optimizers))
    updates = [each for each in entry.having(Act.STEP) if own & set(map(canonical, each.subjects))]
    if len(loops) < 2 or not any(_innermost(entry, each) is loops[-1] for each in updates):
        return False
    inner = enclosing_loops(event.place)
    statement = enclosing_statement(event.place)
    if not inner or parent(event.place.module, statement) is not inner[0]:
        return False
    outer = [each.place for each in loops[:-1] if isinstance(each, Loop)]
    return any(
        "epoch" in text.lower() for text in (*map(_head, outer), *(_head(event.place, each) for each in inner[1:]))
    )


def _head(place: Place, loop: ast.AST | None = None) -> str:
    """Return what the head of a loop says; a place of a `for` is what that goes through."""
    node = loop or parent(place.module, place.node)
    if isinstance(node, ast.For | ast.AsyncFor):
        return f"{ast.unparse(node.target)} {ast.unparse(node.iter)}"
    return ast.unparse(node.test) if isinstance(node, ast.While) else ast.unparse(place.node)


def _innermost(entry: Entry, event: Event) -> object:
    loops = enclosing(entry, event)
    return loops[-1] if loops else None


RULE = Rule(
    code="OPT414",
    level=Level.WARNING,
    message="{what}",
    triggers=STEPPED,
    property=Query(_find),
    evidence=Evidence.LEARNING_RATE,
)
