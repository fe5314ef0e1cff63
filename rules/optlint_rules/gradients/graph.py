"""Losses that surely have a graph: torch's own, of what a module with parameters gave while gradients were on."""

from __future__ import annotations

import ast

from optlint.api import Act, Entry, Event, Model, Place, canonical
from optlint_rules.gradients.losses import Assignments
from optlint_rules.gradients.mean_losses import MeanLosses
from optlint_rules.gradients.windows import Reader

_CUT = frozenset(
    """
    detach detach_ data item tolist numpy argmax argmin max min topk eq ne gt lt ge le round sign bool long int no_grad
    """.split()
)
"""Attributes that lead out of a graph, or may do so."""
_DEPTH = 6


def forwards(entry: Entry) -> dict[ast.AST, list[Event]]:
    """Return the calls of an entry that run a module with parameters, all with gradients on; by their node."""
    found: dict[ast.AST, list[Event]] = {}
    frozen = {canonical(each) for event in entry.having(Act.FREEZE) for each in event.subjects}
    without: set[ast.AST] = set()
    for event in entry.having(Act.FORWARD):
        models = [model for model in event.models() if model.has_parameters]
        if event.detail == "no_grad" or any(each.overlaps(other) for each in models for other in _models(frozen)):
            without.add(event.place.node)
        elif models:
            found.setdefault(event.place.node, []).append(event)
    return {node: events for node, events in found.items() if node not in without}


def _models(objects: set) -> list[Model]:  # type: ignore[type-arg]
    return [each for each in objects if isinstance(each, Model)]


class Graph:
    """Looks for the forward that a loss was computed from, within one function."""

    def __init__(self, ran: dict[ast.AST, list[Event]], anchor: Event) -> None:
        self.ran = ran
        self.frame = len(anchor.stack)
        self.losses = MeanLosses(Reader(anchor))

    def of_loss(self, node: ast.expr, place: Place, depth: int = _DEPTH) -> Event | None:
        """Return the forward behind an expression that is surely one of torch's losses, or a multiple of it."""
        if not depth:
            return None
        match node:
            case ast.Name(id=name):
                return self._of_name(name, place, depth, is_loss=True)
            case ast.BinOp(left=left, op=ast.Mult() | ast.Div() | ast.Add(), right=right):
                return self.of_loss(left, place, depth - 1) or (
                    None if isinstance(node.op, ast.Div) else self.of_loss(right, place, depth - 1)
                )
            case ast.Call(func=ast.Attribute(value=inner, attr="mean" | "sum"), args=[]):
                return self.of_loss(inner, place, depth - 1)
            case ast.Call() if self.losses.is_loss_call(node, place, self.frame):
                return next((found for each in node.args if (found := self.behind(each, place, depth - 1))), None)
            case _:
                return None

    def behind(self, node: ast.AST, place: Place, depth: int) -> Event | None:
        """Return a forward that an expression was computed from, with nothing between that cuts the graph."""
        if not depth:
            return None
        if node in self.ran:
            return self.ran[node][0]
        match node:
            case ast.Compare() | ast.Constant() | ast.Lambda():
                return None
            case ast.Attribute(attr=attribute) if attribute in _CUT:
                return None
            case ast.Call(func=ast.Attribute(attr=attribute)) if attribute in _CUT:
                return None
            case ast.Name(id=name):
                return self._of_name(name, place, depth, is_loss=False)
            case _:
                inner = (self.behind(each, place, depth - 1) for each in ast.iter_child_nodes(node))
                return next((found for found in inner if found is not None), None)

    def _of_name(self, name: str, place: Place, depth: int, *, is_loss: bool) -> Event | None:
        found = Assignments(place, name).reaching()
        if not found:
            return None
        events: list[Event | None] = []
        for each in found:
            there = Place(place.module, each.statement)
            look = self.of_loss if is_loss else self.behind
            events.append(look(each.value, there, depth - 1))
        return events[0] if all(events) else None
