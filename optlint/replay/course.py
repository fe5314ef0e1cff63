"""A scheduler on its way: its schedule for each group, and how far it is."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from optlint.reference.errors import NoReferenceError
from optlint.reference.schedules.plateau import PlateauState, ReduceLROnPlateau
from optlint.reference.schedules.reading import class_name, plateau_of, schedule_of
from optlint.reference.schedules.schedule import Rates, Schedule


@dataclass(slots=True)
class ScheduledGroup:
    """One group's part of a schedule."""

    schedule: Schedule
    base: float
    t: float

    def step(self, present: Rates, metric: float | None) -> Rates:
        """The rates after one step more."""
        self.t += 1
        return self.schedule.step(self.base, present, self.t)

    def jump(self, present: Rates, epoch: float) -> Rates:
        """The rates that `step(epoch)` asks for."""
        self.t = epoch
        return self.schedule.jump(self.base, present, epoch)


@dataclass(slots=True)
class PlateauGroup:
    """The same of a ReduceLROnPlateau."""

    schedule: ReduceLROnPlateau
    state: PlateauState

    def step(self, present: Rates, metric: float | None) -> Rates:
        """The rates after one metric more."""
        state = PlateauState(present.lr, self.state.best, self.state.num_bad_epochs, self.state.cooldown_counter)
        self.state = self.schedule.step(state, float("nan") if metric is None else metric)
        return present.then(Rates(self.state.lr))


@dataclass(slots=True, eq=False)
class Course:
    """A scheduler on its way.

    Attributes:
        scheduler: Of torch.
        optimizer: The number of its optimizer.
        groups: Its schedule for each group; None for one without reference.
        history: The rates after each step that it made.
        counted: How many of them counted.
        armed: Whether an update came since the last that counted.
        updated: Whether any update came since it was built.
        family: The composite that it is a part of.
        last: The row of its last step.
        seen: Its `last_epoch` after that.
    """

    scheduler: Any
    optimizer: int
    groups: list[ScheduledGroup | PlateauGroup | None]
    history: list[list[Rates]]
    counted: int = 0
    armed: bool = False
    updated: bool = False
    family: Course | None = None
    last: int = 0
    seen: Any = None

    @property
    def plateau(self) -> bool:
        """Whether it follows a metric."""
        return any(isinstance(group, PlateauGroup) for group in self.groups)

    @property
    def head(self) -> Course:
        """The outermost composite that it is a part of, or itself."""
        return self if self.family is None else self.family.head


def read_group(scheduler: Any, group: int) -> ScheduledGroup | PlateauGroup | None:
    """The schedule of a group as it is now, or None where the reference has none."""
    try:
        if class_name(scheduler) == "ReduceLROnPlateau":
            return PlateauGroup(*plateau_of(scheduler, group))
        read = schedule_of(scheduler, group)
    except (NoReferenceError, AttributeError, KeyError, IndexError):
        return None
    return ScheduledGroup(read.schedule, read.base, read.t)


def late_group(scheduler: Any, present: Rates) -> ScheduledGroup | None:
    """The schedule of a group that came after its scheduler, where that would have begun below the group's rate.

    It is to come to the rate that the group was given, as the first group comes to its own.
    """
    if type(scheduler).__name__ not in ("LinearLR", "ConstantLR"):
        return None
    first = read_group(scheduler, 0)
    return ScheduledGroup(first.schedule, present.lr, first.t) if isinstance(first, ScheduledGroup) else None


def jumps(group: ScheduledGroup) -> bool:
    """Whether torch's `step(epoch)` sets what the schedule's `jump` says: SWALR counts its calls."""
    return type(group.schedule).__name__ not in ("SWALR", "SequentialLR", "ChainedScheduler", "MultiplicativeLR")


def count_of(scheduler: Any) -> Any:
    """A scheduler's `last_epoch`; of a chain that of its first schedule."""
    while not hasattr(scheduler, "last_epoch") and getattr(scheduler, "_schedulers", None):
        scheduler = scheduler._schedulers[0]
    return getattr(scheduler, "last_epoch", None)
