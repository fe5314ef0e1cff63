"""The backward slice: the statements that make or touch the objects of an entry, and what those need."""

from __future__ import annotations

import ast
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field

from optlint.program.events import Act, Event
from optlint.program.modules import FunctionNode, ModuleInfo
from optlint.program.objects import Optimizer, Place
from optlint.replay.slicer.effects import Effects
from optlint.replay.slicer.imports import Imports
from optlint.replay.slicer.observed import Observed
from optlint.replay.slicer.replacement import Replacement, Replacements
from optlint.replay.slicer.scopes import Layout, Scope, blocks, bound, headers, statements_of
from optlint.replay.slicer.top_names import bound_by, names_from_outside
from optlint.replay.slicer.vocabulary import BUILTINS, GIVEN
from optlint.replay.slicer.wanted import Wanted

_INERT = frozenset((Act.FORWARD, Act.ESCAPE, Act.SAVE, Act.TRAIN, Act.EVAL))
"""Events that a replay can do without: a forward is there if a loss needs it.

An optimizer that is given to unknown code is no such event: the stand-in for that code says whether it matters.
"""


class CannotSliceError(Exception):
    """An entry that no script can be made of; the message is the reason."""


@dataclass(eq=False)
class Slice:
    """The statements of an entry's files that a script keeps."""

    observed: Observed
    name: str = "<module>"
    """Where the script enters: the top level, a function or a method of the program's file."""
    kept: set[ast.stmt] = field(default_factory=set)
    missing: dict[Scope, set[str]] = field(default_factory=dict)
    """Names that are bound nowhere that one knows."""
    attributes: set[str] = field(default_factory=set)
    """Attributes that kept code reads."""
    replaced: dict[ast.stmt, Replacement] = field(default_factory=dict)
    layouts: dict[ModuleInfo, Layout] = field(default_factory=dict)
    _needed: set[tuple[Scope, str]] = field(default_factory=set)
    _whole: set[ast.ClassDef] = field(default_factory=set)

    def __post_init__(self) -> None:
        self.replacements = Replacements(self.observed)
        self.effects = Effects(self)
        self.imports = Imports(self)

    def layout(self, module: ModuleInfo) -> Layout:
        """The scopes of a file."""
        found = self.layouts.get(module)
        if found is None:
            found = self.layouts[module] = Layout(module)
        return found

    def run(self, events: Iterable[Event], *, only_within: bool = False) -> None:
        """Collect all that some events need; with `only_within`, what lies outside of `name` is left out."""
        seeds: list[tuple[ModuleInfo, ast.AST]] = []
        for event in events:
            gives_away = event.act is Act.ESCAPE and any(isinstance(each, Optimizer) for each in event.subjects)
            if event.act in _INERT and not gives_away:
                continue
            places = (*event.stack, event.place)
            for place in self._within(places) if only_within else places:
                self.replacements.marked.add(place.node)
                seeds.append((place.module, place.node))
        if not seeds:
            raise CannotSliceError("nothing happens to an optimizer in it")
        for module, node in seeds:
            layout = self.layout(module)
            statement = node if isinstance(node, ast.stmt) else layout.statement.get(node)
            if statement in layout.scope:  # a property of another file is no statement of this one
                self.keep(statement, module)
        self._keep_entry()
        self.complete()

    def _within(self, places: Sequence[Place]) -> Sequence[Place]:
        """The places from the first on that lies in what the script enters."""
        found = self._entered()
        if found is None:
            return places
        nodes = set(ast.walk(found))
        at = next((index for index, place in enumerate(places) if place.node in nodes), len(places))
        return places[at:]

    def _entered(self) -> FunctionNode | ast.ClassDef | None:
        found: FunctionNode | ast.ClassDef | None = None
        body = self.observed.program.module.tree.body
        for name in self.name.split(".") if self.name != "<module>" else ():
            found = next((each for each in definitions(body) if each.name == name), None)
            if found is None:
                return None
            body = found.body
        return found

    def complete(self) -> None:
        """Keep what what is kept needs."""
        size = -1
        while size != len(self.kept) + len(self.attributes):
            size = len(self.kept) + len(self.attributes)
            self._complete()

    def _keep_entry(self) -> None:
        module = self.observed.program.module
        body = module.tree.body
        for name in self.name.split(".") if self.name != "<module>" else ():
            found = next((each for each in definitions(body) if each.name == name), None)
            if found is None:
                return
            self.keep(found, module)
            body = found.body

    # -- keeping ------------------------------------------------------------------------------------------------

    def keep(self, statement: ast.stmt, module: ModuleInfo) -> None:
        """Keep a statement, those around it, and what it needs."""
        if statement in self.kept:
            return
        self.kept.add(statement)
        layout = self.layout(module)
        scope = layout.scope[statement]
        owner = layout.parent.get(statement)
        if owner is not None:
            self.keep(owner, module)
        for name in bound(statement) if scope.elsewhere else ():
            if name in scope.elsewhere:
                self.keep(scope.elsewhere[name], module)
                self.need_name(name, scope)
        match statement:
            case ast.Assign(targets=targets, value=value) if not self._is_whole(statement, layout):
                replacement = self.replacements.of(value, ast.unparse(targets[0]))
                if replacement is not None:
                    self.replaced[statement] = replacement
                    for target in targets:
                        self.need(target, scope)
                    for given in replacement.given:
                        self.need(given, scope)
                    return
            case ast.Return(value=ast.expr() as value) if not self._is_whole(statement, layout):
                replacement = self.replacements.of(value)
                if replacement is not None:
                    self.replaced[statement] = replacement
                    for given in replacement.given:
                        self.need(given, scope)
                    return
            case ast.FunctionDef() | ast.AsyncFunctionDef():
                self._keep_function(statement, layout)
                for header in headers(statement):
                    if header not in statement.decorator_list or self.keeps_decorator(header):
                        self.need(header, scope)
                return
            case ast.Nonlocal(names=names):
                for name in names:
                    self.need_name(name, scope)
            case ast.ClassDef():
                if self.imports.is_module_class(statement, scope):
                    self._whole.add(statement)
                    for inner in statement.body:
                        self._keep_all(inner, module)
            case ast.AugAssign(target=ast.Name(id=name)):
                self.need_name(name, scope)  # it reads what it adds to
            case _:
                pass
        for header in headers(statement):
            self.need(header, scope)

    def keep_anew(self, statement: ast.stmt, module: ModuleInfo) -> None:
        """Keep a statement once more, of which more is to stay than was known."""
        self.kept.discard(statement)
        self.replaced.pop(statement, None)
        self.keep(statement, module)

    def keep_whole(self, function: FunctionNode, module: ModuleInfo) -> None:
        """Keep all of a function."""
        self.keep(function, module)
        for statement in function.body:
            self._keep_all(statement, module)

    def _keep_function(self, function: FunctionNode, layout: Layout) -> None:
        if any(isinstance(node, ast.Yield | ast.YieldFrom) for node in ast.walk(function)):
            self.keep_whole(function, layout.module)
            return
        for statement in statements_of(function.body):
            if isinstance(statement, ast.Return) and statement.value is not None:
                self.keep(statement, layout.module)

    def _keep_all(self, statement: ast.stmt, module: ModuleInfo) -> None:
        self.keep(statement, module)
        for block in blocks(statement):
            for inner in block:
                self._keep_all(inner, module)
        if isinstance(statement, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef):
            for inner in statement.body:
                self._keep_all(inner, module)

    def _is_whole(self, statement: ast.stmt, layout: Layout) -> bool:
        """Whether a statement is in a class that is kept as it stands."""
        scope: Scope | None = layout.scope[statement]
        while scope is not None:
            if scope.node in self._whole:
                return True
            scope = scope.outer
        return False

    def _complete(self) -> None:
        """Keep what only the whole says is needed."""
        self.effects.refresh()
        wanted = Wanted(self)
        for module, layout in list(self.layouts.items()):
            for statement in list(layout.scope):
                if statement not in self.kept and wanted.holds(statement, layout):
                    self.keep(statement, module)

    # -- needing ------------------------------------------------------------------------------------------------

    def need(self, expression: ast.expr, scope: Scope) -> None:
        """Keep what an expression reads."""
        free = names_from_outside(expression)
        for node in self.walk(expression):
            if isinstance(node, ast.Attribute) and isinstance(node.ctx, ast.Load):
                self.attributes.add(node.attr)
            elif isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id == "getattr":
                self.attributes.update(
                    each.value for each in node.args if isinstance(each, ast.Constant) and isinstance(each.value, str)
                )
            if isinstance(node, ast.Name) and isinstance(node.ctx, ast.Load) and node in free:
                self.need_name(node.id, scope)
        for node in self.walk(expression):
            match node:
                case ast.Attribute(value=ast.Name(id=name) as owner, attr=attribute) if owner in free:
                    self.imports.need_constant(name, attribute, scope)
                case _:
                    pass

    def walk(self, expression: ast.expr) -> Iterator[ast.AST]:
        """Yield the nodes of an expression that the script keeps: calls that get a stand-in are left out."""
        pending: list[ast.AST] = [expression]
        while pending:
            node = pending.pop()
            if isinstance(node, ast.expr) and self.replacements.is_standin(node):
                continue
            yield node
            pending.extend(ast.iter_child_nodes(node))

    def need_name(self, name: str, scope: Scope) -> None:
        """Keep the statements that bind a name."""
        if (scope, name) in self._needed:
            return
        self._needed.add((scope, name))
        current: Scope | None = scope
        first = True
        while current is not None:
            visible = first or not isinstance(current.node, ast.ClassDef)
            if visible and name in current.bindings:
                for statement in current.bindings[name]:
                    self._bind(statement, name, current)
                return
            if visible and name in current.parameters:
                return
            first = False
            current = current.outer
        starred = self.imports.after_star(scope.module, name)
        if starred is not None:
            self.imports.starred[scope.module, name] = starred
        elif name not in BUILTINS and name not in GIVEN and name != "__name__":
            self.missing.setdefault(self.layout(scope.module).top, set()).add(name)

    def _bind(self, statement: ast.stmt, name: str, scope: Scope) -> None:
        if isinstance(statement, ast.Import | ast.ImportFrom):
            for alias in statement.names:
                if bound_by(alias) == name:
                    self.imports.follow(alias, statement, scope)
            if scope.is_function:
                self.keep(statement, scope.module)
            else:
                self.kept.add(statement)
                owner = self.layout(scope.module).parent.get(statement)
                if owner is not None:
                    self.keep(owner, scope.module)
            return
        self.keep(statement, scope.module)

    def keeps_decorator(self, node: ast.expr) -> bool:
        """Whether the script keeps a decorator."""
        return node in self.effects.decorators or _is_allowed_decorator(node)


def definitions(body: Sequence[ast.stmt]) -> list[FunctionNode | ast.ClassDef]:
    """Return the functions and classes of a block, those under a condition too."""
    found: list[FunctionNode | ast.ClassDef] = []
    for statement in body:
        if isinstance(statement, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef):
            found.append(statement)
        elif isinstance(statement, ast.If | ast.Try):
            found.extend(definitions([inner for block in blocks(statement) for inner in block]))
    return found


def _is_allowed_decorator(node: ast.expr) -> bool:
    """Whether any script keeps a decorator."""
    text = ast.unparse(node.func if isinstance(node, ast.Call) else node)
    return text in ("staticmethod", "classmethod", "property", "dataclass", "dataclasses.dataclass") or text.rpartition(
        "."
    )[2] in ("no_grad", "inference_mode", "enable_grad", "contextmanager", "setter")
