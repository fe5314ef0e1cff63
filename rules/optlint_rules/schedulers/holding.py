"""Whether something that is built stays where it is: under one name, which nothing hands on."""

from __future__ import annotations

import ast
from collections.abc import Collection, Iterator

from optlint.api import Place, enclosing_function, enclosing_statement, parent

QUESTIONS = frozenset(
    ("get_last_lr", "get_lr", "state_dict", "last_epoch", "base_lrs", "print_lr", "optimizer", "_last_lr")
)
"""What may be asked of a scheduler without stepping it."""


def name_of(built: Place) -> ast.expr | None:
    """Return the name or attribute that is assigned what is built, or None where it is not that plain."""
    statement = enclosing_statement(built)
    match statement:
        case ast.Assign(targets=[ast.Name() | ast.Attribute() as target], value=value) if value is built.node:
            return target
        case ast.AnnAssign(target=ast.Name() | ast.Attribute() as target, value=value) if value is built.node:
            return target
        case _:
            return None


def is_dropped(built: Place) -> bool:
    """Whether what is built gets no name at all."""
    statement = enclosing_statement(built)
    return isinstance(statement, ast.Expr) and statement.value is built.node


def uses(built: Place, target: ast.expr) -> Iterator[ast.expr]:
    """Yield the places that read the name; of an attribute, all that read one of that name in the file."""
    scope: ast.AST = built.module.tree
    if isinstance(target, ast.Name):
        function = enclosing_function(built)
        declared = (node for node in ast.walk(scope) if isinstance(node, ast.Global | ast.Nonlocal))
        shared = any(target.id in node.names for node in declared)
        scope = scope if shared else function
    attribute = target.attr if isinstance(target, ast.Attribute) else None
    for node in ast.walk(scope):
        match node:
            case ast.Name(id=name, ctx=ast.Load()) if isinstance(target, ast.Name) and name == target.id:
                yield node
            case ast.Attribute(attr=name, ctx=ast.Load()) if name == attribute:
                yield node
            case ast.Constant(value=str() as text) if text == attribute:
                yield node  # `getattr(self, "scheduler")`
            case _:
                pass


def is_only_asked(built: Place, use: ast.expr, questions: Collection[str]) -> bool:
    """Whether a use does nothing but ask one of some questions, or whether there is anything."""
    outer = parent(built.module, use)
    match outer:
        case ast.Attribute(value=value, attr=name):
            return value is use and name in questions
        case ast.Compare(left=left, ops=[ast.Is() | ast.IsNot()], comparators=[ast.Constant(value=None)]):
            return left is use
        case ast.If(test=test):
            return test is use
        case _:
            return False


def stays(built: Place, questions: Collection[str] = QUESTIONS) -> bool:
    """Whether nothing but some questions is ever asked of what is built."""
    if is_dropped(built):
        return True
    target = name_of(built)
    return target is not None and all(is_only_asked(built, use, questions) for use in uses(built, target))
