"""NAdam, Adam with Nesterov's momentum.

Dozat: Incorporating Nesterov momentum into Adam (ICLR 2016 workshop).
Loshchilov, Hutter: Decoupled weight decay regularization (ICLR 2019), for the decoupled decay.
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
class NAdamHyperparameters:
    """`lr` in parameter units; `eps` in gradient units; `weight_decay` per parameter unit; the others are pure."""

    lr: float = 2e-3
    betas: tuple[float, float] = (0.9, 0.999)
    eps: float = 1e-8
    weight_decay: float = 0.0
    momentum_decay: float = 4e-3
    decoupled_weight_decay: bool = False


@dataclass(frozen=True, slots=True)
class NAdamState:
    """After `t` updates: the product of all momenta, of shape `()`, and the moments `m` and `v`, like the parameter."""

    t: int
    mu_product: Tensor
    m: Tensor
    v: Tensor


def nadam_start(theta: Tensor, h: NAdamHyperparameters) -> NAdamState:
    """An empty product, and zero moments."""
    zero = torch.zeros_like(theta)
    return NAdamState(0, kept_number(1.0), zero, zero)


def nadam(theta: Tensor, g: Tensor, state: NAdamState, h: NAdamHyperparameters) -> tuple[Tensor, NAdamState]:
    r"""One update of torch.optim.NAdam.

    .. math::
        \mu_t = \beta_1 (1 - \tfrac12 0.96^{t \psi}), \qquad
        m_t = \beta_1 m_{t-1} + (1 - \beta_1) g_t, \qquad v_t = \beta_2 v_{t-1} + (1 - \beta_2) g_t^2

        \theta_t = \theta_{t-1} - \frac{\alpha}{\sqrt{v_t / (1 - \beta_2^t)} + \epsilon} \left(
        \frac{1 - \mu_t}{1 - \prod_{i \le t} \mu_i} g_t +
        \frac{\mu_{t+1}}{1 - \prod_{i \le t+1} \mu_i} m_t \right)

    with :math:`\psi` the momentum's decay, and :math:`g_t` taking in :math:`\lambda \theta_{t-1}`, or decoupled
    :math:`\theta_{t-1}` shrunk first by :math:`1 - \alpha \lambda`. Shapes: `theta`, `g`, `m` and `v` are alike.

    Departures of torch: :math:`m` is averaged with :math:`\beta_1`, not with :math:`\mu_t`; and the product is
    rounded (`kept_number`).
    """
    alpha, (beta1, beta2), epsilon, lam = h.lr, h.betas, h.eps, h.weight_decay
    t = state.t + 1
    if lam != 0:
        if h.decoupled_weight_decay:
            theta = theta * (1 - alpha * lam)
        else:
            g = g.add(theta, alpha=lam)
    mu, next_mu = momentum(t, h), momentum(t + 1, h)
    mu_product = state.mu_product * mu
    product, next_product = mu_product.item(), mu_product.item() * next_mu
    m = state.m.lerp(g, 1 - beta1)
    v = (beta2 * state.v).addcmul_(g, g, value=1 - beta2)
    denominator = v.div(1 - beta2**t).sqrt_().add_(epsilon)
    theta = theta.addcdiv(g, denominator, value=-alpha * (1 - mu) / (1 - product))
    theta = theta.addcdiv_(m, denominator, value=-alpha * next_mu / (1 - next_product))
    return theta, NAdamState(t, mu_product, m, v)


def momentum(t: int, h: NAdamHyperparameters) -> float:
    r"""The momentum of update `t`, :math:`\beta_1 (1 - \frac12 0.96^{t \psi})`: from near half of beta towards it."""
    shortfall: float = 0.5 * 0.96 ** (t * h.momentum_decay)
    return h.betas[0] * (1 - shortfall)


NADAM = UpdateRule(
    "NAdam",
    NAdamHyperparameters,
    nadam_start,
    nadam,
    {"t": "step", "mu_product": "mu_product", "m": "exp_avg", "v": "exp_avg_sq"},
)
