"""Values that a backward begins from, which shows that they have a graph, whatever they are computed by."""

from __future__ import annotations

import ast

from optlint.api import Act, Entry, Event, Place, enclosing_loops
from optlint_rules.gradients.grad_mode import is_off
from optlint_rules.gradients.losses import Assignments, function_around, loss_of

_DEPTH = 4
_AGAIN = frozenset(("retain_graph", "create_graph"))


def backpropagated(node: ast.expr, place: Place, entry: Entry, depth: int = _DEPTH) -> Event | None:
    """Return the only backward of a value, or of what it is a multiple of, where gradients are on at `place`.

    That backward stands in the same function, or in one that is called there and returns its loss.
    """
    if not depth:
        return None
    match node:
        case ast.Name(id=name):
            for event in entry.having(Act.BACKWARD):
                if _begins_from(event, name) and _has_one_value(event, name, place):
                    return None if is_off(place, event.stack) else event
            assigned = Assignments(place, name).reaching() or ()
            found = [backpropagated(each.value, _at(each.statement, place), entry, depth - 1) for each in assigned]
            return found[0] if found and all(found) else None
        case ast.BinOp(left=left, op=ast.Mult() | ast.Div() as operator, right=right):
            multiple = backpropagated(left, place, entry, depth - 1)
            if multiple is None and isinstance(operator, ast.Mult):
                multiple = backpropagated(right, place, entry, depth - 1)
            return multiple
        case ast.Call():
            return next((event for event in entry.having(Act.BACKWARD) if _is_returned(event, node)), None)
        case _:
            return None


def _at(statement: ast.stmt, place: Place) -> Place:
    return Place(place.module, statement)


def _begins_from(event: Event, name: str) -> bool:
    """Whether a backward, after which there is none of the same graph, begins from a name."""
    call = event.place.node
    if not isinstance(call, ast.Call) or any(keyword.arg in _AGAIN for keyword in call.keywords):
        return False
    loss = loss_of(call)
    return isinstance(loss, ast.Name) and loss.id == name


def _has_one_value(event: Event, name: str, place: Place) -> bool:
    """Whether a name stands for the same at a backward and at another place of its function, in one innermost loop."""
    here, there = (next(iter(enclosing_loops(each)), None) for each in (event.place, place))
    if here is None or here is not there:
        return False
    first, last = sorted((_line(event.place.node), _line(place.node)))
    return not any(
        isinstance(node, ast.Name)
        and node.id == name
        and not isinstance(node.ctx, ast.Load)
        and first < node.lineno <= last
        for node in ast.walk(here)
    )


def _is_returned(event: Event, call: ast.Call) -> bool:
    """Whether a call gives back the loss that a backward in the function which it calls begins from."""
    function = function_around(event.place)
    if function is None or not event.stack or event.stack[-1].node is not call:
        return False
    returns = [node for node in ast.walk(function) if isinstance(node, ast.Return)]
    names = {node.value.id if isinstance(node.value, ast.Name) else "" for node in returns}
    if len(names) != 1 or not _begins_from(event, name := names.pop()):
        return False
    line = _line(event.place.node)
    stored = (node for node in ast.walk(function) if isinstance(node, ast.Name) and node.id == name)
    return all(isinstance(node.ctx, ast.Load) or node.lineno < line for node in stored)


def _line(node: ast.AST) -> int:
    return getattr(node, "lineno", 0)
