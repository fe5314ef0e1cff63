"""The flagged place alone: a script of one statement or expression and of what it reads, with stand-ins for all else.

A way into a file may end before it comes to what is flagged, in code that no stand-in can be right for. What a
statement raises, or makes of a module, shows without all that comes before it.
"""

from __future__ import annotations

import ast
import re
from dataclasses import dataclass, field

from optlint.program.modules import ModuleInfo
from optlint.program.objects import Model, Optimizer, Parameter, ParameterIterator, Scheduler
from optlint.program.own_schedules import has_own_schedule
from optlint.replay.script import ReplayScript, StandIn, origin_in
from optlint.replay.slicer.emit import Writer
from optlint.replay.slicer.observed import Observed
from optlint.replay.slicer.scopes import Scope
from optlint.replay.slicer.slice import CannotSliceError, Slice
from optlint.replay.slicer.vocabulary import BUILTINS, GIVEN, OPTIMIZER_NAME

Target = ast.stmt | ast.expr
_QUESTIONS = ("isinstance", "issubclass")
_SCHEDULER = re.compile(r"(?i)sched(uler)?s?(_?\w)?$")
_PLAIN = (ast.Assign, ast.AnnAssign, ast.AugAssign, ast.Expr, ast.Assert)
"""Statements that run alone."""


def target_of(module: ModuleInfo, node: ast.AST) -> Target:
    """What of a file runs alone for a flagged node: a question, a name, or the statement around it.

    Raises:
        CannotSliceError: It is none of these.
    """
    found = _around(module.tree, node)
    statement: ast.stmt | None = None
    for each in reversed(found):
        if isinstance(each, ast.Call) and isinstance(each.func, ast.Name) and each.func.id in _QUESTIONS:
            return each
        if isinstance(each, ast.stmt):
            statement = each
            break
    if isinstance(node, ast.Name | ast.Attribute):
        return node
    if isinstance(statement, _PLAIN) and not any(
        isinstance(inner, ast.Name) and inner.id == "super" for inner in ast.walk(statement)
    ):
        return statement
    if isinstance(statement, ast.Return) and statement.value is not None:
        return statement.value
    raise CannotSliceError("the flagged place does not run alone")


def alone(seen: Observed, module: ModuleInfo, target: Target, row: int, *, exercised: bool) -> ReplayScript:
    """Return the script of a target.

    Args:
        seen: The program.
        module: The file of the target.
        target: A statement or an expression, as `target_of` finds it.
        row: The row of it that is flagged, or that the fix wrote.
        exercised: Whether a few updates of the module that the target is about follow.

    Raises:
        CannotSliceError: It depends on what no stand-in is right for.
    """
    return _Alone(seen, module, target).script(row, exercised=exercised)


@dataclass(eq=False)
class _Tree:
    """What a name stands for, with the attributes of it that are read."""

    node: ast.expr | None = None
    inner: dict[str, _Tree] = field(default_factory=dict)


