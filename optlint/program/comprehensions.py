"""Comprehensions; one over parameters filters them, and its condition may tell which ones are left."""

from __future__ import annotations

import ast
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING

from optlint.program.objects import Parameter, ParameterIterator, ParameterSource, Selection
from optlint.program.values import Value

if TYPE_CHECKING:
    from optlint.program.interpreter import Interpreter


class Comprehensions:
    """Evaluates comprehensions and generator expressions, which are taken to be gone through where they stand."""

    def __init__(self, interpreter: Interpreter) -> None:
        self.interpreter = interpreter
        self.machine = interpreter.machine
        self.expressions = interpreter.expressions
        self.expressions.handlers.update(
            {
                ast.ListComp: self._comprehension,
                ast.SetComp: self._comprehension,
                ast.GeneratorExp: self._comprehension,
                ast.DictComp: self._dict_comprehension,
            }
        )

    def _comprehension(self, node: ast.ListComp | ast.SetComp | ast.GeneratorExp) -> Value:
        """Return the value of a comprehension; one over parameters is a filtered iterator of them."""
        values: list[Value] = []
        exact, selection = self._generate(node.generators, lambda: values.append(self.expressions.evaluate(node.elt)))
        if values and all(isinstance(value, Parameter) and value.sources for value in values):
            made = ParameterIterator(self.machine.serial(), "", self.machine.place(node))
            sources: list[ParameterSource] = []
            for value in values:
                assert isinstance(value, Parameter)
                for source in value.sources:
                    narrowed = source.selection if selection is Selection.ALL else selection
                    sources.append(ParameterSource(source.model, narrowed))
            made.sources = tuple(dict.fromkeys(sources))
            made.one_shot = isinstance(node, ast.GeneratorExp)
            return self.interpreter.iterators.made(made, node)
        return self.machine.new_items(values, is_open=not exact)

    def _dict_comprehension(self, node: ast.DictComp) -> Value:
        """Return the value of a dict comprehension."""
        pairs: list[tuple[Value, Value]] = []

        def element() -> None:
            key = self.expressions.evaluate(node.key)
            pairs.append((key, self.expressions.evaluate(node.value)))

        exact, _ = self._generate(node.generators, element)
        return self.machine.new_entries(pairs, is_open=not exact)

    def _generate(self, generators: list[ast.comprehension], element: Callable[[], None]) -> tuple[bool, Selection]:
        """Run `element` for each binding of the generators.

        Returns:
            Whether it ran exactly once for each element, and which parameters the conditions select.
        """
        if not generators:
            element()
            return True, Selection.ALL
        first, rest = generators[0], generators[1:]
        iterable = self.expressions.evaluate(first.iter)
        iteration = self.interpreter.iteration
        elements = iteration.elements(iterable)
        selection = _selected(first.ifs, first.target)
        inner_exact, inner_selection = True, Selection.ALL
        runs = 0

        def body() -> bool:
            nonlocal inner_exact, inner_selection, runs
            runs += 1
            inner_exact, inner_selection = self._generate(rest, element)
            return True

        iteration.loop(iterable, first.iter, lambda value: iteration.bind(first.target, value), body)
        # Elements that nothing happens to are gone through as one.
        exact = elements is not None and runs == len(elements) and not first.ifs
        return exact and inner_exact, inner_selection if selection is Selection.ALL else selection


def _selected(conditions: Sequence[ast.expr], target: ast.expr) -> Selection:
    """Return which parameters of `for target in ... if conditions` are taken."""
    if not conditions:
        return Selection.ALL
    if len(conditions) == 1 and is_requires_grad(conditions[0]):
        return Selection.TRAINABLE
    return Selection.SOME


def is_requires_grad(test: ast.expr) -> bool:
    """Whether a condition is `p.requires_grad`, alone or compared with true."""
    match test:
        case ast.Attribute(attr="requires_grad"):
            return True
        case ast.Compare(
            left=ast.Attribute(attr="requires_grad"), ops=[ast.Eq() | ast.Is()], comparators=[ast.Constant(value=True)]
        ):
            return True
        case ast.BoolOp(op=ast.And(), values=values):
            return any(is_requires_grad(value) for value in values)
        case _:
            return False
