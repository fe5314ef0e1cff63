"""The names that a function, or a file's top level, binds, and where it reads them."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property
from typing import TypeAlias

from optlint.api import ModuleInfo

FUNCTIONS = (ast.FunctionDef, ast.AsyncFunctionDef, ast.Lambda)


@dataclass(frozen=True)
class Part:
    """One of several that a value is unpacked into."""

    value: ast.expr


Binding: TypeAlias = ast.AST | Part
"""What a name is bound by: a value, a part of one, a loop, an argument."""


@dataclass
class Scope:
    """The names that a function, or a file's top level, binds, and where it reads them.

    Functions inside it count for what they read.
    """

    node: ast.AST
    module: ModuleInfo

    @cached_property
    def bound(self) -> dict[str, list[Binding]]:
        """By name, what binds it here."""
        found: dict[str, list[Binding]] = {}
        for argument in _arguments(self.node):
            found.setdefault(argument.arg, []).append(argument)
        nodes = self.module.nodes
        own = nodes.own(self.node)
        apart = [node for node in own if isinstance(node, ast.Lambda)]
        for node in own:
            for name, by in _bindings(node):
                if not any(nodes.contains(each, node) for each in apart):
                    found.setdefault(name, []).append(by)
        return found

    @cached_property
    def reads(self) -> dict[str, list[ast.Name]]:
        """By name, where it is read, here or further inside."""
        found: dict[str, list[ast.Name]] = {}
        for node in self.module.nodes.within(self.node, ast.Name):
            if isinstance(node.ctx, ast.Load):
                found.setdefault(node.id, []).append(node)
        return found


def _arguments(node: ast.AST) -> list[ast.arg]:
    spec = getattr(node, "args", None)
    if not isinstance(spec, ast.arguments):
        return []
    rest = [argument for argument in (spec.vararg, spec.kwarg) if argument is not None]
    return [*spec.posonlyargs, *spec.args, *spec.kwonlyargs, *rest]


def _bindings(node: ast.AST) -> Iterator[tuple[str, Binding]]:
    """Yield the names that a node binds, each with what says what it is."""
    match node:
        case ast.Assign(targets=targets, value=value):
            for target in targets:
                yield from _assigned(target, value)
        case ast.AnnAssign(target=ast.Name(id=name), value=ast.expr() as value):
            yield name, value
        case ast.NamedExpr(target=ast.Name(id=name), value=value):
            yield name, value
        case ast.For(target=target) | ast.AsyncFor(target=target) | ast.comprehension(target=target):
            for inner in ast.walk(target):
                if isinstance(inner, ast.Name):
                    yield inner.id, node
        case ast.With(items=items) | ast.AsyncWith(items=items):
            for item in items:
                for inner in ast.walk(item.optional_vars) if item.optional_vars is not None else ():
                    if isinstance(inner, ast.Name):
                        yield inner.id, node
        case ast.FunctionDef(name=name) | ast.AsyncFunctionDef(name=name) | ast.ClassDef(name=name):
            yield name, node
        case ast.alias(name=name, asname=other):
            yield other or name.partition(".")[0], node
        case ast.ExceptHandler(name=str(name)):
            yield name, node
        case _:
            pass


def _assigned(target: ast.expr, value: ast.expr) -> Iterator[tuple[str, Binding]]:
    match target, value:
        case ast.Name(id=name), _:
            yield name, value
        case ((ast.Tuple(elts=targets) | ast.List(elts=targets)), (ast.Tuple(elts=values) | ast.List(elts=values))) if (
            len(targets) == len(values)
        ):
            for inner, part in zip(targets, values, strict=True):
                yield from _assigned(inner, part)
        case ((ast.Tuple() | ast.List()), _):
            for each in ast.walk(target):
                if isinstance(each, ast.Name):
                    yield each.id, Part(value)
        case _:
            pass