class _Alone:
    """Writes the script of one target."""

    def __init__(self, seen: Observed, module: ModuleInfo, target: Target) -> None:
        self._seen = seen
        self._module = module
        self._target = target
        self._slice = Slice(seen)
        self._layout = self._slice.layout(module)
        self._exercised: str | None = None

    def script(self, row: int, *, exercised: bool) -> ReplayScript:
        scope = self._scope()
        trees = self._trees()
        local = {name: tree for name, tree in trees.items() if self._is_local(name, scope)}
        for name in trees.keys() - local.keys():
            self._slice.need_name(name, scope)
        self._slice.complete()
        writer = Writer(self._slice, frozenset(local))
        writer.files()
        origin = origin_in(self._module, row)
        for name, tree in sorted(local.items()):
            text = self._standin(writer, name, tree, name)
            writer.row(f"{name} = {text}", 0, None)
            writer.standins.append(StandIn(name, f"what `{name}` is there", origin))
        made = self._made()
        if isinstance(self._target, ast.expr):
            text = writer.expressions.text(_question(self._target))
            writer.row(f"made = {text}" if made else f"standin.told({text})", 0, origin)
        else:
            writer.row(writer.expressions.text(self._target), 0, origin)
        if made and self._exercised is not None and not exercised:
            # Whether it is made for all of that shows in what moves.
            writer.row(f"standin.trained({made}, {self._exercised})", 0, None)
        if exercised:
            if self._exercised is None:
                raise CannotSliceError("it is not known which module the flagged place is about")
            writer.row(f"standin.exercise({self._exercised})", 0, None)
        return writer.finished()

    def _made(self) -> str:
        """What the optimizer is called that the target makes, or nothing."""
        match self._target:
            case ast.Assign(targets=[ast.Name() | ast.Attribute() as name], value=ast.Call() as value):
                called = ast.unparse(name)
            case ast.Call() as value:
                called = "made"
            case _:
                return ""
        return called if any(isinstance(each, Optimizer) for each in self._seen.objects(value)) else ""

    def _scope(self) -> Scope:
        around = _around(self._module.tree, self._target)
        inner = [each for each in around if each in self._layout.inner]
        # What stands in a signature or among the bases is read outside of the function or class.
        while inner and not _is_in_body(inner[-1], self._target):
            inner.pop()
        return self._layout.inner[inner[-1]] if inner else self._layout.top

    def _trees(self) -> dict[str, _Tree]:
        trees: dict[str, _Tree] = {}
        hidden = {
            name.id
            for node in ast.walk(self._target)
            if isinstance(node, ast.comprehension)
            for name in ast.walk(node.target)
            if isinstance(name, ast.Name)
        }
        for node in ast.walk(self._target):
            if isinstance(node, ast.Lambda):
                hidden.update(argument.arg for argument in [*node.args.posonlyargs, *node.args.args])
        for node in ast.walk(self._target):
            if isinstance(node, ast.Name) and isinstance(node.ctx, ast.Load) and node.id not in hidden:
                trees.setdefault(node.id, _Tree(node))
        for node in ast.walk(self._target):
            if isinstance(node, ast.Attribute):
                self._grow(trees, node)
        return trees

    def _grow(self, trees: dict[str, _Tree], node: ast.Attribute) -> None:
        chain: list[ast.Attribute] = []
        current: ast.expr = node
        while isinstance(current, ast.Attribute):
            chain.append(current)
            current = current.value
        if isinstance(current, ast.Name) and current.id in trees:
            tree = trees[current.id]
            for each in reversed(chain):
                if isinstance(each.ctx, ast.Store):
                    break
                tree = tree.inner.setdefault(each.attr, _Tree(each))

    def _is_local(self, name: str, scope: Scope) -> bool:
        """Whether a name is one of a function: of what is written at the top level the script has the text."""
        current: Scope | None = scope
        while current is not None and current.outer is not None:
            if name in current.parameters:
                return True
            if current.is_function and name in current.bindings:
                return not any(isinstance(each, ast.Import | ast.ImportFrom) for each in current.bindings[name])
            current = current.outer
        if current is None or name in BUILTINS or name in GIVEN:
            return False
        bound = current.bindings.get(name, ())
        return bool(bound) and not all(
            isinstance(each, ast.Import | ast.ImportFrom | ast.FunctionDef | ast.ClassDef | ast.If | ast.Try)
            or (isinstance(each, ast.Assign) and self._seen.is_constant(each.value))
            for each in bound
        )

    def _standin(self, writer: Writer, label: str, tree: _Tree, path: str) -> str:
        objects = () if tree.node is None else self._seen.objects(tree.node)
        match next(iter(objects), None):
            case Model() as model:
                self._exercised = self._exercised or path
                return writer.stand_ins.model(label, model)
            case Optimizer():
                return "standin.optimizer(standin.model())"
            case Scheduler():
                return "standin.scheduler(standin.optimizer(standin.model()))"
            case Parameter():
                raise CannotSliceError("which parameter is meant depends on what comes before")
            case ParameterIterator():
                raise CannotSliceError("what is left of an iterator depends on what comes before")
            case _:
                pass
        if not tree.inner and OPTIMIZER_NAME.search(label):
            return "standin.optimizer(standin.model())"
        if not tree.inner and _SCHEDULER.search(label) and not has_own_schedule(self._module):
            return "standin.scheduler(standin.optimizer(standin.model()))"
        known = [
            f"{name}={text}"
            for name, inner in sorted(tree.inner.items())
            if (text := self._standin(writer, name, inner, f"{path}.{name}")) != f"standin.unknown({name!r})"
        ]
        return f"standin.unknown({', '.join([repr(label), *known])})"


def _question(target: ast.expr) -> ast.expr:
    """A question about the class of a value as one about the value."""
    match target:
        case ast.Call(func=ast.Name(id="issubclass"), args=[ast.Attribute(value=value, attr="__class__"), kind]):
            pass
        case ast.Call(func=ast.Name(id="issubclass"), args=[ast.Call(func=ast.Name(id="type"), args=[value]), kind]):
            pass
        case _:
            return target
    return ast.copy_location(ast.Call(ast.Name("isinstance", ast.Load()), [value, kind], []), target)


def _around(tree: ast.Module, wanted: ast.AST) -> list[ast.AST]:
    """The nodes around a node of a file, the outermost first, and the node."""
    pending: list[tuple[ast.AST, list[ast.AST]]] = [(tree, [])]
    while pending:
        node, path = pending.pop()
        if node is wanted:
            return [*path, node]
        pending += [(child, [*path, node]) for child in ast.iter_child_nodes(node)]
    return []


def _is_in_body(owner: ast.AST, wanted: ast.AST) -> bool:
    body = owner.body if isinstance(owner, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef) else []
    return any(inner is wanted for statement in body for inner in ast.walk(statement))
