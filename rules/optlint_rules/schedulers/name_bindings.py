"""What binds a name in a function, and which loops count."""

from __future__ import annotations

import ast
from collections.abc import Iterator

from optlint.api import Place, parent

_COUNTING = frozenset(("range", "trange", "prange"))
_PASSING = frozenset(("tqdm", "track", "progress_bar", "auto_tqdm", "list", "iter"))


def bindings(function: ast.AST, name: str) -> Iterator[ast.AST]:
    """Yield the nodes that bind a name in a function or at a file's top level."""
    pending = list(ast.iter_child_nodes(function))
    while pending:
        node = pending.pop()
        match node:
            case ast.For(target=target) | ast.AsyncFor(target=target) if _binds(target, name):
                yield node
            case ast.Assign(targets=targets) if any(_binds(target, name) for target in targets):
                yield node
            case ast.AugAssign(target=ast.Name(id=bound)) if bound == name:
                yield node
            case ast.AnnAssign(target=ast.Name(id=bound), value=ast.expr()) if bound == name:
                yield node
            case ast.NamedExpr(target=ast.Name(id=bound)) if bound == name:
                yield node
            case ast.withitem(optional_vars=ast.expr() as target) if _binds(target, name):
                yield node
            case ast.arg(arg=bound) if bound == name:
                yield node
            case _:
                pass
        if not isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef | ast.Lambda):
            pending.extend(ast.iter_child_nodes(node))


def _binds(target: ast.expr, name: str) -> bool:
    return any(isinstance(node, ast.Name) and node.id == name for node in ast.walk(target))


def values_given(node: ast.AST, name: str) -> Iterator[ast.expr]:
    """Yield what a binding gives a name, where that is an expression of its own."""
    match node:
        case ast.Assign(targets=[ast.Name()], value=value):
            yield value
        case ast.Assign(targets=[ast.Tuple(elts=names)], value=ast.Tuple(elts=values)) if len(names) == len(values):
            for target, value in zip(names, values, strict=True):
                if isinstance(target, ast.Name) and target.id == name:
                    yield value
        case ast.AugAssign(value=value) | ast.AnnAssign(value=ast.expr() as value) | ast.NamedExpr(value=value):
            yield value
        case _:
            pass


def is_around(loop: ast.AST, place: Place) -> bool:
    """Whether a place is inside of a loop."""
    node = parent(place.module, place.node)
    while node is not None and node is not loop:
        node = parent(place.module, node)
    return node is loop


def counts(loop: ast.For | ast.AsyncFor, name: str) -> bool:
    """Whether a loop gives a name the numbers of its iterations."""
    target, iterable = loop.target, loop.iter
    while isinstance(iterable, ast.Call) and iterable.args and _called_name(iterable) in _PASSING:
        iterable = iterable.args[0]
    if not isinstance(iterable, ast.Call):
        return False
    if isinstance(target, ast.Name):
        return target.id == name and _called_name(iterable) in _COUNTING
    first = target.elts[0] if isinstance(target, ast.Tuple) and target.elts else None
    return isinstance(first, ast.Name) and first.id == name and _called_name(iterable) == "enumerate"


def _called_name(call: ast.Call) -> str:
    return str(getattr(call.func, "attr", "") or getattr(call.func, "id", ""))
