"""What only the whole of a slice says is needed: methods, attributes, contents of lists, jumps, parts of modules."""

from __future__ import annotations

import ast
import re
from dataclasses import dataclass
from typing import TYPE_CHECKING

from optlint.program.objects import Model
from optlint.program.values import External
from optlint.replay.slicer.scopes import Layout, is_field
from optlint.torch_api.tables import tables

if TYPE_CHECKING:
    from optlint.replay.slicer.slice import Slice

_SETTING = re.compile(r"^torch\.(__future__\.|set_|manual_seed)")
_SPECIAL = frozenset("__init__ __post_init__ __call__ __enter__ __exit__ __iter__ __len__ __getitem__ __next__".split())


@dataclass(frozen=True, slots=True)
class Wanted:
    """Asks of statements that a slice has left out whether it needs them after all."""

    slice: Slice

    def holds(self, statement: ast.stmt, layout: Layout) -> bool:
        """Whether a statement is to be kept as well."""
        owner = layout.parent.get(statement)
        if isinstance(owner, ast.ClassDef):
            if owner not in self.slice.kept:
                return False
            if isinstance(statement, ast.FunctionDef):
                return statement.name in self.slice.attributes or statement.name in _SPECIAL
            if is_field(statement, owner):
                return True
            names = _target_names(statement) if isinstance(statement, ast.Assign | ast.AnnAssign) else []
            return any(name in self.slice.attributes for name in names)
        wanted = (
            self._assigns_wanted,
            self.slice.effects.is_wanted,
            self._changes_module,
            self._moves_module,
            self._flags_loss,
            self._sets_torch,
            self._is_wanted_jump,
        )
        return any(is_wanted(statement, layout) for is_wanted in wanted)

    def _assigns_wanted(self, statement: ast.stmt, layout: Layout) -> bool:
        """Whether a statement of a kept function sets an attribute that kept code reads."""
        if not isinstance(statement, ast.Assign | ast.AugAssign | ast.AnnAssign):
            return False
        function = layout.scope[statement].node
        if not isinstance(function, ast.FunctionDef) or function not in self.slice.kept:
            return False
        targets = statement.targets if isinstance(statement, ast.Assign) else [statement.target]
        return any(
            isinstance(node, ast.Attribute) and isinstance(node.ctx, ast.Store) and node.attr in self.slice.attributes
            for target in targets
            for node in ast.walk(target)
        )

    def _changes_module(self, statement: ast.stmt, layout: Layout) -> bool:
        """Whether a statement of a kept function exchanges a part of a module for another module."""
        match statement:
            case ast.Assign(targets=[ast.Attribute(value=owner)], value=value):
                scope = layout.scope[statement]
                if scope.outer is not None and scope.node not in self.slice.kept:
                    return False
                models = [each for each in self.slice.observed.objects(owner) if isinstance(each, Model)]
                return bool(models) and any(isinstance(each, Model) for each in self.slice.observed.objects(value))
            case _:
                return False

    def _moves_module(self, statement: ast.stmt, layout: Layout) -> bool:
        """Whether a statement of a kept function moves or converts a module in place, before one knew it to be one."""
        match statement:
            case ast.Expr(value=ast.Call(func=ast.Attribute(value=owner, attr=method))) if method in tables().moves:
                scope = layout.scope[statement]
                if scope.outer is not None and scope.node not in self.slice.kept:
                    return False
                return any(isinstance(each, Model) for each in self.slice.observed.objects(owner))
            case _:
                return False

    def _flags_loss(self, statement: ast.stmt, layout: Layout) -> bool:
        """Whether a statement of a kept function sets the flag of what a kept backward starts at."""
        match statement:
            case ast.Assign(targets=[ast.Attribute(value=owner, attr="requires_grad")]):
                pass
            case ast.Expr(value=ast.Call(func=ast.Attribute(value=owner, attr="requires_grad_"))):
                pass
            case _:
                return False
        scope = layout.scope[statement]
        kept = scope.outer is None or scope.node in self.slice.kept
        return kept and self.slice.replacements.is_backpropagated(ast.unparse(owner))

    def _sets_torch(self, statement: ast.stmt, layout: Layout) -> bool:
        """Whether a statement of a kept function changes how all of torch behaves."""
        match statement:
            case ast.Expr(value=ast.Call(func=function)):
                scope = layout.scope[statement]
                if scope.outer is not None and scope.node not in self.slice.kept:
                    return False
                called = self.slice.observed.values.get(function)
                return isinstance(called, External) and _SETTING.search(called.name) is not None
            case _:
                return False

    def _is_wanted_jump(self, statement: ast.stmt, layout: Layout) -> bool:
        """Whether a statement leaves a kept loop for a reason that the script can know."""
        if not isinstance(statement, ast.Break | ast.Continue | ast.Return):
            return False
        if isinstance(statement, ast.Return) and statement.value is not None:
            return False
        around: list[ast.stmt] = []
        owner = layout.parent.get(statement)
        while owner is not None and not isinstance(owner, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef):
            around.append(owner)
            owner = layout.parent.get(owner)
        loops = [each for each in around if isinstance(each, ast.For | ast.While)]
        if not isinstance(statement, ast.Return) and (not loops or loops[0] not in self.slice.kept):
            return False
        if isinstance(statement, ast.Return) and not isinstance(owner, ast.FunctionDef):
            return False
        if isinstance(owner, ast.FunctionDef) and owner not in self.slice.kept:
            return False
        tests = [each.test for each in around[: around.index(loops[0]) if loops else None] if isinstance(each, ast.If)]
        if loops and isinstance(statement, ast.Break) and _is_endless(loops[0]):
            return True
        return all(self.slice.replacements.is_arithmetic(test) for test in tests)


def _is_endless(loop: ast.stmt) -> bool:
    """Whether a loop may go on until something leaves it."""
    match loop:
        case ast.While():
            return True
        case ast.For(iter=ast.Call(func=function)):
            return ast.unparse(function).rpartition(".")[2] in ("count", "cycle")
        case _:
            return False


def _target_names(statement: ast.Assign | ast.AnnAssign) -> list[str]:
    targets = statement.targets if isinstance(statement, ast.Assign) else [statement.target]
    return [target.id for target in targets if isinstance(target, ast.Name)]
