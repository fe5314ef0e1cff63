"""Decays by powers: StepLR, MultiStepLR, ExponentialLR, PolynomialLR.

Liu, Rabinovich, Berg: ParseNet, looking wider to see better (2015), for the polynomial policy.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from optlint.reference.schedules.schedule import FactorSchedule, Rates


@dataclass(frozen=True, slots=True)
class StepLR(FactorSchedule):
    r"""A decay every `step_size` steps, :math:`\eta_t = \eta_0 \gamma^{\lfloor t / s \rfloor}`.

    Construction leaves the rate.
    """

    step_size: int
    gamma: float = 0.1

    def multiplier(self, t: float) -> float:
        r""":math:`\gamma^{\lfloor t / s \rfloor}`."""
        power: float = self.gamma ** (t // self.step_size)
        return power

    def ratio(self, t: float) -> float:
        r""":math:`\gamma` at the positive multiples of :math:`s`, else 1."""
        return self.gamma if t != 0 and t % self.step_size == 0 else 1.0


@dataclass(frozen=True, slots=True)
class MultiStepLR(FactorSchedule):
    r"""A decay at each milestone, :math:`\eta_t = \eta_0 \gamma^{\#\{m : 0 \le m \le t\}}`.

    The milestones may come in any order, and one that is there twice decays twice. A milestone at 0 decays at
    construction, which else leaves the rate; one below 0 never does (but for torch's `step(epoch)`, which counts it).
    """

    milestones: Sequence[int]
    gamma: float = 0.1

    def multiplier(self, t: float) -> float:
        r""":math:`\gamma` to the number of the milestones reached."""
        return self.gamma ** sum(0 <= milestone <= t for milestone in self.milestones)

    def ratio(self, t: float) -> float:
        r""":math:`\gamma` to the number of the milestones at :math:`t`."""
        return self.gamma ** sum(milestone == t for milestone in self.milestones)

    def start(self, base: float, present: Rates) -> Rates:
        """A milestone at 0 is reached by the initial step."""
        return self.step(base, present, 0)


@dataclass(frozen=True, slots=True)
class ExponentialLR(FactorSchedule):
    r"""A decay at every step, :math:`\eta_t = \eta_0 \gamma^t`. Construction leaves the rate."""

    gamma: float

    def multiplier(self, t: float) -> float:
        r""":math:`\gamma^t`."""
        power: float = self.gamma**t
        return power

    def ratio(self, t: float) -> float:
        r""":math:`\gamma`."""
        return self.gamma


@dataclass(frozen=True, slots=True)
class PolynomialLR(FactorSchedule):
    r"""A decay to zero in `total_iters` steps, :math:`\eta_t = \eta_0 (1 - \min(t, T) / T)^p`, and zero from then on.

    Construction leaves the rate. With `total_iters=0` torch's recursion leaves it for ever; the closed form is 0.
    """

    total_iters: int = 5
    power: float = 1.0

    def multiplier(self, t: float) -> float:
        r""":math:`(1 - t / T)^p`, and :math:`0^p` from :math:`T` on."""
        remaining = 1.0 - t / self.total_iters if t < self.total_iters else 0.0
        power: float = remaining**self.power
        return power

    def ratio(self, t: float) -> float:
        r""":math:`\left(\frac{1 - t / T}{1 - (t - 1) / T}\right)^p`, and 1 after :math:`T`."""
        if t > self.total_iters:
            return 1.0
        power: float = ((1.0 - t / self.total_iters) / (1.0 - (t - 1) / self.total_iters)) ** self.power
        return power
