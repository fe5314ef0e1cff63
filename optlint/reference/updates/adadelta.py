"""Adadelta.

Zeiler: ADADELTA, an adaptive learning rate method (arXiv 1212.5701, 2012), algorithm 1.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import torch

from optlint.reference.update_rule import UpdateRule

if TYPE_CHECKING:
    from torch import Tensor


@dataclass(frozen=True, slots=True)
class AdadeltaHyperparameters:
    """`lr` and `rho` are pure numbers: the steps have parameter units by themselves.

    `eps` is added to squares of gradients and to squares of steps alike; `weight_decay` is per parameter unit.
    """

    lr: float = 1.0
    rho: float = 0.9
    eps: float = 1e-6
    weight_decay: float = 0.0


@dataclass(frozen=True, slots=True)
class AdadeltaState:
    """After `t` updates: the averages `v` of squared gradients and `u` of squared steps, of the parameter's shape."""

    t: int
    v: Tensor
    u: Tensor


def adadelta_start(theta: Tensor, h: AdadeltaHyperparameters) -> AdadeltaState:
    """Both averages are zero."""
    zero = torch.zeros_like(theta)
    return AdadeltaState(0, zero, zero)


def adadelta(
    theta: Tensor, g: Tensor, state: AdadeltaState, h: AdadeltaHyperparameters
) -> tuple[Tensor, AdadeltaState]:
    r"""One update of torch.optim.Adadelta.

    .. math::
        v_t = \rho v_{t-1} + (1 - \rho) g_t^2, \qquad
        \Delta_t = \sqrt{\frac{u_{t-1} + \epsilon}{v_t + \epsilon}} \, g_t

        u_t = \rho u_{t-1} + (1 - \rho) \Delta_t^2, \qquad \theta_t = \theta_{t-1} - \gamma \Delta_t

    with :math:`g_t` taking in the L2 penalty. Shapes: `theta`, `g`, `v` and `u` are alike. The paper has neither the
    penalty nor :math:`\gamma`; the average of the squared steps leaves :math:`\gamma` out.
    """
    rho, epsilon, lam = h.rho, h.eps, h.weight_decay
    if lam != 0:
        g = g.add(theta, alpha=lam)
    v = (rho * state.v).addcmul_(g, g, value=1 - rho)
    delta = state.u.add(epsilon).sqrt_().div_(v.add(epsilon).sqrt_()).mul_(g)
    u = (rho * state.u).addcmul_(delta, delta, value=1 - rho)
    return theta.add(delta, alpha=-h.lr), AdadeltaState(state.t + 1, v, u)


ADADELTA = UpdateRule(
    "Adadelta", AdadeltaHyperparameters, adadelta_start, adadelta, {"t": "step", "v": "square_avg", "u": "acc_delta"}
)
