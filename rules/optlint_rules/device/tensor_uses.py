"""How a name is used and where it comes from, as far as that tells a tensor from other things."""

from __future__ import annotations

import ast
import re
from collections.abc import Callable

from optlint_rules.device.tensor_words import OF_OTHERS, TENSOR_ATTRIBUTES

_LOADER = re.compile(r"(?i)load|batch|data")


def is_no_tensor(read: ast.Name, parent: Callable[[ast.AST], ast.AST | None]) -> bool:
    """Whether a tensor cannot be used in this way."""
    outer = parent(read)
    match outer:
        case ast.Call(func=function) if function is read:
            return True
        case ast.Attribute(attr=attribute):
            called = parent(outer)
            if isinstance(called, ast.Call) and called.func is outer:
                return attribute in OF_OTHERS
            return attribute not in TENSOR_ATTRIBUTES
        case ast.Subscript(slice=ast.Constant(value=str())):
            return True
        case ast.keyword(arg=None):
            return True
        case _:
            return False


def is_loader(iterable: ast.expr) -> bool:
    """Whether what a loop goes through is a loader by its name."""
    while isinstance(iterable, ast.Call) and iterable.args:
        iterable = iterable.args[0]  # `enumerate(...)`, `tqdm(...)`
    text = ast.unparse(iterable)
    return isinstance(iterable, ast.Name | ast.Attribute | ast.Subscript) and bool(_LOADER.search(text))


def is_single(target: ast.expr, name: str) -> bool:
    """Whether a name gets all that a loop gives, but for a counter."""
    if isinstance(target, ast.Tuple) and len(target.elts) == 2 and isinstance(target.elts[1], ast.Name):
        return target.elts[1].id == name and _is_counter(target.elts[0])
    return isinstance(target, ast.Name)


def _is_counter(target: ast.expr) -> bool:
    return isinstance(target, ast.Name) and bool(
        re.fullmatch(r"_|[ijkn]|.*(idx|index|step|iter|batch_i|num|count).*", target.id)
    )


def is_target(loop: ast.AST, name: str) -> bool:
    """Whether a loop binds a name anew in each iteration: what was done to it is not seen in the next one."""
    target = getattr(loop, "target", None)
    return target is not None and any(isinstance(node, ast.Name) and node.id == name for node in ast.walk(target))
