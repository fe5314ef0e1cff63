r"""Accumulation of gradients: what several micro batches add up to, beside the gradient of the whole batch.

The loss of a batch is the mean over its samples, :math:`L = \frac1N \sum_i \ell_i`. For micro batches of
:math:`n_1, \dots, n_k` samples with the losses :math:`L_j`, each a mean over its own, the chain rule gives

.. math::
    \nabla L = \sum_j \frac{n_j}{N} \nabla L_j, \qquad N = \sum_j n_j

and autograd adds up :math:`\sum_j w_j \nabla L_j`, where :math:`w_j` is what :math:`L_j` is multiplied by before
`backward`. So it depends on the :math:`w_j` which gradient an optimizer sees. A loss that is not a mean over samples
(of a batch norm, of a contrastive loss) has no such weights.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from torch import Tensor


def accumulated(gs: Sequence[Tensor | None], weights: Sequence[float]) -> Tensor | None:
    r"""What is in `grad` after the backward of all micro batches: :math:`\sum_j w_j \nabla L_j`, added up in turn.

    Args:
        gs: The gradient of each micro batch's mean loss with respect to one parameter; None where that has no part.
        weights: What each of these losses is multiplied by; as many.
    """
    total: Tensor | None = None
    for g, weight in zip(gs, weights, strict=True):
        if g is not None:
            total = g * weight if total is None else total + g * weight
    return total


def weights_of_the_whole(sizes: Sequence[int]) -> list[float]:
    r"""The weights :math:`n_j / N`, with which the sum is the gradient of the whole batch; `sizes` are the n."""
    return [size / sum(sizes) for size in sizes]


def weights_divided(sizes: Sequence[int]) -> list[float]:
    r"""The weights :math:`1 / k` of a loss divided by the number of micro batches.

    They are those of the whole while all sizes are alike. Else a sample of micro batch `j` counts
    :math:`N / (k n_j)` times what it should: those of a short last batch too much.
    """
    return [1 / len(sizes)] * len(sizes)


def weights_undivided(sizes: Sequence[int]) -> list[float]:
    r"""The weights 1 of a loss that nobody divided: the sum is `k` times that of `weights_divided`.

    For SGD that is a rate `k` times as high (weight decay apart); Adam's step does not see it but for :math:`\epsilon`.
    """
    return [1.0] * len(sizes)
