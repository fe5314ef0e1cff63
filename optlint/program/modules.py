"""Modules and classes of the project under analysis, as their syntax trees say it; nothing is imported."""

from __future__ import annotations

import ast
from bisect import bisect_right
from collections.abc import Callable
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import TypeAlias, TypeVar, cast

from optlint.program.nodes import Nodes
from optlint.source.text import Source

Answer = TypeVar("Answer")
FunctionNode: TypeAlias = ast.FunctionDef | ast.AsyncFunctionDef


@dataclass(eq=False)
class ModuleInfo:
    """One parsed file. `serial` names the frame of its globals."""

    path: Path
    source: Source
    tree: ast.Module
    serial: int = -1
    _traits: dict[tuple[ast.AST, str], object] = field(default_factory=dict)

    @cached_property
    def nodes(self) -> Nodes:
        """All nodes of the tree."""
        return Nodes(self.tree)

    @cached_property
    def symbols(self) -> dict[str, ast.stmt | ast.alias]:
        """Names that the top level binds, each with what binds it last; conditional statements are looked into."""
        found: dict[str, ast.stmt | ast.alias] = {}
        pending: list[ast.stmt] = list(reversed(self.tree.body))
        while pending:
            statement = pending.pop()
            match statement:
                case ast.FunctionDef(name=name) | ast.AsyncFunctionDef(name=name) | ast.ClassDef(name=name):
                    found[name] = statement
                case ast.Import(names=names):
                    for alias in names:
                        found[alias.asname or alias.name.partition(".")[0]] = alias
                case ast.ImportFrom(names=names):
                    for alias in names:
                        found[alias.asname or alias.name] = alias
                        self.origins[alias] = statement
                case ast.Assign(targets=[ast.Name(id=name)]):
                    found[name] = statement
                case ast.AnnAssign(target=ast.Name(id=name), value=ast.expr()):
                    found[name] = statement
                case ast.If(body=body, orelse=orelse):
                    pending.extend(reversed([*orelse, *body]))
                case ast.Try(body=body, handlers=handlers, orelse=orelse, finalbody=final):
                    # The names of the body count: the handlers stand in for what could not be imported.
                    rest = [inner for handler in handlers for inner in handler.body]
                    pending.extend(reversed([*rest, *body, *orelse, *final]))
                case ast.With(body=body):
                    pending.extend(reversed(body))
                case _:
                    pass
        return found

    @cached_property
    def origins(self) -> dict[ast.alias, ast.ImportFrom]:
        """The `from` statement of each imported name at the top level."""
        return {}

    @cached_property
    def star_imports(self) -> tuple[ast.ImportFrom, ...]:
        """Statements `from x import *` at the top level."""
        return tuple(
            statement
            for statement in self.tree.body
            if isinstance(statement, ast.ImportFrom) and any(alias.name == "*" for alias in statement.names)
        )

    def shows(self, statement: ast.stmt) -> bool:
        """Whether a notebook shows the value of a statement, as it does of an expression that ends a cell."""
        return statement in self._shown

    @cached_property
    def _shown(self) -> frozenset[ast.stmt]:
        ending: dict[int, ast.stmt] = {}
        cells = self.source.cells
        for statement in self.tree.body if cells else ():
            start = self.source.offset(statement.lineno, statement.col_offset)
            ending[bisect_right(cells, start, key=lambda cell: cell.border)] = statement
        return frozenset(
            each
            for number, each in ending.items()
            if isinstance(each, ast.Expr)
            and not self.source.text[self.source.span(each).end : cells[number - 1].end].lstrip().startswith(";")
        )

    def trait(self, node: ast.AST, name: str, find: Callable[[ast.AST], Answer]) -> Answer:
        """Return what `find` says of a node, asked once."""
        key = (node, name)
        if key not in self._traits:
            self._traits[key] = find(node)
        return cast(Answer, self._traits[key])

    def segment(self, node: ast.stmt) -> str:
        """Return the lines of a statement, decorators left out."""
        assert node.end_lineno is not None
        starts = self.source.line_starts
        end = starts[node.end_lineno] if node.end_lineno < len(starts) else len(self.source.text)
        return self.source.text[starts[node.lineno - 1] : end]


@dataclass(eq=False)
class ClassInfo:
    """One class statement; `frame` is the serial of the frame that it stands in."""

    node: ast.ClassDef
    module: ModuleInfo
    bases: tuple[ClassInfo | str, ...] = ()
    """Bases of the project, and dotted names of others; an unknown one is an empty string."""
    frame: object = None
    methods: dict[str, FunctionNode] = field(default_factory=dict)

    def __post_init__(self) -> None:
        for statement in self.node.body:
            if isinstance(statement, ast.FunctionDef | ast.AsyncFunctionDef):
                self.methods.setdefault(statement.name, statement)

    @property
    def name(self) -> str:
        """The class's name."""
        return self.node.name

    @property
    def lineage(self) -> tuple[ClassInfo, ...]:
        """This class and its project bases, depth first: the order in which methods are looked up."""
        return (self, *self._inherited)

    @cached_property
    def _inherited(self) -> tuple[ClassInfo, ...]:
        found: dict[ClassInfo, None] = {}
        for base in self.bases:
            if isinstance(base, ClassInfo) and base is not self:
                for inner in base.lineage:
                    found.setdefault(inner)
        found.pop(self, None)
        return tuple(found)

    @cached_property
    def foreign_bases(self) -> tuple[str, ...]:
        """Dotted names of all bases outside of the project."""
        return tuple(base for info in self.lineage for base in info.bases if isinstance(base, str))

    def method(self, name: str, after: ClassInfo | None = None) -> tuple[ClassInfo, FunctionNode] | None:
        """Return the class that defines a method and its node; with `after`, as `super()` in that class would."""
        lineage = self.lineage
        if after is not None:
            lineage = lineage[lineage.index(after) + 1 :] if after in lineage else after.lineage[1:]
        for info in lineage:
            if name in info.methods:
                return info, info.methods[name]
        return None

    def class_attribute(self, name: str) -> tuple[ClassInfo, ast.expr] | None:
        """Return the expression that a class body assigns to a name."""
        for info in self.lineage:
            for statement in info.node.body:
                match statement:
                    case ast.Assign(targets=[ast.Name(id=target)], value=value) if target == name:
                        return info, value
                    case ast.AnnAssign(target=ast.Name(id=target), value=ast.expr() as value) if target == name:
                        return info, value
                    case _:
                        pass
        return None
