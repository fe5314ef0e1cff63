"""Schedules that a function of the user's gives: LambdaLR and MultiplicativeLR."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass

from optlint.reference.schedules.schedule import AbsoluteSchedule, FactorSchedule, Rates


@dataclass(frozen=True, slots=True)
class LambdaLR(AbsoluteSchedule):
    r"""The base rate by a function of the step, :math:`\eta_t = \eta_0 \lambda(t)`.

    Construction sets :math:`\eta_0 \lambda(0)`: a warm-up from zero makes the first update with the rate 0.
    """

    lr_lambda: Callable[[float], float]

    def closed_form(self, base: float, t: float) -> Rates:
        r""":math:`\eta_0 \lambda(t)`."""
        return Rates(base * self.lr_lambda(t))

    def evaluate(self, base: float, t: float) -> Rates:
        """The closed form is what torch evaluates."""
        return self.closed_form(base, t)


@dataclass(frozen=True, slots=True)
class MultiplicativeLR(FactorSchedule):
    r"""The rate by a function of the step, every step: :math:`\eta_t = \lambda(t) \eta_{t-1}`.

    Construction leaves the rate, :math:`\lambda(0)` has no part in it; but `SequentialLR` enters this schedule with
    :math:`\lambda(0)` by the rate that the schedule before has left, since torch has no closed form for it.
    """

    lr_lambda: Callable[[float], float]

    @property
    def relative(self) -> bool:
        """It goes on from whatever rate it finds."""
        return True

    def multiplier(self, t: float) -> float:
        r""":math:`\prod_{i=1}^{t} \lambda(i)`."""
        return math.prod(self.lr_lambda(i) for i in range(1, int(t) + 1))

    def ratio(self, t: float) -> float:
        r""":math:`\lambda(t)`."""
        return self.lr_lambda(t)

    def jump(self, base: float, present: Rates, t: float) -> Rates:
        """Torch's `step(t)` is one step more of the recursion, with the function at `t`."""
        return self.step(base, present, t)
