"""Calls of Python's functions of iterables: `list`, `dict`, `filter`, `zip`, `chain` and the like."""

from __future__ import annotations

import ast
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING

from optlint.program.comprehensions import is_requires_grad
from optlint.program.detached import carried
from optlint.program.objects import Model, Object, ParameterIterator, ParameterSource, Selection
from optlint.program.values import Const, Entries, Function, Items, Keywords, Value

if TYPE_CHECKING:
    from optlint.program.interpreter import Interpreter


class IterableCalls:
    """Calls that go through their arguments, or keep them."""

    def __init__(self, interpreter: Interpreter) -> None:
        self.interpreter = interpreter
        self.machine = interpreter.machine
        self.handlers: dict[str, Callable[[Sequence[Value], Keywords, ast.Call], Value]] = {
            "list": self._copied,
            "tuple": self._copied,
            "set": self._copied,
            "sorted": self._copied,
            "reversed": self._reversed,
            "iter": self._same,
            "filter": self._filter,
            "map": self._map,
            "enumerate": self._enumerate,
            "zip": self._zip,
            "dict": self._dict,
            "next": self._next,
            "sum": self.consumed,
            "any": self.consumed,
            "all": self.consumed,
            "min": self.consumed,
        }
        """The builtins among them, by name."""

    def consumed(self, positional: Sequence[Value], keywords: Keywords, node: ast.Call) -> Value:
        """Go through all arguments, and return something made of them."""
        for value in positional:
            self.interpreter.iterators.consume(value, node)
        return self.machine.mix("", positional)

    def _same(self, positional: Sequence[Value], keywords: Keywords, node: ast.Call) -> Value:
        return positional[0] if positional else self.machine.opaque()

    def _copied(self, positional: Sequence[Value], keywords: Keywords, node: ast.Call) -> Value:
        if not positional:
            return self.machine.new_items([])
        value = positional[0]
        match value:
            case ParameterIterator():
                self.interpreter.iterators.consume(value, node)
                return self.interpreter.iterators.listed(value, node)
            case Items():
                return self.machine.new_items(self.machine.items(value), self.machine.is_open(value))
            case Model():
                return value
            case _:
                return carried(self.machine, value) or self.machine.mix("", positional)

    def _reversed(self, positional: Sequence[Value], keywords: Keywords, node: ast.Call) -> Value:
        if positional and isinstance(positional[0], Items):
            items = self.machine.items(positional[0])
            return self.machine.new_items(items[::-1], self.machine.is_open(positional[0]))
        return self._same(positional, keywords, node)

    def _filter(self, positional: Sequence[Value], keywords: Keywords, node: ast.Call) -> Value:
        if len(positional) < 2:
            return self.machine.opaque()
        function, value = positional[0], positional[1]
        sources, complete = self.interpreter.iterators.sources(value)
        if not sources and not isinstance(value, ParameterIterator):
            return self.machine.mix("", positional)
        lambda_body = (
            function.node.body if isinstance(function, Function) and isinstance(function.node, ast.Lambda) else None
        )
        trainable = lambda_body is not None and is_requires_grad(lambda_body)
        selection = Selection.TRAINABLE if trainable else Selection.SOME
        made = ParameterIterator(self.machine.serial(), "", self.machine.place(node))
        made.sources = tuple(
            ParameterSource(s.model, selection if s.selection is not Selection.SOME else s.selection) for s in sources
        )
        made.one_shot, made.complete = True, complete
        made.named = isinstance(value, ParameterIterator) and value.named
        self.interpreter.iterators.consume(value, node)
        return self.interpreter.iterators.made(made, node)

    def _map(self, positional: Sequence[Value], keywords: Keywords, node: ast.Call) -> Value:
        return self.interpreter.calls.unknown("", positional, keywords, node) if positional else self.machine.opaque()

    def _enumerate(self, positional: Sequence[Value], keywords: Keywords, node: ast.Call) -> Value:
        made = self._tuples([self.machine.opaque("index"), positional[0]] if positional else [], node)
        return self.machine.measures.elements(made, positional[0]) if positional else made

    def _zip(self, positional: Sequence[Value], keywords: Keywords, node: ast.Call) -> Value:
        return self._tuples(positional, node)

    def _tuples(self, columns: Sequence[Value], node: ast.AST) -> Value:
        """Return the list of tuples that take one element of each column."""
        machine, iteration = self.machine, self.interpreter.iteration
        known = [iteration.elements(column) for column in columns]
        lengths = {len(column) for column in known if column is not None}
        if len(lengths) == 1 and any(
            isinstance(item, Object) for column in known if column is not None for item in column
        ):
            count = lengths.pop()
            rows = [
                machine.new_items(
                    [
                        column[i] if column is not None else iteration.each(columns[c], node)
                        for c, column in enumerate(known)
                    ]
                )
                for i in range(count)
            ]
            return machine.new_items(rows)
        for column in columns:
            self.interpreter.iterators.consume(column, node)
        return machine.new_items(
            [machine.new_items([iteration.each(column, node) for column in columns])], is_open=True
        )

    def _dict(self, positional: Sequence[Value], keywords: Keywords, node: ast.Call) -> Value:
        pairs: list[tuple[Value, Value]] = []
        for value in positional:
            if isinstance(value, Entries):
                pairs.extend(self.machine.entries(value))
        pairs.extend((Const(name), value) for name, value in keywords if name != "**")
        is_open = bool(positional) and not isinstance(positional[0], Entries)
        made = self.machine.new_entries(pairs, is_open or any(name == "**" for name, _ in keywords))
        self.machine.displays[made.serial] = self.machine.place(node)
        return made

    def _next(self, positional: Sequence[Value], keywords: Keywords, node: ast.Call) -> Value:
        if positional and isinstance(positional[0], ParameterIterator):
            return self.interpreter.iteration.each(positional[0], node)
        return self.machine.mix("", positional)

    def chained(self, values: Sequence[Value], node: ast.AST) -> Value:
        """Return what `itertools.chain` of the values gives."""
        iterators = self.interpreter.iterators
        if not any(iterators.sources(value)[0] for value in values):
            return self.machine.mix("", values)
        for value in values:
            iterators.consume(value, node)
        return iterators.chained(values, node, one_shot=True)
