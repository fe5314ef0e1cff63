"""Whether a statement changes what the kept code of a slice reads."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from dataclasses import dataclass

from optlint.program.objects import Optimizer, Scaler, Scheduler
from optlint.program.values import Entries, External, Items, Method, Opaque
from optlint.replay.slicer.callees import Callees
from optlint.replay.slicer.reading import EVERYWHERE, Reading, View, root_of, serials_of
from optlint.replay.slicer.scopes import Layout, Scope, headers, own_nodes
from optlint.replay.slicer.vocabulary import BUILTINS

CHANGING = frozenset(
    "append extend insert add update setdefault appendleft extendleft remove discard pop popleft popitem clear put "
    "push reverse".split()
)
"""Methods that change a container."""


@dataclass(frozen=True, slots=True)
class Changes:
    """Asks of statements what they change."""

    reading: Reading
    callees: Callees

    def shown(self, statement: ast.stmt, layout: Layout, view: View = EVERYWHERE) -> bool:
        """Whether a statement itself changes what kept code reads."""
        scope = layout.scope[statement]
        carries = isinstance(statement, ast.Assign) and self._carries(statement.value)
        for node in own_nodes(statement):
            match node:
                case ast.Attribute(value=owner, ctx=ast.Store()) | ast.Subscript(value=owner, ctx=ast.Store()) if (
                    carries and self.is_unknown(owner)
                ):
                    return True
                case ast.Subscript(value=container, ctx=ast.Store() | ast.Del()):
                    if self.reading.is_read(container, scope, view):
                        return True
                case ast.Attribute(value=owner, attr=name, ctx=ast.Store() | ast.Del()):
                    if name in self.reading.slice.attributes and self.reading.is_object_read(owner, scope, view):
                        return True
                case ast.Name(id=name, ctx=ast.Store() | ast.Del()):
                    if name in scope.elsewhere and statement in self.reading.slice.kept:
                        return True
                case _:
                    pass
        return any(self._changes_by_call(call, scope, view) for call in calls_of(statement))

    def _changes_by_call(self, call: ast.Call, scope: Scope, view: View) -> bool:
        if self.callees.called(call.func):
            return False  # what that changes is seen there
        match call.func:
            case ast.Attribute(value=container, attr=method) if method in CHANGING:
                tracked = any(
                    isinstance(each, Optimizer | Scheduler | Scaler) for each in self.callees.values(container)
                )
                return not tracked and self.reading.is_read(container, scope, view)
            case ast.Name(id="setattr" | "delattr"):
                name = call.args[1] if len(call.args) > 1 else None
                if call.args and view.is_own(root_of(call.args[0])):
                    return False
                return not isinstance(name, ast.Constant) or name.value in self.reading.slice.attributes
            case ast.Name(id=name) if name in BUILTINS or name == "print":
                return False
            case _:
                pass
        values = self.reading.slice.observed.values
        called = values.get(call.func)
        if isinstance(called, Method) and called.name in CHANGING and not isinstance(call.func, ast.Attribute):
            return self.reading.is_known_read(serials_of(called.receiver), view)
        if isinstance(called, External) and not called.name.startswith("torch"):
            return any(self._is_container(each, view) for each in call.args)
        return False

    def _is_container(self, node: ast.expr, view: View) -> bool:
        value = self.reading.slice.observed.values.get(node)
        return isinstance(value, Items | Entries) and self.reading.is_known_read(serials_of(value), view)

    def _carries(self, node: ast.expr) -> bool:
        """Whether a value is, or holds, an optimizer or a scheduler."""
        value = self.reading.slice.observed.values.get(node)
        reached = () if value is None else self.reading.slice.observed.machine.reach(value)
        return any(isinstance(each, Optimizer | Scheduler) for each in reached)

    def is_unknown(self, node: ast.expr) -> bool:
        """Whether a value is nothing that one knows: what it is given may be used there."""
        return all(isinstance(each, External | Opaque | Method) for each in self.callees.values(node))


def calls_of(statement: ast.stmt) -> Iterator[ast.Call]:
    """The calls of a statement outside of its blocks."""
    for header in headers(statement):
        for node in ast.walk(header):
            if isinstance(node, ast.Call):
                yield node
