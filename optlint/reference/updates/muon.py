"""Muon, momentum whose steps are made nearly orthogonal matrices.

Jordan, Jin, Boza, You, Cesista, Newhouse, Bernstein: Muon, an optimizer for hidden layers in neural networks (2024,
kellerjordan.github.io/posts/muon).
Liu et al.: Muon is scalable for LLM training (arXiv 2502.16982, 2025), for the decay and the rate to match AdamW's.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING

import torch

from optlint.reference.update_rule import UpdateRule

if TYPE_CHECKING:
    from torch import Tensor


@dataclass(frozen=True, slots=True)
class MuonHyperparameters:
    """`lr` in parameter units; `eps` in gradient units; `weight_decay` per parameter unit; the others are pure."""

    lr: float = 1e-3
    weight_decay: float = 0.1
    momentum: float = 0.95
    nesterov: bool = True
    ns_coefficients: tuple[float, float, float] = (3.4445, -4.7750, 2.0315)
    eps: float = 1e-7
    ns_steps: int = 5
    adjust_lr_fn: str | None = None


@dataclass(frozen=True, slots=True)
class MuonState:
    """The average gradient `b`, of the parameter's shape."""

    b: Tensor


def muon_start(theta: Tensor, h: MuonHyperparameters) -> MuonState:
    """A zero average."""
    return MuonState(torch.zeros_like(theta))


def muon(theta: Tensor, g: Tensor, state: MuonState, h: MuonHyperparameters) -> tuple[Tensor, MuonState]:
    r"""One update of torch.optim.Muon, of a matrix.

    .. math::
        b_t = \mu b_{t-1} + (1 - \mu) g_t, \qquad
        \theta_t = (1 - \gamma \lambda) \theta_{t-1} - \gamma a \, \mathrm{NS}(\mu b_t + (1 - \mu) g_t)

    with :math:`\mathrm{NS}` of `nearly_orthogonal` and :math:`a` of `rate_factor`; without Nesterov's form it is
    :math:`\mathrm{NS}(b_t)`. Shapes: `theta`, `g` and `b` are alike, `(n, m)`.

    Departures of torch: the authors add up, :math:`b_t = \mu b_{t-1} + g_t`, which is the same but for the
    normalisation's :math:`\epsilon`. For a parameter of bfloat16 without Nesterov's form torch 2.13 divides :math:`b_t`
    itself by its norm (pytorch/pytorch#194664); here it stays the average.
    """
    gamma, mu, lam = h.lr, h.momentum, h.weight_decay
    b = state.b.lerp(g, 1 - mu)
    direction = nearly_orthogonal(g.lerp(b, mu) if h.nesterov else b, h)
    return (theta * (1 - gamma * lam)).add_(direction, alpha=-gamma * rate_factor(theta, h)), MuonState(b)


def nearly_orthogonal(matrix: Tensor, h: MuonHyperparameters) -> Tensor:
    r"""The matrix with its singular values brought near 1, by Newton and Schulz's iteration in bfloat16.

    .. math::
        X_0 = \frac{G}{\max(\|G\|_F, \epsilon)}, \qquad X_{k+1} = a X_k + (b A + c A^2) X_k, \qquad A = X_k X_k^\top

    for :math:`G` of shape `(n, m)`; where :math:`n > m`, for its transpose, so that :math:`A` is the smaller one.
    """
    a, b, c = h.ns_coefficients
    tall = matrix.size(0) > matrix.size(1)
    x = matrix.bfloat16()
    x = x.T if tall else x
    x = x / x.norm().clamp(min=h.eps)
    for _ in range(h.ns_steps):
        gram = x @ x.T
        x = torch.addmm(x, torch.addmm(gram, gram, gram, beta=b, alpha=c), x, beta=a)
    return x.T if tall else x


def rate_factor(theta: Tensor, h: MuonHyperparameters) -> float:
    r"""How much the rate is raised for a matrix of shape `(n, m)`.

    Jordan et al. have :math:`\sqrt{\max(1, n/m)}`; Liu et al. have :math:`0.2 \sqrt{\max(n, m)}`, so a step has the
    root mean square that AdamW's commonly have.
    """
    n, m = theta.shape
    if h.adjust_lr_fn == "match_rms_adamw":
        return 0.2 * math.sqrt(max(n, m))
    return math.sqrt(max(1.0, n / m))


MUON = UpdateRule("Muon", MuonHyperparameters, muon_start, muon, {"b": "momentum_buffer"})
