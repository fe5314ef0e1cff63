"""Loop counters: a test such as `if epoch > 0` tells the first iteration of a loop from all others."""

from __future__ import annotations

import ast
import operator
from collections.abc import Callable
from dataclasses import dataclass

_COUNTING = frozenset(("range", "trange", "prange"))
_PASSING = frozenset(("tqdm", "track", "progress_bar", "auto_tqdm", "list", "iter"))
"""Functions that give what they are given, element by element."""
_OPERATORS: dict[type[ast.cmpop], Callable[[int, int], bool]] = {
    ast.Eq: operator.eq,
    ast.NotEq: operator.ne,
    ast.Lt: operator.lt,
    ast.LtE: operator.le,
    ast.Gt: operator.gt,
    ast.GtE: operator.ge,
}
_MIRRORED: dict[type[ast.cmpop], type[ast.cmpop]] = {ast.Lt: ast.Gt, ast.LtE: ast.GtE, ast.Gt: ast.Lt, ast.GtE: ast.LtE}
_FAR = 1_000_000_000
_MATTERING = frozenset(("step", "zero_grad", "backward", "step_update"))
"""Methods that make it matter in which iteration they are called."""


@dataclass(frozen=True, slots=True)
class Counter:
    """The counter of a loop in its first iteration, or in any later one, where it is larger than `start`."""

    name: str
    start: ast.expr
    first: bool = True

    def outcome(self, test: ast.expr) -> bool | None:
        """Whether a test of this counter holds in the iteration, or None where it depends on something else."""
        match test:
            case ast.UnaryOp(op=ast.Not(), operand=operand):
                inner = self.outcome(operand)
                return None if inner is None else not inner
            case ast.BoolOp(op=op, values=values):
                stop = isinstance(op, ast.Or)
                outcomes = [self.outcome(value) for value in values]
                return stop if stop in outcomes else None if None in outcomes else not stop
            case ast.Name(id=self.name):
                return self._compared(ast.NotEq, 0) if _number(self.start) is not None else None
            case ast.Compare(left=ast.Name(id=self.name), ops=[op], comparators=[other]):
                return self._against(type(op), other)
            case ast.Compare(left=other, ops=[op], comparators=[ast.Name(id=self.name)]):
                return self._against(_MIRRORED.get(type(op), type(op)), other)
            case _:
                return None

    def _against(self, op: type[ast.cmpop], other: ast.expr) -> bool | None:
        number = _number(other)
        if number is not None and _number(self.start) is not None:
            return self._compared(op, number)
        # Both unknown, and the same: only whether the counter has moved matters.
        return self._compared(op, 0, 0) if ast.dump(other) == ast.dump(self.start) else None

    def _compared(self, op: type[ast.cmpop], number: int, start: int | None = None) -> bool | None:
        compare = _OPERATORS.get(op)
        start = _number(self.start) if start is None else start
        if compare is None or start is None:
            return None
        if self.first:
            return compare(start, number)
        nearest, farthest = compare(start + 1, number), compare(_FAR, number)
        within = start + 1 <= number < _FAR
        return nearest if nearest is farthest and not (within and op in (ast.Eq, ast.NotEq)) else None


def tested_counter(loop: ast.AST) -> Counter | None:
    """Return the counter of a loop whose body asks whether this is the first iteration, else None."""
    if not isinstance(loop, ast.For | ast.AsyncFor):
        return None
    counter = _counter(loop.iter, loop.target)
    if counter is None:
        return None
    tested = False
    for statement in loop.body:
        for node in ast.walk(statement):
            if isinstance(node, ast.Name) and node.id == counter.name and isinstance(node.ctx, ast.Store):
                return None
            if isinstance(node, ast.If) and not tested:
                tested = _asks(counter, node.test) and _matters(node)
    return counter if tested else None


def _matters(branch: ast.If) -> bool:
    return any(
        isinstance(node, ast.Continue) or (isinstance(node, ast.Attribute) and node.attr in _MATTERING)
        for node in ast.walk(branch)
    )


def _asks(counter: Counter, test: ast.expr) -> bool:
    """Whether a test, or a part of it, is decided in the first iteration."""
    return any(counter.outcome(part) is not None for part in ast.walk(test) if isinstance(part, ast.expr))


def _counter(iterable: ast.expr, target: ast.expr) -> Counter | None:
    match iterable, target:
        case ast.Call(func=function, args=[inner, *_]), _ if _name(function) in _PASSING:
            return _counter(inner, target)
        case ast.Call(func=function, args=[_]), ast.Name(id=name) if _name(function) in _COUNTING:
            return Counter(name, ast.Constant(0))
        case ast.Call(func=function, args=[start, _]), ast.Name(id=name) if _name(function) in _COUNTING:
            return Counter(name, start)
        case ast.Call(func=ast.Name(id="enumerate"), args=[_], keywords=[]), ast.Tuple(elts=[ast.Name(id=name), *_]):
            return Counter(name, ast.Constant(0))
        case (
            (
                ast.Call(func=ast.Name(id="enumerate"), args=[_, start])
                | ast.Call(func=ast.Name(id="enumerate"), args=[_], keywords=[ast.keyword(arg="start", value=start)])
            ),
            ast.Tuple(elts=[ast.Name(id=name), *_]),
        ):
            return Counter(name, start)
        case _:
            return None


def _name(function: ast.expr) -> str:
    return getattr(function, "attr", "") or getattr(function, "id", "")


def _number(node: ast.expr) -> int | None:
    match node:
        case ast.Constant(value=bool()):
            return None
        case ast.Constant(value=int(value)):
            return value
        case ast.UnaryOp(op=ast.USub(), operand=ast.Constant(value=int(value))):
            return -value
        case _:
            return None
