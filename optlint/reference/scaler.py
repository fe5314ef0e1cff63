"""The scaling of the loss for training in float16: the arithmetic of torch's GradScaler.

Micikevicius et al.: Mixed precision training (ICLR 2018), sections 3.2 and 3.3. The rule by which the scale grows and
shrinks is that of NVIDIA's Apex.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import torch

if TYPE_CHECKING:
    from torch import Tensor


@dataclass(frozen=True, slots=True)
class ScalerHyperparameters:
    """Pure numbers: what the scale is multiplied by, and after how many sound updates in turn it grows."""

    growth_factor: float = 2.0
    backoff_factor: float = 0.5
    growth_interval: int = 2000


@dataclass(frozen=True, slots=True)
class ScalerState:
    """The `scale`, a number of float32, and how many sound updates in turn there were since it last changed."""

    scale: float = 2.0**16
    sound: int = 0


def scaled(loss: Tensor, state: ScalerState) -> Tensor:
    """The loss times the scale, so that gradients which would be zero in float16 are not.

    As torch has it the scale is a tensor of float32: a loss without dimensions is of float32 at least afterwards.
    """
    return loss * _float32(state.scale).to(loss.device)


def unscaled(gs: Sequence[Tensor], state: ScalerState) -> tuple[list[Tensor], bool]:
    r"""The gradients of the loss itself, and whether any element of the scaled ones was infinite or NaN.

    .. math::
        g \leftarrow g \cdot \frac{1}{s}

    with :math:`1 / s` rounded to float32 whatever the gradient's dtype. If the answer is True the update is left out:
    parameters and the optimizer's state stay as they are.

    Errors:
        TypeError: a gradient is of float16, as torch says too: the parameters have to be of a wider dtype.
    """
    if any(g.dtype == torch.float16 for g in gs):
        raise TypeError("gradients of float16 cannot be unscaled, for what overflowed in them is lost")
    inverse = torch.tensor(state.scale, dtype=torch.float64).reciprocal().float().item()
    sound = all(bool((g._values() if g.is_sparse else g).isfinite().all()) for g in gs)
    return [g * inverse for g in gs], not sound


def updated(state: ScalerState, found_inf: bool, h: ScalerHyperparameters) -> ScalerState:
    r"""The state for the next iteration, after those optimizers of which any `found_inf`.

    .. math::
        s \leftarrow \beta s \text{ after an infinite or NaN gradient}, \qquad
        s \leftarrow \gamma s \text{ after } n \text{ sound updates in turn}

    with :math:`\beta` the backoff, :math:`\gamma` the growth and :math:`n` the interval. A scale that would become
    infinite stays, and the count begins anew all the same. Nothing keeps the scale from falling below 1.
    """
    if found_inf:
        return ScalerState(_float32(state.scale * h.backoff_factor).item(), 0)
    sound = state.sound + 1
    if sound != h.growth_interval:
        return ScalerState(state.scale, sound)
    grown = _float32(state.scale * h.growth_factor).item()
    return ScalerState(grown if math.isfinite(grown) else state.scale, 0)


def _float32(value: float) -> Tensor:
    return torch.tensor(value, dtype=torch.float32)
