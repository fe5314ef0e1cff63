"""Iteration: what the elements of an iterable are, comprehensions, and iterators that are used up."""

from __future__ import annotations

import ast
from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING

from optlint.program.counters import tested_counter
from optlint.program.detached import carried
from optlint.program.events import Act
from optlint.program.machine import Machine
from optlint.program.objects import Model, Parameter, ParameterIterator, ParameterSource, Selection
from optlint.program.regions import EMPTY, Branch, Loop, Region, Unrolled, Variable, sequence
from optlint.program.values import NONE, Const, Entries, Group, Groups, Items, Join, Opaque, Value, alternatives

if TYPE_CHECKING:
    from optlint.program.expressions import Expressions

MOST_ITERATIONS = 6
"""Iterations of a loop over a known list that are followed one by one."""


class Iteration:
    """Follows iterables element by element."""

    def __init__(self, machine: Machine, expressions: Expressions) -> None:
        self.machine = machine
        self.expressions = expressions

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
                parameter = self.parameter(value, node)
                return machine.new_items([machine.opaque("name"), parameter]) if value.named else parameter
            case Items():
                items = machine.items(value)
                found = machine.join(items) if items else machine.opaque()
                # Each element may be an iterator of its own: that one of them is used up says nothing of the next.
                return self.listed(found, node) if isinstance(found, ParameterIterator) else found
            case Entries():
                keys = machine.items(value)[::2]
                return machine.join(keys) if keys else machine.opaque()
            case Groups(optimizer=optimizer):
                return Group(optimizer)
            case Model():
                return self.expressions.part(value, "[each]")
            case Opaque(serial=serial) if isinstance(machine.models.get(serial), Model):
                model = machine.models[serial]
                assert isinstance(model, Model)
                return self.expressions.part(model, "[each]")
            case _:
                return carried(machine, value) or machine.mix("", [value])

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

    def concatenated(self, left: Value, right: Value, node: ast.AST) -> Value | None:
        """Return `left + right` where both are lists, else None."""
        machine = self.machine
        if isinstance(left, Items) and isinstance(right, Items):
            is_open = machine.is_open(left) or machine.is_open(right)
            return machine.new_items([*machine.items(left), *machine.items(right)], is_open)
        sides = (left, right)
        if any(isinstance(side, ParameterIterator) for side in sides):
            return self.chained(sides, node, one_shot=False)
        return None

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

    def sources(self, value: Value, depth: int = 3) -> tuple[list[ParameterSource], bool]:
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

    # -- loops --------------------------------------------------------------------------------------------------

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
        self.consume(iterable, node)
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

    def one_of(self, regions: Sequence[Region], node: ast.AST) -> None:
        """Emit a choice between regions of which nothing tells which one runs."""
        place = self.machine.place(node)
        choice = regions[-1]
        for region in reversed(regions[:-1]):
            choice = Branch(region, choice, place)
        if any(region is not EMPTY for region in regions):
            self.machine.emit(choice)

    # -- comprehensions -----------------------------------------------------------------------------------------

    def comprehension(self, node: ast.ListComp | ast.SetComp | ast.GeneratorExp) -> Value:
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
            return self.made(made, node)
        return self.machine.new_items(values, is_open=not exact)

    def dict_comprehension(self, node: ast.DictComp) -> Value:
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
        elements = self.elements(iterable)
        selection = condition_selection(first.ifs, first.target)
        inner_exact, inner_selection = True, Selection.ALL
        runs = 0

        def body() -> bool:
            nonlocal inner_exact, inner_selection, runs
            runs += 1
            inner_exact, inner_selection = self._generate(rest, element)
            return True

        self.loop(iterable, first.iter, lambda value: self.bind(first.target, value), body)
        # Elements that nothing happens to are gone through as one.
        exact = elements is not None and runs == len(elements) and not first.ifs
        return exact and inner_exact, inner_selection if selection is Selection.ALL else selection

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


def condition_selection(conditions: Sequence[ast.expr], target: ast.expr) -> Selection:
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
