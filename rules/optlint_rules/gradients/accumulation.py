"""Accumulation loops: the backwards, the clearings and the guarded step that belong to one optimizer."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from dataclasses import dataclass

from optlint.api import (
    OPTIMIZER,
    Act,
    Binding,
    Entry,
    Event,
    Model,
    Optimizer,
    Place,
    Program,
    backward,
    canonical,
)
from optlint_rules.gradients.counting import advances, sets_back
from optlint_rules.gradients.whereabouts import Condition, conditions, shared_loop, surroundings, within
from optlint_rules.gradients.windows import Reader, Window

_BACKWARD = backward(OPTIMIZER)


@dataclass(frozen=True, slots=True)
class Accumulation:
    """A loop in which each iteration makes a backward, and only some make an update: those that a window lets through.

    `backward` stands outside of the window's guard, and no other backward of this optimizer inside of it.
    """

    entry: Entry
    binding: Binding
    loop: Place
    backward: Event
    step: Event
    window: Window
    reader: Reader


def accumulations(program: Program) -> tuple[Accumulation, ...]:
    """Return the accumulation loops of a program, one for each optimizer, backward and guarded step."""
    return program.once("accumulations", lambda each: () if frameworks_divide(each) else tuple(_all(each)))


def _all(program: Program) -> Iterator[Accumulation]:
    for entry in program.entries:
        for optimizer in entry.optimizers:
            guarded = [(step, windows) for step in steps(entry, optimizer) if (windows := _windows(step))]
            binding = Binding((optimizer,), alone=len(entry.optimizers) == 1)
            seen: set[tuple[ast.AST, ast.AST]] = set()
            for step, windows in guarded:
                for gradient in backwards(entry, binding):
                    key = (step.place.node, gradient.place.node)
                    if key not in seen:
                        seen.add(key)
                        yield from _between(entry, binding, gradient, step, windows)


def _windows(step: Event) -> list[Window]:
    """Return the windows among the conditions on the way to a step."""
    asked = conditions(surroundings(step))
    reader = Reader(step)
    return [window for each in asked if (window := reader.window(each)) is not None]


def frameworks_divide(program: Program) -> bool:
    """Whether the file accumulates by Accelerate, which skips steps and clearings by itself."""
    return ".accumulate(" in program.module.source.text


def _between(
    entry: Entry, binding: Binding, gradient: Event, step: Event, windows: list[Window]
) -> Iterator[Accumulation]:
    loop = shared_loop(gradient, step)
    if loop is None:
        return
    inside = conditions(within(step, loop) or [])
    before = conditions(within(gradient, loop) or [])
    reader = Reader(step)
    if any(each.owner.node is other.owner.node and not each.same(other) for each in before for other in inside):
        return  # the one excludes the other
    for window in windows:
        condition = window.condition
        if not any(condition.owner.node is each.owner.node for each in inside):
            continue
        if any(condition.owner.node is each.owner.node for each in before):
            continue
        if window.counts and not (window.exactly or sets_back(window, loop, reader)):
            continue  # from some iteration on it always holds
        if not advances(window, loop, reader) or _takes_turns(entry, binding, loop, condition):
            continue
        yield Accumulation(entry, binding, loop, gradient, step, window, reader)
        return


def _takes_turns(entry: Entry, binding: Binding, loop: Place, guard: Condition) -> bool:
    """Whether more is going on in the loop than one accumulation.

    Another backward under the guard belongs to this update alone; another optimizer that steps in the iterations in
    which this one does not, or in all, makes this one slow on purpose.
    """
    for event in entry.having(Act.STEP, Act.BACKWARD):
        around = within(event, loop)
        if around is None:
            continue
        guarded = any(each.same(guard) for each in conditions(around))
        if event.act is Act.BACKWARD:
            if guarded and reaches(event, binding):
                return True
        elif not guarded:
            turned = any(each.owner.node is guard.owner.node for each in conditions(around))
            if turned or binding.optimizer not in map(canonical, event.subjects):
                return True
    return False


def steps(entry: Entry, optimizer: Optimizer) -> list[Event]:
    """Return the events that step an optimizer."""
    return list(entry.concerning(optimizer, Act.STEP))


def backwards(entry: Entry, binding: Binding) -> list[Event]:
    """Return the backwards that surely reach an optimizer's parameters, as far as one can see."""
    return [event for event in entry.having(Act.BACKWARD) if _BACKWARD.match(event, binding).value == 2]


def reaches(gradient: Event, binding: Binding) -> bool:
    """Whether a backward may reach an optimizer's parameters."""
    return bool(_BACKWARD.match(gradient, binding).value)


def whole_clearings(entry: Entry, optimizer: Optimizer) -> list[Event]:
    """Return the calls that clear all gradients of an optimizer."""
    return [event for event in entry.having(Act.CLEAR) if _is_call(event.place) and _clears_all(event, optimizer)]


def _is_call(place: Place) -> bool:
    return isinstance(place.node, ast.Call)


def _clears_all(event: Event, optimizer: Optimizer) -> bool:
    subjects = [canonical(subject) for subject in event.subjects]
    if optimizer in subjects:
        return True
    models = [subject for subject in subjects if isinstance(subject, Model)]
    return (
        optimizer.complete
        and bool(optimizer.sources)
        and all(any(source.model.within(model) for model in models) for source in optimizer.sources)
    )
