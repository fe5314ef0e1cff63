"""Rprop, which takes of a gradient only its sign.

Riedmiller, Braun: A direct adaptive method for faster backpropagation learning, the RPROP algorithm (ICNN 1993).
Igel, Hüsken: Improving the Rprop learning algorithm (NC 2000), for the form that torch has, iRprop-.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import torch

from optlint.reference.update_rule import UpdateRule

if TYPE_CHECKING:
    from torch import Tensor


@dataclass(frozen=True, slots=True)
class RpropHyperparameters:
    """`lr`, the first step, and `step_sizes`, the least and the largest, in parameter units; `etas` are pure."""

    lr: float = 1e-2
    etas: tuple[float, float] = (0.5, 1.2)
    step_sizes: tuple[float, float] = (1e-6, 50.0)


@dataclass(frozen=True, slots=True)
class RpropState:
    """After `t` updates: the gradient before and the step `delta` of each element, both of the parameter's shape."""

    t: int
    previous_g: Tensor
    delta: Tensor


def rprop_start(theta: Tensor, h: RpropHyperparameters) -> RpropState:
    """The rate as every element's first step; it plays no part afterwards."""
    return RpropState(0, torch.zeros_like(theta), torch.full_like(theta, h.lr))


def rprop(theta: Tensor, g: Tensor, state: RpropState, h: RpropHyperparameters) -> tuple[Tensor, RpropState]:
    r"""One update of torch.optim.Rprop, for each element apart.

    .. math::
        \Delta_t = \mathrm{clip}(\Delta_{t-1} \cdot \{\eta^+, \eta^-, 1\}, \Delta_{min}, \Delta_{max}), \qquad
        \theta_t = \theta_{t-1} - \Delta_t \, \mathrm{sign}(g_t)

    with :math:`\eta^+` where :math:`g_t g_{t-1} > 0`, :math:`\eta^-` where it is negative, and 1 where it is zero.
    Where the sign has changed, :math:`g_t` counts as zero here and in the next update. Shapes: all alike.

    Departure of torch from Riedmiller and Braun: after a change of sign the element rests for an update, and does
    not go back by the step before.
    """
    (eta_minus, eta_plus), (smallest, largest) = h.etas, h.step_sizes
    agreement = g * state.previous_g
    turned = agreement < 0
    factor = torch.ones_like(g).masked_fill_(agreement > 0, eta_plus).masked_fill_(turned, eta_minus)
    delta = factor.mul_(state.delta).clamp_(smallest, largest)
    g = g.masked_fill(turned, 0)
    return theta.addcmul(g.sign(), delta, value=-1), RpropState(state.t + 1, g, delta)


RPROP = UpdateRule(
    "Rprop", RpropHyperparameters, rprop_start, rprop, {"t": "step", "previous_g": "prev", "delta": "step_size"}
)
