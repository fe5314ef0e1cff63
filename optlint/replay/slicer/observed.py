"""A program model, together with what each expression was found to be while it was made."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

from optlint.program.lower import Lowering
from optlint.program.machine import Machine
from optlint.program.modules import ModuleInfo
from optlint.program.objects import Model, Object, Optimizer, Scheduler, canonical
from optlint.program.program import Program
from optlint.program.project import Project
from optlint.program.values import NONE, Const, External, Join, Method, Opaque, Value, alternatives


@dataclass(frozen=True, slots=True)
class Observed:
    """The model of a file with the values of its expressions; alive inside of `observe` only."""

    program: Program
    machine: Machine
    values: dict[ast.expr, Value]

    def objects(self, node: ast.expr) -> tuple[Object, ...]:
        """The abstract objects that an expression may be; empty where it is anything else."""
        value = self.values.get(node)
        return () if value is None else self.objects_of(value)

    def objects_of(self, value: Value) -> tuple[Object, ...]:
        """The abstract objects that a value may be."""
        found: dict[Object, None] = {}
        for option in value.alternatives if isinstance(value, Join) else (value,):
            known: Value | None = option
            if isinstance(option, Opaque):
                known = self.machine.models.get(option.serial) or self.machine.scalers.get(option.serial)
            if isinstance(known, Object):
                found.setdefault(canonical(known))
        return tuple(found)

    def is_seen(self, node: ast.expr) -> bool:
        """Whether the model has come by an expression; what a generator does it has not."""
        return any(inner in self.values for inner in ast.walk(node))

    def is_foreign(self, node: ast.expr) -> bool:
        """Whether an expression is nothing that optimizers are about, as far as one knows."""
        value = self.values.get(node)
        if value is None:
            return True
        return all(self._is_foreign(option) for option in alternatives(value))

    def _is_foreign(self, value: Value) -> bool:
        if isinstance(value, External):
            return not value.name.startswith("torch")
        if isinstance(value, Method):
            return self._is_foreign(value.receiver)
        if not isinstance(value, Opaque) or self.machine.models.get(value.serial) is not None:
            return False
        return not value.flows and not any(isinstance(held, Model | Optimizer | Scheduler) for held in value.holds)

    def is_constant(self, node: ast.expr) -> bool:
        """Whether an expression is a literal."""
        value = self.values.get(node)
        return isinstance(value, Const) and value != NONE


@contextmanager
def observe(project: Project, module: ModuleInfo) -> Iterator[Observed]:
    """Lower a file and look at its expressions; what is yielded is of no use after the `with` block."""
    lowering = Lowering(project, module)
    values: dict[ast.expr, Value] = {}
    evaluate = lowering.expressions.evaluate

    def recording(node: ast.expr) -> Value:
        value = evaluate(node)
        known = values.get(node)
        if known is None or isinstance(known, Opaque):
            values[node] = value
        return value

    lowering.expressions.evaluate = recording  # type: ignore[method-assign]
    try:
        program = lowering.lower()
        _ = program.entries  # what the interpreter evaluates on its way is what there is to see
        yield Observed(program, lowering.machine, values)
    finally:
        lowering.close()
