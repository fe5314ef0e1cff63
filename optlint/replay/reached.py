"""Which rows of a script ran: each statement takes note of itself before it runs."""

from __future__ import annotations

import ast
from collections.abc import Iterator

NOTE = "__reached__"
"""The function that is told a row; no script can name it."""


def noting(tree: ast.Module) -> ast.Module:
    """Return a script whose statements tell their rows to `NOTE`; it changes the tree that it is given."""
    for node in ast.walk(tree):
        for field in ("body", "orelse", "finalbody"):
            block = getattr(node, field, None)
            if isinstance(block, list) and block and isinstance(block[0], ast.stmt):
                setattr(node, field, list(_noted(block)))
    return tree


def _noted(block: list[ast.stmt]) -> Iterator[ast.stmt]:
    for statement in block:
        place = {name: getattr(statement, name) for name in statement._attributes}
        note, row = ast.Name(NOTE, ast.Load(), **place), ast.Constant(statement.lineno, **place)
        yield ast.Expr(ast.Call(note, [row], [], **place), **place)
        yield statement
