"""Sizes: large models are replayed with parameters cut down to a corner, since no forward of a stand-in minds shapes.

What an optimizer does to a parameter it does to each number alike, and a model of many millions costs a replay
seconds an update.
"""

from __future__ import annotations

from typing import Any

import torch

MOST_NUMBERS = 2_000_000
"""Numbers that the parameters of a script may have together before they are cut."""
_CORNER = 3
"""Numbers a dimension that a large parameter keeps."""

_state = {"numbers": 0, "cut": 0}


class TooLargeError(BaseException):  # so that no script takes it for one of its own
    """The parameters of a script have more numbers than a replay is quick with."""


def measure(cut: bool = False) -> None:
    """Begin anew; with `cut`, large parameters are cut down."""
    _state.update(numbers=0, cut=int(cut))


def is_too_large() -> bool:
    """Whether the script has made more than it may."""
    return not _state["cut"] and _state["numbers"] > MOST_NUMBERS


def is_cut() -> bool:
    """Whether shapes are not those that the script says."""
    return bool(_state["cut"])


def sized(new: Any) -> Any:
    """`Parameter.__new__` that counts, and cuts."""

    def make(cls: Any, data: Any = None, requires_grad: bool = True) -> Any:
        if isinstance(data, torch.Tensor):
            if _state["cut"] and data.numel() > _CORNER**2 and not data.is_sparse:
                data = data[tuple(slice(0, _CORNER) for _ in data.shape)].clone()
            _state["numbers"] += data.numel()
            if is_too_large():
                raise TooLargeError
        return new(cls, data, requires_grad)

    return make
