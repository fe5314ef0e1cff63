"""Clipping of gradients: of their norm, and of their values.

Pascanu, Mikolov, Bengio: On the difficulty of training recurrent neural networks (ICML 2013), algorithm 1, for the
norm; clipping by value is older, and has no paper of its own.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import torch

if TYPE_CHECKING:
    from torch import Tensor

LEAST_NORM = 1e-6
"""Torch adds it to the norm: also a norm just below the bound is made a little less."""


class NonFiniteNormError(ArithmeticError):
    """The total norm is NaN or infinite, and the caller did not want that."""


def total_norm(gs: Sequence[Tensor], p: float = 2.0) -> Tensor:
    r"""The norm of all gradients as one vector, by way of the norm of each.

    .. math::
        \|g\|_p = \Big( \sum_i \|g_i\|_p^p \Big)^{1/p}, \qquad \|g\|_\infty = \max_i \|g_i\|_\infty

    Args:
        gs: Gradients of any shapes, without those that are None; complex ones count by magnitude.
        p: Any order, infinity too. For 0, where a norm counts what is not zero, torch counts whole gradients.

    Returns:
        A tensor without dimensions in gradient units; 0 where there is no gradient.
    """
    if not gs:
        return torch.tensor(0.0)
    norms = [torch.linalg.vector_norm(g, p).to(gs[0].device) for g in gs]
    norm: Tensor = torch.linalg.vector_norm(torch.stack(norms), p)
    return norm


def clip_by_norm(
    gs: Sequence[Tensor], max_norm: float, p: float = 2.0, *, error_if_nonfinite: bool = False
) -> tuple[list[Tensor], Tensor]:
    r"""The gradients, shortened together so that their norm is at most `max_norm`, and the norm that they had.

    .. math::
        g_i \leftarrow g_i \min\Big(1, \frac{c}{\|g\|_p + 10^{-6}}\Big)

    The direction stays. Departure of torch from the paper: the :math:`10^{-6}`. A norm that is infinite makes all
    finite elements zero and the infinite ones NaN; one that is NaN makes all of them NaN.

    Errors:
        NonFiniteNormError: the norm is NaN or infinite, and `error_if_nonfinite` is set.
    """
    norm = total_norm(gs, p)
    if error_if_nonfinite and not norm.isfinite():
        raise NonFiniteNormError(f"the total norm of order {p:g} is {norm.item()}, so nothing can be clipped to it")
    factor = (max_norm / (norm + LEAST_NORM)).clamp(max=1.0)
    return [g * factor.to(g.device) for g in gs], norm


def clip_by_value(gs: Sequence[Tensor], limit: float) -> list[Tensor]:
    r"""The gradients with every element in :math:`[-c, c]`; NaN stays. The direction changes.

    .. math::
        g_i \leftarrow \max(-c, \min(c, g_i))
    """
    return [g.clamp(-limit, limit) for g in gs]
