"""The names of a script: those of the files, with a number where two files mean different things by one name.

A script has one top level for all files. What the entry's file calls a thing it is called there, unless other files
mean by that name what Python has, or the script, which no number can be given to. A name that no script may have, as
`__file__`, has another one there.
"""

from __future__ import annotations

import ast
from collections.abc import Collection, Hashable, Iterable
from dataclasses import dataclass, field
from functools import cached_property
from itertools import count

from optlint.program.modules import ModuleInfo
from optlint.replay.guard_words import closed_word
from optlint.replay.slicer.slice import CannotSliceError, Slice
from optlint.replay.slicer.top_names import TopNames, bound_by
from optlint.replay.slicer.vocabulary import AWAY, BUILTINS, GIVEN

_UNNUMBERED = GIVEN | BUILTINS | {"standin", "__name__"}


@dataclass(eq=False)
class Naming:
    """What the script of a slice, which is complete, calls the things of its files' top levels.

    Attributes:
        slice: The slice.
        own: Names that the script gives at its own top level, for what it enters or runs alone.
    """

    slice: Slice
    own: frozenset[str] = frozenset()
    _nodes: dict[ast.AST, str] = field(default_factory=dict)
    """The nodes that another name comes to stand in."""
    _declared: dict[tuple[ast.Global, str], str] = field(default_factory=dict)
    """The same for the names of `global` statements."""
    _names_used: dict[ModuleInfo, set[str]] = field(default_factory=dict)
    _meanings: dict[tuple[ModuleInfo, str], Hashable] = field(default_factory=dict)

    def __post_init__(self) -> None:
        entry = self.slice.observed.program.module
        others = [each for each in self.slice.layouts if each is not entry]
        self._modules = [entry, *sorted(others, key=lambda each: each.path)]
        for module in self._modules:
            found = _top_names(module)
            for node, name in found.uses:
                called = self.name(module, name)
                if called != name and isinstance(node, ast.Global):
                    self._declared[node, name] = called
                elif called != name:
                    self._nodes[node] = called
            for name in found.unclear:
                if self.name(module, name) != name:
                    raise CannotSliceError(f"two files define `{name}`, and a class that reads it may have one itself")

    def name(self, module: ModuleInfo, name: str) -> str:
        """Return what a name of a file's top level is called in the script."""
        return self._numbered.get((name, self._meaning(module, name)), name)

    def at(self, node: ast.AST) -> str | None:
        """Return the name that comes to stand in a node, None where it keeps its own."""
        return self._nodes.get(node)

    def declared(self, statement: ast.Global, name: str) -> str:
        """Return what a name that a statement declares is called in the script."""
        return self._declared.get((statement, name), name)

    # -- numbers ------------------------------------------------------------------------------------------------

    @cached_property
    def _numbered(self) -> dict[tuple[str, Hashable], str]:
        """The names that get a number, by the name and what is meant."""
        meanings: dict[str, dict[Hashable, None]] = {}
        self._claim(meanings, ((name, _given(name)) for name in sorted(self._read_as_given())))
        entry = self._modules[0]
        self._claim(meanings, ((name, _of_file(entry, name)) for name in sorted(self.own)))
        for module in self._modules:
            names = sorted(self._used(module))
            self._claim(meanings, ((name, self._meaning(module, name)) for name in names))
        taken = self.own | _UNNUMBERED
        taken = taken.union(*(module.trait(module.tree, "identifiers", _identifiers) for module in self._modules))
        numbered: dict[tuple[str, Hashable], str] = {}
        for name, meant in sorted(meanings.items()):
            for meaning in [each for each in meant if closed_word(name) and each != _given(name)] or list(meant)[1:]:
                numbered[name, meaning] = _free(name, taken)
                taken |= {numbered[name, meaning]}
        return numbered

    @staticmethod
    def _claim(meanings: dict[str, dict[Hashable, None]], claims: Iterable[tuple[str, Hashable]]) -> None:
        for name, meaning in claims:
            meanings.setdefault(name, {}).setdefault(meaning)

    def _used(self, module: ModuleInfo) -> set[str]:
        """The names of a file's top level that stand in what is kept of it."""
        if module not in self._names_used:
            self._names_used[module] = self._found_used(module)
        return self._names_used[module]

    def _found_used(self, module: ModuleInfo) -> set[str]:
        layout, kept = self.slice.layout(module), self.slice.kept
        found: set[str] = set()
        for node, name in _top_names(module).uses:
            if isinstance(node, ast.alias):
                is_kept = node in self.slice.imports.targets
            else:
                statement = node if isinstance(node, ast.stmt) else layout.statement.get(node)
                is_kept = isinstance(node, ast.ExceptHandler) or statement in kept
            if is_kept:
                found.add(name)
        return found

    def _read_as_given(self) -> set[str]:
        """The names by which a file means what Python has, or by which an import of it is written."""
        found = {"standin", "torch"}
        for module in self._modules:
            used = self._used(module)
            found |= {name for name in used & _UNNUMBERED if self._meaning(module, name) == _given(name)}
            for statement in self.slice.layout(module).scope:
                if isinstance(statement, ast.Import | ast.ImportFrom):
                    followed = (each for each in statement.names if each in self.slice.imports.targets)
                    found |= {_first(given_name(statement, alias)) for alias in followed} & GIVEN
        return found

    # -- meanings -----------------------------------------------------------------------------------------------

    def _meaning(self, module: ModuleInfo, name: str) -> Hashable:
        """Return a value that is the same for two names of files where they mean the same."""
        if (module, name) not in self._meanings:
            self._meanings[module, name] = _of_file(module, name)  # as long as a circle of imports leads back here
            self._meanings[module, name] = self._found_meaning(module, name)
        return self._meanings[module, name]

    def _found_meaning(self, module: ModuleInfo, name: str) -> Hashable:
        layout = self.slice.layout(module)
        bound = [each for each in layout.top.bindings.get(name, ()) if each in self.slice.kept]
        if not bound:
            starred = self.slice.imports.starred.get((module, name))
            if starred is not None:
                return self._meaning_elsewhere(name, *starred)
            return ("unknown", name) if name in self.slice.missing.get(layout.top, ()) else _given(name)
        meanings = {
            self._meaning_of_import(each, name)
            if isinstance(each, ast.Import | ast.ImportFrom)
            else _of_file(module, name)
            for each in bound
        }
        return meanings.pop() if len(meanings) == 1 else _of_file(module, name)

    def _meaning_of_import(self, statement: ast.Import | ast.ImportFrom, name: str) -> Hashable:
        alias = [each for each in statement.names if bound_by(each) == name][-1]
        target = self.slice.imports.targets.get(alias)
        match target:
            case ModuleInfo():
                return "file", target.path
            case (ModuleInfo() as origin, str() as original):
                return self._meaning_elsewhere(name, origin, original)
            case _ if isinstance(statement, ast.ImportFrom):
                return "package", given_name(statement, alias) or f"{statement.level}.{statement.module}.{alias.name}"
            case _ if alias.asname is None and name in GIVEN:
                return _given(name)
            case _:
                return "package", alias.name if alias.asname else name

    def _meaning_elsewhere(self, name: str, origin: ModuleInfo, original: str) -> Hashable:
        meaning = self._meaning(origin, original)
        return meaning if original == name else ("another name for", meaning)


