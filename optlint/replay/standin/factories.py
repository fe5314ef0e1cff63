"""Tensors of sizes that are stand-ins among numbers (`torch.randn(images.size(0), 8)`): torch does not ask those."""

from __future__ import annotations

import functools
from typing import Any

import torch
from torch.utils._device import _device_constructors

from optlint.replay.standin.values import Unknown

_BY_SIZE = ("empty", "zeros", "ones", "rand", "randn", "full")


def make_here() -> None:
    """Let a stand-in among the sizes be the number that it counts as."""
    _device_constructors()  # torch remembers them as they are when it is first asked where new tensors are to be
    for name in _BY_SIZE:
        setattr(torch, name, _counting(getattr(torch, name)))


def _counting(make: Any) -> Any:
    @functools.wraps(make)
    def counted(*args: Any, **options: Any) -> Any:
        sizes = [size for each in args for size in (each if type(each) in (list, tuple) else (each,))]
        if any(isinstance(each, Unknown) for each in sizes):
            return Unknown.__torch_function__(make, (), args, options)
        return make(*args, **options)

    return counted
