"""Calls of Python's builtins: what those of numbers, classes and attributes mean, and where to find the others."""

from __future__ import annotations

import ast
import math
from collections.abc import Sequence
from typing import TYPE_CHECKING

from optlint.program.modules import ClassInfo
from optlint.program.objects import Confidence, Object, Scheduler
from optlint.program.values import (
    NONE,
    ClassValue,
    Const,
    Entries,
    External,
    Items,
    Keywords,
    Method,
    Opaque,
    Value,
)

if TYPE_CHECKING:
    from optlint.program.interpreter import Interpreter


class BuiltinCalls:
    """Calls of builtins by their names."""

    def __init__(self, interpreter: Interpreter) -> None:
        self.interpreter = interpreter
        self.machine = interpreter.machine
        self._handlers = {
            **interpreter.iterable_calls.handlers,
            "isinstance": self._isinstance,
            "getattr": self._getattr,
            "setattr": self._setattr,
            "len": self._len,
            "range": self.range,
            "int": self._int,
            "print": self._plain,
            "type": self._plain,
            "max": self._max,
        }

    def call(self, name: str, positional: Sequence[Value], keywords: Keywords, node: ast.Call) -> Value:
        """Return what a builtin gives; of one that is not known here, something made of its arguments."""
        handler = self._handlers.get(name)
        if handler is not None:
            return handler(positional, keywords, node)
        return self.machine.mix("", [*positional, *(value for _, value in keywords)])

    def _isinstance(self, positional: Sequence[Value], keywords: Keywords, node: ast.Call) -> Value:
        if len(positional) == 2:
            answers = {self._is_a(positional[0], option) for option in self.machine.items_of(positional[1])}
            if True in answers:
                return Const(True)
            if answers == {False}:
                return Const(False)
        return self.machine.opaque()

    def _is_a(self, value: Value, kind: Value) -> bool | None:
        """Whether an object is of a class, as far as that is certain."""
        if isinstance(kind, External):
            module, _, name = kind.name.rpartition(".")
            if (
                isinstance(value, Scheduler)
                and module == "torch.optim.lr_scheduler"
                and value.confidence is Confidence.CERTAIN
            ):
                if name == "_LRScheduler":
                    return None
                if value.info is not None:
                    return None
                if name == "LRScheduler":
                    return True
                classes = {cls.partition(":")[0] for cls in value.classes}
                return True if classes == {name} else False if name not in classes and "?" not in classes else None
            if kind.name in ("builtins.list", "builtins.tuple"):
                return True if isinstance(value, Items) else False if isinstance(value, Object | Const) else None
            if kind.name == "builtins.dict":
                return (
                    True if isinstance(value, Entries) else False if isinstance(value, Object | Const | Items) else None
                )
        if isinstance(kind, ClassValue) and isinstance(value, Object):
            info = getattr(value, "info", None)
            if isinstance(info, ClassInfo):
                return any(parent is kind.info or parent.node is kind.info.node for parent in info.lineage) or (
                    None if "" in info.foreign_bases else False
                )
        return None

    def _getattr(self, positional: Sequence[Value], keywords: Keywords, node: ast.Call) -> Value:
        if len(positional) >= 2:
            value, name = positional[0], positional[1]
            if isinstance(name, Const) and isinstance(name.value, str):
                found = self.interpreter.attributes.attribute(value, name.value, node)
                return (
                    self.machine.join([found, positional[2]])
                    if len(positional) == 3 and isinstance(found, Method | Opaque)
                    else found
                )
            if isinstance(value, External):
                return External(f"{value.name}.?")
        return self.machine.mix("", positional)

    def _setattr(self, positional: Sequence[Value], keywords: Keywords, node: ast.Call) -> Value:
        if len(positional) == 3 and isinstance(positional[1], Const) and isinstance(positional[1].value, str):
            self.interpreter.assignments.set_attribute(positional[0], positional[1].value, positional[2], node)
        return NONE

    def _int(self, positional: Sequence[Value], keywords: Keywords, node: ast.Call) -> Value:
        if len(positional) == 1:
            return self.rounded("floor", positional[0])
        return self.machine.mix("", positional)

    def rounded(self, how: str, value: Value) -> Value:
        """Return the whole number that `ceil` or `floor`, as `how` says, makes of a value."""
        if isinstance(value, Const) and isinstance(value.value, int | float) and math.isfinite(value.value):
            number = math.ceil(value.value) if how == "ceil" else int(value.value)
            return self.machine.computed(Const(number), value)
        return self.machine.measures.computed(self.machine.mix("", [value]), how, value)

    def range(self, positional: Sequence[Value], keywords: Keywords, node: ast.Call) -> Value:
        """Return what `range(...)` gives."""
        return self.machine.measures.ranged(self.machine.mix("", positional), positional)

    def _len(self, positional: Sequence[Value], keywords: Keywords, node: ast.Call) -> Value:
        return self.machine.measures.computed(self.machine.opaque(), "len", *positional[:1])

    def _max(self, positional: Sequence[Value], keywords: Keywords, node: ast.Call) -> Value:
        return self.machine.measures.computed(
            self.interpreter.iterable_calls.consumed(positional, keywords, node), "max", *positional
        )

    def _plain(self, positional: Sequence[Value], keywords: Keywords, node: ast.Call) -> Value:
        return self.machine.opaque()
