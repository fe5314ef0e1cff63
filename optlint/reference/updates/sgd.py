"""Stochastic gradient descent with momentum, in torch's form and in the form of the other frameworks.

Sutskever, Martens, Dahl, Hinton: On the importance of initialization and momentum in deep learning (ICML 2013).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from optlint.reference.update_rule import UpdateRule

if TYPE_CHECKING:
    from torch import Tensor


@dataclass(frozen=True, slots=True)
class SGDHyperparameters:
    """`lr` in parameter units per gradient unit; the others are pure numbers, `weight_decay` is per parameter unit."""

    lr: float = 1e-3
    momentum: float = 0.0
    dampening: float = 0.0
    weight_decay: float = 0.0
    nesterov: bool = False


@dataclass(frozen=True, slots=True)
class SGDState:
    """The velocity `v`, of the parameter's shape, and None until the first update and without momentum."""

    v: Tensor | None = None


def sgd_start(theta: Tensor, h: SGDHyperparameters) -> SGDState:
    """No velocity yet."""
    return SGDState()


def sgd(theta: Tensor, g: Tensor, state: SGDState, h: SGDHyperparameters) -> tuple[Tensor, SGDState]:
    r"""One update of torch.optim.SGD.

    .. math::
        v_t = \mu v_{t-1} + (1 - \tau) g_t, \qquad \theta_t = \theta_{t-1} - \gamma v_t

    with :math:`g_t` taking in the L2 penalty :math:`\lambda \theta_{t-1}`, and :math:`g_t + \mu v_t` in the place of
    :math:`v_t` for Nesterov. Shapes: `theta`, `g` and `v` are alike. Of a sparse gradient the velocity is sparse too:
    only the elements that either of them holds move. Torch has no L2 penalty with it.

    The paper has the rate inside of the velocity (`sgd_velocity_in_parameter_units`): the two differ as soon as the
    rate changes. Torch starts with :math:`v_1 = g_1`, whatever the dampening.
    """
    gamma, mu, tau, lam = h.lr, h.momentum, h.dampening, h.weight_decay
    if lam != 0:
        g = g.add(theta, alpha=lam)
    if mu == 0:
        return theta.add(g, alpha=-gamma), state
    # A copy, for the memory of the gradient is the caller's, who may add to it or clear it
    v = g.clone() if state.v is None else (mu * state.v).add_(g, alpha=1 - tau)
    step = g.add(v, alpha=mu) if h.nesterov else v
    return theta.add(step, alpha=-gamma), SGDState(v)


def sgd_velocity_in_parameter_units(
    theta: Tensor, g: Tensor, state: SGDState, h: SGDHyperparameters
) -> tuple[Tensor, SGDState]:
    r"""The form of Sutskever et al. and of the other frameworks: the rate is in the velocity.

    .. math::
        v_t = \mu v_{t-1} + \gamma g_t, \qquad \theta_t = \theta_{t-1} - v_t

    Equal to `sgd` while :math:`\gamma` stands still and :math:`\tau = 0`. For Nesterov the step is
    :math:`\gamma g_t + \mu v_t`. Shapes: `theta`, `g` and `v` are alike; `dampening` is not part of this form.
    """
    gamma, mu, lam = h.lr, h.momentum, h.weight_decay
    if lam != 0:
        g = g.add(theta, alpha=lam)
    v = gamma * g if state.v is None else (mu * state.v).add_(g, alpha=gamma)
    step = (gamma * g).add(v, alpha=mu) if h.nesterov else v
    return theta - step, SGDState(v)


SGD = UpdateRule("SGD", SGDHyperparameters, sgd_start, sgd, {"v": "momentum_buffer"})
