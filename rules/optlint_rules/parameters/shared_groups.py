"""Group dicts that two optimizers share, or that each iteration of a loop gives to a new one."""

from __future__ import annotations

import ast
from dataclasses import dataclass

from optlint.api import (
    Act,
    Entry,
    Event,
    GivenGroup,
    Optimizer,
    Place,
    Scheduler,
    canonical,
    enclosing_loops,
    parent,
    repetition,
    same_function,
)
from optlint_rules.parameters.construction import names_assigned, names_in


@dataclass(frozen=True, slots=True)
class Sharing:
    """The dicts that are shared; none where they are those that an optimizer has made itself.

    `options` are those that an earlier iteration decides.
    """

    groups: tuple[GivenGroup, ...]
    options: tuple[str, ...] = ()


def shared(first: Optimizer, second: Optimizer) -> Sharing | None:
    """Return what two optimizers surely share, or None."""
    if first in map(canonical, second.taken_from):
        return Sharing(())
    found = []
    for group in second.given:
        other = next((each for each in first.given if each.serial == group.serial), None)
        if other is not None and (_is_one(group) or group.listed == other.listed != 0):
            found.append(group)
    return Sharing(tuple(found)) if found else None


def _is_one(group: GivenGroup) -> bool:
    """Whether one dict was surely given, and not one of several that are written at the same place."""
    if group.picked or group.place is None:
        return False
    node: ast.AST | None = group.place.node
    while node is not None and not isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.Module):
        if isinstance(node, ast.ListComp | ast.GeneratorExp | ast.SetComp | ast.DictComp | ast.Lambda):
            return False
        node = parent(group.place.module, node)
    return not enclosing_loops(group.place)


def remade(entry: Entry, event: Event, optimizer: Optimizer) -> Sharing | None:
    """Return what a loop gives to each of the optimizers that it makes, and the options that are ignored by that."""
    loops = enclosing_loops(event.place)
    if not loops or not optimizer.given or not optimizer.constructions[0].complete:
        return None
    if not repetition(entry, event).loops:
        return None
    loop = loops[-1]
    groups = tuple(each for each in optimizer.given if each.place is not None and _is_before(each.place, event, loop))
    call = event.place.node
    if not groups or not isinstance(call, ast.Call):
        return None
    assigned = names_assigned([loop])
    options = tuple(
        keyword.arg
        for keyword in call.keywords
        if keyword.arg not in (None, "params")
        and any(keyword.arg not in group.keys and group.complete for group in groups)
        and (
            names_in([keyword.value]) & assigned or (keyword.arg == "lr" and _is_scheduled_in(entry, event, optimizer))
        )
    )
    return Sharing(groups, tuple(filter(None, options))) if options else None


def _is_before(display: Place, event: Event, loop: ast.stmt) -> bool:
    """Whether a dict is written in the same function as a loop, and outside of it."""
    if not same_function(display, event.place):
        return False
    return all(node is not display.node for node in ast.walk(loop))


def _is_scheduled_in(entry: Entry, event: Event, optimizer: Optimizer) -> bool:
    """Whether the loop that makes an optimizer changes its rate by a schedule."""
    loops = repetition(entry, event).loops
    for each in entry.having(Act.SCHEDULE):
        scheduler = canonical(each.subjects[0]) if each.subjects else None
        if isinstance(scheduler, Scheduler) and optimizer in map(canonical, scheduler.optimizers):
            around = repetition(entry, each).loops
            if loops and any(loop is loops[0] for loop in around):
                return True
    return False
