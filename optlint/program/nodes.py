"""All nodes of one file's syntax tree, found in one walk that serves everybody who asks."""

from __future__ import annotations

import ast
from bisect import bisect_left, bisect_right
from collections import defaultdict
from collections.abc import Iterator, Sequence
from functools import cached_property
from itertools import count
from typing import Any, TypeVar

from optlint.program.walks import FIELDS, FUNCTION_OR_CLASS, own, statements

Node = TypeVar("Node", bound=ast.AST)


class _Part:
    """The nodes of a few statements of a file in the order of the text; what lies in a node is one stretch of them."""

    def __init__(self, tree: ast.Module, statements: Sequence[ast.stmt]) -> None:
        """List `tree` itself, as what is around the statements, and all that they hold."""
        order: list[ast.AST] = [tree]
        above: list[int] = [-1]
        fields = FIELDS
        pending: list[tuple[ast.AST, tuple[str, ...], int]] = [
            (statement, fields[type(statement)] or (), 0) for statement in reversed(statements)
        ]
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
        self.order = order
        self.above = above

    @cached_property
    def places(self) -> dict[ast.AST, int]:
        """Where each node stands in `order`."""
        return dict(zip(self.order, count()))

    @cached_property
    def sizes(self) -> list[int]:
        """How many nodes each one is, with those in it."""
        above = self.above
        sizes = [1] * len(above)
        for at in range(len(above) - 1, 0, -1):
            sizes[above[at]] += sizes[at]
        return sizes

    @cached_property
    def kinds(self) -> dict[type[ast.AST], tuple[list[ast.AST], list[int]]]:
        """By class, all nodes of it and their places."""
        found: defaultdict[type[ast.AST], tuple[list[ast.AST], list[int]]] = defaultdict(lambda: ([], []))
        for at, node in enumerate(self.order):
            nodes, places = found[type(node)]
            nodes.append(node)
            places.append(at)
        return dict(found)


class Nodes:
    """The nodes of a tree in the order of the text.

    Functions and classes at the top level are walked one by one, when something in them is asked for: most who ask
    want to know of one of them only.
    """

    def __init__(self, tree: ast.Module) -> None:
        self._tree = tree
        self._runs: list[list[ast.stmt]] = []
        """The statements of each part: one function or class, or all that stand between two of these."""
        self._starts: list[tuple[int, int]] = []
        """Row and column at which each part begins."""
        between: list[ast.stmt] | None = None
        for statement in tree.body:
            if isinstance(statement, FUNCTION_OR_CLASS):
                first: ast.expr | ast.stmt = statement.decorator_list[0] if statement.decorator_list else statement
                self._runs.append([statement])
                self._starts.append((first.lineno, first.col_offset))
                between = None
            elif between is None:
                between = [statement]
                self._runs.append(between)
                self._starts.append((statement.lineno, statement.col_offset))
            else:
                between.append(statement)
        self._parts: list[_Part | None] = [None] * len(self._runs)
        self._latest = _Part(tree, ())
        self._of: dict[type[ast.AST], list[ast.AST]] = {}
        self._own: dict[ast.AST, list[ast.AST]] = {}

    def _part(self, number: int) -> _Part:
        part = self._parts[number]
        if part is None:
            part = self._parts[number] = _Part(self._tree, self._runs[number])
        return part

    def _all_parts(self) -> Iterator[_Part]:
        return map(self._part, range(len(self._runs)))

    def _around(self, node: ast.AST) -> _Part | None:
        """Return the part that holds a node, or None for what is not of the tree; neighbours are asked for often."""
        if node in self._latest.places:
            return self._latest
        row, column = getattr(node, "lineno", None), getattr(node, "col_offset", 0)
        if row is not None:
            number = bisect_right(self._starts, (row, column)) - 1
            if number >= 0 and node in self._part(number).places:
                self._latest = self._part(number)
                return self._latest
        # A decorator's `@` is no node, some nodes have no position, and those in f-strings have odd ones.
        for part in self._all_parts():
            if node in part.places:
                self._latest = part
                return part
        return None

    def all(self) -> Sequence[ast.AST]:
        """Return all nodes."""
        return [self._tree, *(node for part in self._all_parts() for node in part.order[1:])]

    def own(self, function: ast.AST) -> Sequence[ast.AST]:
        """Return what lies in a function or class, without what lies in functions and classes within it."""
        found = self._own.get(function)
        if found is None:
            found = self._own[function] = list(own(function))
        return found

    @staticmethod
    def statements(function: ast.FunctionDef | ast.AsyncFunctionDef) -> Iterator[ast.stmt]:
        """Yield the statements of a function, without those of functions and classes within it."""
        return statements(function.body, nested=False)

    def contains(self, outer: ast.AST, inner: ast.AST) -> bool:
        """Whether a node of the tree is another one or lies in it."""
        part = self._around(inner)
        at = part.places.get(outer) if part is not None else None
        if part is None or at is None:
            return False
        return at <= part.places[inner] < at + part.sizes[at]

    def parent(self, node: ast.AST) -> ast.AST | None:
        """Return the node directly around another one, or None for the module and for what is not of the tree."""
        part = self._around(node)
        if part is None or node is self._tree:
            return None
        return part.order[part.above[part.places[node]]]

    def of(self, kind: type[Node]) -> Sequence[Node]:
        """Return all nodes of one class."""
        if issubclass(kind, ast.stmt):
            return self._statements.get(kind, ())  # type: ignore[return-value]  # all under a class are of it
        found = self._of.get(kind)
        if found is None:
            found = self._of[kind] = [
                node for part in self._all_parts() for node in part.order[1:] if type(node) is kind
            ]
        return found  # type: ignore[return-value]  # as above

    @cached_property
    def _statements(self) -> dict[type[ast.AST], list[ast.AST]]:
        """By class, all statements, for which nothing needs to be looked into that is none."""
        found: defaultdict[type[ast.AST], list[ast.AST]] = defaultdict(list)
        for statement in statements(self._tree.body):
            found[type(statement)].append(statement)
        return dict(found)

    def within(self, outer: ast.AST, kind: type[Node]) -> Sequence[Node]:
        """Return the nodes of one class that are a node of the tree, or lie in it."""
        if outer is self._tree:
            return self.of(kind)
        part = self._around(outer)
        assert part is not None
        found = part.kinds.get(kind)
        if found is None:
            return ()
        at = part.places[outer]
        start = bisect_left(found[1], at)
        return found[0][start : bisect_left(found[1], at + part.sizes[at], start)]  # type: ignore[return-value]  # as above
