"""Where names are bound: the functions, classes and top levels of the files that a slice is made of."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from dataclasses import dataclass, field
from functools import cached_property

from optlint.program.modules import FunctionNode, ModuleInfo
from optlint.replay.slicer.top_names import bound_by, bound_in


@dataclass(eq=False)
class Scope:
    """A function, a class body or a module's top level, with the statements that bind each name in it."""

    module: ModuleInfo
    node: ast.Module | FunctionNode | ast.ClassDef | ast.Lambda
    outer: Scope | None = None
    bindings: dict[str, list[ast.stmt]] = field(default_factory=dict)
    parameters: frozenset[str] = frozenset()
    elsewhere: dict[str, ast.Global | ast.Nonlocal] = field(default_factory=dict)
    """The names that are bound here and live elsewhere, each with the statement that says so."""

    @property
    def is_function(self) -> bool:
        """Whether it is a function's."""
        return isinstance(self.node, ast.FunctionDef | ast.AsyncFunctionDef | ast.Lambda)


class Layout:
    """The statements of one file: the compound statement around each, and its scope."""

    def __init__(self, module: ModuleInfo) -> None:
        self.module = module
        self.top = Scope(module, module.tree)
        self.parent: dict[ast.stmt, ast.stmt] = {}
        """The statement whose block a statement stands in."""
        self.scope: dict[ast.stmt, Scope] = {}
        self.inner: dict[ast.AST, Scope] = {}
        """The scope of each function and class."""
        self.statement: dict[ast.AST, ast.stmt] = {}
        """The innermost statement of each expression."""
        self._block(module.tree.body, self.top, None)
        for scope in (self.top, *self.inner.values()):
            for name, said in scope.elsewhere.items():
                home = self._home(scope, name, said)
                home.bindings.setdefault(name, []).extend(scope.bindings.pop(name, ()))

    def _block(self, body: list[ast.stmt], scope: Scope, owner: ast.stmt | None) -> None:
        for statement in body:
            if owner is not None:
                self.parent[statement] = owner
            self.scope[statement] = scope
            if isinstance(statement, ast.Global | ast.Nonlocal):
                scope.elsewhere.update(dict.fromkeys(statement.names, statement))
            for name in bound(statement):
                scope.bindings.setdefault(name, []).append(statement)
            for node in own_nodes(statement):
                self.statement[node] = statement
            match statement:
                case ast.FunctionDef() | ast.AsyncFunctionDef():
                    inner = Scope(self.module, statement, scope, parameters=_parameters(statement.args))
                    self.inner[statement] = inner
                    self._block(statement.body, inner, statement)
                case ast.ClassDef():
                    inner = Scope(self.module, statement, scope)
                    self.inner[statement] = inner
                    self._block(statement.body, inner, statement)
                case _:
                    for block in blocks(statement):
                        self._block(block, scope, statement)

    def _home(self, scope: Scope, name: str, said: ast.Global | ast.Nonlocal) -> Scope:
        """The scope of a name that another one binds."""
        outer = scope.outer if isinstance(said, ast.Nonlocal) else None
        while outer is not None and not (outer.is_function and (name in outer.bindings or name in outer.parameters)):
            outer = outer.outer
        return outer or self.top

    def qualify(self, node: ast.expr) -> str:
        """The dotted name that an expression has by the imports at the top level, or an empty string."""
        match node:
            case ast.Attribute(value=value, attr=attribute):
                outer = self.qualify(value)
                return f"{outer}.{attribute}" if outer else ""
            case ast.Name(id=name):
                for statement in self.top.bindings.get(name, ()):
                    for alias in getattr(statement, "names", ()):
                        if isinstance(statement, ast.Import) and (alias.asname or alias.name.partition(".")[0]) == name:
                            return alias.name if alias.asname else name
                        if isinstance(statement, ast.ImportFrom) and (alias.asname or alias.name) == name:
                            return f"{statement.module}.{alias.name}" if not statement.level else ""
                return ""
            case _:
                return ""

    @cached_property
    def defaults(self) -> dict[str, ast.expr]:
        """What `add_argument("--name", default=value)` gives, by attribute name, for literal values.

        A flag that is off unless it is given (`action="store_true"`) is `None` here, as what nobody gives.
        """
        found: dict[str, ast.expr] = {}
        for node in ast.walk(self.module.tree):
            if not (isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute)):
                continue
            if node.func.attr not in ("add_argument", "add_option"):
                continue
            flags = [each.value for each in node.args if isinstance(each, ast.Constant) and isinstance(each.value, str)]
            named = {keyword.arg: keyword.value for keyword in node.keywords}
            default, target, action = named.get("default"), named.get("dest"), named.get("action")
            if default is None and isinstance(action, ast.Constant) and action.value == "store_true":
                default = ast.Constant(None)
            if isinstance(target, ast.Constant) and isinstance(target.value, str):
                flags = [target.value]
            long = next((flag for flag in flags if flag.startswith("--")), flags[0] if flags else "")
            if long and default is not None and _is_literal(default):
                found[long.lstrip("-").replace("-", "_")] = default
        return found


