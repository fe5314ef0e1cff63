"""Adagrad, for dense and for sparse gradients.

Duchi, Hazan, Singer: Adaptive subgradient methods for online learning and stochastic optimization (JMLR 12, 2011); the
diagonal form.
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
class AdagradHyperparameters:
    """`lr` in parameter units; `eps` in gradient units and `initial_accumulator_value` in their square.

    `weight_decay` is per parameter unit, `lr_decay` per update.
    """

    lr: float = 1e-2
    lr_decay: float = 0.0
    weight_decay: float = 0.0
    initial_accumulator_value: float = 0.0
    eps: float = 1e-10


@dataclass(frozen=True, slots=True)
class AdagradState:
    """After `t` updates: the sum of the squared gradients, of the parameter's shape."""

    t: int
    total: Tensor


def adagrad_start(theta: Tensor, h: AdagradHyperparameters) -> AdagradState:
    """The initial accumulator everywhere.

    Torch takes that value from the constructor's argument, and never from a param group that says another.
    """
    return AdagradState(0, torch.full_like(theta, h.initial_accumulator_value))


def adagrad(theta: Tensor, g: Tensor, state: AdagradState, h: AdagradHyperparameters) -> tuple[Tensor, AdagradState]:
    r"""One update of torch.optim.Adagrad.

    .. math::
        s_t = s_{t-1} + g_t^2, \qquad
        \theta_t = \theta_{t-1} - \frac{\gamma}{1 + (t - 1) \kappa} \frac{g_t}{\sqrt{s_t} + \epsilon}

    with :math:`\kappa` the decay of the rate, which the paper does not have, and :math:`g_t` taking in the L2 penalty.
    Shapes: `theta`, `g` and `s` are alike. Of a sparse gradient only the elements that it holds count, and only
    those move; torch has no L2 penalty with it, and squares there a complex number as such, not its two parts.
    """
    epsilon, lam = h.eps, h.weight_decay
    t = state.t + 1
    rate = h.lr / (1 + (t - 1) * h.lr_decay)
    if g.is_sparse:
        touched, g = touched_elements(g)
        total = state.total[touched].add_(g.pow(2))
        moved = theta[touched].add_(g.div(total.sqrt().add_(epsilon)), alpha=-rate)
        return theta.index_put(touched, moved), AdagradState(t, state.total.index_put(touched, total))
    if lam != 0:
        g = g.add(theta, alpha=lam)
    total = state.total.addcmul(g, g)
    return theta.addcdiv(g, total.sqrt().add_(epsilon), value=-rate), AdagradState(t, total)


ADAGRAD = UpdateRule("Adagrad", AdagradHyperparameters, adagrad_start, adagrad, {"t": "step", "total": "sum"})
