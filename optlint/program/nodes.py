"""All nodes of one file's syntax tree, found in one walk that serves everybody who asks."""

from __future__ import annotations

import ast
from bisect import bisect_left
from collections import defaultdict
from collections.abc import Sequence
from functools import cached_property
from itertools import count
from typing import Any, TypeVar

Node = TypeVar("Node", bound=ast.AST)

_NO_NODES = frozenset(
    """
    arg asname attr conversion ctx id is_async kind level lineno module op ops rest simple type_comment
    """.split()
)
"""Fields that hold no node of the text: words, numbers, and the operators and contexts that all trees share."""


class _Fields(dict[type, "tuple[str, ...] | None"]):
    """The fields in which nodes of a class hold other nodes, by the class; None for what is no node."""

    def __missing__(self, kind: type) -> tuple[str, ...] | None:
        found: tuple[str, ...] | None = None
        if issubclass(kind, ast.AST):
            found = () if kind is ast.Constant else tuple(name for name in kind._fields if name not in _NO_NODES)
        self[kind] = found
        return found


_FIELDS = _Fields()


class Nodes:
    """The nodes of a tree in the order of the text; what lies in a node is one stretch of them."""

    def __init__(self, tree: ast.Module) -> None:
        order: list[ast.AST] = []
        above: list[int] = []
        pending: list[tuple[ast.AST, tuple[str, ...], int]] = [(tree, ("body",), -1)]
        fields = _FIELDS
        while pending:
            node, names, owner = pending.pop()
            at = len(order)
            order.append(node)
            above.append(owner)
            later: list[tuple[ast.AST, tuple[str, ...], int]] = []
            for name in names:
                value: Any = getattr(node, name, None)
                for each in value if type(value) is list else (value,):
                    inner = fields[type(each)]
                    if inner is None:
                        continue
                    if inner or later:
                        later.append((each, inner, at))
                    else:  # nothing lies in it, and nothing before it waits
                        order.append(each)
                        above.append(at)
            if later:
                later.reverse()
                pending += later
        self._order = order
        self._above = above
        self._own: dict[ast.AST, list[ast.AST]] = {}

    @cached_property
    def _places(self) -> dict[ast.AST, int]:
        return dict(zip(self._order, count()))

    @cached_property
    def _sizes(self) -> list[int]:
        above = self._above
        sizes = [1] * len(above)
        for at in range(len(above) - 1, 0, -1):
            sizes[above[at]] += sizes[at]
        return sizes

    @cached_property
    def _kinds(self) -> dict[type[ast.AST], tuple[list[ast.AST], list[int]]]:
        """By class, all nodes of it and their places."""
        found: defaultdict[type[ast.AST], tuple[list[ast.AST], list[int]]] = defaultdict(lambda: ([], []))
        for at, node in enumerate(self._order):
            nodes, places = found[type(node)]
            nodes.append(node)
            places.append(at)
        return dict(found)

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
        found = self._kinds.get(kind)
        return found[0] if found is not None else ()  # type: ignore[return-value]  # all under a class are of it

    def within(self, outer: ast.AST, kind: type[Node]) -> Sequence[Node]:
        """Return the nodes of one class that are a node of the tree, or lie in it."""
        found = self._kinds.get(kind)
        if found is None:
            return ()
        at = self._places[outer]
        start = bisect_left(found[1], at)
        return found[0][start : bisect_left(found[1], at + self._sizes[at], start)]  # type: ignore[return-value]  # as above
