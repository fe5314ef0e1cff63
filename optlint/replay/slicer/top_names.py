"""Which nodes of a file read, bind or declare a name of its top level, by Python's rules of scope."""

from __future__ import annotations

import ast
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field

from optlint.program.modules import FunctionNode

_Comprehension = ast.ListComp | ast.SetComp | ast.GeneratorExp | ast.DictComp
_NONE: frozenset[str] = frozenset()


@dataclass(slots=True)
class _ClassBody:
    """How far a class body is read: names that it binds at all, has bound for sure, and may have bound."""

    binds: frozenset[str]
    bound: frozenset[str] = _NONE
    maybe: frozenset[str] = _NONE


@dataclass
class TopNames(ast.NodeVisitor):
    """Looks through a file, or an expression for the names that it has from outside.

    Attributes:
        tree: The file or the expression.
        uses: The nodes that a name of the top level stands in, with that name; of a `global` statement one for each.
        unclear: Names that the top level may have where a class body reads one, or else that body itself.
    """

    tree: ast.AST
    uses: list[tuple[ast.AST, str]] = field(default_factory=list)
    unclear: set[str] = field(default_factory=set)
    _hidden: frozenset[str] = _NONE
    """Names of the functions around."""
    _body: _ClassBody | None = None
    """The class body whose own code is read."""

    def __post_init__(self) -> None:
        self.visit(self.tree)

    def _use(self, node: ast.AST, name: str, *, binds: bool = False) -> None:
        body = self._body
        if body is not None and name in body.binds:
            if binds or name in body.bound:
                return
            if name in body.maybe:
                self.unclear.add(name)
        if name not in self._hidden:
            self.uses.append((node, name))

    @contextmanager
    def _inside(self, hidden: frozenset[str], body: _ClassBody | None = None) -> Iterator[None]:
        before = self._hidden, self._body
        self._hidden, self._body = hidden, body
        yield
        self._hidden, self._body = before

    def _all(self, nodes: Iterable[ast.AST | None]) -> None:
        for node in nodes:
            if node is not None:
                self.visit(node)

    # -- names --------------------------------------------------------------------------------------------------

    def visit_Name(self, node: ast.Name) -> None:
        """A variable."""
        self._use(node, node.id, binds=not isinstance(node.ctx, ast.Load))

    def visit_Global(self, node: ast.Global) -> None:
        """A declaration, which is about the top level wherever it stands."""
        self.uses.extend((node, name) for name in node.names)

    def visit_alias(self, node: ast.alias) -> None:
        """What is imported."""
        self._use(node, bound_by(node), binds=True)

    def visit_ExceptHandler(self, node: ast.ExceptHandler) -> None:
        """A handler, which may bind what it has caught."""
        if node.name is not None:
            self._use(node, node.name, binds=True)
        self.generic_visit(node)

    def visit_MatchAs(self, node: ast.MatchAs) -> None:
        """A capture."""
        if node.name is not None:
            self._use(node, node.name, binds=True)
        self.generic_visit(node)

    def visit_MatchStar(self, node: ast.MatchStar) -> None:
        """A capture of the rest of a sequence."""
        if node.name is not None:
            self._use(node, node.name, binds=True)

    def visit_MatchMapping(self, node: ast.MatchMapping) -> None:
        """A mapping, whose rest may be captured."""
        if node.rest is not None:
            self._use(node, node.rest, binds=True)
        self.generic_visit(node)

    # -- scopes -------------------------------------------------------------------------------------------------

    def _function(self, node: FunctionNode) -> None:
        self._use(node, node.name, binds=True)
        arguments = node.args
        self._all([*node.decorator_list, *arguments.defaults, *arguments.kw_defaults, node.returns])
        self._all(each.annotation for each in _arguments(arguments))
        own, declared = bound_in(node.body)
        names = own | {each.arg for each in _arguments(arguments)}
        with self._inside((self._hidden | names) - declared):
            self._all(node.body)

    visit_FunctionDef = visit_AsyncFunctionDef = _function  # noqa: N815

    def visit_Lambda(self, node: ast.Lambda) -> None:
        """A function without a name."""
        self._all([*node.args.defaults, *node.args.kw_defaults])
        own, _ = bound_in([node.body])
        with self._inside(self._hidden | own | {each.arg for each in _arguments(node.args)}):
            self.visit(node.body)

    def visit_ClassDef(self, node: ast.ClassDef) -> None:
        """A class, whose names are its own body's alone."""
        self._use(node, node.name, binds=True)
        self._all([*node.decorator_list, *node.bases, *node.keywords])
        own, declared = bound_in(node.body)
        body = _ClassBody(frozenset(own - declared))
        with self._inside(self._hidden - declared, body):
            for statement in node.body:
                names = bound_in([statement])[0] - declared
                is_plain = not any(
                    isinstance(each, ast.stmt | ast.match_case) for each in ast.iter_child_nodes(statement)
                )
                if is_plain or isinstance(statement, FunctionNode | ast.ClassDef):
                    self.visit(statement)
                    body.bound |= names
                else:
                    body.maybe |= names
                    self.visit(statement)

    def _comprehension(self, node: _Comprehension) -> None:
        first, *others = node.generators
        self.visit(first.iter)  # the only part that is evaluated outside
        targets = frozenset(
            each.id for part in node.generators for each in ast.walk(part.target) if isinstance(each, ast.Name)
        )
        made = (node.key, node.value) if isinstance(node, ast.DictComp) else (node.elt,)
        with self._inside(self._hidden | targets):
            self._all([first.target, *first.ifs, *others, *made])

    visit_ListComp = visit_SetComp = visit_GeneratorExp = visit_DictComp = _comprehension  # noqa: N815


