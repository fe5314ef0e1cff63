"""Method calls on lists and dicts, and what `+=` adds to a list."""

from __future__ import annotations

import ast
from collections.abc import Sequence
from typing import TYPE_CHECKING

from optlint.program.objects import ParameterIterator
from optlint.program.values import NONE, Const, Entries, Items, Keywords, Value

if TYPE_CHECKING:
    from optlint.program.interpreter import Interpreter


class Containers:
    """Changes and reads lists and dicts by their methods."""

    def __init__(self, interpreter: Interpreter) -> None:
        self.interpreter = interpreter
        self.machine = interpreter.machine

    def call(
        self, container: Items | Entries, name: str, positional: Sequence[Value], keywords: Keywords, node: ast.Call
    ) -> Value:
        """Return what a method of a list or dict gives."""
        machine = self.machine
        if isinstance(container, Entries):
            entries = machine.entries(container)
            if name == "values":
                return machine.new_items([value for _, value in entries], machine.is_open(container))
            if name == "items":
                return machine.new_items([machine.new_items(pair) for pair in entries], machine.is_open(container))
            if name == "keys":
                return machine.new_items([key for key, _ in entries], machine.is_open(container))
            if name in ("get", "pop", "setdefault") and positional:
                same = [value for key, value in entries if key == positional[0]]
                return same[-1] if same else positional[1] if len(positional) > 1 else machine.opaque()
            if name == "update":
                pairs = [pair for value in positional if isinstance(value, Entries) for pair in machine.entries(value)]
                pairs += [(Const(key), value) for key, value in keywords]
                machine.write(container.serial, "*items", (*entries, *pairs))
                return NONE
            return machine.opaque()
        items = machine.items(container)
        if name == "append" and positional:
            machine.write(container.serial, "*items", (*items, positional[0]))
        elif name in ("extend", "__iadd__") and positional:
            self.extend(container, positional[0], node)
        elif name == "insert" and len(positional) == 2:
            machine.write(container.serial, "*items", (positional[1], *items))
        elif name in ("pop", "remove", "clear", "sort", "reverse"):
            machine.open(container)
            return machine.join(items) if items and name == "pop" else NONE
        elif name == "copy":
            return machine.new_items(items, machine.is_open(container))
        else:
            return machine.opaque()
        return NONE

    def extend(self, container: Items, value: Value, node: ast.AST) -> None:
        """Note `container += value`."""
        machine, iterators = self.machine, self.interpreter.iterators
        items = machine.items(container)
        known = self.interpreter.iteration.elements(value)
        iterators.consume(value, node)
        if known is None:
            machine.open(container)
            # A list keeps what an iterator gave, which can be read as often as one likes.
            is_iterator = isinstance(value, ParameterIterator)
            known = [iterators.chained([value], node, one_shot=False) if is_iterator else value]
        machine.write(container.serial, "*items", (*items, *known))
