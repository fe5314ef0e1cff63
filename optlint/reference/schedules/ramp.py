"""Factors for the first steps: ConstantLR and LinearLR.

Goyal et al.: Accurate, large minibatch SGD, training ImageNet in 1 hour (2017), section 2.2, for both warm-ups.
"""

from __future__ import annotations

from dataclasses import dataclass

from optlint.reference.schedules.schedule import FactorSchedule, Rates


@dataclass(frozen=True, slots=True)
class ConstantLR(FactorSchedule):
    r"""The base rate by a factor for `total_iters` steps, then the base rate.

    Construction multiplies the rate that it finds by the factor: built twice, it is there twice, and undone once.

    Departures of torch: with `total_iters=0` the recursion never undoes the factor (the closed form does at once), and
    a factor of 0 ends in a division by zero at `total_iters`.
    """

    factor: float = 1.0 / 3
    total_iters: int = 5

    def multiplier(self, t: float) -> float:
        r""":math:`f` before step :math:`T`, 1 from then on."""
        return self.factor if t < self.total_iters else 1.0

    def ratio(self, t: float) -> float:
        r""":math:`f` at 0, :math:`1 / f` at :math:`T`, else 1."""
        if t == 0:
            return self.factor
        return 1.0 / self.factor if t == self.total_iters else 1.0

    def start(self, base: float, present: Rates) -> Rates:
        """The initial step multiplies."""
        return self.step(base, present, 0)


@dataclass(frozen=True, slots=True)
class LinearLR(FactorSchedule):
    r"""A line from one factor to another, :math:`\eta_t = \eta_0 (s + (e - s) \min(t, T) / T)`.

    Construction multiplies the rate that it finds by :math:`s`, as `ConstantLR` does.

    Departures of torch: with `total_iters=0` the recursion stays at :math:`s` (the closed form is at :math:`e`), and
    torch's own closed form divides by zero. A line that ends at 0 ends in the recursion at a rounding error, as
    :math:`1 + (e - s) / s` need not be 0 in floating point: within an ulp of the base rate.
    """

    start_factor: float = 1.0 / 3
    end_factor: float = 1.0
    total_iters: int = 5

    def multiplier(self, t: float) -> float:
        r""":math:`s + (e - s) t / T` before step :math:`T`, :math:`e` from then on."""
        if t >= self.total_iters:
            return self.end_factor
        return self.start_factor + (self.end_factor - self.start_factor) * t / self.total_iters

    def ratio(self, t: float) -> float:
        r""":math:`1 + \frac{e - s}{T s + (t - 1) (e - s)}` up to :math:`T`, 1 after it."""
        if t == 0:
            return self.start_factor
        if t > self.total_iters:
            return 1.0
        rise = self.end_factor - self.start_factor
        return 1.0 + rise / (self.total_iters * self.start_factor + (t - 1) * rise)

    def start(self, base: float, present: Rates) -> Rates:
        """The initial step multiplies."""
        return self.step(base, present, 0)
