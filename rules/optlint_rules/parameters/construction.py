"""The statements that build an optimizer and its schedulers, and what they depend on."""

from __future__ import annotations

import ast
from collections.abc import Iterable

from optlint.api import Act, Optimizer, Scheduler, Violation, canonical, enclosing_statement


def scheduler_statements(violation: Violation, optimizer: Optimizer, first: ast.stmt, last: ast.stmt) -> list[ast.stmt]:
    """Return the statements between two others, in the same file, that build schedulers of the optimizer."""
    assert violation.entry is not None
    found: list[ast.stmt] = []
    for event in violation.entry.having(Act.NEW):
        scheduler = canonical(event.subjects[0])
        if isinstance(scheduler, Scheduler) and optimizer in map(canonical, scheduler.optimizers):
            if event.place.module is violation.at.module:
                statement = enclosing_statement(event.place)
                if first.lineno < statement.lineno < last.lineno and statement not in found:
                    found.append(statement)
    return found


def given_parameters(call: ast.Call) -> ast.expr | None:
    """Return the argument of an optimizer's construction that gives it its parameters."""
    if call.args:
        return call.args[0]
    return next((keyword.value for keyword in call.keywords if keyword.arg == "params"), None)


def names_in(nodes: Iterable[ast.AST]) -> set[str]:
    """Return names and `self.x` attributes that some nodes mention."""
    found: set[str] = set()
    for node in nodes:
        for inner in ast.walk(node):
            match inner:
                case ast.Attribute(value=ast.Name(id="self"), attr=attribute):
                    found.add(f"self.{attribute}")
                case ast.Name(id=name) if name != "self":
                    found.add(name)
                case _:
                    pass
    return found


def names_assigned(nodes: Iterable[ast.AST]) -> set[str]:
    """Return names and `self.x` attributes that some statements assign or define."""
    found: set[str] = set()
    for node in nodes:
        for inner in ast.walk(node):
            match inner:
                case ast.Name(id=name, ctx=ast.Store()):
                    found.add(name)
                case ast.Attribute(value=ast.Name(id="self"), attr=attribute, ctx=ast.Store()):
                    found.add(f"self.{attribute}")
                case ast.FunctionDef(name=name) | ast.ClassDef(name=name):
                    found.add(name)
                case ast.alias(name=name, asname=other):
                    found.add(other or name.partition(".")[0])
                case _:
                    pass
    return found
