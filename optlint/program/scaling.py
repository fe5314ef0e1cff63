"""Losses that a gradient scaler has multiplied: which values are so, surely or perhaps."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import TYPE_CHECKING

from optlint.program.objects import Scaler
from optlint.program.values import DEEPEST_LIST, Entries, Items, Join, Opaque, Value, alternatives

if TYPE_CHECKING:
    from optlint.program.knowledge import Knowledge

SCALED, MAYBE_SCALED = "scaled", "maybe scaled"
BY_SCALER, MAYBE_BY_SCALER = "scaler", "maybe scaler"


def multiplied(machine: Knowledge, value: Value, scaler: Scaler, depth: int = DEEPEST_LIST) -> Value:
    """Return a value, or a list of them, multiplied by a scaler."""
    machine.scaled = True
    if isinstance(value, Items) and depth:
        inner = [multiplied(machine, item, scaler, depth - 1) for item in machine.items(value)]
        return machine.new_items(inner, machine.is_open(value))
    return replace(machine.mix("", [value]), scalers=frozenset((scaler,)))


def scalers_of(machine: Knowledge, value: Value, depth: int = DEEPEST_LIST) -> frozenset[Scaler]:
    """Return the scalers that a value was surely multiplied by, whatever path led to it."""
    match value:
        case Opaque(scalers=scalers):
            return scalers
        case Join():
            found = [scalers_of(machine, option, depth) for option in alternatives(value)]
            return frozenset[Scaler]().union(*found) if all(found) else frozenset()
        case Items() | Entries() if depth:
            return frozenset[Scaler]().union(*(scalers_of(machine, item, depth - 1) for item in machine.items(value)))
        case _:
            receiver = getattr(value, "receiver", None)
            return scalers_of(machine, receiver) if isinstance(receiver, Opaque) else frozenset()


def scalers_of_all(machine: Knowledge, values: Sequence[Value]) -> frozenset[Scaler]:
    """Return the scalers that any of the values was surely multiplied by."""
    return frozenset[Scaler]().union(*(scalers_of(machine, value) for value in values))


def scaled_throughout(machine: Knowledge, values: Sequence[Value]) -> bool:
    """Whether what is made of the values is scaled as they are.

    A sum of a scaled and an unscaled loss is neither, and what a scaler says of itself may take its factor away.
    """
    plain = [value for value in values if not scalers_of(machine, value)]
    return not any(machine.flow(value) or may_be_scaled(machine, value) for value in plain)


def may_be_scaled(machine: Knowledge, value: Value) -> bool:
    """Whether a scaler, with which a value was made, may have multiplied it."""
    if isinstance(value, Join):
        return any(scalers_of(machine, option) or may_be_scaled(machine, option) for option in alternatives(value))
    return any(isinstance(held, Scaler) for held in machine.reach(value))


def scaling_of(machine: Knowledge, losses: Sequence[Value]) -> tuple[str, Scaler | None]:
    """Return what a backward from losses has for its detail, and the scaler."""
    scalers = scalers_of_all(machine, losses)
    if scalers and all(scalers_of(machine, loss) for loss in losses):
        return SCALED, min(scalers, key=lambda scaler: scaler.serial)
    if scalers or any(may_be_scaled(machine, loss) or machine.unseen in machine.flow(loss) for loss in losses):
        return MAYBE_SCALED, None
    return "", None
