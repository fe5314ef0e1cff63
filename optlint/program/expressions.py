"""Expressions: how each kind is evaluated; names and literals, and what a name is assigned."""

from __future__ import annotations

import ast
from collections.abc import Callable
from types import EllipsisType
from typing import TYPE_CHECKING

from optlint.program.events import Act
from optlint.program.objects import Instance, Model, Object, ParameterIterator
from optlint.program.values import NONE, Const, Entries, Function, Method, Opaque, Value, alternatives

if TYPE_CHECKING:
    from optlint.program.interpreter import Interpreter


class Expressions:
    """Evaluates expressions in the running frame."""

    def __init__(self, interpreter: Interpreter) -> None:
        self.interpreter = interpreter
        self.machine = interpreter.machine
        self.names = interpreter.names
        self.handlers: dict[type[ast.expr], Callable[..., Value]] = {
            ast.Name: self._name,
            ast.Constant: self._constant,
            ast.List: self._sequence,
            ast.Tuple: self._sequence,
            ast.Set: self._sequence,
            ast.Dict: self._dict,
            ast.Lambda: self._lambda,
            ast.NamedExpr: self._walrus,
            ast.Starred: self._starred,
            ast.Await: self._inner,
            ast.FormattedValue: self._inner,
            ast.YieldFrom: self._inner,
            ast.Yield: self._inner,
        }
        """How to evaluate an expression, by its kind; other parts add what they evaluate."""

    def evaluate(self, node: ast.expr) -> Value:
        """Return the value of an expression; events are emitted in the order of evaluation."""
        handler = self.handlers.get(type(node))
        if handler is not None:
            return handler(node)
        parts = [self.evaluate(child) for child in ast.iter_child_nodes(node) if isinstance(child, ast.expr)]
        return self.machine.mix("", parts)

    def _name(self, node: ast.Name) -> Value:
        value = self.machine.read(self.machine.frame.serial, node.id)
        if value is None or not isinstance(value, Object | Const | Opaque):
            value = self.names.lookup(node.id, self.machine.frame)
            if isinstance(value, Opaque) and value.label == node.id:
                # An unbound name: the same unknown value at each reading.
                self.machine.write(self.machine.frame.serial, node.id, value)
        return value

    def _constant(self, node: ast.Constant) -> Value:
        value = node.value
        return self.machine.opaque() if isinstance(value, EllipsisType) else Const(value)

    def _sequence(self, node: ast.List | ast.Tuple | ast.Set) -> Value:
        values: list[Value] = []
        is_open = False
        for element in node.elts:
            if isinstance(element, ast.Starred):
                inner = self.evaluate(element.value)
                spread = self.interpreter.iteration.elements(inner)
                if isinstance(inner, ParameterIterator):
                    values.append(self.interpreter.iterators.listed(inner, element))
                elif isinstance(inner, Model):
                    values.append(self.interpreter.iteration.each(inner, element))
                    is_open = True
                elif spread is None:
                    values.append(inner)
                    is_open = True
                else:
                    values.extend(spread)
                self.interpreter.iterators.consume(inner, element.value)
            else:
                values.append(self.evaluate(element))
        return self.machine.new_items(values, is_open)

    def _dict(self, node: ast.Dict) -> Value:
        pairs: list[tuple[Value, Value]] = []
        is_open = False
        for key, value in zip(node.keys, node.values, strict=True):
            made = self.evaluate(value)
            if key is None:
                is_open = True
                if isinstance(made, Entries):
                    pairs.extend(self.machine.entries(made))
            else:
                pairs.append((self.evaluate(key), made))
        entries = self.machine.new_entries(pairs, is_open)
        self.machine.displays[entries.serial] = self.machine.place(node)
        return entries

    def _lambda(self, node: ast.Lambda) -> Value:
        return Function(node, self.machine.frame)

    def _inner(self, node: ast.Await | ast.FormattedValue | ast.YieldFrom | ast.Yield) -> Value:
        return self.evaluate(node.value) if node.value is not None else NONE

    def _starred(self, node: ast.Starred) -> Value:
        return self.evaluate(node.value)

    def _walrus(self, node: ast.NamedExpr) -> Value:
        value = self.evaluate(node.value)
        self.assign_name(node.target.id, value)
        return value

    def assign_name(self, name: str, value: Value) -> None:
        """Bind a name in the running frame, or where its `global` or `nonlocal` statement says."""
        machine = self.machine
        frame = machine.frame
        if isinstance(value, Opaque):
            machine.names.setdefault(value.serial, name)
        elif isinstance(value, Object) and not value.label:
            value.label = name
        if name in frame.global_names:
            frame = machine.module_frame(frame.module)
        elif name in frame.nonlocal_names and frame.outer is not None:
            frame = frame.outer
            while (frame.serial, name) not in machine.store and frame.outer is not None:
                frame = frame.outer
        machine.write(frame.serial, name, value)

    def mention(self, node: ast.Attribute) -> None:
        """Note that `object.method` stands as a statement and is not called."""
        for receiver in alternatives(self.evaluate(node.value)):
            if isinstance(receiver, Method):
                receiver = self.interpreter.recognition.part_of(receiver.receiver, receiver.name)
            known = self.machine.models.get(receiver.serial) if isinstance(receiver, Opaque) else receiver
            if isinstance(known, Instance):
                found = known.info.method(node.attr) if known.info is not None else None
                if found is not None and not found[1].decorator_list:
                    self.machine.event(Act.MENTION, (known,), node, node.attr)
            elif isinstance(known, Object):
                self.machine.event(Act.MENTION, (known,), node, node.attr)
            elif isinstance(receiver, Opaque):
                named = self.interpreter.recognition.by_name(receiver, node.attr)
                if named or node.attr == "backward":
                    self.machine.event(Act.MENTION, (), node, node.attr)
