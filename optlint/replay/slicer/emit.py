"""From a slice to the text of a script, with the origin of each row."""

from __future__ import annotations

import ast
import re
from collections.abc import Sequence
from dataclasses import dataclass, field
from keyword import iskeyword

from optlint.program.modules import FunctionNode, ModuleInfo
from optlint.program.objects import Model, Object, Optimizer, Scheduler
from optlint.program.values import Const, External
from optlint.replay.script import Origin, ReplayScript, StandIn
from optlint.replay.slicer.replacement import Replacement
from optlint.replay.slicer.scopes import Layout, blocks, headers
from optlint.replay.slicer.slice import CannotSliceError, Slice, definitions, is_allowed_decorator
from optlint.replay.slicer.vocabulary import AWAY, GIVEN, OPTIMIZER_NAME, WARM_UPS

_ARGUMENTS = frozenset(("args", "opt", "opts", "config", "cfg", "hparams", "FLAGS", "flags", "params", "options"))
_DEVICE = re.compile(r"(cuda|npu|mps|xpu)(:\d+)?")
_EPOCHS = re.compile(r"(?i)^(n|num|nb|no|max|total|train)?_?(train_?)?epochs?$")
_TENSOR = re.compile(r"torch\.((cuda\.)?\w*Tensor|tensor|as_tensor|from_numpy|autograd(\.variable)?\.Variable)")
_WRAPPERS = (
    "torch.nn.DataParallel",
    "torch.nn.parallel.DataParallel",
    "torch.nn.parallel.DistributedDataParallel",
)
"""Calls that give what they are given, with one more `module` around it."""
MOST_BATCHES = 64
"""Batches of a group that is accumulated; a longer period is one of reports, not of updates."""
LONGEST_COVER = 400
"""Steps of a schedule that a loop of unknown length is made long enough for."""