def given_name(statement: ast.Import | ast.ImportFrom, alias: ast.alias) -> str:
    """Return the dotted name of what is imported from a package that a script has by name, or nothing."""
    if isinstance(statement, ast.Import):
        full = alias.name
    elif statement.level:
        return ""
    else:
        full = f"{statement.module}.{alias.name}".replace("torch.optim.optimizer.", "torch.optim.")
    return full if _first(full) in GIVEN and not full.startswith(AWAY) else ""


def _free(name: str, taken: Collection[str]) -> str:
    """Return a name that nothing has, which reads like another one."""
    plain = name
    if closed_word(name):
        plain = name.strip("_")
        if plain not in taken and not closed_word(plain):
            return plain
    return next(f"{plain}_{number}" for number in count(2) if f"{plain}_{number}" not in taken)


def _given(name: str) -> Hashable:
    """What Python has by a name, or the script."""
    return "given", name


def _of_file(module: ModuleInfo, name: str) -> Hashable:
    """What a file itself has by a name."""
    return "own", module.path, name


def _top_names(module: ModuleInfo) -> TopNames:
    return module.trait(module.tree, "names of the top level", TopNames)


def _identifiers(tree: ast.AST) -> frozenset[str]:
    """All names that stand in a file, whatever they are names of."""
    found: set[str] = set()
    for node in ast.walk(tree):
        for part in ("id", "arg", "name", "asname", "rest"):
            name = getattr(node, part, None)
            if isinstance(name, str):
                found.add(name)
    return frozenset(found)


def _first(dotted: str) -> str:
    return dotted.partition(".")[0]
