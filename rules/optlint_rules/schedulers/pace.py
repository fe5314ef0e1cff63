"""The pace of a schedule: how many steps it is made for, and how often the code steps it, as far as the code shows."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from dataclasses import dataclass

from optlint.api import (
    Act,
    Argument,
    Binding,
    Confidence,
    Const,
    Construction,
    Entry,
    Event,
    Length,
    Program,
    Repetition,
    Scheduler,
    canonical,
    driven,
    number_of,
    product_of,
    repetition,
)

_TOTALS = {
    "CosineAnnealingLR": ("T_max", 1, None),
    "PolynomialLR": ("total_iters", 1, 5),
    "LinearLR": ("total_iters", 3, 5),
    "ConstantLR": ("total_iters", 2, 5),
    "CosineAnnealingWarmRestarts": ("T_0", 1, None),
    "StepLR": ("step_size", 1, None),
    "MultiStepLR": ("milestones", 1, None),
    "SequentialLR": ("milestones", 2, None),
    "CyclicLR": ("step_size_up", 3, 2000),
    "OneCycleLR": ("total_steps", 2, None),
    "get_linear_schedule_with_warmup": ("num_training_steps", 2, None),
    "get_cosine_schedule_with_warmup": ("num_training_steps", 2, None),
    "get_cosine_with_hard_restarts_schedule_with_warmup": ("num_training_steps", 2, None),
    "get_polynomial_decay_schedule_with_warmup": ("num_training_steps", 2, None),
}
"""The parameter that says how long a schedule is, its place after the optimizer, and its default."""
WHOLE = frozenset(
    ("CosineAnnealingLR", "PolynomialLR", "OneCycleLR", *(name for name in _TOTALS if name.startswith("get_")))
)
"""Schedules that are made for one run, from its first update to its last."""
CURVES = WHOLE | {"LinearLR"}
_LONGEST_TEXT = 50


@dataclass(frozen=True)
class Span:
    """How long a schedule is: the length, and the argument that says so (None for a default).

    Of milestones the length is the last one; `parts` are all.
    """

    length: Length
    argument: Argument | None
    parts: tuple[Length, ...] = ()
    per_epoch: Length | None = None
    """`steps_per_epoch`, where that and the number of epochs make the length."""


@dataclass(frozen=True)
class Happening:
    """An event with the loops around it, those around the making of its scheduler left out."""

    event: Event
    repetition: Repetition

    @property
    def loops(self) -> tuple[object, ...]:
        """The loops, the outermost first."""
        return self.repetition.loops


@dataclass(frozen=True)
class Pace:
    """One scheduler of one entry: where it is stepped, and where its optimizer is."""

    program: Program
    entry: Entry
    scheduler: Scheduler
    construction: Construction
    made: Event
    steps: tuple[Happening, ...]
    updates: tuple[Happening, ...]
    binding: Binding

    @property
    def span(self) -> Span | None:
        """How long the schedule is, where that is known."""
        return span(self.construction)

    def inner_updates(self, step: Happening) -> tuple[Happening, ...]:
        """Return the updates that stand in a loop inside of the innermost loop around a step of the schedule.

        Nothing where some update of the same outermost loop stands elsewhere.
        """
        depth = len(step.loops)
        near = [each for each in self.updates if depth and each.loops[:1] == step.loops[:1]]
        inner = tuple(each for each in near if each.loops[:depth] == step.loops and len(each.loops) > depth)
        return inner if len(inner) == len(near) else ()


def paces(program: Program) -> Iterator[Pace]:
    """Yield the schedulers of torch that the program steps, and hands to nobody else."""
    for entry in program.entries:
        for scheduler in entry.schedulers:
            if scheduler.confidence is Confidence.CERTAIN and scheduler.info is None and scheduler.constructions:
                yield from _of(program, entry, scheduler)


def _of(program: Program, entry: Entry, scheduler: Scheduler) -> Iterator[Pace]:
    owners = driven(scheduler, entry.optimizers)
    if not owners or _has_parent(entry, scheduler) or any(each.merged_into for each in owners):
        return
    own = [event for event in entry.events if scheduler in map(canonical, event.subjects)]
    made = [event for event in own if event.act is Act.NEW]
    steps = [event for event in own if event.act is Act.SCHEDULE]
    escaped = any(event.act is Act.ESCAPE for event in own)
    if not made or not steps or escaped or any(event.detail for event in steps):
        return
    updates = [
        event
        for event in entry.having(Act.STEP)
        if any(optimizer in map(canonical, event.subjects) for optimizer in owners)
    ]
    outer = repetition(entry, made[0])
    stepped = [_inside(entry, event, outer) for event in steps]
    updated = [_inside(entry, event, outer) for event in updates]
    if None in stepped or None in updated:
        return
    found_steps, found_updates = (tuple(each for each in group if each) for group in (stepped, updated))
    for construction in scheduler.constructions:
        if construction.complete and construction.name:
            binding = Binding(owners, scheduler)
            yield Pace(program, entry, scheduler, construction, made[0], found_steps, found_updates, binding)


def _has_parent(entry: Entry, scheduler: Scheduler) -> bool:
    return any(scheduler in map(canonical, other.children) for other in entry.schedulers)


def _inside(entry: Entry, event: Event, outer: Repetition) -> Happening | None:
    """Return an event with what stands around it inside of the loops around another one; None where it is elsewhere."""
    found = repetition(entry, event)
    depth = len(outer.loops)
    if found.loops[:depth] != outer.loops:
        return None
    if not depth:
        return Happening(event, found)
    at = next(i for i, each in enumerate(found.around) if each is outer.loops[-1])
    return Happening(event, Repetition(found.around[at + 1 :]))


def span(construction: Construction) -> Span | None:
    """Return how long the schedule is that a call makes."""
    known = _TOTALS.get(construction.name)
    if known is None:
        return None
    name, index, default = known
    argument = construction.given(name, index)
    if argument is None or argument.value == Const(None):
        if construction.name == "OneCycleLR":
            return _of_epochs(construction)
        return None if default is None else Span(number_of(default), None)
    if name == "milestones":
        parts = tuple(each for each in argument.lengths or () if each is not None)
        return Span(parts[-1], argument, parts) if parts and len(parts) == len(argument.lengths or ()) else None
    return None if argument.length is None else Span(argument.length, argument)


def _of_epochs(construction: Construction) -> Span | None:
    epochs, each = construction.given("epochs", 3), construction.given("steps_per_epoch", 4)
    if epochs is None or each is None or epochs.length is None or each.length is None:
        return None
    return Span(epochs.length * each.length, each, per_epoch=each.length)


def known_product(counts: tuple[Length | None, ...]) -> Length | None:
    """Return the product of some counts, or None where one is not known."""
    known = [count for count in counts if count is not None]
    return product_of(known) if len(known) == len(counts) else None


def worded(pace: Pace, found: Span) -> str:
    """Return the argument that says how long a schedule is, as it is written."""
    argument = found.argument
    name, _, default = _TOTALS[pace.construction.name]
    if argument is None:
        return f"{name}={default}"
    if found.per_epoch is not None:
        name = "steps_per_epoch"
    text = "..." if argument.node is None else " ".join(ast.unparse(argument.node).split())
    return f"{name}={text if len(text) <= _LONGEST_TEXT else '...'}"