def bindings_of(name: str, scope: Scope) -> list[ast.stmt]:
    """Return the statements that bind a name where code of a scope reads it; none for a parameter."""
    current: Scope | None = scope
    while current is not None:
        if current is scope or not isinstance(current.node, ast.ClassDef):
            if name in current.bindings:
                return current.bindings[name]
            if name in current.parameters:
                return []
        current = current.outer
    return []


def blocks(statement: ast.stmt) -> list[list[ast.stmt]]:
    """Return the blocks of a compound statement."""
    match statement:
        case ast.If(body=body, orelse=orelse) | ast.For(body=body, orelse=orelse) | ast.While(body=body, orelse=orelse):
            return [body, orelse]
        case ast.AsyncFor(body=body, orelse=orelse):
            return [body, orelse]
        case ast.With(body=body) | ast.AsyncWith(body=body):
            return [body]
        case ast.Try(body=body, handlers=handlers, orelse=orelse, finalbody=final):
            return [body, *(handler.body for handler in handlers), orelse, final]
        case ast.Match(cases=cases):
            return [case.body for case in cases]
        case _:
            return []


def statements_of(body: list[ast.stmt]) -> Iterator[ast.stmt]:
    """The statements of a function that are not another one's."""
    for statement in body:
        yield statement
        if not isinstance(statement, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef):
            for block in blocks(statement):
                yield from statements_of(block)


def headers(statement: ast.stmt) -> list[ast.expr]:
    """Return the expressions of a statement that are not in a block of it."""
    match statement:
        case ast.If(test=test) | ast.While(test=test):
            return [test]
        case ast.For(target=target, iter=iterable) | ast.AsyncFor(target=target, iter=iterable):
            return [target, iterable]
        case ast.With(items=items) | ast.AsyncWith(items=items):
            return [part for item in items for part in (item.context_expr, item.optional_vars) if part is not None]
        case ast.Try(handlers=handlers):
            return [handler.type for handler in handlers if handler.type is not None]
        case ast.Match(subject=subject):
            return [subject]
        case ast.FunctionDef() | ast.AsyncFunctionDef():
            arguments = statement.args
            defaults = [*arguments.defaults, *(default for default in arguments.kw_defaults if default is not None)]
            return [*statement.decorator_list, *defaults]
        case ast.ClassDef(bases=bases, decorator_list=decorators):
            return [*decorators, *bases]
        case ast.AnnAssign(target=target, value=value):
            return [target] if value is None else [target, value]
        case _:
            return [child for child in ast.iter_child_nodes(statement) if isinstance(child, ast.expr)]


def own_nodes(statement: ast.stmt) -> list[ast.AST]:
    """Return the expression nodes of a statement outside of its blocks, and the statement."""
    found: list[ast.AST] = [statement]
    for header in headers(statement):
        found.extend(ast.walk(header))
    return found


def is_field(statement: ast.stmt, owner: ast.stmt | None) -> bool:
    """Whether a statement of a class is a field of a dataclass, which its constructor takes in the order of all."""
    if not isinstance(owner, ast.ClassDef) or not isinstance(statement, ast.AnnAssign):
        return False
    return any(map(makes_dataclass, owner.decorator_list)) and "ClassVar" not in ast.unparse(statement.annotation)


def makes_dataclass(decorator: ast.expr) -> bool:
    """Whether a decorator is `dataclass`, with or without options."""
    function = decorator.func if isinstance(decorator, ast.Call) else decorator
    return ast.unparse(function) in ("dataclass", "dataclasses.dataclass")


def is_main_guard(test: ast.expr) -> bool:
    """Whether a condition asks whether the file is the one that is run."""
    match test:
        case ast.Compare(left=ast.Name(id="__name__"), ops=[ast.Eq()], comparators=[ast.Constant(value="__main__")]):
            return True
        case _:
            return False


def bound(statement: ast.stmt) -> list[str]:
    """Return the names that a statement binds outside of its blocks."""
    match statement:
        case ast.FunctionDef(name=name) | ast.AsyncFunctionDef(name=name) | ast.ClassDef(name=name):
            return [name]
        case ast.Import(names=names) | ast.ImportFrom(names=names):
            return [bound_by(alias) for alias in names]
        case ast.Delete():
            return []
        case _:
            return sorted(bound_in(headers(statement))[0])


def _parameters(arguments: ast.arguments) -> frozenset[str]:
    every = [*arguments.posonlyargs, *arguments.args, *arguments.kwonlyargs]
    if arguments.vararg is not None:
        every.append(arguments.vararg)
    if arguments.kwarg is not None:
        every.append(arguments.kwarg)
    return frozenset(argument.arg for argument in every)


def _is_literal(node: ast.expr) -> bool:
    try:
        ast.literal_eval(node)
    except (ValueError, TypeError, SyntaxError, MemoryError, RecursionError):
        return False
    return True
