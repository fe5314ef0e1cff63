"""Sizes: large models are replayed with parameters cut down to a corner, since no forward of a stand-in minds shapes.

What an optimizer does to a parameter it does to each number alike, and a model of many millions costs a replay
seconds an update.
"""

from __future__ import annotations

from typing import Any

import torch

MOST_NUMBERS = 100_000
"""Numbers that the parameters of a script may have together before they are cut."""
LIMITED, CUT, FREE = 0, 1, 2
"""How a script runs: up to so many numbers, with large parameters cut down, or as it stands."""
_CORNER = 3
"""Numbers a dimension that a large parameter keeps."""

_state = {"numbers": 0, "mode": FREE}


class TooLargeError(BaseException):  # so that no script takes it for one of its own
    """The parameters of a script have more numbers than a replay is quick with."""


def measure(mode: int = LIMITED) -> None:
    """Begin anew."""
    _state.update(numbers=0, mode=mode)


def is_too_large() -> bool:
    """Whether the script has made more than it may."""
    return _state["mode"] == LIMITED and _state["numbers"] > MOST_NUMBERS


def is_cut() -> bool:
    """Whether shapes are not those that the script says."""
    return _state["mode"] == CUT


def sized(new: Any) -> Any:
    """`Parameter.__new__` that counts, and cuts."""

    def make(cls: Any, data: Any = None, requires_grad: bool = True) -> Any:
        if isinstance(data, torch.Tensor):
            if is_cut() and data.numel() > _CORNER**2 and not data.is_sparse:
                data = data[tuple(slice(0, _CORNER) for _ in data.shape)].clone()
            _state["numbers"] += data.numel()
            if is_too_large():
                raise TooLargeError
        return new(cls, data, requires_grad)

    return make
