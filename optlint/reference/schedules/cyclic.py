"""A rate that runs between two bounds, up and down, cycle after cycle.

Smith: Cyclical learning rates for training neural networks (WACV 2017), section 3.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass

from optlint.reference.schedules.schedule import AbsoluteSchedule, Rates


@dataclass(frozen=True, slots=True)
class CyclicLR(AbsoluteSchedule):
    r"""A triangle wave from `base_lr`, with an amplitude that may shrink; the momentum runs against it.

    .. math::
        \eta_t = \eta_b + (\eta_m - \eta_b)\, h(t)\, a(t), \qquad \mu_t = \mu_m - (\mu_m - \mu_b)\, h(t)\, a(t)

    with the height :math:`h` in [0, 1]. The amplitude :math:`a` is 1 for `triangular`, :math:`2^{1 - c}` in cycle
    :math:`c = 1, 2, \ldots` for `triangular2`, and :math:`\gamma^t` for `exp_range`; or a function of the user's, of
    :math:`c` with the scale mode `cycle`, else of :math:`t`. (Torch's documentation says steps since the start of the
    cycle; the paper and torch's code have all steps.)

    Construction sets `base_lr` in the group, whatever the rate was, and `max_momentum` with `cycle_momentum`; where an
    earlier scheduler has left an `initial_lr`, torch's initial step sets this, and the step after it goes on from
    `base_lr`. The momentum is `betas[0]` where the optimizer has betas.
    """

    base_lr: float
    max_lr: float
    step_size_up: float = 2000
    step_size_down: float | None = None
    mode: str = "triangular"
    gamma: float = 1.0
    scale_fn: Callable[[float], float] | None = None
    scale_mode: str = "cycle"
    cycle_momentum: bool = True
    base_momentum: float = 0.8
    max_momentum: float = 0.9

    def closed_form(self, base: float, t: float) -> Rates:
        r"""With :math:`p` the steps since the cycle began: :math:`h = p / u` going up, then :math:`(u + d - p) / d`.

        `base` has no part in it.
        """
        cycle, p = divmod(t, self.step_size_up + self._down)
        h = p / self.step_size_up if p <= self.step_size_up else (self.step_size_up + self._down - p) / self._down
        return self._at(h, 1 + int(cycle), t)

    def evaluate(self, base: float, t: float) -> Rates:
        """The same with the cycle as the unit: :math:`x` in [0, 1) of it, and the peak at `step_ratio`."""
        total_size = float(self.step_size_up) + float(self._down)
        step_ratio = self.step_size_up / total_size
        cycle = math.floor(1 + t / total_size)
        x = 1.0 + t / total_size - cycle
        h = x / step_ratio if x <= step_ratio else (x - 1) / (step_ratio - 1)
        return self._at(h, cycle, t)

    @property
    def _down(self) -> float:
        return self.step_size_up if self.step_size_down is None else self.step_size_down

    def _at(self, h: float, cycle: int, t: float) -> Rates:
        a = self._amplitude(cycle, t)
        lr = self.base_lr + (self.max_lr - self.base_lr) * h * a
        if not self.cycle_momentum:
            return Rates(lr)
        return Rates(lr, self.max_momentum - (self.max_momentum - self.base_momentum) * h * a)

    def _amplitude(self, cycle: int, t: float) -> float:
        if self.scale_fn is not None:
            return self.scale_fn(cycle if self.scale_mode == "cycle" else t)
        if self.mode == "triangular2":
            return 1 / 2.0 ** (cycle - 1)
        return self.gamma**t if self.mode == "exp_range" else 1.0
