"""Averaged stochastic gradient descent.

Polyak, Juditsky: Acceleration of stochastic approximation by averaging (SIAM J. Control and Optimization 30, 1992).
Xu: Towards optimal one pass large scale learning with averaged stochastic gradient descent (arXiv 1107.2490, 2011), for
the rate that falls as a power.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import torch

from optlint.reference.update_rule import UpdateRule
from optlint.reference.updates.scalar_precision import kept_number

if TYPE_CHECKING:
    from torch import Tensor


@dataclass(frozen=True, slots=True)
class ASGDHyperparameters:
    """`lr` in parameter units per gradient unit; `lambd` and `weight_decay` per parameter unit; `t0` in updates."""

    lr: float = 1e-2
    lambd: float = 1e-4
    alpha: float = 0.75
    t0: float = 1e6
    weight_decay: float = 0.0


@dataclass(frozen=True, slots=True)
class ASGDState:
    """After `t` updates: `eta` and `mu` of the next one, of shape `()`, and the average, like the parameter."""

    t: int
    eta: Tensor
    mu: Tensor
    average: Tensor


def asgd_start(theta: Tensor, h: ASGDHyperparameters) -> ASGDState:
    """The whole rate, and an average that the first update replaces."""
    return ASGDState(0, kept_number(h.lr), kept_number(1.0), torch.zeros_like(theta))


def asgd(theta: Tensor, g: Tensor, state: ASGDState, h: ASGDHyperparameters) -> tuple[Tensor, ASGDState]:
    r"""One update of torch.optim.ASGD.

    .. math::
        \theta_t = (1 - \lambda \eta_{t-1}) \theta_{t-1} - \eta_{t-1} g_t, \qquad
        \bar\theta_t = \bar\theta_{t-1} + \mu_{t-1} (\theta_t - \bar\theta_{t-1})

        \eta_t = \frac{\gamma}{(1 + \lambda \gamma t)^\alpha}, \qquad \mu_t = \frac{1}{\max(1, t - t_0)}

    with :math:`g_t` taking in the L2 penalty. Shapes: `theta`, `g` and the average are alike.

    The parameter that training goes on with is :math:`\theta`; the average is for whoever reads the state, and is
    :math:`\theta` itself until :math:`t_0`. Departures of torch: :math:`\eta` and :math:`\mu` lag by one update, so the
    first :math:`\eta` is the whole rate, and both are rounded (`kept_number`).
    """
    gamma, lambd, eta, mu = h.lr, h.lambd, state.eta.item(), state.mu.item()
    t = state.t + 1
    if h.weight_decay != 0:
        g = g.add(theta, alpha=h.weight_decay)
    theta = (theta * (1 - lambd * eta)).add_(g, alpha=-eta)
    average = theta if mu == 1 else state.average + theta.sub(state.average).mul_(mu)
    next_eta = kept_number(gamma / (1 + lambd * gamma * t) ** h.alpha).to(state.eta)
    next_mu = kept_number(1 / max(1, t - h.t0)).to(state.mu)
    return theta, ASGDState(t, next_eta, next_mu, average)


ASGD = UpdateRule(
    "ASGD", ASGDHyperparameters, asgd_start, asgd, {"t": "step", "eta": "eta", "mu": "mu", "average": "ax"}
)
