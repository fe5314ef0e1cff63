"""The values that parameters have at two times: when a backward first reaches them, and before something replaces them.

A fix may not leave out what gave a parameter its value: a loaded state, a layer that takes another one's place.
"""

from __future__ import annotations

from collections.abc import Iterable

import torch
from torch import nn

from optlint.replay.measure import flat
from optlint.replay.roster import Roster, Tracked
from optlint.replay.trace import Value


class Values:
    """What was seen of the values; the names are looked for at the end, when the modules are complete."""

    def __init__(self, roster: Roster) -> None:
        self._roster = roster
        self._starts: list[tuple[Tracked, Value]] = []
        self._formers: dict[str, Value] = {}
        self._taken: dict[int, Tracked] = {}

    def start(self, parameters: Iterable[Tracked], updates: int) -> None:
        """A backward has reached some parameters."""
        for each in parameters:
            if not each.begun:
                each.begun = True
                self._starts += ((each, value) for value in _values(each, "", updates))

    def replace(self, parameters: Iterable[Tracked], updates: int) -> None:
        """Something is about to take the place of parameters that an optimizer holds; the first time counts."""
        for each in parameters:
            name = self._roster.name(each)
            if name not in self._formers:
                self._formers.update((name, value) for value in _values(each, name, updates))

    def take(self, parameters: Iterable[Tracked]) -> None:
        """Some parameters have taken the place of others, or are given the values of a state."""
        self._taken |= {id(each.tensor): each for each in parameters}

    def starts(self) -> tuple[Value, ...]:
        """What the first backwards found."""
        return tuple(
            Value(self._roster.name(each), value.shape, value.size, value.updates) for each, value in self._starts
        )

    def taken(self) -> tuple[str, ...]:
        """Which parameters are others than they were made."""
        return self._roster.names(self._taken.values())

    def formers(self) -> tuple[Value, ...]:
        """What was there before it was replaced."""
        return tuple(self._formers.values())


def _values(parameter: Tracked, name: str, updates: int) -> Iterable[Value]:
    """The value of a parameter, if it has any."""
    tensor = parameter.tensor
    if not (tensor.is_meta or nn.parameter.is_lazy(tensor)):
        size = float(torch.linalg.vector_norm(flat([tensor]))) if tensor.numel() else 0.0
        yield Value(name, tuple(tensor.shape), size, updates)
