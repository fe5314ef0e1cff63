"""Walks of a syntax tree in the order of the text, each as short as its question allows."""

from __future__ import annotations

import ast
from collections.abc import Iterable, Iterator
from typing import Any

FUNCTION_OR_CLASS = (ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef)
"""What has a scope of its own."""
_NO_NODES = frozenset(
    """
    arg asname attr conversion ctx id is_async kind level lineno module op ops rest simple type_comment
    """.split()
)
"""Fields that hold no node of the text: words, numbers, and the operators and contexts that all trees share."""
_BLOCKS = ("finalbody", "orelse", "cases", "handlers", "body")
"""Fields that hold statements, or handlers and cases with some; the last in the text comes first."""


class _Fields(dict[type, "tuple[str, ...] | None"]):
    """The fields in which nodes of a class hold other nodes, by the class; None for what is no node."""

    def __missing__(self, kind: type) -> tuple[str, ...] | None:
        found: tuple[str, ...] | None = None
        if issubclass(kind, ast.AST):
            found = () if kind is ast.Constant else tuple(name for name in kind._fields if name not in _NO_NODES)
        self[kind] = found
        return found


class _Blocks(dict[type[ast.AST], "tuple[str, ...]"]):
    """Those of `_BLOCKS` that nodes of a class have, by the class."""

    def __missing__(self, kind: type[ast.AST]) -> tuple[str, ...]:
        found = self[kind] = tuple(name for name in _BLOCKS if name in kind._fields)
        return found


FIELDS = _Fields()
_BLOCKS_OF = _Blocks()


def own(outer: ast.AST) -> Iterator[ast.AST]:
    """Yield what lies in a node, without what lies in functions and classes within it."""
    pending = [outer]
    while pending:
        node = pending.pop()
        if node is not outer:
            yield node
            if isinstance(node, FUNCTION_OR_CLASS):
                continue
        inside: list[ast.AST] = []
        for name in FIELDS[type(node)] or ():
            value: Any = getattr(node, name, None)
            if type(value) is list:
                inside += [each for each in value if FIELDS[type(each)] is not None]
            elif FIELDS[type(value)] is not None:
                inside.append(value)
        inside.reverse()
        pending += inside


def statements(block: Iterable[ast.stmt], nested: bool = True) -> Iterator[ast.stmt]:
    """Yield the statements of a block and all blocks within it; those of functions and classes where `nested`."""
    pending: list[ast.AST] = [*block]
    pending.reverse()
    while pending:
        node = pending.pop()
        if isinstance(node, ast.stmt):
            yield node
            if not nested and isinstance(node, FUNCTION_OR_CLASS):
                continue
        for name in _BLOCKS_OF[type(node)]:
            pending += reversed(getattr(node, name))