@dataclass(eq=False)
class Writer:
    """Writes the rows of a script."""

    slice: Slice
    rows: list[str] = field(default_factory=list)
    origins: list[Origin | None] = field(default_factory=list)
    standins: list[StandIn] = field(default_factory=list)

    def script(self) -> ReplayScript:
        """Return the script of the slice."""
        cover = self._cover()
        batches = self._batches()
        if cover or batches:
            self.row(f"standin.cover({cover}{f', {batches}' if batches else ''})", 0, None)
        self.files()
        self._call(self.slice.observed.program.module)
        return self.finished()

    def files(self) -> None:
        """Write what is kept of the files."""
        entry_module = self.slice.observed.program.module
        for module in self._modules(entry_module):
            layout = self.slice.layouts.get(module)
            if layout is None:
                continue
            for name in sorted(self.slice.missing.get(layout.top, ())):
                self.row(f'{name} = standin.unknown("{name}")', 0, None)
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
            for alias, target in self.slice.imported.items():
                if alias in aliases:
                    inner = target[0] if isinstance(target, tuple) else target
                    if isinstance(inner, ModuleInfo):
                        visit(inner)
            found.setdefault(module)

        for module in [*self.slice.layouts, entry]:
            if module is not entry:
                visit(module)
        visit(entry)
        names: dict[str, ModuleInfo] = {}
        for module in found:
            for statement in module.tree.body:
                if statement in self.slice.kept and isinstance(statement, ast.FunctionDef | ast.ClassDef):
                    if names.setdefault(statement.name, module) is not module:
                        raise CannotSliceError(f"two files define `{statement.name}`")
        return list(found)

    def _cover(self) -> int:
        """Return how many steps the schedules of the slice need to be seen whole."""
        longest = 0
        for node, value in self.slice.observed.values.items():
            if not isinstance(value, Scheduler) or not isinstance(node, ast.Call) or not self._is_written(node):
                continue
            for argument in [*node.args, *(keyword.value for keyword in node.keywords)]:
                numbers = argument.elts if isinstance(argument, ast.List | ast.Tuple) else [argument]
                for number in numbers:
                    if isinstance(number, ast.Constant) and type(number.value) is int:
                        longest = max(longest, number.value)
        return min(longest, LONGEST_COVER) + 2 if longest else 0

    def _is_written(self, node: ast.expr) -> bool:
        """Whether an expression stands in a statement that is kept as it is."""
        statements = (layout.statement.get(node) for layout in self.slice.layouts.values())
        return any(each in self.slice.kept and each not in self.slice.replaced for each in statements if each)

    def _batches(self) -> int:
        """Return how many batches a condition such as `(i + 1) % 8 == 0` needs to hold twice, or 0 for any number."""
        longest = 0
        for statement in self.slice.kept:
            for header in headers(statement) if isinstance(statement, ast.If) else ():
                for node in ast.walk(header):
                    if isinstance(node, ast.BinOp) and isinstance(node.op, ast.Mod):
                        value = self.slice.observed.values.get(node.right)
                        if isinstance(value, Const) and type(value.value) is int:
                            longest = max(longest, value.value)
        return 2 * longest if 1 < longest <= MOST_BATCHES else 0

    def _call(self, module: ModuleInfo) -> None:
        """Write the call that enters."""
        name = self.slice.name
        if name == "<module>":
            return
        head, _, method = name.partition(".")
        found = next((each for each in definitions(module.tree.body) if each.name == head), None)
        if found is None or found not in self.slice.kept:
            raise CannotSliceError(f"`{name}` is defined in a way that cannot be called from outside")
        if isinstance(found, ast.ClassDef):
            methods = {each.name: each for each in found.body if isinstance(each, ast.FunctionDef)}
            made = _lower(head)
            if "__init__" in methods:
                arguments = self._arguments(methods["__init__"], module, skip=1)
            else:
                arguments = ""
            self.row(f"{made} = {head}({arguments})", 0, None)
            if method and method != "__init__":
                target = methods.get(method)
                if target is None:
                    raise CannotSliceError(f"`{name}` is not defined in its own class")
                skip = 0 if any(ast.unparse(each) == "staticmethod" for each in target.decorator_list) else 1
                self.row(f"{made}.{method}({self._arguments(target, module, skip=skip)})", 0, None)
        else:
            self.row(f"{head}({self._arguments(found, module, skip=0)})", 0, None)

    def _arguments(self, function: FunctionNode, module: ModuleInfo, skip: int) -> str:
        """Write stand-ins for the parameters of a function, and return the arguments of its call."""
        spec = function.args
        names = [argument.arg for argument in [*spec.posonlyargs, *spec.args]][skip:]
        optional = set(names[len(names) - len(spec.defaults) :]) if spec.defaults else set()
        required = [*names, *(a.arg for a, d in zip(spec.kwonlyargs, spec.kw_defaults, strict=True) if d is None)]
        kinds = {name: self._kind(function, name) for name in required}
        origin = Origin(module.path, function.lineno)
        written: list[str] = []
        models = [name for name in required if isinstance(kinds[name], Model)]
        for name in required:
            if kinds[name] is None and OPTIMIZER_NAME.search(name) and name not in optional:
                kinds[name] = Optimizer(0, name, None)
        for name in sorted(required, key=lambda name: _rank(kinds[name])):
            kind = kinds[name]
            if name in optional and kind is None:
                continue
            match kind:
                case Model():
                    text = self.model(name, kind)
                case Optimizer():
                    text = f"standin.optimizer({', '.join(models) or self.model('model', None)})"
                case Scheduler():
                    driven = next((other for other in required if isinstance(kinds[other], Optimizer)), None)
                    text = f"standin.scheduler({driven or 'standin.optimizer(standin.model())'})"
                case _:
                    text = self._unknown(name, name in _ARGUMENTS)
            self.row(f"{name} = {text}", 0, None)
            self.standins.append(StandIn(name, f"the parameter `{name}` of `{function.name}`", origin))
            written.append(name)
        positional = [name for name in names if name in written]
        by_name = positional != names[: len(positional)]
        return ", ".join(
            f"{name}={name}" if by_name or name not in names else name for name in required if name in written
        )

    def _kind(self, function: FunctionNode, name: str) -> Object | None:
        """Return the optimizer, scheduler or module that a parameter was found to be."""
        observed = self.slice.observed
        for node in ast.walk(function):
            if isinstance(node, ast.Name) and node.id == name and isinstance(node.ctx, ast.Load):
                for found in observed.objects(node):
                    if isinstance(found, Model | Optimizer | Scheduler):
                        return found
        return None

    # -- stand-ins ----------------------------------------------------------------------------------------------

    def model(self, label: str, model: Model | None) -> str:
        """Return the text of a stand-in for a module."""
        parts = sorted(_part_names(model)) if model is not None else []
        parts += [name for name in self._asked_names() if name not in parts]
        return f"standin.model({', '.join(repr(each) for each in [label, *parts])})"

    def _standin(self, replacement: Replacement, label: str) -> str:
        match replacement.kind:
            case "model":
                model = replacement.objects[0]
                return self.model(label, model if isinstance(model, Model) else None)
            case "optimizer" | "scheduler":
                given = ", ".join(self.text(each) for each in replacement.given)
                return f"standin.{replacement.kind}({given})"
            case _:
                return f"standin.Unknown({label!r})"

    def _asked_names(self) -> list[str]:
        """Return the parts of parameter names that the code asks for: `if "fc" in name`."""
        found: dict[str, None] = {}
        for statement in self.slice.kept:
            for node in ast.walk(statement) if not blocks(statement) else ():
                if isinstance(node, ast.Compare) and isinstance(node.ops[0], ast.In | ast.NotIn):
                    if isinstance(node.left, ast.Constant) and isinstance(node.left.value, str):
                        if node.left.value.replace(".", "").isidentifier():
                            found.setdefault(node.left.value)
        return sorted(found)

    def _unknown(self, label: str, is_arguments: bool) -> str:
        known: dict[str, str] = {}
        periods = self._long_periods() if is_arguments else frozenset()
        if is_arguments:
            entry = self.slice.observed.program.module
            for layout in sorted(self.slice.layouts.values(), key=lambda each: each.module is not entry):
                for name, default in layout.defaults.items():
                    if name in self.slice.attributes and name.isidentifier() and not iskeyword(name):
                        if _EPOCHS.search(name) and _is_few(default):
                            continue  # so few show nothing of a schedule
                        is_unset = isinstance(default, ast.Constant) and default.value is None
                        value = f"standin.unset({f'{label}.{name}'!r})" if is_unset else ast.unparse(default)
                        value = "2" if name in periods else value
                        known.setdefault(name, f"{name}={value}")  # two files may each have a parser
        return f"standin.unknown({', '.join([repr(label), *sorted(known.values())])})"

    def _long_periods(self) -> frozenset[str]:
        """Return the arguments that say every how many steps something is done, where a replay has not so many."""
        found = {
            node.right.attr
            for statement in self.slice.kept
            for header in headers(statement)
            for node in ast.walk(header)
            if isinstance(node, ast.BinOp) and isinstance(node.op, ast.Mod) and isinstance(node.right, ast.Attribute)
        }
        defaults = [(name, value) for layout in self.slice.layouts.values() for name, value in layout.defaults.items()]
        return frozenset(
            name
            for name, value in defaults
            if name in found and isinstance(value, ast.Constant) and type(value.value) is int and value.value > 8
        )

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
        origin = Origin(layout.module.path, statement.lineno)
        match statement:
            case ast.Import() | ast.ImportFrom():
                self._import(statement, depth, origin)
            case ast.Assign(targets=targets) if statement in self.slice.replaced:
                self._replaced(statement, targets, depth, origin)
            case ast.Return() if statement in self.slice.replaced:
                self.row(f"return {self._standin(self.slice.replaced[statement], 'the result')}", depth, origin)
            case ast.If(test=test) if _is_main_guard(test):
                if is_entry and self.slice.name == "<module>":
                    self._block(statement.body, layout, depth)
            case ast.FunctionDef() | ast.AsyncFunctionDef():
                for decorator in statement.decorator_list:
                    if is_allowed_decorator(decorator):
                        self.row(f"@{self.text(decorator)}", depth, origin)
                self.row(f"def {statement.name}({self._signature(statement.args)}):", depth, origin)
                self._block(statement.body, layout, depth + 1)
            case ast.ClassDef():
                bases = [self.text(base) for base in statement.bases if self._is_kept_base(base, layout)]
                for decorator in statement.decorator_list:
                    if is_allowed_decorator(decorator):
                        self.row(f"@{self.text(decorator)}", depth, origin)
                self.row(f"class {statement.name}({', '.join(bases) or 'standin.Open'}):", depth, origin)
                self._block(statement.body, layout, depth + 1)
            case ast.If(test=test):
                self.row(f"if {self.text(test)}:", depth, origin)
                self._block(statement.body, layout, depth + 1)
                if any(inner in self.slice.kept for inner in statement.orelse):
                    self.row("else:", depth, origin)
                    self._block(statement.orelse, layout, depth + 1)
            case ast.For(target=target, iter=iterable) | ast.AsyncFor(target=target, iter=iterable):
                self.row(f"for {self.text(target)} in {self.text(iterable)}:", depth, origin)
                self._block(statement.body, layout, depth + 1)
                self._else(statement.orelse, layout, depth)
            case ast.While(test=test):
                self.row(f"while {self.text(test)}:", depth, origin)
                self._block(statement.body, layout, depth + 1)
                self._else(statement.orelse, layout, depth)
            case ast.With(items=items) | ast.AsyncWith(items=items):
                parts = [
                    self.text(item.context_expr)
                    + (f" as {self.text(item.optional_vars)}" if item.optional_vars is not None else "")
                    for item in items
                ]
                self.row(f"with {', '.join(parts)}:", depth, origin)
                self._block(statement.body, layout, depth + 1)
            case ast.Try():
                self._try(statement, layout, depth, origin)
            case ast.Match():
                self.row(f"match {self.text(statement.subject)}:", depth, origin)
                for case in statement.cases:
                    guard = "" if case.guard is None else f" if {self.text(case.guard)}"
                    self.row(f"case {ast.unparse(case.pattern)}{guard}:", depth + 1, origin)
                    self._block(case.body, layout, depth + 2)
            case ast.AnnAssign(target=target, value=ast.expr() as value):
                self.row(f"{self.text(target)} = {self.text(value)}", depth, origin)
            case ast.AnnAssign():
                self.row(f"{self.text(statement.target)}: object", depth, origin)
            case _:
                self.row(self.text(statement), depth, origin)

    def _else(self, body: Sequence[ast.stmt], layout: Layout, depth: int) -> None:
        if any(inner in self.slice.kept for inner in body):
            self.row("else:", depth, None)
            self._block(body, layout, depth + 1)

    def _try(self, statement: ast.Try, layout: Layout, depth: int, origin: Origin) -> None:
        self.row("try:", depth, origin)
        self._block(statement.body, layout, depth + 1)
        for handler in statement.handlers:
            kind = "" if handler.type is None else f" {self.text(handler.type)}"
            named = "" if handler.name is None else f" as {handler.name}"
            self.row(f"except{kind}{named}:", depth, Origin(layout.module.path, handler.lineno))
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
            text = self._unknown(simple, "parse" in replaced)
        self.row(f"{' = '.join(map(ast.unparse, targets))} = {text}", depth, origin)
        self.standins.append(StandIn(label, replaced, origin))

    def _import(self, statement: ast.Import | ast.ImportFrom, depth: int, origin: Origin) -> None:
        for alias in statement.names:
            if alias not in self.slice.imported:
                continue
            name = alias.asname or alias.name
            target = self.slice.imported[alias]
            if isinstance(statement, ast.Import):
                self._import_module(alias, target, depth, origin)
            elif isinstance(target, ModuleInfo):
                self._namespace(name, target, depth, origin)
            elif isinstance(target, tuple):
                if target[1] != name:
                    self.row(f"{name} = {target[1]}", depth, origin)
            else:
                dotted = statement.module or ""
                full = f"{dotted}.{alias.name}"
                if not statement.level and dotted.partition(".")[0] in GIVEN and not full.startswith(AWAY):
                    full = full.replace("torch.optim.optimizer.", "torch.optim.")
                    self.row(f"{name} = {full}", depth, origin)
                elif alias.name in WARM_UPS:
                    self.row(f"{name} = standin.{WARM_UPS[alias.name]}", depth, origin)
                elif not statement.level and dotted.partition(".")[0] == "tqdm":
                    bar = "progress_range" if alias.name == "trange" else "progress"
                    self.row(f"{name} = standin.{bar}", depth, origin)
                else:
                    self.row(f"{name} = standin.Unknown({alias.name!r})", depth, origin)
                    self.standins.append(StandIn(name, ast.unparse(statement), origin))

    def _import_module(self, alias: ast.alias, target: object, depth: int, origin: Origin) -> None:
        name = alias.asname or alias.name.partition(".")[0]
        if alias.asname is None and name in GIVEN:
            return
        if isinstance(target, ModuleInfo):
            if alias.asname is None and "." in alias.name:
                raise CannotSliceError(f"`import {alias.name}` is used by its dotted name")
            self._namespace(name, target, depth, origin)
        elif alias.name.partition(".")[0] in GIVEN and not alias.name.startswith(AWAY):
            if alias.asname is not None and alias.asname != alias.name:
                self.row(f"{name} = {alias.name}", depth, origin)
        elif alias.name == "tqdm":
            self.row(f"{name} = standin.namespace(tqdm=standin.progress, trange=standin.progress_range)", depth, origin)
        else:
            self.row(f"{name} = standin.Unknown({name!r})", depth, origin)
            self.standins.append(StandIn(name, f"import {alias.name}", origin))

    def _namespace(self, name: str, module: ModuleInfo, depth: int, origin: Origin) -> None:
        used = sorted(
            symbol
            for symbol, statement in module.symbols.items()
            if symbol in self.slice.attributes and isinstance(statement, ast.stmt) and statement in self.slice.kept
        )
        self.row(f"{name} = standin.namespace({', '.join(f'{each}={each}' for each in used)})", depth, origin)

    # -- expressions --------------------------------------------------------------------------------------------

    def text(self, node: ast.AST) -> str:
        """Return the source of a node, with stand-ins in the place of calls that cannot run."""
        return ast.unparse(self._rebuilt(node))

    def _rebuilt(self, node: ast.AST) -> ast.AST:
        if isinstance(node, ast.expr) and self.slice.replacements.is_standin(node):
            text = " ".join(ast.unparse(node).split())
            return ast.parse(f"standin.Unknown({text[:60]!r})", mode="eval").body
        if isinstance(node, ast.Constant) and isinstance(node.value, str) and _DEVICE.fullmatch(node.value):
            return ast.parse(f"standin.device({node.value!r})", mode="eval").body
        if isinstance(node, ast.Call) and len(node.args) > 0:
            called = self.slice.observed.values.get(node.func)
            if isinstance(called, External) and called.name == "torch.compile":
                return self._rebuilt(node.args[0])
            if isinstance(called, External) and called.name == "torch.device":
                return ast.parse(f"torch.device(standin.device({self.text(node.args[0])}))", mode="eval").body
            if isinstance(called, External) and called.name in _WRAPPERS:
                wrapped = ast.parse("standin.wrapped()", mode="eval").body
                assert isinstance(wrapped, ast.Call)
                given = self._rebuilt(node.args[0])
                assert isinstance(given, ast.expr)
                wrapped.args.append(given)
                return wrapped
        if (
            isinstance(node, ast.Subscript)
            and isinstance(node.ctx, ast.Load)
            and (self._is_of_unknown(node) or _is_beyond(node))
        ):
            container, key = self.text(node.value), self.text(node.slice)
            return ast.parse(f"standin.item({container}, {key})", mode="eval").body
        match node:
            case ast.Attribute(value=value, attr="__class__", ctx=ast.Load()):
                return ast.parse(f"type({self.text(value)})", mode="eval").body
            case ast.Call(func=function, args=[_, *_]) if self._makes_tensor(function):
                call = ast.parse(f"standin.tensor({self.text(function)})", mode="eval").body
                assert isinstance(call, ast.Call)
                call.args += [ast.parse(self.text(each), mode="eval").body for each in node.args]
                call.keywords = [
                    ast.keyword(each.arg, ast.parse(self.text(each.value), mode="eval").body) for each in node.keywords
                ]
                return call
            case ast.Compare(left=left, ops=[ast.Is() | ast.IsNot() as op], comparators=[ast.Constant(value=None)]):
                if self.slice.observed.is_foreign(left):
                    text = f"standin.is_none({self.text(left)})"
                    return ast.parse(text if isinstance(op, ast.Is) else f"not {text}", mode="eval").body
            case _:
                pass
        made = type(node)()
        for name, value in ast.iter_fields(node):
            if isinstance(value, list):
                setattr(made, name, [self._rebuilt(each) if isinstance(each, ast.AST) else each for each in value])
            else:
                setattr(made, name, self._rebuilt(value) if isinstance(value, ast.AST) else value)
        return ast.copy_location(made, node) if hasattr(node, "lineno") else made

    def _is_of_unknown(self, node: ast.Subscript) -> bool:
        """Whether an index or what it is of is nothing that one knows."""
        foreign = map(self.slice.observed.is_foreign, (node.slice, node.value))
        return isinstance(node.slice, ast.Name | ast.Attribute) and any(foreign)

    def _makes_tensor(self, function: ast.expr) -> bool:
        """Whether a call makes a tensor of data, which for a stand-in only a stand-in can be."""
        called = self.slice.observed.values.get(function)
        return isinstance(called, External) and _TENSOR.fullmatch(called.name) is not None

    def _signature(self, arguments: ast.arguments) -> str:
        bare = self._rebuilt(arguments)
        assert isinstance(bare, ast.arguments)
        for argument in [*bare.posonlyargs, *bare.args, *bare.kwonlyargs, bare.vararg, bare.kwarg]:
            if argument is not None:
                argument.annotation = None
        return ast.unparse(bare)

    def _is_kept_base(self, base: ast.expr, layout: Layout) -> bool:
        if layout.qualify(base).startswith(("torch.nn.", "torch.optim.")):
            return True
        text = ast.unparse(base)
        return any(
            isinstance(statement, ast.ClassDef) and statement in self.slice.kept
            for each in self.slice.layouts.values()
            for statement in each.top.bindings.get(text, ())
        )


