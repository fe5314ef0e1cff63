"""Stochastic gradient descent with an L1 and an L2 penalty; torch.optim has no counterpart.

The L1 penalty by its subgradient is what Tsuruoka, Tsujii, Ananiadou call the naive form: Stochastic gradient descent
training for L1-regularized log-linear models with cumulative penalty (ACL 2009).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from optlint.reference.update_rule import UpdateRule
from optlint.reference.updates.sgd import SGDHyperparameters, SGDState, sgd

if TYPE_CHECKING:
    from torch import Tensor


@dataclass(frozen=True, slots=True)
class SGDL1L2Hyperparameters:
    """SGD's, with `weight_decay1` in gradient units and `weight_decay2` in these per parameter unit."""

    lr: float = 1e-3
    momentum: float = 0.0
    dampening: float = 0.0
    nesterov: bool = False
    weight_decay1: float = 0.0
    weight_decay2: float = 0.0


def sgd_l1_l2_start(theta: Tensor, h: SGDL1L2Hyperparameters) -> SGDState:
    """No velocity yet."""
    return SGDState()


def sgd_l1_l2(theta: Tensor, g: Tensor, state: SGDState, h: SGDL1L2Hyperparameters) -> tuple[Tensor, SGDState]:
    r"""One update of `sgd` on the penalised loss :math:`f(\theta) + \lambda_1 \|\theta\|_1 + \frac{\lambda_2}{2}
    \|\theta\|_2^2`.

    .. math::
        g_t \leftarrow g_t + \lambda_1 \, \mathrm{sign}(\theta_{t-1}) + \lambda_2 \theta_{t-1}

    with :math:`\mathrm{sign}(0) = 0` as the subgradient at zero. Shapes: `theta`, `g` and `v` are alike. The L1 penalty
    draws small elements to and fro across zero; none stays exactly there.
    """
    if h.weight_decay1 != 0:
        g = g.add(theta.sign(), alpha=h.weight_decay1)
    return sgd(theta, g, state, SGDHyperparameters(h.lr, h.momentum, h.dampening, h.weight_decay2, h.nesterov))


SGD_L1_L2 = UpdateRule("sgd_l1_l2", SGDL1L2Hyperparameters, sgd_l1_l2_start, sgd_l1_l2, {"v": "momentum_buffer"})
"""Not one of `RULES`: no class of torch.optim computes this."""
