"""Schedules of schedules: one after another (SequentialLR), all at once (ChainedScheduler)."""

from __future__ import annotations

import math
from bisect import bisect_right
from collections.abc import Sequence
from dataclasses import dataclass
from functools import reduce

from optlint.reference.schedules.schedule import AbsoluteSchedule, FactorSchedule, NoClosedFormError, Rates, Schedule


@dataclass(frozen=True, slots=True)
class SequentialLR(Schedule):
    r"""Schedule :math:`i` from milestone :math:`i` on (the first from 0), each with a count of its own.

    The first counts as the whole does; one that begins at milestone :math:`m` has :math:`t - m`, thus its value at 0 at
    the milestone itself. It starts there from `base` as if nothing had been before, but for those without a closed form
    in torch that are `relative`: `MultiplicativeLR` and `SWALR` go on from the rate that they find. A momentum stays
    where the last schedule with one has left it.

    Construction: the schedules are built before, each on the rate that the one before has left, and set their momenta;
    then the rate is set back to `base`, all counts are undone, and the first schedule makes its initial step again.

    Departures of torch: a `ChainedScheduler` may be the first only (its place at a milestone raises), and makes no
    initial step then but a whole one, so that `ExponentialLR` in it starts at gamma; the same makes a `SequentialLR` in
    a `SequentialLR` a step too early (`Within` can say so). The milestones must increase, which torch does not check.
    """

    schedulers: Sequence[Schedule]
    milestones: Sequence[int]

    def closed_form(self, base: float, t: float) -> Rates:
        """The closed form of the schedule whose time it is, at its own count.

        Raises NoClosedFormError where a `ChainedScheduler` is the first.
        """
        i, first = self.index(t), self.index(0)
        scheduler, count = self.schedulers[i], t - self.begin(i)
        if isinstance(self.schedulers[first], ChainedScheduler):
            raise NoClosedFormError("`SequentialLR` begins with a `ChainedScheduler`, which torch steps once too often")
        if i == first:
            return self.start(base, Rates(base)).then(scheduler.closed_form(base, count))
        before = self.closed_form(base, self.begin(i) - 1)
        entered = scheduler.jump(base, before, 0)
        return before.then(scheduler.closed_form(entered.lr if scheduler.relative else base, count))

    def step(self, base: float, present: Rates, t: float) -> Rates:
        """A step of the schedule whose time it is; at its milestone the jump to its count 0."""
        i = self.index(t)
        if i > 0 and self.milestones[i - 1] == t:
            return self.schedulers[i].jump(base, present, 0)
        return self.schedulers[i].step(base, present, t - self.begin(i))

    def start(self, base: float, present: Rates) -> Rates:
        """All schedules are built, the rate is set back, and the first makes its initial step."""
        for scheduler in self.schedulers:
            present = scheduler.start(base, present)
        first, reset = self.schedulers[self.index(0)], present.then(Rates(base))
        return first.step(base, reset, 0) if isinstance(first, ChainedScheduler) else first.start(base, reset)

    def jump(self, base: float, present: Rates, t: float) -> Rates:
        """Torch cannot."""
        raise NotImplementedError("torch has no `step(epoch)` for `SequentialLR`, and no `SequentialLR` at a milestone")

    def index(self, t: float) -> int:
        """Which schedule it is that steps at `t`."""
        return bisect_right(self.milestones, t)

    def begin(self, i: int) -> int:
        """The step at which schedule number `i` begins."""
        return max(0, self.milestones[i - 1]) if i > 0 else 0


@dataclass(frozen=True, slots=True)
class ChainedScheduler(Schedule):
    r"""All schedules step at once, each on the rate that the one before has left.

    Torch keeps no `last_epoch` for the chain: each schedule counts for itself, and all alike. Construction does nothing
    of its own: the schedules are built before, each on the rate that the one before has left.
    """

    schedulers: Sequence[Schedule]

    def closed_form(self, base: float, t: float) -> Rates:
        r""":math:`\eta_0 \prod_i f_i(t)` where all schedules multiply.

        Where the last one computes its rate from `base` (`LambdaLR`, `CyclicLR`, ...) this rate it is. All other chains
        have no closed form: raises NoClosedFormError, naming the first schedule that does not multiply.
        """
        if isinstance(self.schedulers[-1], AbsoluteSchedule):
            return reduce(Rates.then, (scheduler.closed_form(base, t) for scheduler in self.schedulers))
        multipliers = []
        for scheduler in self.schedulers:
            if not isinstance(scheduler, FactorSchedule):
                raise NoClosedFormError(f"`{type(scheduler).__name__}` in a `ChainedScheduler` does not multiply")
            multipliers.append(scheduler.multiplier(t))
        return Rates(base * math.prod(multipliers))

    def step(self, base: float, present: Rates, t: float) -> Rates:
        """One step of each."""
        for scheduler in self.schedulers:
            present = scheduler.step(base, present, t)
        return present

    def start(self, base: float, present: Rates) -> Rates:
        """The initial step of each."""
        for scheduler in self.schedulers:
            present = scheduler.start(base, present)
        return present

    def jump(self, base: float, present: Rates, t: float) -> Rates:
        """Torch cannot."""
        raise NotImplementedError("torch has no `step(epoch)` for `ChainedScheduler`, and none at a milestone")


@dataclass(frozen=True, slots=True)
class Within(Schedule):
    """A schedule in a composition whose base rate or count are not those of the whole: one resumed, or built apart.

    Attributes:
        schedule: The schedule.
        base: Its `initial_lr`, or None for that of the whole.
        ahead: By how much its count is ahead of the one that the whole gives it.
    """

    schedule: Schedule
    base: float | None = None
    ahead: float = 0

    @property
    def relative(self) -> bool:
        """As the schedule."""
        return self.schedule.relative

    def closed_form(self, base: float, t: float) -> Rates:
        """That of the schedule at its own count."""
        return self.schedule.closed_form(self._own(base), t + self.ahead)

    def step(self, base: float, present: Rates, t: float) -> Rates:
        """That of the schedule at its own count."""
        return self.schedule.step(self._own(base), present, t + self.ahead)

    def start(self, base: float, present: Rates) -> Rates:
        """That of the schedule."""
        return self.schedule.start(self._own(base), present)

    def jump(self, base: float, present: Rates, t: float) -> Rates:
        """That of the schedule: a jump says the count."""
        return self.schedule.jump(self._own(base), present, t)

    def _own(self, base: float) -> float:
        return base if self.base is None else self.base
