"""How far two results lie apart, and the first place where that is too far."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING

import torch

if TYPE_CHECKING:
    from torch import Tensor


@dataclass(frozen=True, slots=True)
class Distance:
    """The largest departure of any element of a result from what was expected.

    Attributes:
        absolute: In the units of the quantity; infinite where one of the two is NaN or infinite and the other is not.
        relative: `absolute` by the largest finite magnitude expected; infinite where that one alone is zero.
        ulps: `absolute` by the spacing of the dtype at that magnitude.
    """

    absolute: float
    relative: float
    ulps: float


@dataclass(frozen=True, slots=True)
class Divergence:
    """The first place at which an optimizer or a schedule left its reference.

    Attributes:
        step: The number of the update, from 1; for a schedule of the value, from 0, the one at construction.
        parameter: Which parameter or group: `group 0, parameter 3` or `group 0`.
        quantity: `parameter`, `lr`, `momentum`, or the key of the state as torch names it.
        distance: How far apart.
    """

    step: int
    parameter: str
    quantity: str
    distance: Distance

    def __str__(self) -> str:
        apart = self.distance
        return (
            f"`{self.quantity}` of {self.parameter} leaves the reference at step {self.step}: "
            f"by {apart.absolute:.3g} absolute, {apart.relative:.3g} relative, {apart.ulps:.3g} ulps"
        )


def distance(actual: Tensor, expected: Tensor) -> Distance:
    """How far `actual` lies from `expected`: two tensors of one shape, complex or real, dense or sparse."""
    actual, expected = _plain(actual), _plain(expected)
    if actual.device != expected.device:  # torch keeps some numbers of a state on the parameter's device
        actual = actual.to(expected.device)
    if actual.shape != expected.shape:
        raise ValueError(f"shapes {tuple(actual.shape)} and {tuple(expected.shape)} cannot be compared")
    if actual.numel() == 0 or torch.equal(actual, expected):
        return Distance(0.0, 0.0, 0.0)
    precise_actual, precise_expected = actual.double(), expected.double()
    same = (precise_actual == precise_expected) | (precise_actual.isnan() & precise_expected.isnan())
    apart = torch.where(same, 0.0, (precise_actual - precise_expected).abs())
    absolute = apart.nan_to_num(nan=math.inf, posinf=math.inf).max().item()
    scale = precise_expected.abs().nan_to_num(nan=0.0, posinf=0.0).max().item()
    return _distance(absolute, scale, expected.dtype)


def distance_of_numbers(actual: float, expected: float) -> Distance:
    """How far `actual` lies from `expected`, two Python numbers, thus in ulps of float64."""
    return distance(torch.tensor(actual, dtype=torch.float64), torch.tensor(expected, dtype=torch.float64))


def _distance(absolute: float, scale: float, dtype: torch.dtype) -> Distance:
    if absolute == 0:
        return Distance(0.0, 0.0, 0.0)
    if not dtype.is_floating_point:
        return Distance(absolute, absolute / scale if scale else math.inf, math.inf)
    limits = torch.finfo(dtype)
    magnitude = max(scale, limits.tiny)
    spacing = limits.eps * 2.0 ** math.floor(math.log2(magnitude))
    return Distance(absolute, absolute / scale if scale else math.inf, absolute / spacing)


def _plain(tensor: Tensor) -> Tensor:
    tensor = tensor.detach()
    if tensor.layout != torch.strided:
        tensor = tensor.to_dense()
    return torch.view_as_real(tensor.resolve_conj()) if tensor.is_complex() else tensor
