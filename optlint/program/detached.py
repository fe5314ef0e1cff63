"""Tensors that were taken out of the graph of parameters, and that no backward through a module reaches any more."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from optlint.program.objects import Model, Parameter, ParameterIterator
from optlint.program.values import DEEPEST_LIST, Const, Entries, Items, Join, Method, Opaque, Value, alternatives

if TYPE_CHECKING:
    from collections.abc import Sequence

    from optlint.program.machine import Machine
    from optlint.program.objects import Place

STILL_DETACHED = frozenset(
    "values items clone detach data cpu cuda to float double half bfloat16 contiguous requires_grad_".split()
)
"""What gives detached tensors again, or the same ones, when it is called on them or on a dict of them."""


@dataclass(frozen=True, slots=True)
class Detached:
    """Where tensors were detached: at `p.data`, `p.detach()`, `model.state_dict()` or a deep copy, as `how` says.

    `models` are the modules whose parameters they come from. `mapping` tells that they are the values of a dict, and
    `wants` that they are leaves again, which want a gradient.
    """

    place: Place
    how: str
    models: tuple[Model, ...]
    mapping: bool = False
    wants: bool = False


def detached(machine: Machine, place: Place, how: str, models: Sequence[Model], mapping: bool = False) -> Opaque:
    """Return new detached tensors, one or several."""
    made = machine.opaque()
    machine.detached[made.serial] = Detached(place, how, tuple(models), mapping)
    return made


def models_of(parameter: Parameter | ParameterIterator) -> tuple[Model, ...]:
    """Return the modules that a parameter, or each one of several, may be of."""
    return tuple(source.model for source in parameter.sources)


def carried(machine: Machine, value: Value, name: str = "") -> Opaque | None:
    """Return what a method of detached tensors gives, or their element; None where it is nothing of the kind."""
    found = machine.detached.get(value.serial) if isinstance(value, Opaque) else None
    if found is None or (name and name not in STILL_DETACHED) or (found.mapping and name not in ("values", "items")):
        return None
    made = machine.opaque()
    machine.detached[made.serial] = replace(found, mapping=False, wants=found.wants or name == "requires_grad_")
    return made


def is_leaf_again(machine: Machine, value: Value) -> bool:
    """Whether a value is a detached tensor that wants a gradient, so that what is made of it is no leaf."""
    found = machine.detached.get(value.serial) if isinstance(value, Opaque) else None
    return found is not None and found.wants


def detached_in(machine: Machine, given: Value, depth: int = DEEPEST_LIST) -> Iterator[Detached]:
    """Yield what is surely detached of what an optimizer is given."""
    match given:
        case Opaque(serial=serial):
            found = machine.detached.get(serial)
            if found is not None and not found.mapping:
                yield found
        case Method(receiver=Parameter(serial=serial), name="data"):
            if serial in machine.detached:
                yield machine.detached[serial]
        case Items() if depth:
            for item in machine.items(given):
                yield from detached_in(machine, item, depth - 1)
        case Entries() if depth:
            params = dict(machine.entries(given)).get(Const("params"))
            if params is not None:
                yield from detached_in(machine, params, depth - 1)
        case Join() if depth:
            each = [list(detached_in(machine, inner, depth - 1)) for inner in alternatives(given)]
            if all(each):
                yield from each[0]
        case _:
            pass
