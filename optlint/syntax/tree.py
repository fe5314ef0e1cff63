"""Parents, blocks and lookup in the `ast` tree of a file.

Rules work on a tree of their own of the same text, so a node is found by what it is and where it stands.
"""

from __future__ import annotations

import ast
from collections.abc import Iterator
from dataclasses import dataclass
from typing import TypeAlias

from optlint.syntax.tokens import CannotEditError

Located: TypeAlias = ast.expr | ast.stmt | ast.keyword | ast.alias | ast.arg | ast.excepthandler | ast.pattern
"""The nodes that have a place in the text."""

_TEMPLATES = ("JoinedStr", "TemplateStr")
_BLOCK_FIELDS = ("body", "orelse", "finalbody")
_Key: TypeAlias = tuple[type[ast.AST], int, int, int | None, int | None]


@dataclass(frozen=True, slots=True)
class Block:
    """A list of statements: the `field` of the node `owner`."""

    owner: ast.AST
    field: str
    statements: list[ast.stmt]


@dataclass(frozen=True, slots=True)
class Slot:
    """Where a statement stands: the statement number `index` of `block`."""

    block: Block
    index: int


class Tree:
    """The tree of one file with the way up from each node."""

    def __init__(self, module: ast.Module) -> None:
        self.module = module
        self._parents: dict[int, ast.AST] = {}
        self._nodes: dict[_Key, ast.AST] = {}
        self._ambiguous: set[_Key] = set()
        self._templated: set[int] = set()
        self._slots: dict[int, Slot] = {}
        self._enter(module)

    def _enter(self, module: ast.Module) -> None:
        pending: list[ast.AST] = [module]
        while pending:
            node = pending.pop()
            # Inside f-strings Python 3.11 has no exact positions: two nodes there can claim one place.
            templated = id(node) in self._templated or type(node).__name__ in _TEMPLATES
            for field in _BLOCK_FIELDS:
                statements = getattr(node, field, None)
                if isinstance(statements, list) and statements:
                    block = Block(node, field, statements)
                    for index, statement in enumerate(statements):
                        self._slots[id(statement)] = Slot(block, index)
            for child in ast.iter_child_nodes(node):
                self._parents[id(child)] = node
                if templated:
                    self._templated.add(id(child))
                if isinstance(child, Located) and self._nodes.setdefault(_key(child), child) is not child:
                    self._ambiguous.add(_key(child))
                pending.append(child)

    def own(self, node: ast.AST) -> ast.AST:
        """Return this tree's node for a node of any tree of the same text.

        Raises:
            CannotEditError: the node has no place, or none like it stands there.
        """
        if id(node) in self._parents or node is self.module:
            return node
        key = _key(node) if isinstance(node, Located) else None
        found = self._nodes.get(key) if key is not None and key not in self._ambiguous else None
        if found is None:
            raise CannotEditError(f"no {type(node).__name__} of this text stands at the node's place")
        return found

    def parent(self, node: ast.AST) -> ast.AST | None:
        """Return the parent of an own node, None for the module."""
        return self._parents.get(id(node))

    def ancestors(self, node: ast.AST) -> Iterator[ast.AST]:
        """Yield an own node and then its ancestors, the module last."""
        current: ast.AST | None = node
        while current is not None:
            yield current
            current = self.parent(current)

    def statement(self, node: ast.AST) -> ast.stmt:
        """Return the innermost statement that is the node or holds it.

        Raises:
            CannotEditError: the node is in no statement of this text.
        """
        for ancestor in self.ancestors(self.own(node)):
            if isinstance(ancestor, ast.stmt):
                return ancestor
        raise CannotEditError("the node is in no statement")

    def slot(self, statement: ast.stmt) -> Slot:
        """Return where an own statement stands."""
        return self._slots[id(statement)]

    def inside(self, node: ast.AST, outer: ast.AST) -> bool:
        """Say whether the own node `node` is `outer` or stands inside it."""
        return any(ancestor is outer for ancestor in self.ancestors(node))

    def in_template(self, node: ast.AST) -> bool:
        """Say whether an own node stands inside an f-string."""
        return id(node) in self._templated

    def template(self, node: ast.AST) -> ast.JoinedStr:
        """Return the outermost f-string around an own node.

        Raises:
            CannotEditError: there is none.
        """
        found = [ancestor for ancestor in self.ancestors(node) if isinstance(ancestor, ast.JoinedStr)]
        if not found:
            raise CannotEditError("the node stands in no f-string")
        return found[-1]


def _key(node: Located) -> _Key:
    return type(node), node.lineno, node.col_offset, node.end_lineno, node.end_col_offset
