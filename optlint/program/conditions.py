"""Conditions: whether a value counts as true, comparisons, `and` and `or`, and the branches that depend on them."""

from __future__ import annotations

import ast
from collections.abc import Callable, Sequence
from functools import partial
from typing import TYPE_CHECKING

from optlint.program.guards import guard_of
from optlint.program.lengths import Length
from optlint.program.objects import Instance, Model, Object, Optimizer, Scaler, Scheduler
from optlint.program.regions import EMPTY, Branch, Region, sequence
from optlint.program.values import (
    NONE,
    ClassValue,
    Const,
    Default,
    Entries,
    External,
    Function,
    Items,
    Join,
    Opaque,
    Value,
)

if TYPE_CHECKING:
    from optlint.program.interpreter import Interpreter


class Conditions:
    """Decides what can be decided, and follows both ways where nothing can."""

    def __init__(self, interpreter: Interpreter) -> None:
        self.machine = interpreter.machine
        self.expressions = interpreter.expressions
        self.expressions.handlers.update(
            {ast.BoolOp: self._boolean, ast.Compare: self._compare, ast.IfExp: self._conditional}
        )

    def truth(self, value: Value) -> bool | None:
        """Return whether a value counts as true, or None where it depends."""
        match value:
            case Default():
                return None
            case Const(value=constant):
                return bool(constant)
            case Optimizer() | Scheduler() | Scaler() | Model() | Instance() | Function() | ClassValue() | External():
                return True
            case Items() | Entries() if not self.machine.is_open(value):
                # A container may have grown in ways that were not followed.
                return True if self.machine.items(value) else None
            case _:
                return None

    def branch(
        self,
        regions: Sequence[Region],
        node: ast.AST,
        guard_of_branch: tuple[object, bool] = (None, True),
        period: Length | None = None,
    ) -> None:
        """Emit a two-armed branch, unless both arms are empty."""
        guard, positive = guard_of_branch
        if any(region is not EMPTY for region in regions):
            self.machine.emit(Branch(regions[0], regions[1], self.machine.place(node), guard, positive, period))  # type: ignore[arg-type]

    def one_of(self, regions: Sequence[Region], node: ast.AST) -> None:
        """Emit a choice between regions of which nothing tells which one runs."""
        place = self.machine.place(node)
        choice = regions[-1]
        for region in reversed(regions[:-1]):
            choice = Branch(region, choice, place)
        if any(region is not EMPTY for region in regions):
            self.machine.emit(choice)

    def any_of(self, ways: Sequence[Callable[[], Value]], node: ast.AST) -> Value:
        """Return what one of several ways gives, of which nothing tells which one is taken."""
        return self._either(ways, lambda regions: self.one_of(regions, node))

    def _either(self, ways: Sequence[Callable[[], Value]], emit: Callable[[Sequence[Region]], None]) -> Value:
        """Follow several ways from one state; emit what happens on them, and return what they give, joined."""
        made: list[Value] = []

        def arm(way: Callable[[], Value]) -> bool:
            made.append(way())
            return True

        born_since = self.machine.serial()
        regions, _ = self.machine.fork([partial(arm, way) for way in ways])
        emit(regions)
        return self.machine.join(made, born_since)

    def _conditional(self, node: ast.IfExp) -> Value:
        truth = self.truth(self.expressions.evaluate(node.test))
        if truth is not None:
            return self.expressions.evaluate(node.body if truth else node.orelse)
        guard = guard_of(self.machine, node.test)
        ways = [partial(self.expressions.evaluate, way) for way in (node.body, node.orelse)]
        return self._either(ways, lambda regions: self.branch(regions, node, guard_of_branch=guard))

    def _boolean(self, node: ast.BoolOp) -> Value:
        stop = isinstance(node.op, ast.Or)
        result: Value = self.expressions.evaluate(node.values[0])
        for operand in node.values[1:]:
            truth = self.truth(result)
            if truth is stop:
                return result
            if truth is not None:
                result = self.expressions.evaluate(operand)
                continue
            with self.machine.collect() as out:
                right = self.expressions.evaluate(operand)
            if out:
                self.machine.emit(Branch(sequence(out), EMPTY, self.machine.place(operand)))
            if isinstance(right, Const) and self.truth(right) is stop:
                return right if isinstance(right.value, bool) else self.machine.join([result, right])
            result = (
                self.machine.join([result, right])
                if _plain(result) and _plain(right)
                else self.machine.mix("", [result, right])
            )
        return result

    def _compare(self, node: ast.Compare) -> Value:
        left = self.expressions.evaluate(node.left)
        rights = [self.expressions.evaluate(right) for right in node.comparators]
        if len(rights) == 1:
            decided = self._decide(node.ops[0], left, rights[0])
            if decided is not None:
                return Const(decided)
        return self.machine.opaque()

    def _decide(self, operator: ast.cmpop, left: Value, right: Value) -> bool | None:
        if isinstance(left, Default) or isinstance(right, Default):
            return None
        negative = isinstance(operator, ast.NotEq | ast.IsNot | ast.NotIn)
        if isinstance(operator, ast.Eq | ast.NotEq | ast.Is | ast.IsNot):
            if isinstance(left, Const) and isinstance(right, Const):
                return (left.value == right.value) is not negative
            solid = (Object, Items, Entries, Function, ClassValue)
            if right == NONE and isinstance(left, solid):
                return negative
            return None
        if isinstance(operator, ast.In | ast.NotIn) and isinstance(left, Const):
            if isinstance(right, Items) and not self.machine.is_open(right):
                items = self.machine.items(right)
                if all(isinstance(item, Const) for item in items):
                    return (left in items) is not negative
            if isinstance(right, Const) and isinstance(right.value, str) and isinstance(left.value, str):
                return (left.value in right.value) is not negative
        return None


def _plain(value: Value) -> bool:
    return not isinstance(value, Opaque | Join)
