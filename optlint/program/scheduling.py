"""How a scheduler was made: its class and arguments, as far as the code shows them."""

from __future__ import annotations

import ast
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from optlint.program.values import Items, Value, settled

if TYPE_CHECKING:
    from optlint.program.lengths import Length
    from optlint.program.machine import Machine
    from optlint.program.objects import Place


@dataclass(frozen=True, slots=True, eq=False)
class Argument:
    """One argument of a call.

    Attributes:
        name: Its keyword; empty for a positional one.
        index: Its place among the positional ones; None for a keyword.
        value: What it may be.
        node: Where it is written; None where it came out of `*` or `**`, or through another call.
        length: The number that it is, where it may be one.
        items: The elements where it is a list of which all are known.
        lengths: The numbers that these are.
    """

    name: str
    index: int | None
    value: Value
    node: ast.expr | None
    length: Length | None
    items: tuple[Value, ...] | None = None
    lengths: tuple[Length | None, ...] | None = None


@dataclass(frozen=True, slots=True, eq=False)
class Construction:
    """One call that makes a scheduler.

    `name` is that of the class or factory that is called, without module; `complete` tells whether all arguments are
    known to stand in `arguments`.
    """

    name: str
    arguments: tuple[Argument, ...]
    place: Place
    complete: bool = True

    def given(self, name: str, index: int) -> Argument | None:
        """Return the argument for a parameter, which is the `index`-th (from 0, the optimizer being 0)."""
        for argument in self.arguments:
            if argument.name == name or argument.index == index:
                return argument
        return None


def constructed(
    machine: Machine, name: str, positional: Sequence[Value], keywords: Sequence[tuple[str, Value]], place: Place
) -> Construction:
    """Return how a scheduler was made by the call at a place."""
    nodes = _nodes(place.node, len(positional))
    by_name = {each.arg: each.value for each in getattr(place.node, "keywords", ()) if each.arg is not None}
    given = [_argument(machine, index, "", value, nodes[index]) for index, value in enumerate(positional)]
    given += [_argument(machine, None, key, value, by_name.get(key)) for key, value in keywords if key != "**"]
    complete = all(key != "**" for key, _ in keywords) and len(given) == len(positional) + len(by_name)
    return Construction(name, tuple(given), place, complete and None not in nodes)


def _argument(machine: Machine, index: int | None, name: str, value: Value, node: ast.expr | None) -> Argument:
    items = machine.items(value) if isinstance(value, Items) and machine.measures.is_whole(value) else None
    lengths = None if items is None else tuple(map(machine.measures.length, items))
    known = None if items is None else tuple(map(settled, items))
    return Argument(name, index, settled(value), node, machine.measures.length(value), known, lengths)


def _nodes(call: object, count: int) -> list[ast.expr | None]:
    """Return the expressions of a call's positional arguments; None for each where they are not written one by one."""
    given: list[ast.expr] = getattr(call, "args", [])
    if len(given) != count or any(isinstance(each, ast.Starred) for each in given):
        return [None] * count
    return list(given)
