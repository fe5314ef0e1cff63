"""All nodes of one file's syntax tree, found in one walk that serves everybody who asks."""

from __future__ import annotations

import ast
from collections.abc import Sequence
from typing import TypeVar

Node = TypeVar("Node", bound=ast.AST)

_NO_NODES = frozenset(
    """
    arg asname attr conversion ctx id is_async kind level lineno module op ops rest simple type_comment
    """.split()
)
"""Fields that hold no node of the text: words, numbers, and the operators and contexts that all trees share."""


class _Fields(dict[type[ast.AST], tuple[str, ...]]):
    """The fields in which nodes of a class hold other nodes, by the class."""

    def __missing__(self, kind: type[ast.AST]) -> tuple[str, ...]:
        found = () if kind is ast.Constant else tuple(name for name in kind._fields if name not in _NO_NODES)
        self[kind] = found
        return found


_FIELDS = _Fields()


class Nodes:
    """The nodes of a tree in the order of the text; what lies in a node is one stretch of them."""

    def __init__(self, tree: ast.Module) -> None:
        order: list[ast.AST] = []
        above: list[int] = []
        pending: list[tuple[ast.AST, int]] = [(tree, -1)]
        while pending:
            node, owner = pending.pop()
            at = len(order)
            order.append(node)
            above.append(owner)
            found: list[tuple[ast.AST, int]] = []
            for name in _FIELDS[type(node)]:
                value = getattr(node, name, None)
                if isinstance(value, ast.AST):
                    found.append((value, at))
                elif isinstance(value, list):
                    found += [(each, at) for each in value if isinstance(each, ast.AST)]
            found.reverse()
            pending += found
        sizes = [1] * len(order)
        for at in range(len(order) - 1, 0, -1):
            sizes[above[at]] += sizes[at]
        self._order = order
        self._above = above
        self._sizes = sizes
        self._places = {node: at for at, node in enumerate(order)}
        self._own: dict[ast.AST, list[ast.AST]] = {}
        self._kinds: dict[type[ast.AST], list[ast.AST]] = {}

    def all(self) -> Sequence[ast.AST]:
        """Return all nodes."""
        return self._order

    def own(self, function: ast.AST) -> Sequence[ast.AST]:
        """Return what lies in a function or class, without what lies in functions and classes within it."""
        found = self._own.get(function)
        if found is None:
            found = self._own[function] = []
            start = self._places[function]
            at, end = start + 1, start + self._sizes[start]
            while at < end:
                node = self._order[at]
                found.append(node)
                apart = isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef)
                at += self._sizes[at] if apart else 1
        return found

    def contains(self, outer: ast.AST, inner: ast.AST) -> bool:
        """Whether a node of the tree is another one or lies in it."""
        at, place = self._places.get(outer), self._places.get(inner)
        return at is not None and place is not None and at <= place < at + self._sizes[at]

    def parent(self, node: ast.AST) -> ast.AST | None:
        """Return the node directly around another one, or None for the module and for what is not of the tree."""
        at = self._places.get(node)
        return None if at is None or at == 0 else self._order[self._above[at]]

    def of(self, kind: type[Node]) -> Sequence[Node]:
        """Return all nodes of one class."""
        if not self._kinds:
            for node in self._order:
                self._kinds.setdefault(type(node), []).append(node)
        return self._kinds.get(kind, [])  # type: ignore[return-value]  # all under a class are of it
