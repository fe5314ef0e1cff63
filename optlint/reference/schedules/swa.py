"""The rate under which weights are averaged: SWALR.

Izmailov, Podoprikhin, Garipov, Vetrov, Wilson: Averaging weights leads to wider optima and better generalization (UAI
2018), section 3.2, of which torch keeps the constant rate.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

from optlint.reference.schedules.schedule import Rates, Schedule


@dataclass(frozen=True, slots=True)
class SWALR(Schedule):
    r"""From the rate that it finds to `swa_lr` in `anneal_epochs` steps, by a cosine or a line, and constant then.

    .. math::
        \eta_t = (1 - \alpha_t)\, \eta_0 + \alpha_t\, \eta_{swa}, \qquad
        \alpha_t = \min(1, t / n) \text{ or } \frac{1 - \cos(\pi \min(1, t / n))}{2}

    Construction leaves the rate; without annealing (`anneal_epochs=0`) it sets `swa_lr`. Torch counts `t` by the calls
    of `step` since construction, not by `last_epoch`: a scheduler built with `last_epoch=k` begins anew. And
    it keeps `swa_lr` in the group: of two on one optimizer, in a `SequentialLR` say, both anneal to the last one's.
    """

    swa_lr: float
    anneal_epochs: int = 10
    anneal_strategy: str = "cos"

    @property
    def relative(self) -> bool:
        """It goes on from whatever rate it finds."""
        return True

    def closed_form(self, base: float, t: float) -> Rates:
        """The formula above, with the rate that it finds as `base`."""
        progress = t / self.anneal_epochs if t < self.anneal_epochs else 1.0
        alpha = self._alpha(progress)
        return Rates((1 - alpha) * base + alpha * self.swa_lr)

    def step(self, base: float, present: Rates, t: float) -> Rates:
        r"""Torch finds :math:`\eta_0` again from the present rate, and then the value at :math:`t`.

        .. math::
            \eta_0 = \frac{\eta_{t-1} - \alpha_{t-1} \eta_{swa}}{1 - \alpha_{t-1}}

        which once :math:`\alpha_{t-1} = 1` is :math:`\eta_{swa}`.
        """
        count = t if self.anneal_epochs > 0 else max(1, t)
        length = max(1, self.anneal_epochs)
        before = self._alpha(max(0, min(1, (count - 1) / length)))
        alpha = self._alpha(max(0, min(1, count / length)))
        found = self.swa_lr if before == 1 else (present.lr - before * self.swa_lr) / (1 - before)
        return present.then(Rates(self.swa_lr * alpha + found * (1 - alpha)))

    def start(self, base: float, present: Rates) -> Rates:
        """The step to 0, which leaves the rate unless there is nothing to anneal."""
        return self.step(base, present, 0)

    def jump(self, base: float, present: Rates, t: float) -> Rates:
        """Torch has no closed form here: a step from the present rate."""
        return self.step(base, present, t)

    def _alpha(self, progress: float) -> float:
        return progress if self.anneal_strategy == "linear" else (1 - math.cos(math.pi * progress)) / 2
