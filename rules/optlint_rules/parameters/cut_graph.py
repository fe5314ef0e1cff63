"""Expressions that make a new tensor of a loss, without its graph."""

from __future__ import annotations

import ast

_COPIES = frozenset(("tensor", "Tensor", "FloatTensor", "DoubleTensor", "HalfTensor", "from_numpy"))
_STILL = frozenset(("to", "cuda", "cpu", "float", "double", "half"))
"""Methods whose result has the graph of what they are called on."""


def wrapped(value: ast.expr) -> ast.expr | None:
    """Return what a new leaf that wants gradients is made of, or None where a value is no such leaf."""
    match value:
        case ast.Call(func=ast.Attribute(value=inner, attr=method)) if method in _STILL:
            return wrapped(inner)
        case ast.Call(func=ast.Attribute(value=inner, attr="requires_grad_"), args=[] | [ast.Constant(value=True)]):
            return is_cut(inner)
        case ast.Call(func=function, args=[inner, *rest], keywords=keywords):
            flags = [keyword.value for keyword in keywords if keyword.arg == "requires_grad"]
            name = _last(function)
            if name == "Variable" and not flags:
                flags = list(rest[:1])
            wants = bool(flags) and isinstance(flags[0], ast.Constant) and flags[0].value is True
            return _computed(inner) if wants and name in ("tensor", "Variable") else None
        case _:
            return None


def is_cut(value: ast.expr) -> ast.expr | None:
    """Return what a value without graph was made of, or None where it may have its graph."""
    match value:
        case ast.Call(func=ast.Attribute(value=inner, attr=method)) if method in _STILL:
            return is_cut(inner)
        case ast.Call(func=ast.Attribute(value=inner, attr="detach" | "detach_"), args=[]):
            return _computed(inner)
        case ast.Attribute(value=inner, attr="data"):
            return _computed(inner)
        case ast.Call(func=function, args=[inner, *_]) if _last(function) in _COPIES:
            return _computed(inner)
        case ast.Call(func=function, args=[inner]) if _last(function) == "Variable":
            return is_cut(inner)
        case _:
            return None


def unwrapped(value: ast.expr) -> ast.expr:
    """Return the innermost thing that a leaf or a cut value was made of."""
    inner = wrapped(value) or is_cut(value)
    return value if inner is None else inner


def _computed(value: ast.expr) -> ast.expr | None:
    """Return a value that was computed, out of the numbers and lists it was put into; None for a literal."""
    while True:
        match value:
            case ast.Call(func=ast.Attribute(value=inner, attr="item" | "detach" | "cpu" | "numpy" | "tolist")):
                value = inner
            case ast.Attribute(value=inner, attr="data"):
                value = inner
            case ast.Call(func=ast.Name(id="float"), args=[inner]):
                value = inner
            case ast.List(elts=[inner]) | ast.Tuple(elts=[inner]):
                value = inner
            case ast.Call(func=function, args=[inner]) if _last(function) in ("array", "asarray", "tensor", "Variable"):
                value = inner
            case ast.Name() | ast.Attribute() | ast.Call() | ast.BinOp() | ast.Subscript():
                return value
            case _:
                return None


def _last(function: ast.expr) -> str:
    if isinstance(function, ast.Attribute):
        return function.attr
    return function.id if isinstance(function, ast.Name) else ""