def names_from_outside(expression: ast.expr) -> set[ast.AST]:
    """Return the nodes of the names that an expression does not bind itself."""
    nodes = list(ast.walk(expression))
    if any(isinstance(node, ast.Lambda | _Comprehension) for node in nodes):
        return {node for node, _ in TopNames(expression).uses}
    return {node for node in nodes if isinstance(node, ast.Name)}


def bound_in(nodes: Iterable[ast.AST]) -> tuple[frozenset[str], frozenset[str]]:
    """Return the names that some code binds in its own scope, and those of them that it declares `global`."""
    found: set[str] = set()
    declared: set[str] = set()
    pending = [(node, False) for node in nodes]
    while pending:
        node, within = pending.pop()
        children = list(ast.iter_child_nodes(node))
        match node:
            case ast.FunctionDef(name=name, args=arguments) | ast.AsyncFunctionDef(name=name, args=arguments):
                found.add(name)
                children = [*node.decorator_list, arguments]
            case ast.ClassDef(name=name):
                found.add(name)
                children = [*node.decorator_list, *node.bases, *node.keywords]
            case ast.Lambda(args=arguments):
                children = [arguments]
            case ast.ListComp() | ast.SetComp() | ast.GeneratorExp() | ast.DictComp():
                within = True  # its targets are its own, what a `:=` binds is not
            case ast.NamedExpr(target=ast.Name(id=name)):
                found.add(name)
            case ast.Name(id=name, ctx=ast.Store() | ast.Del()) if not within:
                found.add(name)
            case ast.ExceptHandler(name=str() as name) | ast.MatchAs(name=str() as name):
                found.add(name)
            case ast.MatchStar(name=str() as name) | ast.MatchMapping(rest=str() as name):
                found.add(name)
            case ast.alias():
                found.add(bound_by(node))
            case ast.Global(names=names):
                declared.update(names)
            case _:
                pass
        pending.extend((child, within) for child in children)
    return frozenset(found), frozenset(declared)


def bound_by(alias: ast.alias) -> str:
    """Return the name that an import binds."""
    return alias.asname or alias.name.partition(".")[0]


def _arguments(arguments: ast.arguments) -> list[ast.arg]:
    every = [*arguments.posonlyargs, *arguments.args, *arguments.kwonlyargs, arguments.vararg, arguments.kwarg]
    return [each for each in every if each is not None]
