"""Where an event happens: the loops around it and the conditions on the way to it, through all calls on that way."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from dataclasses import dataclass
from typing import TypeAlias

from optlint.api import Event, Place, parent

_SCOPES = (ast.FunctionDef, ast.AsyncFunctionDef, ast.Lambda, ast.ClassDef, ast.Module)
LOOPS = (ast.For, ast.AsyncFor, ast.While)
_LEAVING = (ast.Continue, ast.Break, ast.Return, ast.Raise)


@dataclass(frozen=True, slots=True)
class Around:
    """A loop around an event."""

    place: Place


@dataclass(frozen=True, slots=True)
class Condition:
    """What is asked on the way to an event, and with which outcome one gets there.

    `owner` is the statement that asks, `test` what it asks, or None where that is no question about values (a handler,
    a case). `frame` counts the calls between the event's beginning and the function that asks.
    """

    owner: Place
    test: ast.expr | None
    outcome: bool
    frame: int

    def same(self, other: Condition) -> bool:
        """Whether two events stand under this condition alike."""
        return self.owner.node is other.owner.node and self.outcome is other.outcome


Surrounding: TypeAlias = Around | Condition


def surroundings(event: Event) -> list[Surrounding]:
    """Return the loops and conditions around an event, the outermost first."""
    found: list[Surrounding] = []
    for frame, place in enumerate((*event.stack, event.place)):
        if not isinstance(place.node, _SCOPES):
            found.extend(_within_function(place, frame))
    return found


def within(event: Event, loop: Place) -> list[Surrounding] | None:
    """Return what is around an event inside of a loop, or None where the event is not inside."""
    around = surroundings(event)
    for index, each in enumerate(around):
        if isinstance(each, Around) and each.place.node is loop.node:
            return around[index + 1 :]
    return None


def conditions(around: list[Surrounding]) -> list[Condition]:
    """Return the conditions among what is around an event."""
    return [each for each in around if isinstance(each, Condition)]


def shared_loop(*events: Event) -> Place | None:
    """Return the innermost loop that all events happen in."""
    chains = [[each.place for each in surroundings(event) if isinstance(each, Around)] for event in events]
    found = None
    for places in zip(*chains, strict=False):
        if any(place.node is not places[0].node for place in places):
            break
        found = places[0]
    return found


def precedes(first: Event, second: Event) -> bool:
    """Whether the one stands above the other, in the function that leads to both."""
    for one, other in zip((*first.stack, first.place), (*second.stack, second.place), strict=False):
        if one.node is not other.node:
            return one.module is other.module and _position(one.node) < _position(other.node)
    return False


def _position(node: ast.AST) -> tuple[int, int]:
    return getattr(node, "lineno", 0), getattr(node, "col_offset", 0)


def _within_function(place: Place, frame: int) -> list[Surrounding]:
    found: list[Surrounding] = []
    inner: ast.AST = place.node
    outer = parent(place.module, inner)
    while outer is not None:
        here = Place(place.module, outer)
        found.extend(reversed(list(_leaving_before(here, inner, frame))))
        if isinstance(outer, _SCOPES):
            break
        match outer:
            case ast.For() | ast.AsyncFor() | ast.While() if inner in outer.body:
                found.append(Around(here))
            case ast.If(test=test) | ast.IfExp(test=test) if inner is not test:
                body = outer.body if isinstance(outer.body, list) else [outer.body]
                found.append(Condition(here, test, inner in body, frame))
            case ast.ExceptHandler() | ast.match_case():
                found.append(Condition(here, None, True, frame))
            case _:
                pass
        inner, outer = outer, parent(place.module, outer)
    return found[::-1]


def _leaving_before(outer: Place, inner: ast.AST, frame: int) -> Iterator[Condition]:
    """Yield the conditions of the block of a statement that lead away above it."""
    block = next((block for block in _blocks(outer.node) if inner in block), [])
    for statement in block:
        if statement is inner:
            return
        if isinstance(statement, ast.If):
            leaves = [bool(arm) and isinstance(arm[-1], _LEAVING) for arm in (statement.body, statement.orelse)]
            if leaves[0] is not leaves[1]:
                yield Condition(Place(outer.module, statement), statement.test, leaves[1], frame)


def _blocks(node: ast.AST) -> Iterator[list[ast.stmt]]:
    for name in ("body", "orelse", "finalbody"):
        block = getattr(node, name, None)
        if isinstance(block, list):
            yield block
