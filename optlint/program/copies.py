"""Copies of objects: what `copy.deepcopy` and `copy.copy` give."""

from __future__ import annotations

import ast
from typing import TYPE_CHECKING

from optlint.program.detached import detached, models_of
from optlint.program.objects import Model, Parameter, ParameterIterator
from optlint.program.values import Entries, Items, Value

if TYPE_CHECKING:
    from optlint.program.machine import Machine


def deep_copy(machine: Machine, value: Value, node: ast.AST) -> Value:
    """Return what `copy.deepcopy` gives: modules and parameters of their own."""
    if isinstance(value, Model):
        return Model(
            machine.serial(),
            "",
            machine.place(node),
            info=value.info,
            has_parameters=value.has_parameters,
            copied=True,
        )
    if isinstance(value, ParameterIterator | Parameter):
        return detached(machine, machine.place(node), "deepcopy", models_of(value))
    return machine.opaque()


def shallow_copy(machine: Machine, value: Value, node: ast.AST) -> Value:
    """Return a copy of a list or dict that holds the same; any other value as it is."""
    match value:
        case Items():
            return machine.new_items(machine.items(value), machine.is_open(value))
        case Entries():
            made = machine.new_entries(machine.entries(value), machine.is_open(value))
            machine.displays[made.serial] = machine.displays.get(value.serial, machine.place(node))
            return made
        case _:
            return value
