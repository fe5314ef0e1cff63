"""From a slice to the text of a script, with the origin of each row."""

from __future__ import annotations

import ast
import re
from collections.abc import Sequence
from dataclasses import dataclass, field

from optlint.program.modules import FunctionNode, ModuleInfo
from optlint.program.objects import Model
from optlint.replay.script import Origin, ReplayScript, StandIn, origin_in
from optlint.replay.slicer.entering import enter
from optlint.replay.slicer.expressions import Expressions
from optlint.replay.slicer.lengths import batches, cover
from optlint.replay.slicer.naming import Naming, given_name
from optlint.replay.slicer.replacement import Replacement
from optlint.replay.slicer.scopes import Layout, Scope, is_field, is_main_guard, makes_dataclass
from optlint.replay.slicer.slice import CannotSliceError, Slice
from optlint.replay.slicer.stand_ins import StandIns
from optlint.replay.slicer.top_names import bound_by
from optlint.replay.slicer.vocabulary import GIVEN, WARM_UPS


@dataclass(eq=False)
class Writer:
    """Writes the rows of a script."""

    slice: Slice
    own: frozenset[str] = frozenset()
    """Names that the script gives at its top level to what stands in no file."""
    rows: list[str] = field(default_factory=list)
    origins: list[Origin | None] = field(default_factory=list)
    standins: list[StandIn] = field(default_factory=list)
    """What stands in for what, so far."""
    _named: dict[str, ModuleInfo | None] = field(default_factory=dict)
    """The rows of the top level that give a name to what is imported, or is unknown, with the file of each."""
    _module: ModuleInfo | None = None
    """The file that is written."""

    def __post_init__(self) -> None:
        self.naming = Naming(self.slice, self.own)
        self.expressions = Expressions(self.slice, self.naming)
        self.stand_ins = StandIns(self.slice)

    def script(self) -> ReplayScript:
        """Return the script of the slice."""
        steps, group = cover(self.slice), batches(self.slice)
        if steps or group:
            self.row(f"standin.cover({steps}{f', {group}' if group else ''})", 0, None)
        self.files()
        enter(self, self.slice.observed.program.module)
        return self.finished()

    def files(self) -> None:
        """Write what is kept of the files."""
        entry_module = self.slice.observed.program.module
        for module in self._modules(entry_module):
            layout, self._module = self.slice.layouts.get(module), module
            if layout is None:
                continue
            for name in sorted(self.slice.missing.get(layout.top, ())):
                self._name(self.naming.name(module, name), f'standin.unknown("{name}")', 0, None)
            for (importer, name), target in sorted(self.slice.imports.starred.items(), key=lambda each: each[0][1]):
                if importer is module and target[1] != name:
                    self._name(self.naming.name(module, name), self.naming.name(*target), 0, None)
            self._block(module.tree.body, layout, 0, is_entry=module is entry_module)

    def finished(self) -> ReplayScript:
        """Return what was written."""
        return ReplayScript("\n".join(self.rows) + "\n", tuple(self.origins), tuple(self.standins))

    # -- the whole ----------------------------------------------------------------------------------------------

    def _modules(self, entry: ModuleInfo) -> list[ModuleInfo]:
        """Return the files in an order in which each comes after those that it imports."""
        found: dict[ModuleInfo, None] = {}
        visiting: set[ModuleInfo] = set()

        def visit(module: ModuleInfo) -> None:
            if module in found or module in visiting:
                return
            visiting.add(module)
            aliases = {alias for node in ast.walk(module.tree) for alias in getattr(node, "names", ())}
            targets = [target for alias, target in self.slice.imports.targets.items() if alias in aliases]
            targets += [target for (importer, _), target in self.slice.imports.starred.items() if importer is module]
            for target in targets:
                inner = target[0] if isinstance(target, tuple) else target
                if isinstance(inner, ModuleInfo):
                    visit(inner)
            found.setdefault(module)

        for module in [*self.slice.layouts, entry]:
            if module is not entry:
                visit(module)
        visit(entry)
        return list(found)

    def _standin(self, replacement: Replacement, label: str) -> str:
        match replacement.kind:
            case "model":
                model = replacement.objects[0]
                return self.stand_ins.model(label, model if isinstance(model, Model) else None)
            case "optimizer" | "scheduler":
                given = ", ".join(self.expressions.text(each) for each in replacement.given)
                return f"standin.{replacement.kind}({given})"
            case _:
                return f"standin.Unknown({label!r})"

    # -- statements ---------------------------------------------------------------------------------------------

    def row(self, text: str, depth: int, origin: Origin | None) -> None:
        """Write a row, or several."""
        for line in text.split("\n"):
            self.rows.append("    " * depth + line if line else line)
            self.origins.append(origin)

    def _block(self, body: Sequence[ast.stmt], layout: Layout, depth: int, is_entry: bool = False) -> None:
        before = len(self.rows)
        for statement in body:
            if statement in self.slice.kept:
                self._statement(statement, layout, depth, is_entry)
        if depth and len(self.rows) == before:
            self.row("pass", depth, None)

    def _statement(self, statement: ast.stmt, layout: Layout, depth: int, is_entry: bool) -> None:
        origin = origin_in(layout.module, statement.lineno)
        match statement:
            case ast.Import() | ast.ImportFrom():
                self._import(statement, depth, origin)
            case ast.Assign(targets=targets) if statement in self.slice.replaced:
                self._replaced(statement, targets, depth, origin)
            case ast.Return() if statement in self.slice.replaced:
                self.row(f"return {self._standin(self.slice.replaced[statement], 'the result')}", depth, origin)
            case ast.If(test=test) if is_main_guard(test):
                if is_entry and self.slice.name == "<module>":
                    self._block(statement.body, layout, depth)
            case ast.FunctionDef() | ast.AsyncFunctionDef():
                self._decorators(statement, depth, origin)
                self.row(f"def {self._called(statement)}({self.expressions.signature(statement.args)}):", depth, origin)
                self._block(statement.body, layout, depth + 1)
            case ast.ClassDef():
                scope = layout.scope[statement]
                bases = [self.expressions.text(base) for base in statement.bases if self._is_kept_base(base, scope)]
                self._decorators(statement, depth, origin)
                self.row(f"class {self._called(statement)}({', '.join(bases) or 'standin.Open'}):", depth, origin)
                self._block(statement.body, layout, depth + 1)
            case ast.If(test=test):
                self.row(f"if {self.expressions.text(test)}:", depth, origin)
                self._block(statement.body, layout, depth + 1)
                if any(inner in self.slice.kept for inner in statement.orelse):
                    self.row("else:", depth, origin)
                    self._block(statement.orelse, layout, depth + 1)
            case ast.For(target=target, iter=iterable) | ast.AsyncFor(target=target, iter=iterable):
                self.row(f"for {self.expressions.text(target)} in {self.expressions.text(iterable)}:", depth, origin)
                self._block(statement.body, layout, depth + 1)
                self._else(statement.orelse, layout, depth)
            case ast.While(test=test):
                self.row(f"while {self.expressions.text(test)}:", depth, origin)
                self._block(statement.body, layout, depth + 1)
                self._else(statement.orelse, layout, depth)
            case ast.With(items=items) | ast.AsyncWith(items=items):
                parts = [
                    self.expressions.text(item.context_expr)
                    + (f" as {self.expressions.text(item.optional_vars)}" if item.optional_vars is not None else "")
                    for item in items
                ]
                self.row(f"with {', '.join(parts)}:", depth, origin)
                self._block(statement.body, layout, depth + 1)
            case ast.Try():
                self._try(statement, layout, depth, origin)
            case ast.Match():
                self.row(f"match {self.expressions.text(statement.subject)}:", depth, origin)
                for case in statement.cases:
                    self._check_pattern(case.pattern)
                    guard = "" if case.guard is None else f" if {self.expressions.text(case.guard)}"
                    self.row(f"case {ast.unparse(case.pattern)}{guard}:", depth + 1, origin)
                    self._block(case.body, layout, depth + 2)
            case ast.AnnAssign(target=target, value=ast.expr() as value):
                kind = ": object" if is_field(statement, layout.parent.get(statement)) else ""
                self.row(f"{self.expressions.text(target)}{kind} = {self.expressions.text(value)}", depth, origin)
            case ast.AnnAssign():
                self.row(f"{self.expressions.text(statement.target)}: object", depth, origin)
            case _:
                self.row(self.expressions.text(statement), depth, origin)

    def _decorators(self, statement: FunctionNode | ast.ClassDef, depth: int, origin: Origin) -> None:
        for decorator in statement.decorator_list:
            if self.slice.keeps_decorator(decorator):
                text = self.expressions.text(decorator)
                text = re.sub(r"^[\w.]+", "standin.record", text) if makes_dataclass(decorator) else text
                foreign = decorator in self.slice.effects.foreign
                self.row(f"@standin.registered({text})" if foreign else f"@{text}", depth, origin)
        if self.naming.at(statement) is not None:
            self.row(f"@standin.named({statement.name!r})", depth, origin)

    def _called(self, statement: FunctionNode | ast.ClassDef) -> str:
        return self.naming.at(statement) or statement.name

    def _else(self, body: Sequence[ast.stmt], layout: Layout, depth: int) -> None:
        if any(inner in self.slice.kept for inner in body):
            self.row("else:", depth, None)
            self._block(body, layout, depth + 1)

    def _try(self, statement: ast.Try, layout: Layout, depth: int, origin: Origin) -> None:
        self.row("try:", depth, origin)
        self._block(statement.body, layout, depth + 1)
        for handler in statement.handlers:
            kind = "" if handler.type is None else f" {self.expressions.text(handler.type)}"
            named = "" if handler.name is None else f" as {self.naming.at(handler) or handler.name}"
            self.row(f"except{kind}{named}:", depth, origin_in(layout.module, handler.lineno))
            self._block(handler.body, layout, depth + 1)
            if not any(inner in self.slice.kept for inner in handler.body):
                self.rows[-1] = "    " * (depth + 1) + "raise"
        self._else(statement.orelse, layout, depth)
        if statement.finalbody or not statement.handlers:
            self.row("finally:", depth, origin)
            self._block(statement.finalbody, layout, depth + 1)

    def _replaced(self, statement: ast.Assign, targets: list[ast.expr], depth: int, origin: Origin) -> None:
        replacement = self.slice.replaced[statement]
        target = targets[0]
        label = ast.unparse(target)
        simple = label if isinstance(target, ast.Name) else label.rpartition(".")[2]
        replaced = " ".join(ast.unparse(statement.value).split())
        if replacement.kind != "unknown":
            text = self._standin(replacement, simple)
        elif isinstance(target, ast.Tuple):
            text = f"standin.Unknown({replaced[:60]!r})"
        else:
            text = self.stand_ins.unknown(simple, "parse" in replaced)
        self.row(f"{' = '.join(map(self.expressions.text, targets))} = {text}", depth, origin)
        self.standins.append(StandIn(label, replaced, origin))

    def _import(self, statement: ast.Import | ast.ImportFrom, depth: int, origin: Origin) -> None:
        for alias in statement.names:
            if alias not in self.slice.imports.targets:
                continue
            name = self.naming.at(alias) or bound_by(alias)
            target = self.slice.imports.targets[alias]
            if isinstance(target, ModuleInfo):
                if isinstance(statement, ast.Import) and alias.asname is None and "." in alias.name:
                    raise CannotSliceError(f"`import {alias.name}` is used by its dotted name")
                self._name(name, self._namespace(target), depth, origin)
            elif isinstance(target, tuple):
                called = self.naming.name(*target)
                if called != name:
                    self._name(name, called, depth, origin)
            elif text := _known_text(statement, alias):
                if text != name:
                    self._name(name, text, depth, origin)
            else:
                label = bound_by(alias) if isinstance(statement, ast.Import) else alias.name
                self._name(name, f"standin.Unknown({label!r})", depth, origin)
                whole = f"import {alias.name}" if isinstance(statement, ast.Import) else ast.unparse(statement)
                self.standins.append(StandIn(bound_by(alias), whole, origin))

    def _name(self, name: str, text: str, depth: int, origin: Origin | None) -> None:
        """Write the row that gives a name to something, unless another file has just that row."""
        row = f"{name} = {text}"
        if depth or self._named.setdefault(row, self._module) is self._module:
            self.row(row, depth, origin)

    def _namespace(self, module: ModuleInfo) -> str:
        used = sorted(
            symbol
            for symbol, statement in module.symbols.items()
            if symbol in self.slice.attributes and isinstance(statement, ast.stmt) and statement in self.slice.kept
        )
        given = (f"{each}={self.naming.name(module, each)}" for each in used)
        return f"standin.namespace({', '.join(given)})"

    def _is_kept_base(self, base: ast.expr, scope: Scope) -> bool:
        if self.slice.imports.is_of_torch(base, scope.module):
            return True
        return isinstance(base, ast.Name) and any(
            each in self.slice.kept for each in self.slice.imports.classes_of(base.id, scope)
        )

    def _check_pattern(self, pattern: ast.pattern) -> None:
        for node in ast.walk(pattern):
            if isinstance(node, ast.Name) and self.naming.at(node) is not None:
                raise CannotSliceError(f"two files define `{node.id}`, which stands in a pattern of `match`")


def _known_text(statement: ast.Import | ast.ImportFrom, alias: ast.alias) -> str:
    """Return what a script has for something that is imported from another package, nothing where it is unknown."""
    given = given_name(statement, alias)
    if isinstance(statement, ast.Import):
        if alias.asname is None and bound_by(alias) in GIVEN:
            return bound_by(alias)
        if alias.name == "tqdm":
            return "standin.namespace(tqdm=standin.progress, trange=standin.progress_range)"
        return given
    if given:
        return given
    if alias.name in WARM_UPS:
        return f"standin.{WARM_UPS[alias.name]}"
    if not statement.level and (statement.module or "").partition(".")[0] == "tqdm":
        return "standin.progress_range" if alias.name == "trange" else "standin.progress"
    return ""
