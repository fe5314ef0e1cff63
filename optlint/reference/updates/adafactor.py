"""Adafactor, which keeps of a matrix of second moments only its rows' and its columns' means.

Shazeer, Stern: Adafactor, adaptive learning rates with sublinear memory cost (ICML 2018), algorithms 4 (matrices) and 5
(vectors), with the hyperparameters of algorithm 6.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import torch

from optlint.reference.update_rule import UpdateRule

if TYPE_CHECKING:
    from torch import Tensor


@dataclass(frozen=True, slots=True)
class AdafactorHyperparameters:
    """`lr` is the largest step relative to the parameter, a pure number; the decay multiplies with it.

    `eps` are the first, in gradient units (None: the dtype's spacing at 1), and the second, in parameter units; `d`,
    the largest mean square of a step, and `beta2_decay`, an exponent, are pure numbers.
    """

    lr: float = 1e-2
    beta2_decay: float = -0.8
    eps: tuple[float | None, float] = (None, 1e-3)
    d: float = 1.0
    weight_decay: float = 0.0


@dataclass(frozen=True, slots=True)
class AdafactorState:
    """After `t` updates, the means of squared gradients: over rows and columns, or for vectors each element's.

    Attributes:
        rows: Of shape `(..., n, 1)` for a parameter of shape `(..., n, m)`; None for a vector.
        columns: Of shape `(..., 1, m)`; None for a vector.
        v: Of the parameter's shape; None for a matrix.
    """

    t: int
    rows: Tensor | None
    columns: Tensor | None
    v: Tensor | None


def adafactor_start(theta: Tensor, h: AdafactorHyperparameters) -> AdafactorState:
    """All zero."""
    if theta.dim() < 2:
        return AdafactorState(0, None, None, torch.zeros_like(theta))
    *batch, n, m = theta.shape
    return AdafactorState(0, theta.new_zeros(*batch, n, 1), theta.new_zeros(*batch, 1, m), None)


def adafactor(
    theta: Tensor, g: Tensor, state: AdafactorState, h: AdafactorHyperparameters
) -> tuple[Tensor, AdafactorState]:
    r"""One update of torch.optim.Adafactor.

    .. math::
        \rho_t = \min(\gamma, 1 / \sqrt t), \qquad
        \alpha_t = \max(\epsilon_2, \mathrm{RMS}(\theta_{t-1})) \rho_t, \qquad \beta_t = 1 - t^\tau

        R_t = \beta_t R_{t-1} + (1 - \beta_t) \overline{g_t^2}^{cols}, \qquad
        C_t = \beta_t C_{t-1} + (1 - \beta_t) \overline{g_t^2}^{rows}, \qquad
        V_t = \frac{R_t C_t}{\max(\overline{R_t}, \epsilon_1)}

        U_t = \frac{g_t}{\max(\sqrt{V_t}, \epsilon_1)}, \qquad
        \theta_t = (1 - \gamma \lambda) \theta_{t-1} - \frac{\alpha_t}{\max(1, \mathrm{RMS}(U_t) / d)} U_t

    For a vector :math:`V_t = \beta_t V_{t-1} + (1 - \beta_t) g_t^2`. Of more than two dimensions the last two make the
    matrix. Shapes: `theta`, `g` and :math:`U` are alike; for :math:`R`, :math:`C` and :math:`V` see the state.

    Departures of torch: means in the place of sums; :math:`\epsilon_1` bounds the denominators from below, where the
    paper adds it to the squares; :math:`\gamma` in the place of a fixed 0.01; the decay is decoupled, and multiplied by
    :math:`\gamma` even where :math:`\rho_t` is less. Where a group holds several dtypes and the first epsilon is None,
    torch takes for all of them that of the first one.
    """
    gamma, d, lam = h.lr, h.d, h.weight_decay
    epsilon1 = torch.finfo(theta.dtype).eps if h.eps[0] is None else h.eps[0]
    epsilon2 = h.eps[1]
    t = state.t + 1
    weight_of_new = float(t) ** h.beta2_decay
    alpha = max(epsilon2, root_mean_square(theta)) * min(gamma, 1 / t**0.5)
    if state.rows is None or state.columns is None:
        assert state.v is not None, "a vector's state has no rows and columns"
        v = state.v.lerp(g * g, weight_of_new)
        state, estimate = AdafactorState(t, None, None, v), v.clone()
    else:
        rows = state.rows.lerp(mean_square(g, -1), weight_of_new)
        columns = state.columns.lerp(mean_square(g, -2), weight_of_new)
        state = AdafactorState(t, rows, columns, None)
        estimate = (rows @ columns).div_(rows.mean(dim=-2, keepdim=True).clamp_(min=epsilon1))
    u = estimate.clamp_(min=epsilon1 * epsilon1).rsqrt_().mul_(g)
    if lam != 0:
        theta = theta * (1 - gamma * lam)
    return theta.add(u, alpha=-alpha / max(1.0, root_mean_square(u) / d)), state


def root_mean_square(x: Tensor) -> float:
    """The root of the mean of the squares of all elements."""
    return float(torch.linalg.vector_norm(x).item() / x.numel() ** 0.5)


def mean_square(x: Tensor, dim: int) -> Tensor:
    """The mean of the squares over one dimension, which is kept with size 1."""
    norm: Tensor = torch.linalg.vector_norm(x, dim=dim, keepdim=True)
    return norm.square_().div_(x.size(dim))


ADAFACTOR = UpdateRule(
    "Adafactor",
    AdafactorHyperparameters,
    adafactor_start,
    adafactor,
    {"t": "step", "rows": "row_var", "columns": "col_var", "v": "variance"},
)
