"""RMSprop, with momentum and centred.

Tieleman, Hinton: Lecture 6.5, rmsprop, divide the gradient by a running average of its recent magnitude (COURSERA:
Neural networks for machine learning, 2012).
Graves: Generating sequences with recurrent neural networks (arXiv 1308.0850, 2013), for the centred form.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import torch

from optlint.reference.update_rule import UpdateRule

if TYPE_CHECKING:
    from torch import Tensor


@dataclass(frozen=True, slots=True)
class RMSpropHyperparameters:
    """`lr` in parameter units; `eps` in gradient units; `weight_decay` per parameter unit; the others are pure."""

    lr: float = 1e-2
    alpha: float = 0.99
    eps: float = 1e-8
    weight_decay: float = 0.0
    momentum: float = 0.0
    centered: bool = False


@dataclass(frozen=True, slots=True)
class RMSpropState:
    """After `t` updates, all of the parameter's shape: the mean `v` of squares, and where they have a part the rest.

    Attributes:
        b: The momentum's sum of normalised gradients, a pure number; None without momentum.
        mean: The mean gradient; None where not centred.
    """

    t: int
    v: Tensor
    b: Tensor | None
    mean: Tensor | None


def rmsprop_start(theta: Tensor, h: RMSpropHyperparameters) -> RMSpropState:
    """All zero."""
    zero = torch.zeros_like(theta)
    return RMSpropState(0, zero, zero if h.momentum > 0 else None, zero if h.centered else None)


def rmsprop(theta: Tensor, g: Tensor, state: RMSpropState, h: RMSpropHyperparameters) -> tuple[Tensor, RMSpropState]:
    r"""One update of torch.optim.RMSprop.

    .. math::
        v_t = \alpha v_{t-1} + (1 - \alpha) g_t^2, \qquad \bar g_t = \alpha \bar g_{t-1} + (1 - \alpha) g_t

        b_t = \mu b_{t-1} + \frac{g_t}{\sqrt{v_t - \bar g_t^2} + \epsilon}, \qquad
        \theta_t = \theta_{t-1} - \gamma b_t

    with :math:`\bar g_t = 0` where it is not centred, and :math:`g_t` taking in the L2 penalty. Shapes: all alike.

    Departures of torch: the mean of squares starts at zero and is not corrected for it, :math:`\epsilon` is outside of
    the root (Graves has it inside), and the rate is outside of the momentum.
    """
    gamma, alpha, epsilon, mu, lam = h.lr, h.alpha, h.eps, h.momentum, h.weight_decay
    if lam != 0:
        g = g.add(theta, alpha=lam)
    v = (alpha * state.v).addcmul_(g, g, value=1 - alpha)
    mean = None if state.mean is None else state.mean.lerp(g, 1 - alpha)
    variance = v if mean is None else v.addcmul(mean, mean, value=-1)
    deviation = variance.sqrt().add_(epsilon)
    if state.b is None:
        return theta.addcdiv(g, deviation, value=-gamma), RMSpropState(state.t + 1, v, None, mean)
    b = (mu * state.b).addcdiv_(g, deviation)
    return theta.add(b, alpha=-gamma), RMSpropState(state.t + 1, v, b, mean)


RMSPROP = UpdateRule(
    "RMSprop",
    RMSpropHyperparameters,
    rmsprop_start,
    rmsprop,
    {"t": "step", "v": "square_avg", "b": "momentum_buffer", "mean": "grad_avg"},
)
