"""Whether a name stands for data alone: tensors that are made without gradients, and what only picks among them."""

from __future__ import annotations

import ast

from optlint.api import Place, Program, enclosing_function

_MADE = frozenset(
    """rand randn randint randperm zeros ones full arange linspace eye empty tensor as_tensor from_numpy
    rand_like randn_like zeros_like ones_like full_like""".split()
)
_PICKED = frozenset(
    "long float double int bool to cuda cpu view reshape unsqueeze squeeze sum mean argmax argmin clone flatten".split()
)
_DEEPEST = 4


def is_made_as_data(place: Place, name: str, program: Program) -> bool:
    """Whether all that is assigned to a name, in its function or at the file's top level, is data."""
    return place.module is program.module and _is_data(place, name, program, 0)


def _is_data(place: Place, name: str, program: Program, depth: int) -> bool:
    if depth > _DEEPEST or f"{name}.requires_grad" in place.module.source.text:
        return False
    function = enclosing_function(place)
    values = _values(function, name)
    if not values and not isinstance(function, ast.Module):
        arguments = [node.arg for node in ast.walk(function) if isinstance(node, ast.arg)]
        values = [] if name in arguments else _values(place.module.tree, name)
    return bool(values) and all(value is not None and _makes(value, place, program, depth) for value in values)


def _values(scope: ast.AST, name: str) -> list[ast.expr | None]:
    """Return what is assigned to a name, None for what is not plain."""
    found: list[ast.expr | None] = []
    plain: set[ast.AST] = set()
    for node in ast.walk(scope):
        if not isinstance(node, ast.Assign):
            continue
        for target in node.targets:
            match target, node.value:
                case ast.Name(id=bound), value if bound == name:
                    found.append(value)
                    plain.add(target)
                case ast.Tuple(elts=names), ast.Tuple(elts=values) if len(names) == len(values):
                    for one, value in zip(names, values, strict=True):
                        if isinstance(one, ast.Name) and one.id == name:
                            found.append(value)
                            plain.add(one)
                case _:
                    pass
    for node in ast.walk(scope):
        if isinstance(node, ast.Name) and node.id == name and not isinstance(node.ctx, ast.Load) and node not in plain:
            found.append(None)
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
