"""Adam and AdamW.

Kingma, Ba: Adam, a method for stochastic optimization (ICLR 2015), algorithm 1.
Reddi, Kale, Kumar: On the convergence of Adam and beyond (ICLR 2018), for AMSGrad.
Loshchilov, Hutter: Decoupled weight decay regularization (ICLR 2019), algorithm 2, for AdamW.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import torch

from optlint.reference.update_rule import UpdateRule

if TYPE_CHECKING:
    from torch import Tensor


@dataclass(frozen=True, slots=True)
class AdamHyperparameters:
    """`lr` and `eps` in parameter and gradient units; `weight_decay` per parameter unit; `betas` are pure numbers."""

    lr: float = 1e-3
    betas: tuple[float, float] = (0.9, 0.999)
    eps: float = 1e-8
    weight_decay: float = 0.0
    amsgrad: bool = False
    decoupled_weight_decay: bool = False


@dataclass(frozen=True, slots=True)
class AdamWHyperparameters(AdamHyperparameters):
    """Adam's, with AdamW's defaults: its param groups do not say before torch 2.7 that the decay is decoupled."""

    weight_decay: float = 1e-2
    decoupled_weight_decay: bool = True


@dataclass(frozen=True, slots=True)
class AdamState:
    """After `t` updates: the moments `m` and `v`, and with AMSGrad the largest `v` so far; of the parameter's shape."""

    t: int
    m: Tensor
    v: Tensor
    largest_v: Tensor | None


def adam_start(theta: Tensor, h: AdamHyperparameters) -> AdamState:
    """Both moments are zero."""
    zero = torch.zeros_like(theta)
    return AdamState(0, zero, zero, zero if h.amsgrad else None)


def adam(theta: Tensor, g: Tensor, state: AdamState, h: AdamHyperparameters) -> tuple[Tensor, AdamState]:
    r"""One update of torch.optim.Adam, and with `decoupled_weight_decay` of AdamW.

    .. math::
        m_t = \beta_1 m_{t-1} + (1 - \beta_1) g_t, \qquad v_t = \beta_2 v_{t-1} + (1 - \beta_2) g_t^2

        \theta_t = \theta_{t-1} - \alpha \frac{m_t / (1 - \beta_1^t)}{\sqrt{v_t / (1 - \beta_2^t)} + \epsilon}

    with :math:`g_t` taking in :math:`\lambda \theta_{t-1}`, or decoupled :math:`\theta_{t-1}` shrunk first by
    :math:`1 - \alpha \lambda`. Shapes: `theta`, `g`, `m` and `v` are alike.

    Departures of torch: the largest `v` of AMSGrad is taken before the bias correction, and the decoupled decay is
    multiplied by the rate (the paper keeps the two apart).
    """
    alpha, (beta1, beta2), epsilon, lam = h.lr, h.betas, h.eps, h.weight_decay
    t = state.t + 1
    if lam != 0:
        if h.decoupled_weight_decay:
            theta = theta * (1 - alpha * lam)
        else:
            g = g.add(theta, alpha=lam)
    m = state.m.lerp(g, 1 - beta1)
    v = (beta2 * state.v).addcmul_(g, g, value=1 - beta2)
    largest_v = None if state.largest_v is None else torch.maximum(state.largest_v, v)
    root = (v if largest_v is None else largest_v).sqrt()
    denominator = root.div_((1 - beta2**t) ** 0.5).add_(epsilon)
    return theta.addcdiv(m, denominator, value=-alpha / (1 - beta1**t)), AdamState(t, m, v, largest_v)


_TORCH_STATE = {"t": "step", "m": "exp_avg", "v": "exp_avg_sq", "largest_v": "max_exp_avg_sq"}

ADAM = UpdateRule("Adam", AdamHyperparameters, adam_start, adam, _TORCH_STATE)
ADAMW = UpdateRule("AdamW", AdamWHyperparameters, adam_start, adam, _TORCH_STATE)
