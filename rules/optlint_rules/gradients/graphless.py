"""Values that have no graph: computed where gradients are surely off, and from nothing but data beside that."""

from __future__ import annotations

import ast
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property

from optlint.api import Act, Entry, Event, Place, Program
from optlint_rules.gradients.grad_mode import is_off
from optlint_rules.gradients.losses import Assignments, function_around
from optlint_rules.gradients.plain_data import is_plain_data

OF_TENSORS = frozenset(
    """mean sum squeeze unsqueeze pow square norm abs log exp sqrt sin cos tanh sigmoid softmax log_softmax
    view reshape flatten float clamp""".split()
)
_DEPTH = 12


@dataclass(frozen=True, slots=True)
class Cut:
    """An expression that is computed without a graph; `stack` are the calls that lead to its function."""

    value: ast.expr
    place: Place
    stack: tuple[Place, ...]


@dataclass(frozen=True)
class Graphless:
    """Looks for what cuts the graphs of values, on one way into a program."""

    program: Program
    entry: Entry

    @cached_property
    def _runs(self) -> dict[ast.AST, Event]:
        return {event.place.node: event for event in self.entry.having(Act.FORWARD)}

    def cut(self, value: ast.expr, place: Place, stack: tuple[Place, ...], depth: int = _DEPTH) -> Cut | None:
        """Return what is computed where gradients are surely off, if that leaves a value without a graph, or None.

        That is the value itself, or what it is computed from, with nothing beside that but data. `place` is where the
        value is used.
        """
        if not depth:
            return None
        here = Place(place.module, value)
        if isinstance(value, ast.Name):
            return None if self.is_data(value, place) else self._of_name(value.id, place, stack, depth)
        if is_off(here, stack):
            computed = self._is_computed(value, here)
            return Cut(value, here, stack) if computed else self._returned(value, here, stack, depth)
        match value:
            case ast.Call(func=ast.Attribute(value=inner, attr=method), args=rest) if method in OF_TENSORS:
                if not all(isinstance(each, ast.Constant) for each in rest):
                    return None
                given: list[ast.expr] = [inner]
            case ast.UnaryOp(op=ast.USub(), operand=inner):
                given = [inner]
            case ast.BinOp(left=left, right=right):
                given = [left, right]
            case ast.Subscript(value=inner) | ast.Attribute(value=inner):
                return self._part(inner, place, stack, depth)
            case ast.Call(args=[_, *_], keywords=keywords) if self._is_loss(value):
                given = [*value.args, *(each.value for each in keywords)]
            case ast.Call():
                return self._returned(value, here, stack, depth)
            case _:
                return None
        return self._all(given, place, stack, depth)

    def is_data(self, value: ast.expr, place: Place) -> bool:
        """Whether an expression is surely data."""
        return is_plain_data(value, place, self.program)

    def _all(self, given: Sequence[ast.expr], place: Place, stack: tuple[Place, ...], depth: int) -> Cut | None:
        """Return the first cut of several values of which each that is no data has one."""
        cuts = [self.cut(each, place, stack, depth - 1) for each in given if not self.is_data(each, place)]
        return cuts[0] if cuts and all(cuts) else None

    def _of_name(self, name: str, place: Place, stack: tuple[Place, ...], depth: int) -> Cut | None:
        found = Assignments(place, name, unpacked=True).reaching() or ()
        cuts: list[Cut | None] = []
        for each in found:
            there = Place(place.module, each.statement)
            if each.position is None:
                cuts.append(self.cut(each.value, there, stack, depth - 1))
            else:
                cuts.append(self._part(each.value, there, stack, depth, each.position))
        return cuts[0] if cuts and all(cuts) else None

    def _part(
        self, value: ast.expr, place: Place, stack: tuple[Place, ...], depth: int, position: int | None = None
    ) -> Cut | None:
        """Return what cuts the graph of a part of a value: of what a module gives, or of a function's tuple."""
        if isinstance(value, ast.Name):
            found = Assignments(place, value.id).reaching() or ()
            cuts = [self._part(each.value, _at(each.statement, place), stack, depth - 1, position) for each in found]
            return cuts[0] if depth and cuts and all(cuts) else None
        run = self._runs.get(value)
        if run is not None:
            here = Place(place.module, value)
            off = is_off(here, stack) and self._is_computed(value, here) and not _gives_parameters(run)
            return Cut(value, here, stack) if off else None
        return None if position is None else self._returned(value, place, stack, depth, position)

    def _returned(
        self, call: ast.expr, place: Place, stack: tuple[Place, ...], depth: int, position: int | None = None
    ) -> Cut | None:
        """Return what cuts the graph of a call of a function of the project, by what it returns."""
        level = len(stack)
        inside = next((event for event in self.entry.events if _leads_through(event, level, call)), None)
        if inside is None:
            return None
        first = inside.stack[level + 1] if len(inside.stack) > level + 1 else inside.place
        function = function_around(first)
        if function is None or any(isinstance(node, ast.Yield | ast.YieldFrom) for node in ast.walk(function)):
            return None
        cuts: list[Cut | None] = []
        for node in ast.walk(function):
            if isinstance(node, ast.Return) and node.value is not None:
                if function_around(Place(first.module, node)) is not function:
                    continue
                value: ast.expr | None = node.value
                if position is not None:
                    parts = value.elts if isinstance(value, ast.Tuple) else []
                    value = parts[position] if position < len(parts) else None
                there = Place(first.module, node)
                inner = inside.stack[: level + 1]
                cuts.append(None if value is None else self.cut(value, there, inner, depth - 1))
        return cuts[0] if cuts and all(cuts) else None

    def _is_loss(self, call: ast.Call) -> bool:
        """Whether a call computes a loss by a function of torch, or by a module that has no parameters."""
        run = self._runs.get(call)
        if run is not None:
            return bool(run.models()) and not any(model.has_parameters for model in run.models())
        return self.program.qualify(call.func).startswith("torch.nn.functional.")

    def _is_computed(self, value: ast.expr, place: Place) -> bool:
        """Whether an expression makes a tensor by an operation of torch, or by a module."""
        match value:
            case ast.Call(func=ast.Attribute(value=inner, attr=method)) if method in OF_TENSORS:
                return isinstance(inner, ast.Name | ast.BinOp) or self._is_computed(inner, place)
            case ast.UnaryOp(op=ast.USub(), operand=inner) | ast.Subscript(value=inner):
                return self._is_computed(inner, place)
            case ast.BinOp(left=left, right=right):
                return any(self._is_computed(side, place) for side in (left, right))
            case ast.Call(func=function):
                run = self._runs.get(value)
                if run is not None:
                    return all(not _turns_on(model.info) for model in run.models())
                if place.module is not self.program.module:
                    return ast.unparse(function).startswith(("F.", "torch.nn.functional.", "nn.functional."))
                return self.program.qualify(function).startswith("torch.nn.functional.")
            case _:
                return False


