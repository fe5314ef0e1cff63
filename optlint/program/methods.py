"""Method calls, by what the receiver is; and calls of objects themselves."""

from __future__ import annotations

import ast
from collections.abc import Sequence
from functools import partial
from typing import TYPE_CHECKING

from optlint.program.detached import STILL_DETACHED, detached
from optlint.program.events import Act
from optlint.program.model_methods import looks_like_part
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
from optlint.program.recognition import SCALER_LABEL
from optlint.program.regions import EMPTY, Branch, sequence
from optlint.program.scaling import MAYBE_BY_SCALER
from optlint.program.values import (
    NONE,
    ClassValue,
    Const,
    Entries,
    External,
    Function,
    Gradient,
    Group,
    Groups,
    Items,
    Join,
    Keywords,
    Method,
    ModuleValue,
    Opaque,
    Super,
    Value,
    alternatives,
)
from optlint.torch_api.tables import tables

if TYPE_CHECKING:
    from optlint.program.interpreter import Interpreter


class Methods:
    """Calls `receiver.name(...)` for receivers that are no project code."""

    def __init__(self, interpreter: Interpreter) -> None:
        self.interpreter = interpreter
        self.machine = interpreter.machine

    def call(
        self, receiver: Value, name: str, positional: Sequence[Value], keywords: Keywords, node: ast.Call
    ) -> Value:
        """Return what the method gives, after its events."""
        machine = self.machine
        match receiver:
            case Join():
                ways = [partial(self.call, each, name, positional, keywords, node) for each in alternatives(receiver)]
                return self.interpreter.conditions.any_of(ways, node)
            case Model():
                return self.interpreter.model_methods.call(receiver, name, positional, keywords, node)
            case Optimizer():
                return self.interpreter.optimizer_methods.optimizer(receiver, name, positional, keywords, node)
            case Scheduler():
                return self.interpreter.optimizer_methods.scheduler(receiver, name, positional, keywords, node)
            case Scaler():
                return self.interpreter.optimizer_methods.scaler(receiver, name, positional, keywords, node)
            case Gradient():
                return self.interpreter.gradients.call_on_gradient(receiver, name, node)
            case Parameter():
                return self.interpreter.gradients.call_on_parameter(receiver, name, positional, node)
            case Items() | Entries():
                return self.interpreter.containers.call(receiver, name, positional, keywords, node)
            case Groups() | Group() if name in ("append", "extend", "update", "pop", "clear"):
                machine.event(Act.ESCAPE, (receiver.optimizer,), node)
                return machine.opaque()
            case Group() if name == "get" and positional and positional[0] != Const("params"):
                return machine.opaque()  # a rate, or another number
            case Super():
                return self._super(receiver, name, positional, keywords, node)
            case Opaque():
                return self.interpreter.unknown_methods.call(receiver, name, positional, keywords, node)
            case Method(receiver=Model() as model, name=attribute):
                return self.call(
                    self.interpreter.attributes.part(model, attribute)
                    if looks_like_part(name)
                    else machine.mix(attribute, [model]),
                    name,
                    positional,
                    keywords,
                    node,
                )
            case Method(name="grad" | "data") if name in ("zero_", "fill_") and _is_gradient(receiver):
                machine.event(Act.CLEAR, (), node, "zero", known=False)
                return receiver
            case Method() if _is_gradient(receiver) and not name.startswith("register"):
                if name.endswith("_") and not name.startswith("_"):
                    machine.event(Act.CHANGE_GRADIENT, (), node, known=False)
                return machine.opaque()
            case Method(receiver=Parameter() as parameter, name="data") if (
                name in STILL_DETACHED and parameter.serial in machine.detached
            ):
                cut = machine.detached[parameter.serial]
                return detached(machine, cut.place, cut.how, cut.models)
            case Method(receiver=inner, name=attribute):
                return self.interpreter.unknown_methods.call(
                    self.interpreter.recognition.part_of(inner, attribute), name, positional, keywords, node
                )
            case Instance():
                return self._instance(receiver, name, positional, keywords, node)
            case Function() | ClassValue() | External() | ModuleValue():
                return self.interpreter.calls.unknown(name, positional, keywords, node)
            case _:
                return self.interpreter.calls.unknown(name, (receiver, *positional), keywords, node)

    def call_object(self, function: Value, positional: Sequence[Value], keywords: Keywords, node: ast.Call) -> Value:
        """Call an object itself: `model(x)`, `criterion(out, y)`, `loss_scaler(loss, optimizer)`."""
        machine = self.machine
        if isinstance(function, Opaque) and function.serial in machine.models:
            function = canonical(machine.models[function.serial])
        if isinstance(function, Model):
            return self.interpreter.model_methods.forward(function, positional, keywords, node)
        if isinstance(function, Instance) and function.info is not None:
            found = function.info.method("__call__")
            if found is not None:
                bound = Function(found[1], machine.module_frame(found[0].module), found[0], function)
                return self.interpreter.functions.follow(bound, positional, keywords, node)
        if SCALER_LABEL.search(machine.label(function)):
            optimizers = [o for value in positional[1:2] for o in alternatives(value)]
            known = [self.interpreter.recognition.as_optimizer(o) for o in optimizers]
            if known and known[0] is not None:
                # timm's `NativeScaler`: backward, and where the update is due, clipping and the step.
                self.interpreter.gradients.backward(positional[:1], node, foreign=True)
                with machine.collect() as out:
                    machine.event(Act.STEP, (known[0],), node, MAYBE_BY_SCALER)
                if "need_update" in dict(keywords):
                    machine.emit(Branch(sequence(out), EMPTY, machine.place(node)))
                else:
                    for region in out:
                        machine.emit(region)
                return machine.opaque()
        return self.interpreter.calls.unknown("", (function, *positional), keywords, node)

    def _super(
        self, receiver: Super, name: str, positional: Sequence[Value], keywords: Keywords, node: ast.Call
    ) -> Value:
        inner = receiver.receiver
        if name == "__init__":
            if isinstance(inner, Instance):
                self.interpreter.calls.escape(
                    {o for value in (*positional, *(v for _, v in keywords)) for o in self.machine.reach(value)}, node
                )
            return NONE
        if isinstance(inner, Scheduler) and name == "step":
            # What the base class, which is torch's, does with the schedule is not followed; it writes rates alone.
            self.machine.event(Act.ESCAPE, (inner,), node)
            return self.machine.opaque()
        if isinstance(inner, Object):
            return (
                self.call(inner, name, positional, keywords, node)
                if not isinstance(inner, Instance)
                else self.interpreter.calls.unknown(name, (inner, *positional), keywords, node)
            )
        return self.interpreter.calls.unknown(name, positional, keywords, node)

    def _instance(
        self, receiver: Instance, name: str, positional: Sequence[Value], keywords: Keywords, node: ast.Call
    ) -> Value:
        """Call a method that the class does not have here: a base class that is not part of the project may."""
        machine = self.machine
        if name in ("parameters", "named_parameters"):
            # Which modules the base class goes through is not known; that it goes through them once is.
            given = ParameterIterator(machine.serial(), "", machine.place(node), complete=False)
            given.one_shot, given.named = True, name == "named_parameters"
            return self.interpreter.iterators.made(given, node)
        if name in ("requires_grad_", "zero_grad", *tables().moves):
            model = machine.models.get(receiver.serial)
            if model is None:
                model = machine.models[receiver.serial] = Model(
                    machine.serial(), receiver.label, receiver.place, Confidence.USE, info=receiver.info
                )
            if isinstance(model, Model):
                return self.interpreter.model_methods.call(model, name, positional, keywords, node)
        if name in ("backward", "manual_backward") and positional:
            return self.interpreter.gradients.backward(positional[:1], node, foreign=True)
        if name in ("log", "log_dict", "print", "save_hyperparameters"):
            return machine.opaque()
        return self.interpreter.calls.unknown(name, (receiver, *positional), keywords, node)


def _is_gradient(value: Value) -> bool:
    """Whether a value is the `grad` of something unknown, or the `data` of that."""
    while isinstance(value, Method):
        if value.name == "grad":
            return True
        value = value.receiver
    return False
