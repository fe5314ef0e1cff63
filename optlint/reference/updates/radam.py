"""RAdam, Adam with the variance of its early steps rectified.

Liu, Jiang, He, Chen, Liu, Gao, Han: On the variance of the adaptive learning rate and beyond (ICLR 2020), algorithm 2.
Loshchilov, Hutter: Decoupled weight decay regularization (ICLR 2019), for the decoupled decay.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import torch

from optlint.reference.update_rule import UpdateRule

if TYPE_CHECKING:
    from torch import Tensor


@dataclass(frozen=True, slots=True)
class RAdamHyperparameters:
    """`lr` in parameter units, and until rectified per gradient unit; `eps` in gradient units; `betas` pure numbers."""

    lr: float = 1e-3
    betas: tuple[float, float] = (0.9, 0.999)
    eps: float = 1e-8
    weight_decay: float = 0.0
    decoupled_weight_decay: bool = False


@dataclass(frozen=True, slots=True)
class RAdamState:
    """After `t` updates: the moments `m` and `v`, of the parameter's shape."""

    t: int
    m: Tensor
    v: Tensor


def radam_start(theta: Tensor, h: RAdamHyperparameters) -> RAdamState:
    """Both moments are zero."""
    zero = torch.zeros_like(theta)
    return RAdamState(0, zero, zero)


def radam(theta: Tensor, g: Tensor, state: RAdamState, h: RAdamHyperparameters) -> tuple[Tensor, RAdamState]:
    r"""One update of torch.optim.RAdam.

    .. math::
        m_t = \beta_1 m_{t-1} + (1 - \beta_1) g_t, \qquad v_t = \beta_2 v_{t-1} + (1 - \beta_2) g_t^2, \qquad
        \hat m_t = m_t / (1 - \beta_1^t)

        \theta_t = \theta_{t-1} - \alpha \hat m_t r_t \frac{\sqrt{1 - \beta_2^t}}{\sqrt{v_t} + \epsilon}

    with :math:`r_t` of `rectification`; as long as there is none, :math:`\theta_t = \theta_{t-1} - \alpha \hat m_t`.
    :math:`g_t` takes in :math:`\lambda \theta_{t-1}`, or decoupled :math:`\theta_{t-1}` is shrunk first by
    :math:`1 - \alpha \lambda`. Shapes: `theta`, `g`, `m` and `v` are alike.

    Departures of torch: :math:`\epsilon`, which the paper does not have, comes before the bias correction (in Adam
    after it).
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
    step = m.div(1 - beta1**t).mul_(alpha)
    r = rectification(t, beta2)
    if r is not None:
        adaptive_rate = v.sqrt().add_(epsilon).reciprocal_().mul_((1 - beta2**t) ** 0.5)
        step = step.mul_(adaptive_rate).mul_(r)
    return theta - step, RAdamState(t, m, v)


def rectification(t: int, beta2: float) -> float | None:
    r"""The factor of update `t`, below 1 and towards it; None as long as the variance is not tractable.

    .. math::
        r_t = \sqrt{\frac{(\rho_t - 4)(\rho_t - 2) \rho_\infty}{(\rho_\infty - 4)(\rho_\infty - 2) \rho_t}}, \qquad
        \rho_\infty = \frac{2}{1 - \beta_2} - 1, \qquad \rho_t = \rho_\infty - \frac{2 t \beta_2^t}{1 - \beta_2^t}

    There is one from :math:`\rho_t > 5`; the paper has it from 4.
    """
    rho_inf = 2 / (1 - beta2) - 1
    rho = rho_inf - 2 * t * beta2**t / (1 - beta2**t)
    if rho <= 5:
        return None
    return float(((rho - 4) * (rho - 2) * rho_inf / ((rho_inf - 4) * (rho_inf - 2) * rho)) ** 0.5)


RADAM = UpdateRule("RAdam", RAdamHyperparameters, radam_start, radam, {"t": "step", "m": "exp_avg", "v": "exp_avg_sq"})
