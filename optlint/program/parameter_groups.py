"""The dicts that an optimizer is given as its parameter groups."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from optlint.program.objects import ParameterIterator
from optlint.program.values import Const, Entries, Group, Groups, Items, Value

if TYPE_CHECKING:
    from optlint.program.machine import Machine
    from optlint.program.objects import Optimizer, ParameterSource, Place
    from optlint.program.parameter_iterators import ParameterIterators


@dataclass(frozen=True, slots=True)
class GivenGroup:
    """A dict that an optimizer was given as a parameter group; two of one `serial` are one and the same dict.

    `place` is the display or the call of `dict` that made it, where that is known. `complete` tells that `keys` are
    all that it has, and `whole` that `sources` are all parameters of it. `listed` is the serial of the list that it
    stood in, `picked` tells that only some of a list may have been given, and `one_shot` that its parameters can be
    gone through once, where that is known.
    """

    serial: int
    keys: tuple[str, ...]
    sources: tuple[ParameterSource, ...]
    place: Place | None = None
    complete: bool = True
    whole: bool = True
    listed: int = field(default=0, compare=False)
    picked: bool = field(default=False, compare=False)
    one_shot: bool | None = field(default=None, compare=False)


def given_groups(machine: Machine, iterators: ParameterIterators, given: Value) -> tuple[GivenGroup, ...]:
    """Return the groups in what an optimizer, or its `add_param_group`, is given; empty where it is given none."""
    values = machine.items(given) if isinstance(given, Items) else (given,)
    listed = given.serial if isinstance(given, Items) else 0
    picked = isinstance(given, Items) and machine.is_open(given)
    return tuple(_group(machine, iterators, value, listed, picked) for value in values if isinstance(value, Entries))


def whose_groups(machine: Machine, given: Value) -> Optimizer | None:
    """Return the optimizer whose `param_groups`, the dicts themselves, are given to another one."""
    for value in machine.items(given) if isinstance(given, Items) else (given,):
        if isinstance(value, Group | Groups):
            return value.optimizer
    return None


def _group(machine: Machine, iterators: ParameterIterators, group: Entries, listed: int, picked: bool) -> GivenGroup:
    pairs = machine.entries(group)
    named = {key.value: value for key, value in pairs if isinstance(key, Const) and isinstance(key.value, str)}
    params = named.get("params")
    sources, whole = iterators.sources(params) if params is not None else ([], True)
    return GivenGroup(
        group.serial,
        tuple(named),
        tuple(dict.fromkeys(sources)),
        machine.displays.get(group.serial),
        len(named) == len(pairs) and not machine.is_open(group),
        whole,
        listed,
        picked,
        _is_one_shot(params),
    )


def _is_one_shot(params: Value | None) -> bool | None:
    match params:
        case ParameterIterator(one_shot=one_shot):
            return one_shot
        case Items():
            return False
        case _:
            return None
