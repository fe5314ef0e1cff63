"""Statements: how each kind is run; `with`, `try`, definitions and imports."""

from __future__ import annotations

import ast
from collections.abc import Callable
from typing import TYPE_CHECKING

from optlint.program.regions import EMPTY, Region, Try, sequence
from optlint.program.values import ClassValue, Function

if TYPE_CHECKING:
    from optlint.program.interpreter import Interpreter

_EXPECTING = frozenset(
    ("raises", "assertRaises", "assertRaisesRegex", "warns", "assertWarns", "assertWarnsRegex", "deprecated_call")
)
"""Contexts of tests in which something is expected to go wrong."""


class Statements:
    """Runs statements in the running frame."""

    def __init__(self, interpreter: Interpreter) -> None:
        self.interpreter = interpreter
        self.machine = interpreter.machine
        self.expressions = interpreter.expressions
        self.handlers: dict[type[ast.stmt], Callable[..., bool]] = {
            ast.Expr: self._expression,
            ast.With: self._with,
            ast.AsyncWith: self._with,
            ast.Try: self._try,
            ast.TryStar: self._try,
            ast.FunctionDef: self._function,
            ast.AsyncFunctionDef: self._function,
            ast.ClassDef: self._class,
            ast.Import: self._import,
            ast.ImportFrom: self._import_from,
            ast.Delete: self._delete,
        }
        """How to run a statement, by its kind; other parts add what they run."""

    def run(self, body: list[ast.stmt]) -> bool:
        """Run a block; return whether control reaches its end."""
        for statement in body:
            self.machine.statements += 1
            self.machine.entry_statements += 1
            handler = self.handlers.get(type(statement))
            if handler is not None and not handler(statement):
                return False
        return True

    def _expression(self, node: ast.Expr) -> bool:
        if isinstance(node.value, ast.Attribute):
            self.expressions.mention(node.value)
        elif not isinstance(node.value, ast.Constant):
            self.expressions.evaluate(node.value)
            if isinstance(node.value, ast.Call):
                name = node.value.func
                if (
                    isinstance(name, ast.Attribute)
                    and name.attr in ("exit", "_exit")
                    and isinstance(name.value, ast.Name)
                    and name.value.id in ("sys", "os")
                ):
                    return False
        return True

    def _with(self, node: ast.With | ast.AsyncWith) -> bool:
        machine, expressions = self.machine, self.expressions
        saved = machine.grad_enabled
        for item in node.items:
            grad = self._grad_mode(item.context_expr)
            value = expressions.evaluate(item.context_expr)
            if grad is not None:
                machine.grad_enabled = grad
            if item.optional_vars is not None:
                self.interpreter.assignments.assign(item.optional_vars, value, node)
        if any(_called(item.context_expr) in _EXPECTING for item in node.items):
            # What a test wants to see fail is no misuse, and does not happen to the objects.
            with machine.silent():
                self.run(node.body)
            falls = True
        else:
            falls = self.run(node.body)
        machine.grad_enabled = saved
        return falls

    def _grad_mode(self, context: ast.expr) -> bool | None:
        """Return whether a context turns gradients on or off, or None where it does neither."""
        if not isinstance(context, ast.Call):
            return None
        name = _called(context)
        if name in ("no_grad", "inference_mode"):
            return False
        if name == "enable_grad":
            return True
        if name == "set_grad_enabled" and context.args:
            return self.interpreter.conditions.truth(self.expressions.evaluate(context.args[0]))
        return None

    def _try(self, node: ast.Try | ast.TryStar) -> bool:
        machine = self.machine
        with machine.collect() as body_out:
            falls = self.run(node.body)
        with machine.collect() as else_out:
            falls = falls and self.run(node.orelse)
        handlers: list[Region] = []
        any_falls = falls
        for handler in node.handlers:
            if handler.name:
                self.expressions.assign_name(handler.name, machine.opaque(handler.name))
            regions, reaches = machine.fork([lambda handler=handler: self.run(handler.body), lambda: True])  # type: ignore[misc]
            handlers.append(regions[0])
            any_falls = any_falls or (reaches and not _leaves(handler.body))
        with machine.collect() as final_out:
            final_falls = self.run(node.finalbody)
        region = Try(sequence(body_out), tuple(handlers), sequence(else_out), sequence(final_out), machine.place(node))
        if body_out or else_out or final_out or any(handler is not EMPTY for handler in handlers):
            machine.emit(region)
        return any_falls and final_falls

    def _function(self, node: ast.FunctionDef | ast.AsyncFunctionDef) -> bool:
        self.machine.write(self.machine.frame.serial, node.name, Function(node, self.machine.frame))
        return True

    def _class(self, node: ast.ClassDef) -> bool:
        machine = self.machine
        info = self.interpreter.names.class_info(node, machine.frame.module, machine.frame)
        machine.write(machine.frame.serial, node.name, ClassValue(info))
        return True

    def _import(self, node: ast.Import) -> bool:
        for alias in node.names:
            value = self.interpreter.names.imported(alias, None, self.machine.frame.module)
            self.expressions.assign_name(alias.asname or alias.name.partition(".")[0], value)
        return True

    def _import_from(self, node: ast.ImportFrom) -> bool:
        for alias in node.names:
            if alias.name != "*":
                value = self.interpreter.names.imported(alias, node, self.machine.frame.module)
                self.expressions.assign_name(alias.asname or alias.name, value)
        return True

    def _delete(self, node: ast.Delete) -> bool:
        for target in node.targets:
            if isinstance(target, ast.Name):
                self.expressions.assign_name(target.id, self.machine.opaque(target.id))
        return True


def _called(context: ast.expr) -> str:
    """Return the last name of the function that an expression calls, or an empty string."""
    if not isinstance(context, ast.Call):
        return ""
    return getattr(context.func, "attr", "") or getattr(context.func, "id", "")


def _leaves(body: list[ast.stmt]) -> bool:
    return bool(body) and isinstance(body[-1], ast.Raise | ast.Return | ast.Continue | ast.Break)
