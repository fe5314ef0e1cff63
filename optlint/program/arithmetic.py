"""Operators that compute: numbers and strings are folded, all else is made of its operands."""

from __future__ import annotations

import ast
from dataclasses import replace
from typing import TYPE_CHECKING

from optlint.program.objects import Model, ParameterIterator, canonical
from optlint.program.values import Const, Items, Opaque, Value

if TYPE_CHECKING:
    from optlint.program.interpreter import Interpreter


class Arithmetic:
    """Evaluates operators of one operand and of two."""

    def __init__(self, interpreter: Interpreter) -> None:
        self.interpreter = interpreter
        self.machine = interpreter.machine
        self.expressions = interpreter.expressions
        self.expressions.handlers.update({ast.BinOp: self._binary, ast.UnaryOp: self._unary})

    def _binary(self, node: ast.BinOp) -> Value:
        left, right = self.expressions.evaluate(node.left), self.expressions.evaluate(node.right)
        if isinstance(left, Const) and isinstance(right, Const):
            folded = _fold(node.op, left, right)
            return self.machine.computed(folded, left, right) if folded is not None else self.machine.opaque()
        if isinstance(node.op, ast.Add):
            both = self.concatenated(left, right, node)
            if both is not None:
                return both
        return self.machine.measures.operated(self._computed(left, right), node.op, left, right)

    def _computed(self, left: Value, right: Value) -> Opaque:
        """Return what is computed of two operands: of a tensor that is learned, a tensor and no reference to it."""
        mixed = self.machine.mix("", [left, right])
        tensors = {canonical(each) for each in (left, right) if isinstance(each, Model) and each.info is None}
        if not tensors:
            return mixed
        reached = tensors if self.machine.grad_enabled else set()
        return replace(mixed, holds=mixed.holds - tensors, flows=mixed.flows | reached)

    def concatenated(self, left: Value, right: Value, node: ast.AST) -> Value | None:
        """Return `left + right` where both are lists, else None."""
        machine = self.machine
        if isinstance(left, Items) and isinstance(right, Items):
            is_open = machine.is_open(left) or machine.is_open(right)
            return machine.new_items([*machine.items(left), *machine.items(right)], is_open)
        sides = (left, right)
        if any(isinstance(side, ParameterIterator) for side in sides):
            return self.interpreter.iterators.chained(sides, node, one_shot=False)
        return None

    def _unary(self, node: ast.UnaryOp) -> Value:
        value = self.expressions.evaluate(node.operand)
        if isinstance(node.op, ast.Not):
            truth = self.interpreter.conditions.truth(value)
            return Const(not truth) if truth is not None else self.machine.opaque()
        if isinstance(value, Const) and isinstance(value.value, int | float) and isinstance(node.op, ast.USub):
            return self.machine.computed(Const(-value.value), value)
        return self.machine.mix("", [value])


def _fold(operator: ast.operator, left: Const, right: Const) -> Const | None:
    """Return the result of an operation on two small numbers or strings, or None."""
    a, b = left.value, right.value
    if isinstance(a, str) and isinstance(b, str) and isinstance(operator, ast.Add) and len(a) + len(b) < 200:
        return Const(a + b)
    if not isinstance(a, int | float) or not isinstance(b, int | float):
        return None
    try:
        match operator:
            case ast.Add():
                return Const(a + b)
            case ast.Sub():
                return Const(a - b)
            case ast.Mult():
                return Const(a * b)
            case ast.Div():
                return Const(a / b)
            case ast.FloorDiv():
                return Const(a // b)
            case ast.Mod():
                return Const(a % b)
            case _:
                return None
    except (ZeroDivisionError, OverflowError):
        return None
