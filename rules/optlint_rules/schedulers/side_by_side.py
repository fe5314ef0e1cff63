"""Pairs of schedules that drive one optimizer and both step in each round of one loop."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from dataclasses import dataclass

from optlint.api import (
    Act,
    Branch,
    Confidence,
    Entry,
    Event,
    Loop,
    Optimizer,
    Place,
    Program,
    Scheduler,
    Try,
    Unrolled,
    canonical,
    enclosing_loops,
    events_in,
    repetition,
)
from optlint_rules.schedulers.stepping import steps

_CONSTANT = ":constant"


@dataclass(frozen=True, slots=True, eq=False)
class Step:
    """A step of a schedule that is part of no other."""

    entry: Entry
    event: Event
    scheduler: Scheduler
    classes: frozenset[str]
    optimizer: Optimizer


def pairs(program: Program) -> Iterator[tuple[Step, Step]]:
    """Yield two steps of different schedules of one optimizer, both ways round: the first one comes in each round."""
    found: dict[tuple[Entry, Optimizer], list[Step]] = {}
    for each in _steps(program):
        found.setdefault((each.entry, each.optimizer), []).append(each)
    for several in found.values():
        for one in several:
            for other in several:
                if one.scheduler is not other.scheduler and _alternate(one, other):
                    yield one, other


def _steps(program: Program) -> Iterator[Step]:
    for entry, event, scheduler, classes in steps(program):
        owners = {canonical(owner) for owner in scheduler.optimizers}
        inner = {canonical(child) for each in entry.schedulers for child in each.children}
        constant = all(name.endswith(_CONSTANT) for name in scheduler.classes)
        if len(owners) != 1 or len(event.subjects) != 1 or scheduler in inner or constant:
            continue
        [owner] = owners
        escaped = any(entry.concerning(scheduler, Act.ESCAPE))
        if owner.confidence is Confidence.CERTAIN and owner.info is None and not escaped:
            yield Step(entry, event, scheduler, classes, owner)


def _alternate(one: Step, other: Step) -> bool:
    """Whether in each round of a loop `one` steps, and in some of them `other` does."""
    entry = one.entry
    loop = _shared_loop(one, other)
    if loop is None or not _are_made_before(loop, one, other) or not _updates(loop, one.optimizer):
        return False
    around, beside = (repetition(entry, each.event).around for each in (one, other))
    common = {id(region) for region in around} & {id(region) for region in beside}
    for region in (*around, *beside):
        if isinstance(region, Try) and any(_in_handler(region, each.event) for each in (one, other)):
            return False
        if isinstance(region, Branch) and id(region) in common and not _in_one_arm(region, one.event, other.event):
            return False
    if any(isinstance(region, Branch) and id(region) not in common and region.period is None for region in around):
        return False
    return not _leaves_between(one.event, other.event)


def _shared_loop(one: Step, other: Step) -> Loop | None:
    """Return the innermost loop around both; None where each is in a loop of its own, which the other is not in."""
    mine, theirs = ([loop for loop in _loops(each) if isinstance(loop, Loop)] for each in (one, other))
    shared = [a for a, b in zip(mine, theirs, strict=False) if a is b]
    around = repetition(other.entry, other.event).around
    conditional = any(isinstance(each, Branch) and each.period is None for each in around)
    if not shared or len(shared) < min(len(mine), len(theirs)) or (conditional and len(theirs) > len(shared)):
        return None
    return shared[-1]


def _loops(step: Step) -> tuple[Loop | Unrolled, ...]:
    return repetition(step.entry, step.event).loops


def _are_made_before(loop: Loop, one: Step, other: Step) -> bool:
    """Whether both schedules are made outside of a loop, for an optimizer that was not made in a loop of its own."""
    made = {canonical(each.subjects[0]): each for each in one.entry.having(Act.NEW) if each.subjects}
    for scheduler in (one.scheduler, other.scheduler):
        if scheduler not in made or loop in repetition(one.entry, made[scheduler]).loops:
            return False
    owner = made.get(one.optimizer)
    outer = () if owner is None else repetition(one.entry, owner).loops
    return all(each in _loops(one) for each in outer) and not _is_one_of_many(one.optimizer)


def _is_one_of_many(optimizer: Optimizer) -> bool:
    """Whether the call that makes an optimizer is made for each element of something."""
    if optimizer.place is None:
        return True
    tree, node = optimizer.place.module.tree, optimizer.place.node
    several = (each for each in ast.walk(tree) if isinstance(each, ast.ListComp | ast.DictComp | ast.GeneratorExp))
    return any(inner is node for each in several for inner in ast.walk(each))


def _updates(loop: Loop, optimizer: Optimizer) -> bool:
    return any(each.act is Act.STEP and optimizer in map(canonical, each.subjects) for each in events_in(loop.body))


def _in_handler(region: Try, event: Event) -> bool:
    return any(each is event for handler in region.handlers for each in events_in(handler))


def _in_one_arm(region: Branch, one: Event, other: Event) -> bool:
    arms = [{id(each) for each in events_in(arm)} for arm in (region.then, region.otherwise)]
    return any(id(one) in arm and id(other) in arm for arm in arms)


def _leaves_between(one: Event, other: Event) -> bool:
    """Whether between two steps the round may end."""
    mine, theirs = (*one.stack, one.place), (*other.stack, other.place)
    apart = [(a, b) for a, b in zip(mine, theirs, strict=False) if a.node is not b.node]
    if not apart:
        return False
    first, last = sorted(apart[0], key=lambda place: getattr(place.node, "lineno", 0))
    if first.module is not last.module:
        return False
    rows = range(getattr(first.node, "lineno", 0), getattr(last.node, "lineno", 0) + 1)
    loops = [set(map(id, enclosing_loops(each))) for each in (first, last)]
    for node in ast.walk(first.module.tree):
        if isinstance(node, ast.Continue | ast.Return) and node.lineno in rows:
            around = enclosing_loops(Place(first.module, node))
            if isinstance(node, ast.Return) or (around and all(id(around[0]) in each for each in loops)):
                return True
    return False
