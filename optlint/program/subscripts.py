"""Items of values: what `value[key]` is."""

from __future__ import annotations

import ast
from typing import TYPE_CHECKING

from optlint.program.objects import Model, ParameterIterator
from optlint.program.values import (
    Const,
    Entries,
    External,
    Group,
    Groups,
    Items,
    Join,
    Opaque,
    Value,
    alternatives,
    settled,
)

if TYPE_CHECKING:
    from optlint.program.interpreter import Interpreter


class Subscripts:
    """Reads items of lists, dicts, modules and parameter groups."""

    def __init__(self, interpreter: Interpreter) -> None:
        self.interpreter = interpreter
        self.machine = interpreter.machine
        self.expressions = interpreter.expressions
        self.expressions.handlers[ast.Subscript] = self._subscript

    def _subscript(self, node: ast.Subscript) -> Value:
        value = self.expressions.evaluate(node.value)
        key = self.expressions.evaluate(node.slice)
        return self.machine.measures.taken(self.item(value, key, node), value, key)

    def item(self, value: Value, key: Value, node: ast.Subscript) -> Value:
        """Return `value[key]`."""
        match value:
            case Join():
                return self.machine.join([self.item(inner, key, node) for inner in alternatives(value)])
            case Items():
                items = self.machine.items(value)
                match key:
                    case Const(value=int(index)) if -len(items) <= index < len(items) and not self.machine.is_open(
                        value
                    ):
                        return items[index]
                    case _ if isinstance(node.slice, ast.Slice):
                        return self.machine.new_items(items, is_open=True)
                    case _:
                        return self.machine.join(items) if items else self.machine.opaque()
            case Entries():
                entries = self.machine.entries(value)
                same = [inner for found, inner in entries if found == settled(key)]
                if same:
                    return same[-1]
                others = [inner for _, inner in entries]
                if not others:
                    return self.machine.opaque(_key_label(key))
                found = self.machine.join(others)
                # Which entry it is may differ each time: that one of them is used up says nothing of the next.
                return self.interpreter.iterators.listed(found, node) if isinstance(found, ParameterIterator) else found
            case Groups(optimizer=optimizer):
                return Group(optimizer)
            case Group(optimizer=optimizer):
                if key == Const("params"):
                    return ParameterIterator(
                        self.machine.serial(),
                        "",
                        self.machine.place(node),
                        sources=optimizer.sources,
                        complete=optimizer.complete,
                        optimizer=optimizer,
                    )
                return self.machine.opaque(_key_label(key))
            case Model() | Opaque() if isinstance(value, Model) or value.serial in self.machine.models:
                model = value if isinstance(value, Model) else self.machine.models[value.serial]
                if isinstance(model, Model):
                    return self.interpreter.attributes.part(model, f"[{ast.unparse(node.slice)}]")
                return self.machine.mix("", [value, key])
            case External(name=dotted) if dotted in ("torch.optim.__dict__", "torch.optim.lr_scheduler.__dict__"):
                return External(dotted.removesuffix("__dict__") + "?")
            case External():
                return value if value.name.startswith("typing") else self.machine.opaque()
            case _:
                return self.machine.mix("", [value, key])


def _key_label(key: Value) -> str:
    return key.value if isinstance(key, Const) and isinstance(key.value, str) else ""
