"""Iteration: what the elements of an iterable are, and a body that runs for each of them."""

from __future__ import annotations

import ast
from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING

from optlint.program.counters import tested_counter
from optlint.program.detached import carried
from optlint.program.objects import Model, ParameterIterator
from optlint.program.regions import EMPTY, Loop, Region, Unrolled, Variable, sequence
from optlint.program.values import NONE, Const, Entries, Group, Groups, Items, Join, Opaque, Value, alternatives

if TYPE_CHECKING:
    from optlint.program.interpreter import Interpreter

MOST_ITERATIONS = 6
"""Iterations of a loop over a known list that are followed one by one."""


class Iteration:
    """Follows iterables element by element."""

    def __init__(self, interpreter: Interpreter) -> None:
        self.interpreter = interpreter
        self.machine = interpreter.machine
        self.expressions = interpreter.expressions

    def elements(self, value: Value) -> list[Value] | None:
        """Return the elements where all are known and few, else None."""
        match value:
            case Items() | Entries() if not self.machine.is_open(value):
                items = self.machine.items(value)
                elements = list(items[::2] if isinstance(value, Entries) else items)
                return elements if len(elements) <= MOST_ITERATIONS else None
            case _:
                return None

    def each(self, value: Value, node: ast.AST) -> Value:
        """Return a value that stands for any element."""
        machine = self.machine
        match value:
            case Join():
                return machine.join([self.each(inner, node) for inner in alternatives(value)])
            case ParameterIterator():
                parameter = self.interpreter.iterators.parameter(value, node)
                return machine.new_items([machine.opaque("name"), parameter]) if value.named else parameter
            case Items():
                items = machine.items(value)
                found = machine.join(items) if items else machine.opaque()
                # Each element may be an iterator of its own: that one of them is used up says nothing of the next.
                return self.interpreter.iterators.listed(found, node) if isinstance(found, ParameterIterator) else found
            case Entries():
                keys = machine.items(value)[::2]
                return machine.join(keys) if keys else machine.opaque()
            case Groups(optimizer=optimizer):
                return Group(optimizer)
            case Model():
                return self.interpreter.attributes.part(value, "[each]")
            case Opaque(serial=serial) if isinstance(machine.models.get(serial), Model):
                model = machine.models[serial]
                assert isinstance(model, Model)
                return self.interpreter.attributes.part(model, "[each]")
            case _:
                return carried(machine, value) or machine.mix("", [value])

    def loop(
        self,
        iterable: Value,
        node: ast.AST,
        bind: Callable[[Value], None],
        body: Callable[[], bool],
        orelse: Callable[[], Region] = lambda: EMPTY,
        statement: ast.AST | None = None,
    ) -> None:
        """Run a body for the elements of an iterable: one by one where they are known, else once for any.

        Where the body asks whether this is the first iteration, it runs once for that and once for any later one.
        """
        machine = self.machine
        known = self.elements(iterable)
        self.interpreter.iterators.consume(iterable, node)
        if known and self._worth_unrolling(known):
            iterations: list[Region] = []
            for element in known:
                with machine.collect() as out:
                    bind(element)
                    body()
                iterations.append(sequence(out))
            if any(region is not EMPTY for region in iterations):
                machine.emit(Unrolled(tuple(iterations), machine.place(node)))
            tail = orelse()
            if tail is not EMPTY:
                machine.emit(tail)
            return
        counter = machine.frame.module.trait(statement, "counter", tested_counter) if statement is not None else None
        first: list[Region] = []
        if counter is not None:
            with machine.collect() as first, machine.counting(counter):
                bind(self.each(iterable, node))
                body()
            counter = replace(counter, first=False)
        assigned: set[Variable] = set()
        self.widen(statement if statement is not None else node)
        machine.assigned.append(assigned)
        with machine.collect() as out, machine.counting(counter):
            bind(self.each(iterable, node))
            body()
        machine.assigned.pop()
        tail = orelse()
        if first or out or tail is not EMPTY:
            count = machine.measures.count(iterable) if statement is not None else None
            loop: Region = Loop(sequence(out), tail, machine.place(node), frozenset(assigned), count=count)
            machine.emit(loop if not first else Unrolled((sequence(first), loop), machine.place(node)))

    def widen(self, node: ast.AST) -> None:
        """Forget the constants that an iteration changes: the second one begins with other values than the first."""
        machine = self.machine
        owner = machine.frame.module.trait(node, "loop", _loop_body)
        for name in owner:
            value = machine.read(machine.frame.serial, name)
            if value == NONE:
                machine.write(machine.frame.serial, name, Join((NONE, machine.opaque(name))))
            elif isinstance(value, Const):
                machine.write(machine.frame.serial, name, machine.opaque(name))

    def _worth_unrolling(self, known: list[Value]) -> bool:
        """Numbers are not followed one by one: a loop over seeds or sizes is an ordinary loop."""
        return not all(isinstance(value, Const) and not isinstance(value.value, str) for value in known)

    def bind(self, target: ast.expr, value: Value) -> None:
        """Assign a loop variable: a name or a tuple of names."""
        match target:
            case ast.Name(id=name):
                self.expressions.assign_name(name, value)
            case ast.Tuple(elts=targets) | ast.List(elts=targets):
                for inner, part in zip(targets, self.unpack(value, targets), strict=True):
                    self.bind(inner, part)
            case ast.Starred(value=inner):
                self.bind(inner, value)
            case _:
                pass

    def unpack(self, value: Value, targets: Sequence[ast.expr]) -> list[Value]:
        """Return one value for each target of a tuple assignment."""
        machine = self.machine
        if isinstance(value, Join):
            columns = zip(*(self.unpack(inner, targets) for inner in alternatives(value)), strict=True)
            return [machine.join(column) for column in columns]
        if isinstance(value, Items) and not machine.is_open(value):
            items = machine.items(value)
            starred = next((i for i, target in enumerate(targets) if isinstance(target, ast.Starred)), None)
            if starred is None and len(items) == len(targets):
                return list(items)
            if starred is not None and len(items) >= len(targets) - 1:
                after = len(targets) - starred - 1
                middle = machine.new_items(items[starred : len(items) - after])
                return [*items[:starred], middle, *items[len(items) - after :]]
        if isinstance(value, ParameterIterator | Model):
            return [self.each(value, target) for target in targets]
        return [carried(machine, value) or machine.mix("", [value]) for _ in targets]


def _loop_body(node: ast.AST) -> tuple[str, ...]:
    """Return the names that the statements of a loop assign."""
    names: dict[str, None] = {}
    for statement in getattr(node, "body", ()) if isinstance(node, ast.For | ast.AsyncFor | ast.While) else ():
        for inner in ast.walk(statement):
            if isinstance(inner, ast.Name) and isinstance(inner.ctx, ast.Store):
                names.setdefault(inner.id)
    return tuple(names)
