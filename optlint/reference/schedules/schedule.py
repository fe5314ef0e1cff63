"""What a schedule is: the rate of one param group over the steps, as a closed form and as the recursion torch runs.

A schedule here is that of one group: where torch takes a number or a list of one number a group (`max_lr`, `lr_lambda`,
`min_lr`), the field holds the one of this group. The rate is in parameter units per gradient unit, a momentum (or
beta 1) is a pure number, and steps are counted by `t`.

Torch calls `t` `last_epoch`: the number of calls of `step` so far, whether they are made every epoch or every batch.
It is -1 inside of the constructor until this makes the *initial step*, which sets it to 0. Before that the constructor
keeps the group's rate as `initial_lr` unless an earlier scheduler has done so; `base` is this `initial_lr`. The rate
for update number `n` (from 1) is thus the one at `t = n - 1`, when the scheduler steps after the optimizer.

With `last_epoch=k` a constructor expects `initial_lr` to be there and makes its initial step to `t = k + 1`.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from dataclasses import dataclass


class NoClosedFormError(Exception):
    """A composition whose value at a step cannot be told but by walking all steps before; the message names why."""


@dataclass(frozen=True, slots=True)
class Rates:
    """What a schedule sets in a param group; a momentum of None is one that it leaves alone."""

    lr: float
    momentum: float | None = None

    def then(self, later: Rates) -> Rates:
        """These rates after another schedule has set `later`."""
        return Rates(later.lr, self.momentum if later.momentum is None else later.momentum)


class Schedule(ABC):
    """One schedule of one group. All methods are pure.

    Their arguments are `base`, the `initial_lr` of the group; `present`, the rates that the group has at `t - 1`; and
    `t`, a whole number (for `CosineAnnealingWarmRestarts` a fraction also).
    """

    __slots__ = ()

    @property
    def relative(self) -> bool:
        """Whether it starts from the rate that it finds in the group, not from `base`, when `SequentialLR` enters."""
        return False

    @abstractmethod
    def closed_form(self, base: float, t: float) -> Rates:
        """The rates at step `t` of a schedule that was built on a group with the rate `base`."""

    @abstractmethod
    def step(self, base: float, present: Rates, t: float) -> Rates:
        """The recursion: the rates at `t`, from those at `t - 1`, as torch's `step()` computes them."""

    def start(self, base: float, present: Rates) -> Rates:
        """The initial step: the rates at `t = 0`, from those that the group has when the scheduler is built."""
        return present

    def jump(self, base: float, present: Rates, t: float) -> Rates:
        """The rates that torch's `step(t)` sets; with `t = 0` how `SequentialLR` enters a schedule."""
        return present.then(self.closed_form(base, t))


class FactorSchedule(Schedule):
    """A schedule that multiplies: its rate is `base` by a factor of `t`, its recursion `present` by a ratio."""

    __slots__ = ()

    @abstractmethod
    def multiplier(self, t: float) -> float:
        """The rate at `t`, by `base`."""

    @abstractmethod
    def ratio(self, t: float) -> float:
        """The rate at `t`, by the one at `t - 1`."""

    def closed_form(self, base: float, t: float) -> Rates:
        r""":math:`\eta_t = \eta_0 f(t)`."""
        return Rates(base * self.multiplier(t))

    def step(self, base: float, present: Rates, t: float) -> Rates:
        r""":math:`\eta_t = r(t) \eta_{t-1}`: what others do to the rate stays in it."""
        return present.then(Rates(present.lr * self.ratio(t)))


class AbsoluteSchedule(Schedule):
    """A schedule that torch computes anew from `base` and `t` at every step: what others did to the rate is lost."""

    __slots__ = ()

    @abstractmethod
    def evaluate(self, base: float, t: float) -> Rates:
        """The rates at `t` in torch's order of operations."""

    def step(self, base: float, present: Rates, t: float) -> Rates:
        """The value at `t`; the present rate has no part in it."""
        return present.then(self.evaluate(base, t))

    def start(self, base: float, present: Rates) -> Rates:
        """The value at 0."""
        return self.step(base, present, 0)

    def jump(self, base: float, present: Rates, t: float) -> Rates:
        """The value at `t`."""
        return self.step(base, present, t)
