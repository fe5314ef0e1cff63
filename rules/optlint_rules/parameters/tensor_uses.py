"""What code does with a tensor that is an attribute of a module: compute with it, or take care of it by hand."""

from __future__ import annotations

import ast

from optlint.api import ModuleInfo, parent
from optlint_rules.parameters.module_classes import Mention

_BY_HAND = ("grad", "data", "requires_grad", "requires_grad_", "register_hook", "backward", "detach_")


def is_only_read(mention: Mention) -> bool:
    """Whether a place computes with the attribute: it is not handed to an optimizer, kept elsewhere or written to."""
    if not isinstance(mention.node.ctx, ast.Load):
        return mention.function.name == "__init__"
    match mention.around():
        case ast.Attribute(attr=attribute):
            return attribute not in _BY_HAND
        case ast.List() | ast.Dict() | ast.Return() | ast.Starred():
            return False
        case ast.Call() as call if "checkpoint" in ast.unparse(call.func):
            return False  # it makes a recomputed part of the graph want gradients, and is no weight
        case ast.Call() as call:
            return mention.function.name != "__init__" or ast.unparse(call.func).startswith(
                ("nn.init", "torch.nn.init")
            )
        case ast.Assign():
            return mention.function.name != "__init__"
        case _:
            return True


def is_handed_on(module: ModuleInfo, node: ast.Attribute) -> bool:
    """Whether code outside of the class gives the attribute of a module to something, or writes to it."""
    if not isinstance(node.ctx, ast.Load):
        return True
    match parent(module, node):
        case ast.List() | ast.Tuple() | ast.Dict() | ast.Starred() | ast.keyword() | ast.Return():
            return True
        case ast.Call(func=function):
            return function is not node
        case ast.Attribute(attr=attribute):
            return attribute in _BY_HAND
        case _:
            return False
