"""Annealing by a cosine, without restarts and with them.

Loshchilov, Hutter: SGDR, stochastic gradient descent with warm restarts (ICLR 2017), equation 5.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

from optlint.reference.schedules.schedule import AbsoluteSchedule, Rates, Schedule


@dataclass(frozen=True, slots=True)
class CosineAnnealingLR(Schedule):
    r"""From the base rate to `eta_min` in `T_max` steps along half a cosine wave, and up again after that.

    .. math::
        \eta_t = \eta_{min} + (\eta_0 - \eta_{min}) \frac{1 + \cos(\pi t / T)}{2}

    Construction leaves the rate. Departure of torch from the paper: no restart at `T_max`, the wave goes on.
    """

    T_max: int
    eta_min: float = 0.0

    def closed_form(self, base: float, t: float) -> Rates:
        """The formula above, for every `t`: the period is `2 T_max`."""
        return Rates(self.eta_min + (base - self.eta_min) * (1 + math.cos(math.pi * t / self.T_max)) / 2)

    def step(self, base: float, present: Rates, t: float) -> Rates:
        r"""The distance to :math:`\eta_{min}` by the ratio of the waves at :math:`t` and :math:`t - 1`.

        .. math::
            \eta_t = \frac{1 + \cos(\pi t / T)}{1 + \cos(\pi (t - 1) / T)} (\eta_{t-1} - \eta_{min}) + \eta_{min}

        One step after a valley (:math:`t - 1 = T, 3T, 5T, \ldots`) there is no distance to multiply:
        :math:`\eta_t = \eta_{t-1} + (\eta_0 - \eta_{min}) (1 - \cos(\pi / T)) / 2`, so that whatever others did to the
        rate is lost there. The rounding of :math:`1 - \cos(\pi / T)`, relative :math:`2^{-53} / (1 - \cos(\pi / T))`,
        then stays in the distance until the next valley.
        """
        if (t - 1 - self.T_max) % (2 * self.T_max) == 0:
            return present.then(
                Rates(present.lr + (base - self.eta_min) * (1 - math.cos(math.pi / self.T_max)) / 2),
            )
        ratio = (1 + math.cos(math.pi * t / self.T_max)) / (1 + math.cos(math.pi * (t - 1) / self.T_max))
        return present.then(Rates(ratio * (present.lr - self.eta_min) + self.eta_min))


@dataclass(frozen=True, slots=True)
class CosineAnnealingWarmRestarts(AbsoluteSchedule):
    r"""Half a cosine wave from the base rate towards `eta_min`, again and again, each `T_mult` times longer.

    .. math::
        \eta_t = \eta_{min} + (\eta_0 - \eta_{min}) \frac{1 + \cos(\pi T_{cur} / T_i)}{2}

    with :math:`T_{cur}` the steps since the restart, and :math:`T_i` the steps from that restart to the next.
    Construction sets the base rate. A step may be a fraction: torch's `step(epoch + i / n)` is documented.

    Departure of torch: its `step(epoch)` finds the restart by a logarithm in floating point, which misses a few:
    :math:`\log_3 243` comes to less than 5, so that the fifth restart with `T_mult=3` gives `eta_min`.
    """

    T_0: int
    T_mult: int = 1
    eta_min: float = 0.0

    def closed_form(self, base: float, t: float) -> Rates:
        r"""Restart :math:`n` is at :math:`T_0 (m^n - 1) / (m - 1)`, with :math:`m = 1` at :math:`n T_0`.

        The last one up to :math:`t` is :math:`n = \lfloor \log_m (t (m - 1) / T_0 + 1) \rfloor`.
        """
        if self.T_mult == 1:
            n = math.floor(t / self.T_0)
        else:
            n = math.floor(math.log(t * (self.T_mult - 1) / self.T_0 + 1, self.T_mult))
            if self._restart(n + 1) <= t:  # the logarithm was rounded down past a whole number
                n += 1
        return self._wave(base, t - self._restart(n), self.T_0 * self.T_mult**n)

    def evaluate(self, base: float, t: float) -> Rates:
        """Torch's counters: each restart takes its length off the step, and makes the next one longer."""
        if self.T_mult == 1:
            return self._wave(base, t % self.T_0, self.T_0)
        return self._wave(base, *self._counters(t, self.T_0))

    def _counters(self, t_cur: float, t_i: int) -> tuple[float, int]:
        return (t_cur, t_i) if t_cur < t_i else self._counters(t_cur - t_i, t_i * self.T_mult)

    def _restart(self, n: int) -> int:
        return self.T_0 * n if self.T_mult == 1 else self.T_0 * (self.T_mult**n - 1) // (self.T_mult - 1)

    def _wave(self, base: float, t_cur: float, t_i: int) -> Rates:
        return Rates(self.eta_min + (base - self.eta_min) * (1 + math.cos(math.pi * t_cur / t_i)) / 2)
