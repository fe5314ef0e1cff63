"""A `SequentialLR` or `ChainedScheduler` is put together in a way that cannot work.

Most ways raise when it is made: `ValueError: Sequential Schedulers expects number of schedulers provided to be one more
than the number of milestone points`, or `SequentialLR does not support ReduceLROnPlateau scheduler`. Milestones that do
not increase are taken in silence, and the scheduler between them never comes to its turn: milestones are epochs of the
run, and not lengths of its parts.

## Example

```python
import torch
from torch import nn
from torch.optim.lr_scheduler import CosineAnnealingLR, LinearLR, SequentialLR

model = nn.Linear(3, 1)
optimizer = torch.optim.SGD(model.parameters(), lr=0.1)
warmup = LinearLR(optimizer, start_factor=0.1, total_iters=3)
cosine = CosineAnnealingLR(optimizer, T_max=17)
scheduler = SequentialLR(optimizer, [warmup, cosine], milestones=[3, 17])

for epoch in range(20):
    x = torch.randn(32, 3)
    optimizer.zero_grad()
    loss = (model(x) - x.prod(dim=1, keepdim=True)).pow(2).mean()
    loss.backward()
    optimizer.step()
    scheduler.step()
```

## Use instead

```python
import torch
from torch import nn
from torch.optim.lr_scheduler import CosineAnnealingLR, LinearLR, SequentialLR

model = nn.Linear(3, 1)
optimizer = torch.optim.SGD(model.parameters(), lr=0.1)
warmup = LinearLR(optimizer, start_factor=0.1, total_iters=3)
cosine = CosineAnnealingLR(optimizer, T_max=17)
scheduler = SequentialLR(optimizer, [warmup, cosine], milestones=[3])

for epoch in range(20):
    x = torch.randn(32, 3)
    optimizer.zero_grad()
    loss = (model(x) - x.prod(dim=1, keepdim=True)).pow(2).mean()
    loss.backward()
    optimizer.step()
    scheduler.step()
```

## When the code is right

These are not reported:

- Milestones of `MultiStepLR`, which torch sorts, and which may come twice.
- Lists that grow while the program runs, or that come from elsewhere.
- Schedulers of which nobody knows the class or the optimizer; classes of the project.
- Calls that a test expects to raise.

## Fix safety

There is no fix: nobody knows which scheduler or milestone is missing or too many.

## Evidence

A replay makes the scheduler. torch 2.13 raises for a wrong number of milestones, for a `ReduceLROnPlateau` inside, for
schedulers of different optimizers, for `ChainedScheduler(optimizer, [...])`, `ChainedScheduler(first, second)` and
`SequentialLR([...], milestones)`. With three schedulers and milestones of 6 and 3, or of 3 and 3, the second scheduler
was skipped without a word; which part has its turn a replay does not see.

## References

- `torch.optim.lr_scheduler.SequentialLR`: https://docs.pytorch.org/docs/stable/generated/torch.optim.lr_scheduler.SequentialLR.html
- `torch.optim.lr_scheduler.ChainedScheduler`: https://docs.pytorch.org/docs/stable/generated/torch.optim.lr_scheduler.ChainedScheduler.html
"""

from __future__ import annotations

from collections.abc import Iterator
from itertools import pairwise

from optlint.api import (
    Act,
    Argument,
    Confidence,
    Construction,
    Evidence,
    Length,
    Level,
    Optimizer,
    Place,
    Program,
    Query,
    Rule,
    Scheduler,
    Violation,
    canonical,
)

_RAISES, _SKIPPED = "torch raises here", "a scheduler never has its turn"


def _find(program: Program) -> Iterator[Violation]:
    for entry in program.entries:
        for event in entry.having(Act.NEW):
            for subject in event.subjects:
                if isinstance(subject, Scheduler) and subject.info is None:
                    for made in subject.constructions:
                        found = _wrong(made) if made.place.node is event.place.node else None
                        if found is not None:
                            what, why, argument = found
                            node = argument.node if argument is not None else None
                            place = made.place if node is None else Place(made.place.module, node)
                            parts = {"what": what, "why": why}
                            yield Violation(program, place, {"made": event}, (event,), entry=entry, parts=parts)


def _wrong(made: Construction) -> tuple[str, str, Argument | None] | None:
    """Return what is wrong with a composite: what that does, why, and the argument that says so."""
    if made.name not in ("SequentialLR", "ChainedScheduler") or not made.complete:
        return None
    first = made.given("optimizer" if made.name == "SequentialLR" else "schedulers", 0)
    if made.name == "ChainedScheduler":
        if first is not None and isinstance(first.value, Optimizer | Scheduler):
            return _RAISES, "`ChainedScheduler` takes one list of schedulers first", first
        return _mixed(made, first)
    if first is not None and first.items is not None:
        return _RAISES, "`SequentialLR` takes the optimizer first", first
    return _mixed(made, made.given("schedulers", 1)) or _milestones(made)


def _mixed(made: Construction, listed: Argument | None) -> tuple[str, str, Argument | None] | None:
    found = [item for item in (listed.items if listed is not None else None) or () if isinstance(item, Scheduler)]
    known = [each for each in map(canonical, found) if each.confidence is Confidence.CERTAIN and each.info is None]
    if any(each.classes == {"ReduceLROnPlateau"} for each in known):
        return _RAISES, f"`{made.name}` cannot hold a `ReduceLROnPlateau`, which needs a metric", listed
    owners = {canonical(each.optimizers[0]) for each in known if len(each.optimizers) == 1}
    if len(owners) > 1 and all(each.confidence is Confidence.CERTAIN and each.place is not None for each in owners):
        return _RAISES, f"the schedulers of `{made.name}` belong to different optimizers", listed
    return None


def _milestones(made: Construction) -> tuple[str, str, Argument | None] | None:
    schedulers, milestones = made.given("schedulers", 1), made.given("milestones", 2)
    if milestones is None or milestones.items is None:
        return None
    count = len(milestones.items)
    if schedulers is not None and schedulers.items is not None and len(schedulers.items) != count + 1:
        why = f"`SequentialLR` of {len(schedulers.items)} schedulers takes one milestone less, and is given {count}"
        return _RAISES, why, milestones
    if any(_not_later(first, second) for first, second in pairwise(milestones.lengths or ())):
        return _SKIPPED, "the milestones of `SequentialLR` do not increase", milestones
    return None


def _not_later(first: Length | None, second: Length | None) -> bool:
    """Whether a milestone surely comes no later than the one before it."""
    if first is None or second is None:
        return False
    later = (second - first).number
    return later is not None and later <= 0


RULE = Rule(
    code="OPT409",
    level=Level.ERROR,
    message="{what}: {why}",
    triggers=(("SequentialLR", "torch"), ("ChainedScheduler", "torch")),
    property=Query(_find),
    evidence=Evidence.CRASH,
)
