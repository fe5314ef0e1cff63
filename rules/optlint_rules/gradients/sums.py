"""Sums that grow in a loop, and what becomes of them."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from dataclasses import dataclass

from optlint.api import ModuleInfo, Place, enclosing_function, enclosing_loops, parent

_LOOKING = frozenset(
    """
    print float int str repr round format append add_scalar add_scalars log info debug warning write set_postfix
    set_postfix_str set_description min max isnan isfinite
    """.split()
)
"""Functions and methods that do no more with a number than to show or keep it."""
_STARTING = frozenset(("backward", "grad", "scale", "manual_backward", "scale_loss"))
"""Functions and methods that begin a backward from what they are given."""


@dataclass(frozen=True, slots=True, eq=False)
class Sum:
    """`target += value`, or `target = target + value`."""

    statement: ast.stmt
    target: ast.expr
    value: ast.expr


def sums(module: ModuleInfo) -> tuple[Sum, ...]:
    """Return all sums of a file, in loops or not."""

    def find(_: ast.AST) -> tuple[Sum, ...]:
        statements = (*module.nodes.of(ast.AugAssign), *module.nodes.of(ast.Assign))
        return tuple(each for statement in statements for each in _sum(statement))

    return module.trait(module.tree, "sums", find)


def _sum(node: ast.AST) -> Iterator[Sum]:
    match node:
        case ast.AugAssign(target=ast.Name() | ast.Attribute() as target, op=ast.Add(), value=value):
            yield Sum(node, target, value)
        case ast.Assign(targets=[ast.Name() | ast.Attribute() as target], value=ast.BinOp(left=left, op=ast.Add())):
            if ast.unparse(left) == ast.unparse(target):
                assert isinstance(node.value, ast.BinOp)
                yield Sum(node, target, node.value.right)
        case _:
            pass


def is_backpropagated(found: Sum, place: Place) -> bool:
    """Whether a backward may begin from a sum, or from something that is computed from it.

    Of an attribute that is looked for in the whole file.
    """
    scope = _scope(found, place)
    names = _derived(found, scope)
    for node in ast.walk(scope):
        if not isinstance(node, ast.Call):
            continue
        name = getattr(node.func, "attr", "") or getattr(node.func, "id", "")
        if name in _STARTING and _mentions(node, names):
            return True
    return False


def is_only_looked_at(found: Sum, place: Place) -> bool:
    """Whether a sum is only shown, compared, kept or returned."""
    scope = _scope(found, place)
    names = _derived(found, scope)
    for node in ast.walk(scope):
        if isinstance(node, ast.Call) and not isinstance(node.func, ast.Attribute | ast.Name):
            return False
        if isinstance(node, ast.Call) and any(_mentions(each, names) for each in (*node.args, *node.keywords)):
            name = getattr(node.func, "attr", "") or getattr(node.func, "id", "")
            if name not in _LOOKING:
                return False
    return isinstance(found.target, ast.Name)


def outlives(found: Sum, place: Place) -> bool:
    """Whether a sum goes on from one iteration of the innermost loop to the next: nothing in the loop sets it anew."""
    loops = enclosing_loops(place)
    text = ast.unparse(found.target)
    for node in ast.walk(loops[0]) if loops else ():
        if isinstance(node, ast.Name | ast.Attribute) and isinstance(node.ctx, ast.Store) and ast.unparse(node) == text:
            owner = parent(place.module, node)
            if owner is not found.statement and not isinstance(owner, ast.AugAssign):
                return False
    return bool(loops)


def _scope(found: Sum, place: Place) -> ast.AST:
    return enclosing_function(place) if isinstance(found.target, ast.Name) else place.module.tree


def _derived(found: Sum, scope: ast.AST) -> set[str]:
    """Return the names of a sum and of all that is computed from it."""
    names = {_last(found.target)}
    for _ in range(4):
        before = len(names)
        for node in ast.walk(scope):
            match node:
                case ast.Assign(targets=targets, value=value) if _mentions(value, names):
                    names.update(_last(each) for target in targets for each in _flat(target))
                case (
                    ast.AugAssign(target=target, value=value) | ast.AnnAssign(target=target, value=ast.expr() as value)
                ) if _mentions(value, names):
                    names.add(_last(target))
                case ast.Call(func=ast.Attribute(value=kept, attr="append"), args=[value]) if _mentions(value, names):
                    names.add(_last(kept))
                case _:
                    pass
        if len(names) == before:
            break
    return names - {""}


def _flat(target: ast.expr) -> list[ast.expr]:
    return target.elts if isinstance(target, ast.Tuple | ast.List) else [target]


def _mentions(node: ast.AST, names: set[str]) -> bool:
    """Whether a node reads one of some names, other than as a number."""
    pending: list[ast.AST] = [node]
    while pending:
        current = pending.pop()
        match current:
            case (
                ast.Call(func=ast.Attribute(attr="item" | "detach" | "tolist"))
                | ast.Call(func=ast.Name(id="float" | "int"))
            ):
                continue
            case ast.Name(id=name, ctx=ast.Load()) | ast.Attribute(attr=name, ctx=ast.Load()) if name in names:
                return True
            case _:
                pending.extend(ast.iter_child_nodes(current))
    return False


def _last(node: ast.expr) -> str:
    return getattr(node, "attr", "") or getattr(node, "id", "")
