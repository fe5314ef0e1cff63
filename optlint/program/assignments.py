"""Assignments to names, attributes and items, and what they do to the objects whose attributes and items these are."""

from __future__ import annotations

import ast
from typing import TYPE_CHECKING

from optlint.program.events import Act
from optlint.program.objects import Instance, Model, Object, Optimizer, Parameter, ParameterIterator, Scheduler
from optlint.program.values import (
    NONE,
    ClassValue,
    Const,
    Entries,
    External,
    Function,
    Gradient,
    Group,
    Items,
    Method,
    Opaque,
    Value,
    alternatives,
)

if TYPE_CHECKING:
    from optlint.program.interpreter import Interpreter


class Assignments:
    """Runs assignments."""

    def __init__(self, interpreter: Interpreter) -> None:
        self.interpreter = interpreter
        self.machine = interpreter.machine
        self.expressions = interpreter.expressions
        interpreter.statements.handlers.update(
            {ast.Assign: self._assign, ast.AnnAssign: self._annotated, ast.AugAssign: self._augmented}
        )

    def _assign(self, node: ast.Assign) -> bool:
        value = self.expressions.evaluate(node.value)
        for target in node.targets:
            self.assign(target, value, node)
        return True

    def _annotated(self, node: ast.AnnAssign) -> bool:
        if node.value is not None:
            self.assign(node.target, self.expressions.evaluate(node.value), node)
        return True

    def _augmented(self, node: ast.AugAssign) -> bool:
        current = self.expressions.evaluate(node.target)
        value = self.expressions.evaluate(node.value)
        for option in alternatives(current):
            if isinstance(option, Items):
                self.interpreter.containers.extend(option, value, node)
                return True
        if isinstance(current, Gradient):
            self.interpreter.gradients.clear_gradient(current.parameter, node, act=Act.CHANGE_GRADIENT)
            return True
        if isinstance(current, Parameter | ParameterIterator):
            joined = self.interpreter.arithmetic.concatenated(current, value, node)
            self.assign(node.target, joined if joined is not None else current, node)
            return True
        self.assign(node.target, self.machine.mix("", [current, value]), node)
        return True

    def assign(self, target: ast.expr, value: Value, node: ast.AST) -> None:
        """Assign to a name, an attribute, an item or a tuple of such."""
        machine = self.machine
        match target:
            case ast.Name(id=name):
                self.expressions.assign_name(name, value)
            case ast.Attribute(value=inner, attr=attribute):
                owner = self.expressions.evaluate(inner)
                if isinstance(value, Opaque):
                    machine.names.setdefault(value.serial, attribute)
                elif isinstance(value, Object) and not value.label:
                    value.label = ast.unparse(target)
                options = alternatives(owner)
                owners = tuple(model for model in map(self._model_of, options) if model is not None)
                for option in options:
                    self.set_attribute(option, attribute, value, node, owners)
            case ast.Subscript(value=inner, slice=index):
                owner = self.expressions.evaluate(inner)
                key = self.expressions.evaluate(index)
                self._set_item(owner, key, value, target, node)
            case ast.Tuple(elts=targets) | ast.List(elts=targets):
                for inner, part in zip(targets, self.interpreter.iteration.unpack(value, targets), strict=True):
                    self.assign(inner, part, node)
            case ast.Starred(value=inner):
                self.assign(inner, value, node)
            case _:
                pass

    def _model_of(self, value: Value) -> Model | None:
        known = self.machine.models.get(value.serial) if isinstance(value, Opaque) else value
        return known if isinstance(known, Model) else None

    def set_attribute(
        self, owner: Value, name: str, value: Value, node: ast.AST, owners: tuple[Model, ...] = ()
    ) -> None:
        """Note `owner.name = value`; `owners` are all that the left side may be."""
        machine = self.machine
        if isinstance(owner, Opaque):
            known = machine.models.get(owner.serial)
            if known is not None:
                owner = known
            else:
                if name == "grad":
                    machine.event(Act.CLEAR if value == NONE else Act.SET_GRADIENT, (), node, known=False)
                machine.write(owner.serial, name, value)
                return
        match owner:
            case Parameter():
                if name == "requires_grad":
                    self.interpreter.gradients.set_requires_grad(owner.sources, value, node, owner)
                elif name == "grad":
                    if value == NONE:
                        self.interpreter.gradients.clear_gradient(owner, node)
                    else:
                        self.interpreter.gradients.clear_gradient(owner, node, act=Act.SET_GRADIENT)
                elif name != "data":
                    machine.event(Act.SET_ATTRIBUTE, (owner, *(source.model for source in owner.sources)), node, name)
            case Model():
                self._set_module_attribute(owner, name, value, node, owners)
            case Instance() | Optimizer() | Scheduler():
                machine.write(owner.serial, name, value)
            case Method(receiver=Model() as model, name=part):
                # `model.fc.weight = ...`, `model.head.fc = ...`: a part that the program did not make itself.
                self.set_attribute(self.interpreter.attributes.part(model, part), name, value, node)
            case Gradient():
                pass
            case ClassValue() | External() | Function():
                pass
            case _:
                pass

    def _set_module_attribute(
        self, owner: Model, name: str, value: Value, node: ast.AST, owners: tuple[Model, ...] = ()
    ) -> None:
        machine = self.machine
        if name == "grad":
            if value == NONE:
                machine.event(Act.CLEAR, (owner,), node)
            return
        if name == "requires_grad":
            # On a module this does nothing, unless the "module" is a parameter reached as `model.fc.weight`.
            machine.event(Act.SET_ATTRIBUTE, (owner,), node, name)
            if owner.attribute in ("weight", "bias") or (owner.info is None and owner.place is None):
                truth = self.interpreter.conditions.truth(value)
                if truth is not None:
                    machine.event(Act.UNFREEZE if truth else Act.FREEZE, (owner,), node, "some")
            return
        fresh = self._fresh(value, owners or (owner,))
        old = owner.parts.get(name)
        for option in alternatives(value):
            if isinstance(option, Model):
                if option.parent is None and not owner.within(option):
                    option.parent, option.attribute = owner, name
                self.machine.attach(owner, name, option)
        machine.write(owner.serial, name, value)
        if fresh:
            machine.event(Act.REPLACE, (owner, *((old,) if old is not None else ())), node, name)
        elif not isinstance(value, Model | Parameter):
            machine.event(Act.SET_ATTRIBUTE, (owner,), node, name)

    def _fresh(self, value: Value, owners: tuple[Model, ...]) -> bool:
        """Whether an assigned value brings parameters that none of its owners had, whatever it is."""
        options = alternatives(value)
        return bool(options) and all(self._brings_new(option, owners) for option in options)

    def _brings_new(self, value: Value, owners: tuple[Model, ...]) -> bool:
        if isinstance(value, Parameter):
            return not value.sources
        if not isinstance(value, Model) or not value.has_parameters or value.copied:
            return False
        if any(value.within(owner) or owner.within(value) for owner in owners):
            return False
        parts = list(value.parts.values())
        return any(self._brings_new(part, owners) for part in parts) if parts else not value.wraps

    def _set_item(self, owner: Value, key: Value, value: Value, target: ast.Subscript, node: ast.AST) -> None:
        machine = self.machine
        for option in alternatives(owner):
            if isinstance(option, Opaque) and option.serial in machine.models:
                option = machine.models[option.serial]
            if isinstance(option, Method) and isinstance(option.receiver, Model):
                option = self.interpreter.attributes.part(option.receiver, option.name)
            match option:
                case Entries():
                    entries = [pair for pair in machine.entries(option) if pair[0] != key]
                    machine.write(option.serial, "*items", (*entries, (key, value)))
                    if not isinstance(key, Const):
                        machine.open(option)
                case Items():
                    items = machine.items(option)
                    if isinstance(key, Const) and isinstance(key.value, int) and -len(items) <= key.value < len(items):
                        changed = list(items)
                        changed[key.value] = value
                        machine.write(option.serial, "*items", tuple(changed))
                    else:
                        machine.write(option.serial, "*items", (*items, value))
                        machine.open(option)
                case Group(optimizer=optimizer):
                    machine.event(Act.SET_RATE, (optimizer,), node, str(key.value) if isinstance(key, Const) else "")
                case Model():
                    index = f"[{ast.unparse(target.slice)}]"
                    self._set_module_attribute(option, index, value, node)
                case _:
                    pass
