"""Which functions of the project an expression may call, and which these call in turn."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, TypeAlias

from optlint.program.modules import FunctionNode, ModuleInfo
from optlint.program.objects import Instance
from optlint.program.values import ClassValue, Function, Join, Partial, Value
from optlint.replay.slicer.scopes import Layout

if TYPE_CHECKING:
    from optlint.replay.slicer.slice import Slice

Called: TypeAlias = tuple[FunctionNode, ModuleInfo]


@dataclass(eq=False)
class Callees:
    """Looks functions up in the program of a slice."""

    slice: Slice
    _reached: dict[FunctionNode, tuple[Called, ...]] = field(default_factory=dict)
    _layouts: dict[ModuleInfo, Layout] = field(default_factory=dict)

    def values(self, node: ast.expr) -> tuple[Value, ...]:
        """What an expression may be."""
        return alternatives(self.slice.observed.values.get(node))

    def called(self, function: ast.expr) -> list[Called]:
        """The functions of the project that an expression was found to be."""
        return list(_functions(self.slice.observed.values.get(function)))

    def static(self, function: ast.expr, module: ModuleInfo) -> list[Called]:
        """The function of the project that a name of a file stands for, of which nothing was evaluated."""
        definitions = self.slice.observed.program.definitions
        found = None if definitions is None else definitions.function_of(function, module)
        return [] if found is None else [found]

    def reach(self, function: FunctionNode, module: ModuleInfo) -> tuple[Called, ...]:
        """A function, those inside of it, and those that it calls, directly or through others."""
        found = self._reached.get(function)
        if found is None:
            reached = {function: module}
            pending = [function]
            while pending:
                current = pending.pop()
                own = reached[current]
                for node in ast.walk(current):
                    called: list[Called] = []
                    if isinstance(node, ast.Call):
                        called = self.called(node.func)
                    elif isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
                        called = [(node, own)]
                    for inner, where in called:
                        if inner not in reached:
                            reached[inner] = where
                            pending.append(inner)
            found = self._reached[function] = tuple(reached.items())
        return found

    def layout(self, module: ModuleInfo) -> Layout:
        """The scopes of a file, whether anything of it is kept or not."""
        found = self.slice.layouts.get(module) or self._layouts.get(module)
        if found is None:
            found = self._layouts[module] = Layout(module)
        return found


def _functions(value: Value | None) -> Iterator[Called]:
    for each in alternatives(value):
        match each:
            case Function(node=ast.FunctionDef() | ast.AsyncFunctionDef() as node, frame=frame):
                yield node, frame.module
            case Partial(function=inner):
                yield from _functions(inner)
            case ClassValue(info=info) | Instance(info=info) if info is not None:
                wanted = "__init__" if isinstance(each, ClassValue) else "__call__"
                found = next((owner for owner in info.lineage if wanted in owner.methods), None)
                if found is not None:
                    yield found.methods[wanted], found.module
            case _:
                pass


def alternatives(value: Value | None) -> tuple[Value, ...]:
    """Return the values that a value may be."""
    return () if value is None else value.alternatives if isinstance(value, Join) else (value,)
