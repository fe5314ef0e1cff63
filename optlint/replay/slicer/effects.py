"""What runs for its effect: statements, calls and decorators that change what kept code reads.

A helper appends an optimizer to a list, and another steps what is in that list; a helper counts up what a condition
asks: no event lies in such a helper, and without the call of it the script does otherwise.
"""

from __future__ import annotations

import ast
from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from optlint.program.modules import FunctionNode, ModuleInfo
from optlint.program.objects import Instance, Optimizer, Scheduler
from optlint.program.values import ClassValue
from optlint.replay.slicer.callees import Called, Callees
from optlint.replay.slicer.changes import CHANGING, Changes, calls_of
from optlint.replay.slicer.reading import EVERYWHERE, Reading, View, own_name, root_of, serials_of
from optlint.replay.slicer.scopes import Layout, Scope, blocks, is_main_guard, statements_of

if TYPE_CHECKING:
    from optlint.replay.slicer.slice import Slice

_ACTING = frozenset(("step", "zero_grad", "backward", "unscale_"))
"""Methods that act on an optimizer, a loss or a scaler, whatever it is called."""


@dataclass(eq=False)
class Effects:
    """Tells what of a program changes something that a slice of it reads."""

    slice: Slice
    decorators: set[ast.expr] = field(default_factory=set)
    """Decorators that are kept for what they do."""
    foreign: set[ast.expr] = field(default_factory=set)
    """Those of them that are of other packages, which may call the function they are given, and hardly change it."""
    _followed: dict[ast.AST, bool] = field(default_factory=dict)
    _acting: dict[ast.AST, bool] = field(default_factory=dict)
    _effective: dict[tuple[FunctionNode, bool], bool] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self.callees = Callees(self.slice)
        self.reading = Reading(self.slice, self.callees)
        self.changes = Changes(self.reading, self.callees)

    def refresh(self) -> None:
        """Look at what is kept by now; what was kept without an effect that it has is kept with it."""
        self._effective.clear()
        self.reading.refresh()
        for layout in list(self.slice.layouts.values()):
            for statement in layout.scope:
                if statement in self.slice.kept and (
                    self._marks(statement, layout) or self._decorates(statement, layout)
                ):
                    self.slice.keep_anew(statement, layout.module)

    def is_wanted(self, statement: ast.stmt, layout: Layout) -> bool:
        """Whether a statement that runs has an effect on what kept code reads."""
        scope = layout.scope[statement]
        if not self._runs(statement, layout):
            return False
        if self._decorates(statement, layout):
            return True
        if blocks(statement) or isinstance(statement, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef):
            return False
        return (
            self.changes.shown(statement, layout)
            or self._marks(statement, layout)
            or self._is_of_own_class(statement, scope)
            or self._acts(scope)
            or self._may_step(statement, scope)
            or self._hands_over(statement)
        )

    def _runs(self, statement: ast.stmt, layout: Layout) -> bool:
        scope = layout.scope[statement]
        if scope.outer is not None:
            return scope.node in self.slice.kept
        program = self.slice.observed.program
        if layout.module is program.module and self.slice.name == "<module>":
            return True
        owner = layout.parent.get(statement)
        while owner is not None and not (isinstance(owner, ast.If) and is_main_guard(owner.test)):
            owner = layout.parent.get(owner)
        return owner is None

    # -- statements ---------------------------------------------------------------------------------------------

    def _acts(self, scope: Scope) -> bool:
        """Whether a function that nobody saw the call of acts on an optimizer or the like: it is kept as a whole.

        What is called from a list of functions is such a function.
        """
        return isinstance(scope.node, ast.FunctionDef) and self._may_act(scope.node)

    def _is_of_own_class(self, statement: ast.stmt, scope: Scope) -> bool:
        """Whether a statement calls a method that the project has given an optimizer or a scheduler of its own.

        Its class is kept whole, and what one method keeps of the gradients another one may use.
        """
        if scope.outer is None and self.slice.name != "<module>":
            return False
        found = [each for each in calls_of(statement) if self._has_own_method(each.func)]
        self.slice.replacements.marked.update(found)
        return bool(found)

    def _has_own_method(self, function: ast.expr) -> bool:
        if not isinstance(function, ast.Attribute):
            return False
        owners = self.slice.observed.objects(function.value)
        infos = (each.info for each in owners if isinstance(each, Optimizer | Scheduler))
        return any(function.attr in kind.methods for info in infos if info is not None for kind in info.lineage)

    def _may_step(self, statement: ast.stmt, scope: Scope) -> bool:
        """Whether a statement steps or clears something, as it were an optimizer, of which one knows nothing."""
        match statement:
            case ast.Expr(value=ast.Call(func=ast.Attribute(attr="step" | "zero_grad") as function, args=[])):
                entered = scope.outer is not None or self.slice.name == "<module>"
                return entered and not self.callees.called(function) and self.changes.is_unknown(function.value)
            case _:
                return False

    def _hands_over(self, statement: ast.stmt) -> bool:
        """Whether a statement gives something a function that acts on an optimizer or the like, for it to call."""
        for call in calls_of(statement):
            for given in (*call.args, *(keyword.value for keyword in call.keywords)):
                if isinstance(given, ast.Name | ast.Attribute) and any(
                    self._may_act(each) for each, _ in self.callees.called(given)
                ):
                    return True
        return False

    def _acts_on_known(self, function: ast.FunctionDef, layout: Layout) -> bool:
        """Whether a function that nobody saw the call of acts on what kept code around it has made."""
        scope = layout.scope[function]
        return self._may_act(function) and any(
            isinstance(each, ast.Attribute) and each.attr in _ACTING and self.reading.is_bound(root_of(each), scope)
            for each in ast.walk(function)
        )

    def _may_act(self, function: FunctionNode) -> bool:
        """Whether a function that nobody saw the call of acts on optimizers or the like."""
        if function not in self._acting:
            self._acting[function] = not self._is_followed(function) and any(
                isinstance(each.func, ast.Attribute) and each.func.attr in _ACTING
                for statement in statements_of(function.body)
                for each in calls_of(statement)
            )
        return self._acting[function]

    def _is_followed(self, function: FunctionNode) -> bool:
        found = self._followed.get(function)
        if found is None:
            marked = self.slice.replacements.marked
            found = self._followed[function] = any(inner in marked for inner in ast.walk(function))
        return found

    # -- calls --------------------------------------------------------------------------------------------------

    def _marks(self, statement: ast.stmt, layout: Layout) -> bool:
        """Mark the calls of a statement that have an effect; whether there were some that were not marked."""
        marked, scope = self.slice.replacements.marked, layout.scope[statement]
        found = [each for each in calls_of(statement) if each not in marked and self._is_effective(each, scope)]
        marked.update(found)
        return bool(found)

    def _is_effective(self, call: ast.Call, scope: Scope) -> bool:
        """Whether a call of the project's functions changes what kept code reads.

        What a constructor gives its object, and a method one that no kept code reads, is no such change.
        """
        called = self.callees.called(call.func)
        if not called:
            return False
        kinds = self.callees.values(call.func)
        made = all(isinstance(each, ClassValue) for each in kinds)
        receiver = call.func.value if isinstance(call.func, ast.Attribute) else call.func
        objects = [getattr(each, "receiver", each if isinstance(each, Instance) else None) for each in kinds]
        bound = any(each is not None for each in objects)
        is_own = isinstance(receiver, ast.Call) or root_of(receiver) == own_name(scope)
        serials = frozenset(serial for each in objects for serial in serials_of(each))
        is_read = self.reading.is_read(receiver, scope) or self.reading.is_known_read(serials, EVERYWHERE)
        beyond = made or (bound and not is_own and not is_read)
        # What stands beside the function that a script enters is not what it enters: only what that reads counts.
        acting = scope.outer is not None or self.slice.name == "<module>"
        return self._has_effect(called, beyond=beyond, acting=acting)

    def _decorates(self, statement: ast.stmt, layout: Layout) -> bool:
        """Keep the decorators that have an effect, or act on optimizers; whether there were some that were not kept."""
        found = []
        for decorator in getattr(statement, "decorator_list", ()):
            if decorator in self.decorators:
                continue
            function = decorator.func if isinstance(decorator, ast.Call) else decorator
            called = self.callees.called(function) or self.callees.static(function, layout.module)
            inner = [each for node, _ in called for each in ast.walk(node)]
            acting = any(isinstance(each, ast.Attribute) and each.attr in _ACTING for each in inner)
            if isinstance(function, ast.Attribute) and function.attr in CHANGING:
                if self.reading.is_read(function.value, layout.scope[statement]):
                    found.append(decorator)
            elif not called and isinstance(statement, ast.FunctionDef) and self.changes.is_unknown(function):
                if self._acts_on_known(statement, layout):
                    found.append(decorator)
                    self.foreign.add(decorator)
            elif acting or self._has_effect(called):
                found.append(decorator)
                # What it makes of a function calls that function.
                self.slice.replacements.marked.update(each for each in inner if isinstance(each, ast.Call))
                for node, module in called:
                    self.slice.keep_whole(node, module)
        self.decorators.update(found)
        return bool(found)

    def _has_effect(self, called: Iterable[Called], *, beyond: bool = False, acting: bool = False) -> bool:
        """Whether functions change what kept code reads, or with `acting` act on optimizers.

        With `beyond` only what they change counts that is not of the object of which they are methods.
        """
        for function, module in called:
            reached = self.callees.reach(function, module)
            if acting and any(self._may_act(each) for each, _ in reached):
                return True
            known = self._effective.get((function, beyond))
            if known is None:
                known = any(self._has_own_effect(*each, beyond) for each in reached)
                self._effective[function, beyond] = known
            if known:
                return True
        return False

    def _has_own_effect(self, function: FunctionNode, module: ModuleInfo, beyond: bool) -> bool:
        layout = self.callees.layout(module)
        scope = layout.inner.get(function)
        if scope is None:
            return False
        view = View(own_name(scope) if beyond else "", scope)
        return any(self.changes.shown(each, layout, view) for each in statements_of(function.body))
