"""Iterators of parameters, as `model.parameters()` gives: what they yield, used up once, chained, found in values."""

from __future__ import annotations

import ast
from collections.abc import Sequence
from typing import TYPE_CHECKING

from optlint.program.events import Act
from optlint.program.objects import Model, Parameter, ParameterIterator, ParameterSource, Selection
from optlint.program.values import DEEPEST_LIST, Const, Entries, Group, Groups, Items, Join, Opaque, Value, alternatives

if TYPE_CHECKING:
    from optlint.program.interpreter import Interpreter


class ParameterIterators:
    """Makes iterators of parameters, and notes which ones are gone through."""

    def __init__(self, interpreter: Interpreter) -> None:
        self.machine = interpreter.machine

    def parameter(self, iterator: ParameterIterator, node: ast.AST) -> Parameter:
        """Return the parameter that stands for any one of an iterator's."""
        machine = self.machine
        return Parameter(
            machine.serial(),
            "",
            machine.place(node),
            sources=iterator.sources,
            optimizer=iterator.optimizer,
            depth=machine.depth,
        )

    def listed(self, iterator: ParameterIterator, node: ast.AST) -> ParameterIterator:
        """Return the same parameters as a list of them."""
        made = ParameterIterator(self.machine.serial(), "", self.machine.place(node), sources=iterator.sources)
        made.named, made.complete, made.optimizer = iterator.named, iterator.complete, iterator.optimizer
        return made

    def made(self, iterator: ParameterIterator, node: ast.AST) -> ParameterIterator:
        """Note that an iterator that can be used once was made."""
        if iterator.one_shot:
            self.machine.event(Act.NEW, (iterator,), node)
        return iterator

    def consume(self, value: Value, node: ast.AST, detail: str = "") -> None:
        """Note that a one-shot iterator of parameters is used up.

        A value that may be something else as well is passed over: which one it is depends on the path.
        """
        if isinstance(value, ParameterIterator) and value.one_shot:
            self.machine.event(Act.CONSUME, (value,), node, detail)

    def chained(self, values: Sequence[Value], node: ast.AST, one_shot: bool) -> ParameterIterator:
        """Return the parameters of all values, one after the other."""
        sources: list[ParameterSource] = []
        complete = True
        for value in values:
            found, whole = self.sources(value)
            sources.extend(found)
            complete = complete and whole
        made = ParameterIterator(self.machine.serial(), "", self.machine.place(node))
        made.sources, made.one_shot, made.complete = tuple(dict.fromkeys(sources)), one_shot, complete
        return self.made(made, node)

    def sources(self, value: Value, depth: int = DEEPEST_LIST) -> tuple[list[ParameterSource], bool]:
        """Return the parameter sources in a value (an iterator, a list, param groups), and whether they are all."""
        machine = self.machine
        match value:
            case ParameterIterator(sources=sources, complete=complete):
                return list(sources), complete
            case Parameter(sources=sources):
                return [ParameterSource(source.model, Selection.SOME) for source in sources], bool(sources)
            case Model():
                return [ParameterSource(value)], True
            case Entries():
                entries = dict(machine.entries(value))
                inner = entries.get(Const("params"))
                return self.sources(inner, depth - 1) if inner is not None and depth else ([], False)
            case Group(optimizer=optimizer) | Groups(optimizer=optimizer):
                return list(optimizer.sources), optimizer.complete
            case Items() if depth:
                found: list[ParameterSource] = []
                complete = not machine.is_open(value)
                for item in machine.items(value):
                    part, whole = self.sources(item, depth - 1)
                    found.extend(part)
                    complete = complete and whole
                return found, complete
            case Join() if depth:
                found = []
                complete = True
                for inner in alternatives(value):
                    part, whole = self.sources(inner, depth - 1)
                    found.extend(part)
                    complete = complete and whole
                return found, complete
            case Opaque():
                models = sorted((o for o in machine.reach(value) if isinstance(o, Model)), key=lambda o: o.serial)
                return [ParameterSource(model, Selection.SOME) for model in models], False
            case _:
                return [], False
