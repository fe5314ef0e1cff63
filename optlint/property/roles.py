"""Which objects of an entry can play the parts of a pattern."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from optlint.program.objects import Confidence, Optimizer, Scheduler, canonical
from optlint.program.program import Entry
from optlint.property.alphabet import Binding, EventPattern, Role


def bindings(entry: Entry, patterns: Iterable[EventPattern]) -> Iterator[Binding]:
    """Yield the objects of an entry that can play the patterns' roles."""
    roles = {pattern.role for pattern in patterns}
    optimizers = entry.optimizers
    alone = len(optimizers) == 1
    if Role.ITERATOR in roles:
        for iterator in entry.iterators:
            yield Binding((), None, iterator, entry=entry)
    elif Role.SCHEDULER in roles:
        for scheduler in entry.schedulers:
            owners = driven(scheduler, optimizers)
            if owners:
                yield Binding(owners, scheduler, alone=alone, entry=entry)
    else:
        for optimizer in optimizers:
            yield Binding((optimizer,), alone=alone, entry=entry)


def driven(scheduler: Scheduler, optimizers: tuple[Optimizer, ...]) -> tuple[Optimizer, ...]:
    """Return the optimizers of a scheduler; one whose optimizer is not visible has the one that goes by its name."""
    owners = tuple(dict.fromkeys(canonical(owner) for owner in scheduler.optimizers))
    if owners:
        return owners
    if scheduler.confidence is Confidence.NAME:
        return ()
    if len(optimizers) == 1:
        return optimizers
    suffix = _suffix(scheduler.label)
    named = tuple(optimizer for optimizer in optimizers if _suffix(optimizer.label) == suffix)
    return named if len(named) == 1 else ()


def _suffix(label: str) -> str:
    """Return what remains of a name without the words for scheduler and optimizer."""
    name = label.rpartition(".")[2].lower()
    for word in ("lr_scheduler", "scheduler", "sched", "optimizer", "optimiser", "optim", "opt", "lr"):
        name = name.replace(word, "")
    return name.strip("_")
