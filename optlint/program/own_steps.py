"""The `step` of an optimizer class of the project: an update, although no optimizer of torch may step in it."""

from __future__ import annotations

import ast
from collections.abc import Iterator, Sequence

from optlint.program.events import Act
from optlint.program.modules import FunctionNode, ModuleInfo
from optlint.program.regions import Region, events, sequence

_TELLING = frozenset((Act.STEP, Act.BACKWARD, Act.FORWARD))


def is_update(function: FunctionNode | ast.Lambda, module: ModuleInfo, inside: Sequence[Region]) -> bool:
    """Whether a method `step` makes one update each time, and does nothing else that is told of elsewhere.

    It goes through the parameter groups, or makes the step of another object, under no condition. Where steps or
    backwards are seen in it, those are what it does.
    """
    return module.trait(function, "makes an update", _updates) and not any(
        event.act in _TELLING for event in events(sequence(list(inside)))
    )


def _updates(function: ast.AST) -> bool:
    if not isinstance(function, ast.FunctionDef):
        return False
    statements = list(_unconditional(function.body))
    leaves = any(
        isinstance(node, ast.Return) for each in statements if isinstance(each, ast.If) for node in ast.walk(each)
    )
    return not leaves and any(map(_is_update, statements))


def _unconditional(body: Sequence[ast.stmt]) -> Iterator[ast.stmt]:
    for statement in body:
        if isinstance(statement, ast.With):
            yield from _unconditional(statement.body)
        else:
            yield statement


def _is_update(statement: ast.stmt) -> bool:
    match statement:
        case ast.For(iter=iterable):
            return "param_groups" in ast.unparse(iterable)
        case (
            ast.Expr(value=ast.Call(func=ast.Attribute(attr=name)))
            | ast.Assign(value=ast.Call(func=ast.Attribute(attr=name)))
            | ast.Return(value=ast.Call(func=ast.Attribute(attr=name)))
        ):
            return name == "step"
        case _:
            return False