def _at(statement: ast.stmt, place: Place) -> Place:
    return Place(place.module, statement)


def _leads_through(event: Event, level: int, call: ast.expr) -> bool:
    return len(event.stack) > level and event.stack[level].node is call


def _turns_on(info: object) -> bool:
    """Whether the class of a module turns gradients on itself, or may do so."""
    return any(
        name in text for text in _texts(info) for name in ("enable_grad", "set_grad_enabled", "inference_mode(False")
    )


def _gives_parameters(run: Event) -> bool:
    """Whether a module may give a parameter of its own among its outputs, as far as its class is known."""
    for model in run.models():
        for info in getattr(model.info, "lineage", ()):
            for node in ast.walk(info.node):
                if isinstance(node, ast.Return) and node.value is not None and any(map(_is_own, _elements(node.value))):
                    return True
    return False


def _elements(value: ast.expr) -> list[ast.expr]:
    match value:
        case ast.Tuple(elts=elements) | ast.List(elts=elements) | ast.Dict(values=elements):
            return elements
        case _:
            return [value]


def _is_own(value: ast.expr) -> bool:
    return isinstance(value, ast.Attribute) and isinstance(value.value, ast.Name) and value.value.id == "self"


def _texts(info: object) -> list[str]:
    return [each.module.segment(each.node) for each in getattr(info, "lineage", ())]
