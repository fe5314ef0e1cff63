"""A reference that walks beside a torch scheduler and says where the two part."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from optlint.reference.divergence import Divergence, distance_of_numbers
from optlint.reference.schedules.plateau import PlateauState, ReduceLROnPlateau
from optlint.reference.schedules.reading import class_name, plateau_of, schedule_of
from optlint.reference.schedules.schedule import Rates, Schedule
from optlint.reference.schedules.swa import SWALR
from optlint.reference.update_rule import number

if TYPE_CHECKING:
    from torch.optim import Optimizer
    from torch.optim.lr_scheduler import LRScheduler


@dataclass(slots=True)
class _Shadow:
    """The schedule of one group, and where it is."""

    schedule: Schedule
    base: float
    t: float
    rates: Rates

    def step(self, metric: float | None, epoch: float | None) -> None:
        if epoch is None or isinstance(self.schedule, SWALR):  # which counts its calls, whatever epoch they name
            self.t += 1
            self.rates = self.schedule.step(self.base, self.rates, self.t)
        else:
            self.t = epoch
            self.rates = self.schedule.jump(self.base, self.rates, epoch)


@dataclass(slots=True)
class _PlateauShadow:
    """The same for ReduceLROnPlateau."""

    schedule: ReduceLROnPlateau
    state: PlateauState

    @property
    def rates(self) -> Rates:
        return Rates(self.state.lr)

    def step(self, metric: float | None, epoch: float | None) -> None:
        if metric is None:
            raise TypeError("`ReduceLROnPlateau` steps on a metric, and there is none")
        self.state = self.schedule.step(self.state, metric)


class ReferenceScheduler:
    """The reference of a scheduler of torch, advanced beside it by the recursion that torch runs.

    It starts at the rates that the optimizer's groups have and at the scheduler's count, so a resumed scheduler, or one
    in the middle of its run, has a reference too. Call `step` as often as the scheduler's, with the same metric::

        reference = ReferenceScheduler(scheduler)
        for epoch in range(epochs):
            ...
            scheduler.step()
            reference.step()
            if parted := reference.divergence(relative=1e-12):
                print(parted)

    It computes in Python's floats. A rate that is a float32 tensor in the group is rounded there at every step, and the
    comparison must allow for it. What anyone but this scheduler does to the rate of a group is a divergence, also where
    torch's recursion would go on from it (`adopt` does).

    Attributes:
        last_epoch: The count of the steps, as torch's `last_epoch`.

    Errors:
        NoReferenceError: for a class that is not of torch, or that is derived from one and computes in its own way.
    """

    def __init__(self, scheduler: LRScheduler) -> None:
        self._scheduler = scheduler
        self._optimizer: Optimizer = scheduler.optimizer
        self._shadow_of: Callable[[int], _Shadow | _PlateauShadow] = (
            self._plateau_shadow if class_name(scheduler) == "ReduceLROnPlateau" else self._schedule_shadow
        )
        self.last_epoch: int
        self._shadows: list[_Shadow | _PlateauShadow]
        self.adopt()

    @property
    def rates(self) -> tuple[Rates, ...]:
        """The rates that each group should have now."""
        return tuple(shadow.rates for shadow in self._shadows)

    def step(self, metric: float | None = None, *, epoch: float | None = None) -> None:
        """One step of the reference, or a jump to `epoch` as torch's `step(epoch)` makes.

        Raises TypeError for ReduceLROnPlateau without a metric; what else steps takes no part of it.
        """
        self._meet_groups()
        self.last_epoch = self.last_epoch + 1 if epoch is None else math.floor(epoch)
        for shadow in self._shadows:
            shadow.step(None if metric is None else float(metric), epoch)

    def divergence(self, *, relative: float) -> Divergence | None:
        """The first group whose rate, or momentum where it is scheduled, is further than `relative` from it."""
        for i, (group, shadow) in enumerate(zip(self._optimizer.param_groups, self._shadows, strict=False)):
            for quantity, expected in (("lr", shadow.rates.lr), ("momentum", shadow.rates.momentum)):
                if expected is None:
                    continue
                apart = distance_of_numbers(_present(group, quantity), expected)
                if not apart.relative <= relative:
                    return Divergence(self.last_epoch, f"group {i}", quantity, apart)
        return None

    def adopt(self) -> None:
        """Go on from where the scheduler and the groups are now."""
        self.last_epoch = _last_epoch(self._scheduler)
        self._shadows = []
        self._meet_groups()

    def _meet_groups(self) -> None:
        for i in range(len(self._shadows), len(self._optimizer.param_groups)):
            self._shadows.append(self._shadow_of(i))

    def _schedule_shadow(self, group: int) -> _Shadow:
        read = schedule_of(self._scheduler, group)
        return _Shadow(read.schedule, read.base, read.t, Rates(_present(self._optimizer.param_groups[group], "lr")))

    def _plateau_shadow(self, group: int) -> _PlateauShadow:
        return _PlateauShadow(*plateau_of(self._scheduler, group))


def _present(group: dict[str, Any], quantity: str) -> float:
    """The quantity in a param group; the momentum of an optimizer with betas is the first."""
    if quantity == "momentum" and "betas" in group:
        return float(number(group["betas"][0]))
    return float(number(group[quantity]))


def _last_epoch(scheduler: Any) -> int:
    """The scheduler's count; a chain has none of its own, and counts as its first schedule does."""
    while not hasattr(scheduler, "last_epoch"):
        scheduler = scheduler._schedulers[0]
    return int(scheduler.last_epoch)
