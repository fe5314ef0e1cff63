"""What the kept code of a slice reads: variables, attributes, and the containers and objects that they hold."""

from __future__ import annotations

import ast
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from optlint.program.values import Value
from optlint.replay.slicer.callees import Callees, alternatives
from optlint.replay.slicer.scopes import Scope, headers

if TYPE_CHECKING:
    from optlint.replay.slicer.slice import Slice

_INNER = frozenset(("setdefault", "get"))
"""Methods that hand out what a container has inside."""


@dataclass(frozen=True, slots=True)
class View:
    """Whose changes are looked for: those that show outside of a method's object, and outside of a function."""

    own: str = ""
    """What a method calls its object: of that, only what is known to be read elsewhere counts."""
    within: Scope | None = None
    """A function: what its variables hold counts only where it is known to be read elsewhere."""

    def is_own(self, name: str) -> bool:
        """Whether a variable is the method's object."""
        return bool(self.own) and name == self.own


EVERYWHERE = View()


@dataclass(eq=False)
class Reading:
    """Tells whether kept code reads what an expression is."""

    slice: Slice
    callees: Callees
    _read: dict[int, set[Scope]] = field(default_factory=dict)
    """The containers and other values that kept code reads, by their serials, and where it does."""
    _seen: set[ast.stmt] = field(default_factory=set)

    def refresh(self) -> None:
        """Look at what is kept by now."""
        for layout in self.slice.layouts.values():
            for statement, scope in layout.scope.items():
                if statement in self.slice.kept and statement not in self._seen:
                    self._seen.add(statement)
                    own = own_name(scope)
                    for header in headers(statement):
                        for node in ast.walk(header):
                            for serial in self._serials(node) if self._reads(node, own) else ():
                                self._read.setdefault(serial, set()).add(scope)

    def _reads(self, node: ast.AST, own: str) -> bool:
        """Whether a node gives a value that is there already; a method's object alone does not count."""
        if isinstance(node, ast.Call):
            return bool(self.callees.called(node.func))
        reads = isinstance(node, ast.Name | ast.Attribute | ast.Subscript) and isinstance(node.ctx, ast.Load)
        return reads and not (isinstance(node, ast.Name) and node.id == own)

    def is_known_read(self, serials: frozenset[int], view: View) -> bool:
        """Whether kept code reads one of some values."""
        return any(self._read.get(each, set()) - {view.within} for each in serials)

    def is_read(self, container: ast.expr, scope: Scope, view: View = EVERYWHERE) -> bool:
        """Whether kept code reads a container, or what it has inside."""
        own_chain = view.is_own(root_of(container))
        while True:
            if self.is_known_read(self._serials(container), view):
                return True
            match container:
                case ast.Name() | ast.Attribute() if own_chain:
                    return False
                case ast.Name(id=name) if view.within is scope and name in scope.bindings:
                    return False
                case ast.Name(id=name) if name in scope.parameters:
                    return scope.node in self.slice.kept and _is_kept_between_calls(name, scope)
                case ast.Name(id=name):
                    return self.is_bound(name, scope)
                case ast.Attribute(attr=name):
                    return name in self.slice.attributes or name == "__dict__"
                case ast.Subscript(value=inner):
                    container = inner
                case ast.Call(func=ast.Attribute(value=inner, attr=method)) if method in _INNER:
                    container = inner
                case _:
                    return False

    def is_object_read(self, owner: ast.expr, scope: Scope, view: View) -> bool:
        """Whether kept code may read an object of which an attribute is set."""
        root = root_of(owner)
        if view.is_own(root):
            return False
        is_local = view.within is scope and root in scope.bindings
        if not is_local and (not root or root in scope.parameters or self.is_bound(root, scope)):
            return True
        return self.is_known_read(self._serials(owner), view)

    def is_bound(self, name: str, scope: Scope) -> bool:
        """Whether kept code gives a variable its value."""
        found: Scope | None = scope
        while found is not None and name not in found.bindings:
            found = found.outer
        return found is not None and any(each in self.slice.kept for each in found.bindings[name])

    def _serials(self, node: ast.AST) -> frozenset[int]:
        return serials_of(self.slice.observed.values.get(node)) if isinstance(node, ast.expr) else frozenset()


def serials_of(value: Value | None) -> frozenset[int]:
    """Return the numbers by which the model tells values from each other."""
    serials = (getattr(each, "serial", None) for each in alternatives(value))
    return frozenset(each for each in serials if each is not None)


def root_of(node: ast.expr) -> str:
    """The variable at which a chain of attributes and items begins."""
    current = node
    while isinstance(current, ast.Attribute | ast.Subscript):
        current = current.value
    return current.id if isinstance(current, ast.Name) else ""


def _is_kept_between_calls(name: str, scope: Scope) -> bool:
    """Whether a parameter has a default that all calls share, and may change."""
    if not isinstance(scope.node, ast.FunctionDef | ast.AsyncFunctionDef):
        return False
    given = scope.node.args
    names = [each.arg for each in (*given.posonlyargs, *given.args)]
    found = dict(zip(reversed(names), reversed(given.defaults), strict=False))
    found |= {each.arg: value for each, value in zip(given.kwonlyargs, given.kw_defaults, strict=True) if value}
    return isinstance(found.get(name), ast.List | ast.Dict | ast.Set | ast.Call)


def own_name(scope: Scope) -> str:
    """What a method calls its own object; nothing in any other function."""
    function = scope.node
    if scope.outer is None or not isinstance(scope.outer.node, ast.ClassDef) or isinstance(function, ast.ClassDef):
        return ""
    arguments = function.args.args if isinstance(function, ast.FunctionDef | ast.AsyncFunctionDef) else []
    return arguments[0].arg if arguments else ""
