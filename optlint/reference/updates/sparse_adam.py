"""SparseAdam, Adam of only those elements that a sparse gradient holds.

Kingma, Ba: Adam, a method for stochastic optimization (ICLR 2015), algorithm 1, for each element touched; the paper has
no sparse form.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import torch

from optlint.reference.update_rule import UpdateRule
from optlint.reference.updates.sparse_gradient import touched_elements

if TYPE_CHECKING:
    from torch import Tensor


@dataclass(frozen=True, slots=True)
class SparseAdamHyperparameters:
    """`lr` in parameter units; `eps` in gradient units; `betas` are pure numbers."""

    lr: float = 1e-3
    betas: tuple[float, float] = (0.9, 0.999)
    eps: float = 1e-8


@dataclass(frozen=True, slots=True)
class SparseAdamState:
    """After `t` updates of the parameter, of whichever elements: the moments `m` and `v`, dense, of its shape."""

    t: int
    m: Tensor
    v: Tensor


def sparse_adam_start(theta: Tensor, h: SparseAdamHyperparameters) -> SparseAdamState:
    """Both moments are zero."""
    zero = torch.zeros_like(theta)
    return SparseAdamState(0, zero, zero)


def sparse_adam(
    theta: Tensor, g: Tensor, state: SparseAdamState, h: SparseAdamHyperparameters
) -> tuple[Tensor, SparseAdamState]:
    r"""One update of torch.optim.SparseAdam. For each element `i` that the gradient holds:

    .. math::
        m_i \leftarrow m_i + (1 - \beta_1) (g_i - m_i), \qquad v_i \leftarrow v_i + (1 - \beta_2) (g_i^2 - v_i)

        \theta_i \leftarrow \theta_i
        - \alpha \frac{\sqrt{1 - \beta_2^t}}{1 - \beta_1^t} \frac{m_i}{\sqrt{v_i} + \epsilon}

    The others keep parameter and moments. Shapes: `theta`, `m` and `v` dense and alike, `g` sparse of the same.

    Departures of torch from Adam: `t` counts the updates of the whole parameter, so an element touched for the first
    time late is corrected as if its moments had always been averaged; and :math:`\epsilon` comes before the bias
    correction.
    """
    alpha, (beta1, beta2), epsilon = h.lr, h.betas, h.eps
    t = state.t + 1
    touched, g = touched_elements(g)
    m, v = state.m[touched], state.v[touched]
    m = g.sub(m).mul_(1 - beta1).add_(m)
    v = g.pow(2).sub_(v).mul_(1 - beta2).add_(v)
    rate = alpha * (1 - beta2**t) ** 0.5 / (1 - beta1**t)
    step = m.div(v.sqrt().add_(epsilon)).mul_(rate)
    moments = SparseAdamState(t, state.m.index_put(touched, m), state.v.index_put(touched, v))
    return theta.index_put(touched, theta[touched] - step), moments


SPARSE_ADAM = UpdateRule(
    "SparseAdam",
    SparseAdamHyperparameters,
    sparse_adam_start,
    sparse_adam,
    {"t": "step", "m": "exp_avg", "v": "exp_avg_sq"},
)
