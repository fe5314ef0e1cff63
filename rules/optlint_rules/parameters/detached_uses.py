"""What a program does with detached tensors besides giving them to an optimizer, and with gradients by hand."""

from __future__ import annotations

import ast
import re

from optlint.api import (
    Act,
    Entry,
    Place,
    enclosing_function,
    enclosing_statement,
    optimizer_signature,
    parent,
)
from optlint_rules.parameters.construction import given_parameters

_BY_HAND = re.compile(
    rb"""\.grad(\.data)?\s*=(?!=)(?!\s*None\b)                                # p.grad = g
    | \.grad(\.data)?\.(?!zero_|detach_|requires_grad_|div_|mul_|clamp)[a-z]\w*_\(  # p.grad.copy_(g)
    | setattr\(.*["']_?grad["']
    | \b_grad\s*=
    | functional_call|make_functional|stateless|torch\.func\b|\bhigher\b|multi_tensor
    | \w*grads?_to_\w*|set_(?!requires_)\w*grads?\b|assign_\w*grads?\b|copy_\w*grads?\b
    """,
    re.VERBOSE,
)
"""Words of programs that write gradients themselves, or that run modules with other weights than their own."""
_PASSING = frozenset("len print list tuple id clip_grad_norm_ clip_grad_value_".split())


def gradients_may_come_otherwise(entry: Entry) -> bool:
    """Whether any file of a program may give tensors gradients in another way than by a backward."""
    if any(True for _ in entry.having(Act.SET_GRADIENT)):
        return True
    modules = dict.fromkeys(
        place.module for each in entry.events if each.act in _TELLING for place in (*each.stack, each.place)
    )
    return any(_BY_HAND.search(module.source.data) for module in modules)


_TELLING = frozenset((Act.NEW, Act.DETACHED, Act.BACKWARD, Act.STEP, Act.CLEAR))


def is_only_optimised(cut: Place, made: Place) -> bool:
    """Whether detached tensors go nowhere but into an optimizer, as far as the names tell that they have.

    Args:
        cut: Where the tensors are detached.
        made: Where the optimizer is built.
    """
    given = given_parameters(made.node) if isinstance(made.node, ast.Call) else None
    kept = [Place(made.module, given)] if isinstance(given, ast.Name | ast.Attribute) else []
    name = ast.unparse(given) if kept and given is not None else ""
    builder = getattr(enclosing_function(made), "name", "")
    call = _taken_by(cut)
    statement = enclosing_statement(cut)
    if isinstance(call, ast.Call) and isinstance(call.func, ast.Attribute) and call.func.attr in ("append", "extend"):
        kept.append(Place(cut.module, call.func.value))
    elif call is not None:
        if call is not made.node and not _gives_to_optimizer(call, builder):
            return False
    elif isinstance(statement, ast.Assign | ast.AnnAssign):
        targets = statement.targets if isinstance(statement, ast.Assign) else [statement.target]
        if not all(isinstance(target, ast.Name | ast.Attribute) for target in targets):
            return False
        kept += [Place(cut.module, target) for target in targets]
    elif not isinstance(statement, ast.Return):
        return False
    return all(_is_passed_on(each, node, name, builder) for each in kept for node in _uses(each))


def _taken_by(cut: Place) -> ast.Call | None:
    """Return the call that gets detached tensors as an argument, if one does in their statement."""
    inner: ast.AST = cut.node
    outer = parent(cut.module, inner)
    while outer is not None and not isinstance(outer, ast.stmt):
        if isinstance(outer, ast.Call) and inner is not outer.func and ast.unparse(outer.func) not in ("list", "tuple"):
            return outer
        inner, outer = outer, parent(cut.module, outer)
    return None


def _gives_to_optimizer(call: ast.Call, builder: str) -> bool:
    last = ast.unparse(call.func).rpartition(".")[2]
    return optimizer_signature(last) is not None or last == builder


def _uses(kept: Place) -> list[ast.expr]:
    """Return all places in a function, or of an attribute in a file, that mention the same."""
    match kept.node:
        case ast.Name(id=name):
            inside = ast.walk(enclosing_function(kept))
            return [node for node in inside if isinstance(node, ast.Name) and node.id == name]
        case ast.Attribute(attr=attribute):
            inside = ast.walk(kept.module.tree)
            return [node for node in inside if isinstance(node, ast.Attribute) and node.attr == attribute]
        case ast.expr() as other:
            return [other]
        case _:
            return []


def _is_passed_on(kept: Place, node: ast.expr, name: str, builder: str) -> bool:
    """Whether a mention of detached tensors does nothing to them but to give them to an optimizer.

    `name` is what the optimizer is given, and `builder` the function that builds it.
    """
    if isinstance(node, ast.Name | ast.Attribute) and not isinstance(node.ctx, ast.Load):
        return not isinstance(node.ctx, ast.Del)
    around = parent(kept.module, node)
    match around:
        case ast.keyword():
            around = parent(kept.module, around)
        case ast.Return() | ast.Expr():
            return True
        case ast.Dict(keys=keys, values=values):
            return any(
                value is node and isinstance(key, ast.Constant) and key.value == "params"
                for key, value in zip(keys, values, strict=True)
            )
        case ast.Attribute(attr="append" | "extend"):
            return True
        case _:
            pass
    match around:
        case ast.Call(func=ast.Attribute(value=receiver, attr="append")):
            return ast.unparse(receiver) == name
        case ast.Call(func=function):
            last = ast.unparse(function).rpartition(".")[2]
            return last in _PASSING or _gives_to_optimizer(around, builder)
        case _:
            return False
