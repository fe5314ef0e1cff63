"""Numbers that a function has by default: of one that nobody in the file calls, nobody knows what it is given."""

from __future__ import annotations

import ast
from collections.abc import Iterator

from optlint.api import Event


def default_numbers(*events: Event) -> frozenset[float]:
    """Return the numbers that the functions around some events have by default, where the file does not call them."""
    return frozenset(number for event in events for place in event.stack for number in _numbers(_function(place.node)))


def _function(node: ast.AST) -> ast.AST | None:
    """Return the function that runs where a way into the file is one, or a class, and no call."""
    if isinstance(node, ast.ClassDef):
        methods = (each for each in node.body if isinstance(each, ast.FunctionDef) and each.name == "__init__")
        return next(methods, None)
    return node if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef) else None


def _numbers(function: ast.AST | None) -> Iterator[float]:
    if not isinstance(function, ast.FunctionDef | ast.AsyncFunctionDef):
        return
    for each in (*function.args.defaults, *function.args.kw_defaults):
        match each:
            case ast.Constant(value=int() | float() as number):
                yield number
            case ast.UnaryOp(op=ast.USub(), operand=ast.Constant(value=int() | float() as number)):
                yield -number
            case _:
                pass
