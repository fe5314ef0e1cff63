"""Attributes of values, and the parts of modules that they may be."""

from __future__ import annotations

import ast
from typing import TYPE_CHECKING

from optlint.program.detached import Detached, models_of
from optlint.program.objects import Confidence, Instance, Model, Object, Optimizer, Parameter, Scheduler
from optlint.program.values import (
    NONE,
    ClassValue,
    Const,
    External,
    Function,
    Gradient,
    Groups,
    Join,
    Method,
    ModuleValue,
    Opaque,
    Super,
    Value,
    alternatives,
)

if TYPE_CHECKING:
    from optlint.program.interpreter import Interpreter

GRADIENT_FREE = frozenset(("data", "shape", "device", "dtype", "requires_grad", "grad_fn"))
"""Attributes of a tensor that lead out of its graph."""


class Attributes:
    """Reads attributes."""

    def __init__(self, interpreter: Interpreter) -> None:
        self.interpreter = interpreter
        self.machine = interpreter.machine
        self.expressions = interpreter.expressions
        self.expressions.handlers[ast.Attribute] = self._attribute

    def _attribute(self, node: ast.Attribute) -> Value:
        return self.attribute(self.expressions.evaluate(node.value), node.attr, node)

    def attribute(self, value: Value, name: str, node: ast.AST) -> Value:
        """Return an attribute of a value."""
        match value:
            case Join():
                return self.machine.join([self.attribute(inner, name, node) for inner in alternatives(value)])
            case External() | ModuleValue():
                return self.interpreter.names.member(value, name) or self.machine.opaque(name)
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
            return self.interpreter.names.resolve(stored)
        info = getattr(value, "info", None)
        if info is None:
            return None
        found = info.method(name)
        if found is not None:
            owner, function = found
            bound = Function(function, owner.frame or machine.module_frame(owner.module), owner, value)
            decorators = {decorator.id for decorator in function.decorator_list if isinstance(decorator, ast.Name)}
            if "property" in decorators or "cached_property" in decorators:
                return self.interpreter.functions.follow(bound, (), (), function)
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
