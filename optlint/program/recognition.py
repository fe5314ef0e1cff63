"""What unknown values turn out to be, by their names and use: modules, optimizers, schedulers, scalers."""

from __future__ import annotations

import ast
import re
from typing import TYPE_CHECKING

from optlint.program.events import Act
from optlint.program.objects import (
    Confidence,
    Model,
    Object,
    Optimizer,
    ParameterSource,
    Scaler,
    Scheduler,
    Selection,
    canonical,
)
from optlint.program.own_schedules import has_own_schedule
from optlint.program.values import Opaque, Value

if TYPE_CHECKING:
    from optlint.program.interpreter import Interpreter

OPTIMIZER_LABEL = re.compile(
    r"(?i:optimi[sz]er)|(?:^|_)optims?(?:$|_|[A-Z0-9])|(?:^|_)opt(?:$|_|s$|[A-Z0-9])|[a-z]Opt(?:im)?(?:$|[A-Z_0-9])"
)
_SCHEDULER_LABEL = re.compile(r"(?i)sched")
_STEPPED_LABEL = re.compile(f"{OPTIMIZER_LABEL.pattern}|(?i:sched)")
SCALER_LABEL = re.compile(r"(?i)scaler")


class Recognition:
    """Takes unknown values for objects; the same value for the same object each time."""

    def __init__(self, interpreter: Interpreter) -> None:
        self.machine = interpreter.machine

    def part_of(self, inner: Value, attribute: str) -> Opaque:
        """Return the unknown value that `inner.attribute` is; the same one at each reading where `inner` is known."""
        machine = self.machine
        owner = inner.serial if isinstance(inner, Object | Opaque) else 0
        stored = machine.read(owner, attribute) if owner else None
        if isinstance(stored, Opaque):
            return stored
        mixed = machine.mix(attribute, [inner] if not isinstance(inner, Optimizer | Scheduler) else [])
        if owner:
            machine.write(owner, attribute, mixed)
        return mixed

    def by_name(self, value: Opaque, method: str) -> bool:
        """Whether the name of an unknown value says that it has an optimizer's, scheduler's or scaler's method."""
        label = self.machine.label(value)
        pattern = {"step": _STEPPED_LABEL, "zero_grad": OPTIMIZER_LABEL, "update": SCALER_LABEL}.get(method)
        return pattern is not None and pattern.search(label) is not None

    def as_model(self, value: Value) -> Model | None:
        """Return the module that a value turns out to be, by how it is used."""
        machine = self.machine
        if isinstance(value, Model):
            return value
        if not isinstance(value, Opaque):
            return None
        known = machine.models.get(value.serial)
        if known is None:
            held = [o for o in value.holds if isinstance(o, Model)]
            known = Model(machine.serial(), machine.label(value), None, Confidence.USE, wraps=tuple(held))
            machine.models[value.serial] = known
            for block, place, detail in machine.moved.pop(value.serial, ()):
                if block is machine.out:
                    machine.event(Act.MOVE, (known,), place, detail)
        known = canonical(known)
        return known if isinstance(known, Model) else None

    def as_optimizer(self, value: Value) -> Optimizer | None:
        """Return the optimizer that a value turns out to be, by how it is used."""
        machine = self.machine
        if isinstance(value, Optimizer):
            return value
        if not isinstance(value, Opaque):
            return None
        known = machine.models.get(value.serial)
        if known is None:
            known = machine.models[value.serial] = machine.awaited.get(value.serial) or self._unknown_optimizer(value)
        known = canonical(known)
        return known if isinstance(known, Optimizer) else None

    def awaited(self, value: Value) -> Optimizer | None:
        """Return the optimizer that an unknown value will turn out to be, if its name says so and its use later on."""
        machine = self.machine
        if not isinstance(value, Opaque) or value.serial in machine.models:
            return None
        if not OPTIMIZER_LABEL.search(machine.label(value)):
            return None
        return machine.awaited.setdefault(value.serial, self._unknown_optimizer(value))

    def _unknown_optimizer(self, value: Opaque) -> Optimizer:
        models = sorted((o for o in value.holds if isinstance(o, Model)), key=lambda o: o.serial)
        sources = tuple(ParameterSource(model, Selection.SOME) for model in models)
        label = self.machine.label(value)
        return Optimizer(self.machine.serial(), label, None, Confidence.USE, sources=sources, complete=False)

    def names_scheduler(self, value: Opaque, node: ast.AST) -> bool:
        """Whether the name of an unknown value says that it is a scheduler, in torch's sense of the word.

        Of a mere argument that is no more than a guess, and a file that writes rates in a class of its own may mean
        one of that class.
        """
        if _SCHEDULER_LABEL.search(self.machine.label(value)) is None:
            return False
        return bool(value.holds) or not has_own_schedule(self.machine.place(node).module)

    def as_scheduler(self, value: Opaque) -> Scheduler | None:
        """Return the scheduler that a value turns out to be, by its name and use."""
        machine = self.machine
        known = machine.models.get(value.serial)
        if known is None:
            optimizers = sorted((o for o in value.holds if isinstance(o, Optimizer)), key=lambda o: o.serial)
            # What some unknown code made of an optimizer may have any protocol; a mere argument is taken at its word.
            confidence = Confidence.NAME if value.holds else Confidence.USE
            known = Scheduler(machine.serial(), machine.label(value), None, confidence, optimizers=tuple(optimizers))
            machine.models[value.serial] = known
        known = canonical(known)
        return known if isinstance(known, Scheduler) else None

    def scaler_of(self, value: Opaque, label: str, confidence: Confidence) -> Scaler:
        """Return the scaler that an unknown value turns out to be, the same one each time."""
        known = self.machine.scalers.get(value.serial)
        if known is None:
            known = Scaler(self.machine.serial(), label, None, confidence, enabled=None)
            self.machine.scalers[value.serial] = known
        return known
