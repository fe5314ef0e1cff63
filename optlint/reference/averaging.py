"""Averages of parameters over a training run: the equal one and the exponential one.

Polyak, Juditsky: Acceleration of stochastic approximation by averaging (SIAM J. Control Optim., 1992).
Izmailov, Podoprikhin, Garipov, Vetrov, Wilson: Averaging weights leads to wider optima and better generalization
(UAI 2018), algorithm 1, for the equal average as a recursion.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING

import torch

if TYPE_CHECKING:
    from torch import Tensor


@dataclass(frozen=True, slots=True, eq=False)
class Average:
    """The average of `n` values of one parameter; of its shape and dtype. With `n` 0 the value says nothing."""

    n: int
    value: Tensor


def equal_average(average: Average, theta: Tensor) -> Average:
    r"""Every value counts alike; the first is taken as it is.

    .. math::
        w_{n+1} = w_n + \frac{\theta - w_n}{n + 1} = \frac{1}{n + 1} \sum_{i=0}^{n} \theta_i

    The form of torch's `get_swa_avg_fn`, and of its `AveragedModel` without a function of its own, except on an
    accelerator: there it is `equal_average_interpolated`. A buffer of integers is cut towards zero each time.
    """
    return _next(average, theta, lambda w, n: w + (theta - w) / (n + 1))


def equal_average_interpolated(average: Average, theta: Tensor) -> Average:
    r"""The same as `equal_average`, rounded otherwise: :math:`w_{n+1} = \mathrm{lerp}(w_n, \theta, 1/(n+1))`.

    The form of torch's `get_swa_multi_avg_fn`; for floating point and complex numbers only. Torch counts in a tensor,
    so its weight is of the default dtype, float32, and an average of float64 no more exact than that.
    """
    return _next(average, theta, lambda w, n: w.lerp(theta, (1 / torch.tensor(n + 1)).item()))


def exponential_average(average: Average, theta: Tensor, decay: float = 0.999) -> Average:
    r"""The older, the less; the first value is taken as it is, so it keeps more weight than the others.

    .. math::
        w_{n+1} = \beta w_n + (1 - \beta) \theta
        = \beta^n \theta_0 + (1 - \beta) \sum_{i=1}^{n} \beta^{n-i} \theta_i

    The form of torch's `get_ema_avg_fn`; there is no correction of the bias. `decay` is a pure number in [0, 1].
    """
    return _next(average, theta, lambda w, n: decay * w + (1 - decay) * theta)


def exponential_average_interpolated(average: Average, theta: Tensor, decay: float = 0.999) -> Average:
    r"""The same as `exponential_average`, rounded otherwise: :math:`w_{n+1} = \mathrm{lerp}(w_n, \theta, 1-\beta)`.

    The form of torch's `get_ema_multi_avg_fn`; for floating point and complex numbers only.
    """
    return _next(average, theta, lambda w, n: w.lerp(theta, 1 - decay))


def _next(average: Average, theta: Tensor, taken_in: Callable[[Tensor, int], Tensor]) -> Average:
    value = theta.clone() if average.n == 0 else taken_in(average.value, average.n).to(average.value.dtype)
    return Average(average.n + 1, value)