def _part_names(model: Model, prefix: str = "", depth: int = 5) -> set[str]:
    found: set[str] = set()
    for name, part in model.parts.items():
        plain = name.strip("[]")
        if not plain.isidentifier() and not plain.isdigit():
            plain = "0"
        if plain in ("weight", "bias", "each"):
            continue
        path = f"{prefix}.{plain}" if prefix else plain
        found.add(path)
        if depth:
            found |= _part_names(part, path, depth - 1)
    return found


def _is_few(default: ast.expr) -> bool:
    """Whether a default is a number of epochs that is less than a stand-in's."""
    return isinstance(default, ast.Constant) and type(default.value) is int and 0 < default.value < 6


def _is_beyond(node: ast.Subscript) -> bool:
    """Whether an index is one that an iterable of unknown length need not have: it has two elements as a stand-in."""
    is_group = isinstance(node.value, ast.Attribute) and node.value.attr == "param_groups"
    is_named = isinstance(node.value, ast.Name | ast.Attribute)
    return is_named and not is_group and isinstance(node.slice, ast.Constant) and node.slice.value in range(2, 16)


def _rank(kind: Object | None) -> int:
    return (
        0 if isinstance(kind, Model) else 1 if isinstance(kind, Optimizer) else 2 if isinstance(kind, Scheduler) else 3
    )


def _lower(name: str) -> str:
    return "".join(f"_{each.lower()}" if each.isupper() and at else each.lower() for at, each in enumerate(name))


def _is_main_guard(test: ast.expr) -> bool:
    match test:
        case ast.Compare(left=ast.Name(id="__name__"), ops=[ast.Eq()], comparators=[ast.Constant(value="__main__")]):
            return True
        case _:
            return False
