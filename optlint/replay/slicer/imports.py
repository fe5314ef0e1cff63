"""What the files of a slice have of each other: names that are imported, with those handed on and those after a `*`."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, TypeAlias

from optlint.program.modules import ModuleInfo
from optlint.replay.slicer.scopes import Scope, bindings_of
from optlint.replay.slicer.top_names import bound_by
from optlint.replay.slicer.vocabulary import GIVEN

if TYPE_CHECKING:
    from optlint.replay.slicer.slice import Slice

Imported: TypeAlias = ModuleInfo | tuple[ModuleInfo, str] | None
"""A file of the project, a file and a name of it, or None for what is not the project's."""


@dataclass(eq=False)
class Imports:
    """Follows the imports of a slice, and keeps what they name.

    Attributes:
        slice: The slice.
        targets: What was followed, with what it is.
        starred: The names that a file has by `from x import *`, each with the file that defines it.
    """

    slice: Slice
    targets: dict[ast.alias, Imported] = field(default_factory=dict)
    starred: dict[tuple[ModuleInfo, str], tuple[ModuleInfo, str]] = field(default_factory=dict)
    _known: dict[tuple[ModuleInfo, str], Imported] = field(default_factory=dict)

    def follow(self, alias: ast.alias, statement: ast.Import | ast.ImportFrom, scope: Scope) -> None:
        """Follow an import into the project; what it names there is kept as well."""
        if alias in self.targets:
            return
        self.targets[alias] = None
        project = self.slice.observed.machine.project
        importer = scope.module.path
        if isinstance(statement, ast.Import):
            path = project.locate(importer, alias.name)
            module = project.load(path) if path is not None else None
            if module is not None:
                self.targets[alias] = module
            return
        dotted, level = statement.module or "", statement.level
        if not level and dotted.partition(".")[0] in (*GIVEN, "tqdm"):
            return
        found = self._symbol(importer, dotted, level, alias.name)
        if found is not None:
            self.targets[alias] = found

    def after_star(self, module: ModuleInfo, name: str) -> tuple[ModuleInfo, str] | None:
        """Return the file of the project, and the name there, that a file has a name of by a `*`."""
        for star in reversed(module.star_imports) if not name.startswith("_") else ():
            origin = self._file(module.path, star.module or "", star.level)
            found = None if origin is None else self._defined(origin, name)
            if isinstance(found, tuple):
                return found
        return None

    def _symbol(self, importer: Path, dotted: str, level: int, name: str) -> Imported:
        """Return what `from dotted import name` gives."""
        module = self._file(importer, dotted, level)
        if module is None:
            return None
        return self._defined(module, name) or self._file(importer, f"{dotted}.{name}" if dotted else name, level)

    def _file(self, importer: Path, dotted: str, level: int) -> ModuleInfo | None:
        project = self.slice.observed.machine.project
        path = project.locate(importer, dotted, level) if dotted or level else None
        return project.load(path) if path is not None else None

    def _defined(self, module: ModuleInfo, name: str) -> Imported:
        """Return what a file has by a name, from wherever; it is kept."""
        key = module, name
        if key not in self._known:
            self._known[key] = None  # as long as a circle of imports leads back here
            self._known[key] = self._found(module, name)
        return self._known[key]

    def _found(self, module: ModuleInfo, name: str) -> Imported:
        symbol = module.symbols.get(name)
        if isinstance(symbol, ast.alias):
            origin = module.origins.get(symbol)
            if origin is not None:
                found = self._symbol(module.path, origin.module or "", origin.level, symbol.name)
                if found is not None:
                    return found
            self.slice.need_name(name, self.slice.layout(module).top)  # the file hands on what is another package's
            return module, name
        if symbol is None:
            return self.after_star(module, name)
        self.slice.keep(symbol, module)
        return module, name

    def need_constant(self, name: str, attribute: str, scope: Scope) -> None:
        """Keep what a file of the project assigns to a name, where that file and the name are `name.attribute`."""
        for statement in bindings_of(name, scope):
            for alias in statement.names if isinstance(statement, ast.Import | ast.ImportFrom) else ():
                module = self.targets.get(alias)
                if isinstance(module, ModuleInfo) and bound_by(alias) == name:
                    symbol = module.symbols.get(attribute)
                    if isinstance(symbol, ast.Assign | ast.AnnAssign):
                        self.slice.keep(symbol, module)

    def classes_of(self, name: str, scope: Scope) -> Iterator[ast.ClassDef]:
        """Yield the classes that a name stands for, as far as what it is imported from was followed."""
        found = bindings_of(name, scope)
        targets: list[Imported] = [] if found else [self.starred.get((scope.module, name))]
        for statement in found:
            if isinstance(statement, ast.ClassDef):
                yield statement
            elif isinstance(statement, ast.Import | ast.ImportFrom):
                targets += [self.targets.get(alias) for alias in statement.names if bound_by(alias) == name]
        for target in targets:
            match target:
                case (ModuleInfo() as module, str() as original):
                    yield from self.classes_of(original, self.slice.layout(module).top)
                case _:
                    pass

    def is_module_class(self, node: ast.ClassDef, scope: Scope, hops: int = 0) -> bool:
        """Whether a class is derived from one of torch (`nn.Module`, an optimizer, a scheduler): kept as it stands."""
        layout = self.slice.layout(scope.module)
        for base in node.bases:
            if self.is_of_torch(base, scope.module):
                return True
            if isinstance(base, ast.Name) and hops < 6:
                for statement in layout.top.bindings.get(base.id, ()):
                    if isinstance(statement, ast.ClassDef) and statement is not node:
                        if self.is_module_class(statement, scope, hops + 1):
                            return True
                    elif isinstance(statement, ast.ImportFrom) and self._imports_module_class(
                        statement, base.id, scope
                    ):
                        return True
                starred = self.after_star(scope.module, base.id) if base.id not in layout.top.bindings else None
                if starred is not None and self._is_module_class_of(*starred):
                    return True
        return False

    def is_of_torch(self, base: ast.expr, module: ModuleInfo) -> bool:
        """Whether the base of a class is one of torch's modules, optimizers or schedulers."""
        return self._qualified(base, module).startswith(("torch.nn.", "torch.optim."))

    def _qualified(self, node: ast.expr, module: ModuleInfo) -> str:
        """Return the dotted name of a class of another package, which a file of the project may hand on."""
        match node:
            case ast.Attribute(value=value, attr=attribute):
                outer = self._qualified(value, module)
                return f"{outer}.{attribute}" if outer else ""
            case ast.Name(id=name):
                top = self.slice.layout(module).top
                aliases = [alias for each in top.bindings.get(name, ()) for alias in getattr(each, "names", ())]
                targets = [self.targets.get(alias) for alias in aliases if bound_by(alias) == name]
                match targets[-1] if targets else self.after_star(module, name):
                    case (ModuleInfo() as origin, str() as original) if origin is not module:
                        return self._qualified(ast.Name(original, ast.Load()), origin)
                    case _:
                        return self.slice.layout(module).qualify(node)
            case _:
                return ""

    def _imports_module_class(self, statement: ast.ImportFrom, name: str, scope: Scope) -> bool:
        for alias in statement.names:
            if (alias.asname or alias.name) == name:
                self.follow(alias, statement, scope)
                found = self.targets.get(alias)
                if isinstance(found, tuple):
                    return self._is_module_class_of(*found)
        return False

    def _is_module_class_of(self, module: ModuleInfo, name: str) -> bool:
        symbol = module.symbols.get(name)
        return isinstance(symbol, ast.ClassDef) and self.is_module_class(symbol, self.slice.layout(module).top, 1)
