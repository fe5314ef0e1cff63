"""Expressions: their abstract values, and the events that evaluating them causes."""

from __future__ import annotations

import ast
from collections.abc import Callable
from dataclasses import replace
from types import EllipsisType
from typing import TYPE_CHECKING

from optlint.program.detached import Detached, models_of
from optlint.program.events import Act
from optlint.program.guards import guard_of
from optlint.program.iteration import Iteration
from optlint.program.lengths import Length
from optlint.program.machine import Machine
from optlint.program.names import Names
from optlint.program.objects import (
    Confidence,
    Instance,
    Model,
    Object,
    Optimizer,
    Parameter,
    ParameterIterator,
    Scaler,
    Scheduler,
    canonical,
)
from optlint.program.regions import EMPTY, Branch, Region, sequence
from optlint.program.values import (
    NONE,
    ClassValue,
    Const,
    Default,
    Entries,
    External,
    Function,
    Gradient,
    Group,
    Groups,
    Items,
    Join,
    Method,
    ModuleValue,
    Opaque,
    Super,
    Value,
    alternatives,
    settled,
)

if TYPE_CHECKING:
    from optlint.program.calls import Calls

GRADIENT_FREE = frozenset(("data", "shape", "device", "dtype", "requires_grad", "grad_fn"))
"""Attributes of a tensor that lead out of its graph."""


