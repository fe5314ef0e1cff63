"""Whether gradients are off where a node runs, in one calling context."""

from __future__ import annotations

import ast
from collections.abc import Sequence

from optlint.api import Place, parent
from optlint_rules.gradients.losses import function_around

_OFF = ("no_grad", "inference_mode")


def is_off(place: Place, stack: Sequence[Place]) -> bool:
    """Whether a node runs without gradients; `stack` are the calls that lead to its function, outermost first."""
    switched = switch(place, stack)
    return switched is not None and _mode(switched) is False


def switch(place: Place, stack: Sequence[Place]) -> ast.expr | None:
    """Return the innermost context or decorator that says whether gradients are on, or None where there is none."""
    for each in (place, *reversed(stack)):
        found = _in_function(each)
        if found is not None:
            return found
    return None


def _in_function(place: Place) -> ast.expr | None:
    inner: ast.AST = place.node
    node = parent(place.module, inner)
    while node is not None and not isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.Lambda):
        if isinstance(node, ast.With | ast.AsyncWith) and inner in node.body:
            for item in reversed(node.items):
                if _is_switch(item.context_expr):
                    return item.context_expr
        inner, node = node, parent(place.module, node)
    function = function_around(place)
    for decorator in reversed(function.decorator_list) if function is not None and function is node else ():
        if _is_switch(decorator):
            return decorator
    return None


def _is_switch(node: ast.expr) -> bool:
    return _name(node) in (*_OFF, "enable_grad", "set_grad_enabled")


def _mode(node: ast.expr) -> bool | None:
    """Whether a context turns gradients on or off; None where that depends."""
    name = _name(node)
    arguments = node.args if isinstance(node, ast.Call) else []
    if name == "no_grad":
        return False
    if name == "inference_mode":
        return _constant(arguments[0], False) if arguments else False
    if name == "enable_grad":
        return True
    return _constant(arguments[0], True) if arguments else None


def _constant(node: ast.expr, on: bool) -> bool | None:
    """Return the mode of an argument that is a literal; true stands for `on`."""
    if isinstance(node, ast.Constant) and isinstance(node.value, bool):
        return node.value is on
    return None


def _name(node: ast.expr) -> str:
    function = node.func if isinstance(node, ast.Call) else node
    if isinstance(function, ast.Attribute):
        return function.attr
    return function.id if isinstance(function, ast.Name) else ""
