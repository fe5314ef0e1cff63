"""What is data alone: tensors that are made without gradients, batches, and what only picks among them."""

from __future__ import annotations

import ast
import re

from optlint.api import ModuleInfo, Place, Program, enclosing_function, parent
from optlint_rules.gradients.losses import Assignments, is_data

_MADE = frozenset(
    """rand randn randint randperm zeros ones full arange linspace eye empty tensor as_tensor from_numpy
    rand_like randn_like zeros_like ones_like full_like""".split()
)
_PICKED = frozenset(
    "long float double int bool to cuda cpu view reshape unsqueeze squeeze sum mean argmax argmin clone flatten".split()
)
_LOADS = re.compile(r"(?i)load|data|batch|sample|dl\b")
_DEEPEST = 4


def is_plain_data(value: ast.expr, place: Place, program: Program, depth: int = 0) -> bool:
    """Whether an expression is surely data: a constant, a loop's variable, a part of a batch, or made from such."""
    if depth > _DEEPEST:
        return False
    match value:
        case ast.Constant():
            return True
        case ast.Name(id=name):
            if is_data(place, name) or is_made_as_data(place, name, program):
                return True
            found = () if _is_flagged(place, name) else Assignments(place, name).reaching() or ()
            return bool(found) and all(
                is_plain_data(each.value, Place(place.module, each.statement), program, depth + 1) for each in found
            )
        case ast.Subscript(value=ast.Name(id=name)) | ast.Attribute(value=ast.Name(id=name)) if is_data(place, name):
            return _LOADS.search(_iterated(place, name)) is not None
        case ast.Subscript(value=inner):
            return is_plain_data(inner, place, program, depth + 1)
        case ast.Call(func=ast.Attribute(value=inner, attr=method)) if method in _PICKED:
            return is_plain_data(inner, place, program, depth + 1)
        case ast.Call():
            return _makes(value, place, program, depth)
        case _:
            return False


def _iterated(place: Place, name: str) -> str:
    """Return the text of what the innermost loop with this variable goes through."""
    node = parent(place.module, place.node)
    while node is not None:
        if isinstance(node, ast.For | ast.AsyncFor):
            if any(isinstance(each, ast.Name) and each.id == name for each in ast.walk(node.target)):
                return ast.unparse(node.iter)
        node = parent(place.module, node)
    return ""


def is_made_as_data(place: Place, name: str, program: Program) -> bool:
    """Whether all that is assigned to a name, in its function or at the file's top level, is data."""
    return place.module is program.module and _is_data(place, name, program, 0)


def _is_data(place: Place, name: str, program: Program, depth: int) -> bool:
    if depth > _DEEPEST or _is_flagged(place, name):
        return False
    function = enclosing_function(place)
    values = _values(place.module, function, name)
    if not values and not isinstance(function, ast.Module):
        arguments = [node.arg for node in place.module.nodes.within(function, ast.arg)]
        values = [] if name in arguments else _values(place.module, place.module.tree, name)
    return bool(values) and all(value is not None and _makes(value, place, program, depth) for value in values)


def _is_flagged(place: Place, name: str) -> bool:
    """Whether something of a name is said to want gradients, or not to."""
    return f"{name}.requires_grad" in place.module.source.text


def _values(module: ModuleInfo, scope: ast.AST, name: str) -> list[ast.expr | None]:
    """Return what a scope assigns to a name, None for what is not plain."""
    return module.trait(scope, "what names are assigned", lambda node: _assigned(module, node)).get(name, [])


def _assigned(module: ModuleInfo, scope: ast.AST) -> dict[str, list[ast.expr | None]]:
    found: dict[str, list[ast.expr | None]] = {}
    plain: set[ast.AST] = set()
    for node in module.nodes.within(scope, ast.Assign):
        for target in node.targets:
            match target, node.value:
                case ast.Name(id=name), value:
                    found.setdefault(name, []).append(value)
                    plain.add(target)
                case ast.Tuple(elts=names), ast.Tuple(elts=values) if len(names) == len(values):
                    for one, value in zip(names, values, strict=True):
                        if isinstance(one, ast.Name):
                            found.setdefault(one.id, []).append(value)
                            plain.add(one)
                case _:
                    pass
    for named in module.nodes.within(scope, ast.Name):
        if not isinstance(named.ctx, ast.Load) and named not in plain:
            found.setdefault(named.id, []).append(None)
    return found


def _makes(value: ast.expr, place: Place, program: Program, depth: int) -> bool:
    match value:
        case ast.Constant():
            return True
        case ast.Name(id=name):
            return _is_data(place, name, program, depth + 1)
        case ast.Subscript(value=inner):
            return _makes(inner, place, program, depth)
        case ast.Compare():
            return True  # which has no gradient, whatever is compared
        case ast.Call(keywords=keywords) if any(each.arg in (None, "requires_grad") for each in keywords):
            return False
        case ast.Call(func=ast.Attribute(value=inner, attr=method)) if method in _PICKED:
            return _makes(inner, place, program, depth)
        case ast.Call(func=function):
            package, _, made = program.qualify(function).rpartition(".")
            return package == "torch" and made in _MADE
        case _:
            return False