class Expressions:
    """Evaluates expressions in the running frame."""

    def __init__(self, machine: Machine, names: Names) -> None:
        self.machine = machine
        self.names = names
        self.calls: Calls
        self.iteration = Iteration(machine, self)
        self._handlers: dict[type[ast.expr], Callable[..., Value]] = {
            ast.Name: self._name,
            ast.Constant: self._constant,
            ast.Attribute: self._attribute,
            ast.Call: self._call,
            ast.Subscript: self._subscript,
            ast.List: self._sequence,
            ast.Tuple: self._sequence,
            ast.Set: self._sequence,
            ast.Dict: self._dict,
            ast.BinOp: self._binary,
            ast.BoolOp: self._boolean,
            ast.UnaryOp: self._unary,
            ast.Compare: self._compare,
            ast.IfExp: self._conditional,
            ast.Lambda: self._lambda,
            ast.NamedExpr: self._walrus,
            ast.ListComp: self.iteration.comprehension,
            ast.SetComp: self.iteration.comprehension,
            ast.GeneratorExp: self.iteration.comprehension,
            ast.DictComp: self.iteration.dict_comprehension,
            ast.Starred: self._starred,
            ast.Await: self._inner,
            ast.FormattedValue: self._inner,
            ast.YieldFrom: self._inner,
            ast.Yield: self._inner,
        }

    def evaluate(self, node: ast.expr) -> Value:
        """Return the value of an expression; events are emitted in the order of evaluation."""
        handler = self._handlers.get(type(node))
        if handler is not None:
            return handler(node)
        parts = [self.evaluate(child) for child in ast.iter_child_nodes(node) if isinstance(child, ast.expr)]
        return self.machine.mix("", parts)

    # -- names and literals -------------------------------------------------------------------------------------

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
                spread = self.iteration.elements(inner)
                if isinstance(inner, ParameterIterator):
                    values.append(self.iteration.listed(inner, element))
                elif isinstance(inner, Model):
                    values.append(self.iteration.each(inner, element))
                    is_open = True
                elif spread is None:
                    values.append(inner)
                    is_open = True
                else:
                    values.extend(spread)
                self.iteration.consume(inner, element.value)
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

    # -- attributes and items -----------------------------------------------------------------------------------

    def _attribute(self, node: ast.Attribute) -> Value:
        return self.attribute(self.evaluate(node.value), node.attr, node)

    def attribute(self, value: Value, name: str, node: ast.AST) -> Value:
        """Return an attribute of a value."""
        match value:
            case Join():
                return self.machine.join([self.attribute(inner, name, node) for inner in alternatives(value)])
            case External() | ModuleValue():
                return self.names.member(value, name) or self.machine.opaque(name)
            case Model():
                return self._model_attribute(value, name)
            case Optimizer() if name == "param_groups":
                return Groups(value)
            case Scheduler(info=None, optimizers=[_, *_] as driven) if name == "optimizer":
                return self.machine.join(list(driven))
            case Instance() | Optimizer() | Scheduler():
                return self._instance_attribute(value, name)
            case Parameter() if name == "grad":
                return Gradient(value)
            case Parameter() if name == "data":
                place = self.machine.place(node)
                self.machine.detached[value.serial] = Detached(place, name, models_of(value))
                return Method(value, name)
            case Gradient() if name in ("data", "grad"):
                return value
            case ClassValue(info=info):
                found = info.method(name)
                if found is not None:
                    return Function(found[1], self.machine.module_frame(found[0].module), found[0])
                constant = info.class_attribute(name)
                if constant is not None and isinstance(constant[1], ast.Constant):
                    return Const(constant[1].value)  # type: ignore[arg-type]
                return Method(value, name)
            case Super(info=info, receiver=receiver):
                lineage = getattr(receiver, "info", None) or info
                found = lineage.method(name, after=info)
                if found is not None:
                    return Function(found[1], self.machine.module_frame(found[0].module), found[0], receiver)
                return Method(value, name)
            case Opaque():
                known = self.machine.models.get(value.serial)
                if known is not None:
                    return self.attribute(known, name, node)
                if value.flows and name in GRADIENT_FREE:
                    return self.machine.opaque(name)
                return Method(value, name)
            case _:
                return Method(value, name)

    def _stored(self, value: Object, name: str) -> Value | None:
        """Return what the program stored in an attribute, or what the class gives."""
        machine = self.machine
        stored = machine.read(value.serial, name)
        if isinstance(stored, Const) and isinstance(stored.value, int | float) and not isinstance(stored.value, bool):
            # A counter, as likely as not: other methods may have changed it.
            return machine.measures.remembered(machine.opaque(name), value.serial, name, stored.value)
        if stored == NONE:
            # A place that another method fills; the same unknown value at each reading.
            stored = Join((NONE, machine.opaque(name, flows=frozenset((machine.unseen,)))))
            machine.write(value.serial, name, stored)
        if stored is not None:
            return self.names.resolve(stored)
        info = getattr(value, "info", None)
        if info is None:
            return None
        found = info.method(name)
        if found is not None:
            owner, function = found
            bound = Function(function, owner.frame or machine.module_frame(owner.module), owner, value)
            decorators = {decorator.id for decorator in function.decorator_list if isinstance(decorator, ast.Name)}
            if "property" in decorators or "cached_property" in decorators:
                return self.calls.follow(bound, (), (), function)
            if "staticmethod" in decorators:
                return Function(function, bound.frame, owner)
            if "classmethod" in decorators:
                return Function(function, bound.frame, owner, ClassValue(info))
            return bound
        constant = info.class_attribute(name)
        if constant is not None:
            return self.machine.evaluate_in(constant[1], machine.module_frame(constant[0].module))
        return None

    def _instance_attribute(self, value: Object, name: str) -> Value:
        stored = self._stored(value, name)
        if stored is not None:
            return stored
        if isinstance(value, Instance):
            bases = value.info.foreign_bases if value.info is not None else ()
            if name in ("parameters", "named_parameters") and not all(base.startswith("builtins.") for base in bases):
                return Method(value, name)
            # Set elsewhere, by a base class or by another file: the same unknown value at each reading.
            made = self.machine.opaque(name, flows=frozenset((self.machine.unseen,)))
            self.machine.write(value.serial, name, made)
            return made
        return Method(value, name)

    def _model_attribute(self, model: Model, name: str) -> Value:
        stored = self._stored(model, name)
        if stored is not None:
            return stored
        if name == "module":
            return model
        return Method(model, name)

    def _subscript(self, node: ast.Subscript) -> Value:
        value = self.evaluate(node.value)
        key = self.evaluate(node.slice)
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
                return self.iteration.listed(found, node) if isinstance(found, ParameterIterator) else found
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
                    return self.part(model, f"[{ast.unparse(node.slice)}]")
                return self.machine.mix("", [value, key])
            case External(name=dotted) if dotted in ("torch.optim.__dict__", "torch.optim.lr_scheduler.__dict__"):
                return External(dotted.removesuffix("__dict__") + "?")
            case External():
                return value if value.name.startswith("typing") else self.machine.opaque()
            case _:
                return self.machine.mix("", [value, key])

    def part(self, model: Model, name: str) -> Model:
        """Return a part of a module, the same one for the same name."""
        found = model.parts.get(name)
        if found is None:
            label = f"{model.label}{name}" if name.startswith("[") else f"{model.label}.{name}"
            # Only an item is surely a module; an attribute may as well be a parameter, a number, anything.
            confidence = Confidence.USE if name.startswith("[") else Confidence.NAME
            found = Model(self.machine.serial(), label, model.place, confidence, parent=model, attribute=name)
            self.machine.attach(model, name, found)
        while found.merged_into is not None and isinstance(found.merged_into, Model):
            found = found.merged_into
        return found

    # -- operators ----------------------------------------------------------------------------------------------

    def _binary(self, node: ast.BinOp) -> Value:
        left, right = self.evaluate(node.left), self.evaluate(node.right)
        if isinstance(left, Const) and isinstance(right, Const):
            folded = _fold(node.op, left, right)
            return self.machine.computed(folded, left, right) if folded is not None else self.machine.opaque()
        if isinstance(node.op, ast.Add):
            both = self.iteration.concatenated(left, right, node)
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

    def _unary(self, node: ast.UnaryOp) -> Value:
        value = self.evaluate(node.operand)
        if isinstance(node.op, ast.Not):
            truth = self.truth(value)
            return Const(not truth) if truth is not None else self.machine.opaque()
        if isinstance(value, Const) and isinstance(value.value, int | float) and isinstance(node.op, ast.USub):
            return self.machine.computed(Const(-value.value), value)
        return self.machine.mix("", [value])

    def _boolean(self, node: ast.BoolOp) -> Value:
        stop = isinstance(node.op, ast.Or)
        result: Value = self.evaluate(node.values[0])
        for operand in node.values[1:]:
            truth = self.truth(result)
            if truth is stop:
                return result
            if truth is not None:
                result = self.evaluate(operand)
                continue
            with self.machine.collect() as out:
                right = self.evaluate(operand)
            if out:
                self.machine.emit(Branch(sequence(out), EMPTY, self.machine.place(operand)))
            if isinstance(right, Const) and self.truth(right) is stop:
                return right if isinstance(right.value, bool) else self.machine.join([result, right])
            result = (
                self.machine.join([result, right])
                if _plain(result) and _plain(right)
                else self.machine.mix("", [result, right])
            )
        return result

    def _compare(self, node: ast.Compare) -> Value:
        left = self.evaluate(node.left)
        rights = [self.evaluate(right) for right in node.comparators]
        if len(rights) == 1:
            decided = self._decide(node.ops[0], left, rights[0])
            if decided is not None:
                return Const(decided)
        return self.machine.opaque()

    def _decide(self, operator: ast.cmpop, left: Value, right: Value) -> bool | None:
        if isinstance(left, Default) or isinstance(right, Default):
            return None
        negative = isinstance(operator, ast.NotEq | ast.IsNot | ast.NotIn)
        if isinstance(operator, ast.Eq | ast.NotEq | ast.Is | ast.IsNot):
            if isinstance(left, Const) and isinstance(right, Const):
                return (left.value == right.value) is not negative
            solid = (Object, Items, Entries, Function, ClassValue)
            if right == NONE and isinstance(left, solid):
                return negative
            return None
        if isinstance(operator, ast.In | ast.NotIn) and isinstance(left, Const):
            if isinstance(right, Items) and not self.machine.is_open(right):
                items = self.machine.items(right)
                if all(isinstance(item, Const) for item in items):
                    return (left in items) is not negative
            if isinstance(right, Const) and isinstance(right.value, str) and isinstance(left.value, str):
                return (left.value in right.value) is not negative
        return None

    def truth(self, value: Value) -> bool | None:
        """Return whether a value counts as true, or None where it depends."""
        match value:
            case Default():
                return None
            case Const(value=constant):
                return bool(constant)
            case Optimizer() | Scheduler() | Scaler() | Model() | Instance() | Function() | ClassValue() | External():
                return True
            case Items() | Entries() if not self.machine.is_open(value):
                # A container may have grown in ways that were not followed.
                return True if self.machine.items(value) else None
            case _:
                return None

    def _conditional(self, node: ast.IfExp) -> Value:
        truth = self.truth(self.evaluate(node.test))
        if truth is not None:
            return self.evaluate(node.body if truth else node.orelse)
        made: list[Value] = []

        def arm(expression: ast.expr) -> Callable[[], bool]:
            def run() -> bool:
                made.append(self.evaluate(expression))
                return True

            return run

        guard, positive = guard_of(self.machine, node.test)
        born_since = self.machine.serial()
        regions, _ = self.machine.fork([arm(node.body), arm(node.orelse)])
        self.branch(regions, node, guard_of_branch=(guard, positive))
        return self.machine.join(made, born_since)

    def branch(
        self,
        regions: list[Region],
        node: ast.AST,
        guard_of_branch: tuple[object, bool] = (None, True),
        period: Length | None = None,
    ) -> None:
        """Emit a two-armed branch, unless both arms are empty."""
        guard, positive = guard_of_branch
        if any(region is not EMPTY for region in regions):
            self.machine.emit(Branch(regions[0], regions[1], self.machine.place(node), guard, positive, period))  # type: ignore[arg-type]

    # -- calls --------------------------------------------------------------------------------------------------

    def _call(self, node: ast.Call) -> Value:
        return self.calls.call(node)

    def mention(self, node: ast.Attribute) -> None:
        """Note that `object.method` stands as a statement and is not called."""
        for receiver in alternatives(self.evaluate(node.value)):
            if isinstance(receiver, Method):
                receiver = self.calls.methods.part_of(receiver.receiver, receiver.name)
            known = self.machine.models.get(receiver.serial) if isinstance(receiver, Opaque) else receiver
            if isinstance(known, Instance):
                found = known.info.method(node.attr) if known.info is not None else None
                if found is not None and not found[1].decorator_list:
                    self.machine.event(Act.MENTION, (known,), node, node.attr)
            elif isinstance(known, Object):
                self.machine.event(Act.MENTION, (known,), node, node.attr)
            elif isinstance(receiver, Opaque):
                named = self.calls.methods.by_name(receiver, node.attr)
                if named or node.attr == "backward":
                    self.machine.event(Act.MENTION, (), node, node.attr)


def _plain(value: Value) -> bool:
    return not isinstance(value, Opaque | Join)


def _key_label(key: Value) -> str:
    return key.value if isinstance(key, Const) and isinstance(key.value, str) else ""


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
