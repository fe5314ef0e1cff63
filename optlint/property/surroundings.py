"""Where a node stands in its file: the statement, loops and function around it."""

from __future__ import annotations

import ast

from optlint.program.modules import ModuleInfo
from optlint.program.objects import Place


def parent(module: ModuleInfo, node: ast.AST) -> ast.AST | None:
    """Return the node directly around another one."""
    return module.nodes.parent(node)


def enclosing_statement(place: Place) -> ast.stmt:
    """Return the innermost statement that a node belongs to."""
    node: ast.AST | None = place.node
    while node is not None and not isinstance(node, ast.stmt):
        node = parent(place.module, node)
    assert isinstance(node, ast.stmt)
    return node


def enclosing_loops(place: Place) -> list[ast.For | ast.AsyncFor | ast.While]:
    """Return the loops around a node within its function, the innermost first."""
    found: list[ast.For | ast.AsyncFor | ast.While] = []
    node = parent(place.module, place.node)
    while node is not None and not isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.Lambda | ast.ClassDef):
        if isinstance(node, ast.For | ast.AsyncFor | ast.While):
            found.append(node)
        node = parent(place.module, node)
    return found


def outermost_loop(place: Place) -> ast.stmt | None:
    """Return the outermost loop around a node within its function."""
    found = enclosing_loops(place)
    return found[-1] if found else None


def enclosing_function(place: Place) -> ast.AST:
    """Return the function, class or module that a node's statement runs in."""
    node = parent(place.module, place.node)
    while node is not None and not isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.Lambda | ast.Module):
        node = parent(place.module, node)
    return node if node is not None else place.module.tree


def same_function(first: Place, second: Place) -> bool:
    """Whether two nodes stand in one function of one file."""
    return first.module is second.module and enclosing_function(first) is enclosing_function(second)


def block_of(place: Place, statement: ast.stmt) -> list[ast.stmt]:
    """Return the statements of the block that a statement of the place's file stands in."""
    owner = parent(place.module, statement)
    for name in ("body", "orelse", "finalbody"):
        block = getattr(owner, name, None)
        if isinstance(block, list) and statement in block:
            return block
    return [statement]
