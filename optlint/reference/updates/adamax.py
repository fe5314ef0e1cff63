"""Adamax.

Kingma, Ba: Adam, a method for stochastic optimization (ICLR 2015), algorithm 2.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import torch

from optlint.reference.update_rule import UpdateRule

if TYPE_CHECKING:
    from torch import Tensor


@dataclass(frozen=True, slots=True)
class AdamaxHyperparameters:
    """`lr` in parameter units; `eps` in gradient units; `weight_decay` per parameter unit; `betas` are pure numbers."""

    lr: float = 2e-3
    betas: tuple[float, float] = (0.9, 0.999)
    eps: float = 1e-8
    weight_decay: float = 0.0


@dataclass(frozen=True, slots=True)
class AdamaxState:
    """After `t` updates: the moment `m` and the decaying largest magnitude `u`, of the parameter's shape."""

    t: int
    m: Tensor
    u: Tensor


def adamax_start(theta: Tensor, h: AdamaxHyperparameters) -> AdamaxState:
    """Both are zero."""
    zero = torch.zeros_like(theta)
    return AdamaxState(0, zero, zero)


def adamax(theta: Tensor, g: Tensor, state: AdamaxState, h: AdamaxHyperparameters) -> tuple[Tensor, AdamaxState]:
    r"""One update of torch.optim.Adamax.

    .. math::
        m_t = \beta_1 m_{t-1} + (1 - \beta_1) g_t, \qquad u_t = \max(\beta_2 u_{t-1}, |g_t| + \epsilon)

        \theta_t = \theta_{t-1} - \frac{\alpha}{1 - \beta_1^t} \frac{m_t}{u_t}

    with :math:`g_t` taking in the L2 penalty. Shapes: `theta`, `g`, `m` and `u` are alike.

    Departure of torch: the paper has no :math:`\epsilon`.
    """
    alpha, (beta1, beta2), epsilon, lam = h.lr, h.betas, h.eps, h.weight_decay
    t = state.t + 1
    if lam != 0:
        g = g.add(theta, alpha=lam)
    m = state.m.lerp(g, 1 - beta1)
    u = torch.maximum(beta2 * state.u, g.abs().add_(epsilon))
    return theta.addcdiv(m, u, value=-alpha / (1 - beta1**t)), AdamaxState(t, m, u)


ADAMAX = UpdateRule(
    "Adamax", AdamaxHyperparameters, adamax_start, adamax, {"t": "step", "m": "exp_avg", "u": "exp_inf"}
)
