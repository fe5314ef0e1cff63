"""A program text as a concrete syntax tree, and the edits that mutations are made of."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Any, TypeAlias

import libcst as cst
from libcst.metadata import MetadataWrapper, PositionProvider

Changes: TypeAlias = Mapping[Any, Any]
"""What takes the place of nodes, by node: another node, `REMOVED`, or several statements in a `FlattenSentinel`."""
REMOVED = cst.RemovalSentinel.REMOVE


@dataclass(frozen=True, slots=True, eq=False)
class Line:
    """One statement that stands on a line of its own, and what it does there."""

    node: cst.SimpleStatementLine
    small: cst.BaseSmallStatement

    @property
    def call(self) -> cst.Call | None:
        """The call that the statement is, or None."""
        value = self.small.value if isinstance(self.small, cst.Expr) else None
        return value if isinstance(value, cst.Call) else None

    @property
    def assigned(self) -> tuple[cst.BaseExpression, cst.BaseExpression] | None:
        """Target and value of an assignment to one target, or None."""
        match self.small:
            case cst.Assign(targets=[target], value=value):
                return target.target, value
            case _:
                return None


class Tree:
    """A parsed text; what one asks of it is by the identity of its nodes."""

    def __init__(self, text: str) -> None:
        self.text = text
        self._wrapper = MetadataWrapper(cst.parse_module(text), unsafe_skip_copy=True)
        self.module = self._wrapper.module

    @cached_property
    def _parents(self) -> dict[cst.CSTNode, cst.CSTNode]:
        found: dict[cst.CSTNode, cst.CSTNode] = {}
        pending: list[cst.CSTNode] = [self.module]
        while pending:
            node = pending.pop()
            for child in node.children:
                found[child] = node
                pending.append(child)
        return found

    @cached_property
    def _positions(self) -> Mapping[cst.CSTNode, Any]:
        return self._wrapper.resolve(PositionProvider)

    @cached_property
    def nodes(self) -> tuple[cst.CSTNode, ...]:
        """All nodes in the order of the text."""
        found: list[cst.CSTNode] = []
        pending: list[cst.CSTNode] = [self.module]
        while pending:
            node = pending.pop()
            found.append(node)
            pending.extend(reversed(node.children))
        return tuple(found)

    @cached_property
    def lines(self) -> tuple[Line, ...]:
        """All statements that stand alone on their line."""
        found = (node for node in self.nodes if isinstance(node, cst.SimpleStatementLine))
        return tuple(Line(node, node.body[0]) for node in found if len(node.body) == 1)

    def calls(self) -> Iterator[cst.Call]:
        """Yield all calls."""
        return (node for node in self.nodes if isinstance(node, cst.Call))

    def row(self, node: cst.CSTNode) -> int:
        """Return the row of a node, from 1."""
        return int(self._positions[node].start.line)

    def code(self, node: cst.CSTNode) -> str:
        """Return the text of a node."""
        return self.module.code_for_node(node).strip()

    def around(self, node: cst.CSTNode) -> Iterator[cst.CSTNode]:
        """Yield the nodes around a node, the innermost first."""
        while node in self._parents:
            node = self._parents[node]
            yield node

    def line_of(self, node: cst.CSTNode) -> Line | None:
        """Return the line that a node stands on, or None where it is part of a compound statement's head."""
        by_node: dict[cst.CSTNode, Line] = {line.node: line for line in self.lines}
        return next((by_node[each] for each in (node, *self.around(node)) if each in by_node), None)

    def block(self, node: cst.CSTNode) -> tuple[cst.BaseStatement, ...]:
        """Return the statements of the block that a statement stands in."""
        owner = self._parents[node]
        if isinstance(owner, cst.IndentedBlock | cst.Module):
            return tuple(owner.body)
        return (node,) if isinstance(node, cst.BaseStatement) else ()

    def is_below(self, node: cst.CSTNode, first: cst.CSTNode) -> bool:
        """Whether a node of the same function lies below a statement in its block: what that binds, it may use."""
        block = self.block(first)
        below = block[block.index(first) + 1 :]
        around = (node, *self.around(node))
        return self.function(node) is self.function(first) and any(each in below for each in around)

    def loops(self, node: cst.CSTNode) -> list[cst.For | cst.While]:
        """Return the loops around a node within its function, the innermost first."""
        found: list[cst.For | cst.While] = []
        for each in self.around(node):
            if isinstance(each, cst.FunctionDef | cst.ClassDef | cst.Lambda):
                break
            if isinstance(each, cst.For | cst.While) and node is not each:
                found.append(each)
        return found

    def function(self, node: cst.CSTNode) -> cst.FunctionDef | None:
        """Return the function around a node."""
        return next((each for each in self.around(node) if isinstance(each, cst.FunctionDef)), None)

    def in_module_class(self, node: cst.CSTNode) -> bool:
        """Whether a node stands in a class that is a `Module` by the name of its base."""
        own = next((each for each in self.around(node) if isinstance(each, cst.ClassDef)), None)
        return own is not None and any(self.code(base.value).endswith("Module") for base in own.bases)

    def place(self, node: cst.CSTNode) -> str:
        """Return what kind of place a node stands at: `inline`, `function` or `method`."""
        function = self.function(node)
        if function is None:
            return "inline"
        return "method" if any(isinstance(each, cst.ClassDef) for each in self.around(function)) else "function"

    def changed(self, changes: Changes) -> str:
        """Return the text with nodes replaced or removed; a block that is left empty gets a `pass`."""
        around = frozenset(outer for node in changes for outer in self.around(node))
        return self.module.visit(_Changing(changes, around)).code

    # -- the edits ----------------------------------------------------------------------------------------------

    def without(self, *lines: Line) -> str:
        """Return the text without some lines."""
        return self.changed({line.node: REMOVED for line in lines})

    def with_before(self, anchor: cst.CSTNode, *added: str) -> str:
        """Return the text with statements above a statement."""
        return self.changed({anchor: cst.FlattenSentinel([*map(statement, added), _plain(anchor)])})

    def with_after(self, anchor: cst.CSTNode, *added: str) -> str:
        """Return the text with statements below a statement."""
        return self.changed({anchor: cst.FlattenSentinel([_plain(anchor), *map(statement, added)])})

    def moved_before(self, line: Line, anchor: cst.CSTNode) -> str:
        """Return the text with a line moved above a statement."""
        return self.changed({line.node: REMOVED, anchor: cst.FlattenSentinel([bare(line.node), _plain(anchor)])})

    def moved_after(self, line: Line, anchor: cst.CSTNode) -> str:
        """Return the text with a line moved below a statement."""
        return self.changed({line.node: REMOVED, anchor: cst.FlattenSentinel([_plain(anchor), bare(line.node)])})

    def replaced(self, node: cst.CSTNode, expression: str) -> str:
        """Return the text with another expression in the place of one."""
        return self.changed({node: cst.parse_expression(expression)})


