"""What a function is entered with where no caller is seen: a default is one value of its parameter among others."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from typing import TYPE_CHECKING

from optlint.program.values import NONE, Const, Default, Frame, Join

if TYPE_CHECKING:
    from optlint.program.functions import Functions
    from optlint.program.modules import FunctionNode, ModuleInfo
    from optlint.program.values import Value


def entry_arguments(functions: Functions, function: FunctionNode, frame: Frame) -> list[tuple[str, Value]]:
    """Return the arguments of a call that nobody sees: what parameters have by default, left open.

    What is no literal is left to the call itself. So is a `None` in the place of which the function puts something of
    its own, with which it is as people mean it to be, and that of a constructor: what this stores is not taken for
    `None` by any method.
    """
    machine = functions.machine
    found: list[tuple[str, Value]] = []
    for name, expression in defaults_of(function.args):
        value = functions.default(expression, frame)
        if value == NONE and function.name != "__init__" and name not in replaced_in(frame.module, function):
            unknown = machine.opaque(name)
            machine.unsaid.add(unknown.serial)
            found.append((name, Join((NONE, unknown))))
        elif isinstance(value, Const) and value != NONE:
            found.append((name, Default(value.value, machine.serial())))
    return found


def defaults_of(spec: ast.arguments) -> Iterator[tuple[str, ast.expr]]:
    """Yield the parameters that have a default, with it."""
    names = [argument.arg for argument in (*spec.posonlyargs, *spec.args)]
    yield from zip(names[len(names) - len(spec.defaults) :], spec.defaults, strict=True)
    for argument, default in zip(spec.kwonlyargs, spec.kw_defaults, strict=True):
        if default is not None:
            yield argument.arg, default


def replaced_in(module: ModuleInfo, function: ast.AST) -> frozenset[str]:
    """Return the names that a function assigns, or has something else for: `x or ...`, `... if x is None else x`."""
    return module.trait(function, "replaced names", _replaced)


def _replaced(function: ast.AST) -> frozenset[str]:
    found: set[str] = set()
    for node in ast.walk(function):
        match node:
            case ast.Name(id=name, ctx=ast.Store()) | ast.BoolOp(op=ast.Or(), values=[ast.Name(id=name), *_]):
                found.add(name)
            case ast.IfExp(body=ast.Name(id=name)) | ast.IfExp(orelse=ast.Name(id=name)):
                found.add(name)
            case _:
                pass
    return frozenset(found)
