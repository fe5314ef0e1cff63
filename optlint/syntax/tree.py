"""Parents, blocks and lookup in the `ast` tree of a file.

Rules work on a tree of their own of the same text, so a node is found by what it is and where it stands.
"""

from __future__ import annotations

import ast
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property
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
        self._templated: set[int] = set()
        self._slots: dict[int, Slot] = {}
        self._enter(module)

    def _enter(self, module: ast.Module) -> None:
        pending: list[ast.AST] = [module]
        parents, templated = self._parents, self._templated
        while pending:
            node = pending.pop()
            # Inside f-strings Python 3.11 has no exact positions: two nodes there can claim one place.
            inside_template = id(node) in templated or type(node).__name__ in _TEMPLATES
            for field in node._fields:
                value = getattr(node, field, None)
                if type(value) is list and field in _BLOCK_FIELDS and value:
                    block = Block(node, field, value)
                    for index, statement in enumerate(value):
                        self._slots[id(statement)] = Slot(block, index)
                for child in value if type(value) is list else (value,):
                    if isinstance(child, ast.AST):
                        parents[id(child)] = node
                        if inside_template:
                            templated.add(id(child))
                        pending.append(child)

    def own(self, node: ast.AST) -> ast.AST:
        """Return this tree's node for a node of any tree of the same text.

        Raises:
            CannotEditError: the node has no place, or none like it stands there.
        """
        if id(node) in self._parents or node is self.module:
            return node
        found = self._by_place.get(_key(node)) if isinstance(node, Located) else None
        if found is None:
            raise CannotEditError(f"no {type(node).__name__} of this text stands at the node's place")
        return found

    @cached_property
    def _by_place(self) -> dict[_Key, ast.AST | None]:
        """The nodes by what they are and where they stand; None where there are several, as in f-strings."""
        found: dict[_Key, ast.AST | None] = {}
        for node in ast.walk(self.module):
            if isinstance(node, Located):
                found[_key(node)] = None if _key(node) in found else node
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
