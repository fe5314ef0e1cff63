"""What the names of a file are defined as: classes and functions of the project, dotted names of other packages.

Nothing is run for that: it is what the statements at the top level of files say.
"""

from __future__ import annotations

import ast
from collections.abc import Callable, Iterator

from optlint.program.modules import ClassInfo, FunctionNode, ModuleInfo
from optlint.program.names import Names
from optlint.program.values import ClassValue, External, Frame, Function, Value
from optlint.torch_api.tables import tables


class Definitions:
    """Looks names up as the top level of a file binds them."""

    def __init__(self, names: Names, frame_of: Callable[[ModuleInfo], Frame]) -> None:
        self._names = names
        self._frame_of = frame_of

    def dotted(self, node: ast.expr, module: ModuleInfo) -> str:
        """Return the name in another package that an expression stands for, or an empty string."""
        value = self._static(node, module)
        return value.name if isinstance(value, External) else ""

    def class_of(self, node: ast.expr, module: ModuleInfo) -> ClassInfo | None:
        """Return the class of the project that an expression stands for."""
        value = self._static(node, module)
        return value.info if isinstance(value, ClassValue) else None

    def function_of(self, node: ast.expr, module: ModuleInfo) -> tuple[FunctionNode, ModuleInfo] | None:
        """Return the function of the project that an expression stands for, and its file."""
        value = self._static(node, module)
        if isinstance(value, Function) and not isinstance(value.node, ast.Lambda):
            return value.node, value.frame.module
        return None

    def classes(self, module: ModuleInfo) -> Iterator[ClassInfo]:
        """Yield the classes at the top level of a file."""
        for name, statement in module.symbols.items():
            if isinstance(statement, ast.ClassDef):
                value = self._names.symbol(module, name)
                if isinstance(value, ClassValue) and value.info.node is statement:
                    yield value.info

    def is_module(self, info: ClassInfo) -> bool:
        """Whether a class of the project is surely an `nn.Module`, and nothing else that is not known."""
        bases = info.foreign_bases
        known = tables().module_bases
        return any(base in known for base in bases) and all(
            base in known or base.partition(".")[0] in ("abc", "builtins", "typing") for base in bases
        )

    def _static(self, node: ast.expr, module: ModuleInfo) -> Value | None:
        if not isinstance(node, ast.Name | ast.Attribute):
            return None
        return self._names.static(node, self._frame_of(module))