class _Changing(cst.CSTTransformer):
    def __init__(self, changes: Changes, around: frozenset[cst.CSTNode]) -> None:
        super().__init__()
        self.changes = changes
        self.around = around

    def on_visit(self, node: cst.CSTNode) -> bool:
        """Look into a node only where something in it changes."""
        return node in self.around

    def on_leave(self, original_node: cst.CSTNodeT, updated_node: cst.CSTNodeT) -> Any:
        """Return what takes the place of a node: what was changed inside of a kept statement stays changed."""
        found = self.changes.get(original_node)
        if isinstance(found, cst.FlattenSentinel):
            return cst.FlattenSentinel([updated_node if each is original_node else each for each in found.nodes])
        if found is not None:
            return found
        left = super().on_leave(original_node, updated_node)
        if isinstance(left, cst.IndentedBlock) and not left.body:
            return left.with_changes(body=[statement("pass")])
        return left


def statement(text: str) -> cst.BaseStatement:
    """Return a statement from its text."""
    return cst.parse_statement(text)


def bare(node: cst.SimpleStatementLine) -> cst.SimpleStatementLine:
    """Return a line without the comments and empty lines above it."""
    return node.with_changes(leading_lines=())


def _plain(node: cst.CSTNode) -> cst.BaseStatement:
    assert isinstance(node, cst.BaseStatement)
    return node


def contains(outer: cst.CSTNode, inner: cst.CSTNode) -> bool:
    """Whether a node is another one or stands in it."""
    pending: list[cst.CSTNode] = [outer]
    while pending:
        node = pending.pop()
        if node is inner:
            return True
        pending.extend(node.children)
    return False
