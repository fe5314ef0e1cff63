"""The learning rates that would be due had nothing been made anew: a schedule that one row builds again goes on.

They are those of `optlint.replay.due` but for optimizers and schedulers that have a former one (`Thing.former`).
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from optlint.reference.schedules.schedule import Rates
from optlint.replay.course import Course, count_of
from optlint.replay.due import DueRates
from optlint.replay.group_rates import present_rates

if TYPE_CHECKING:
    from torch.optim import Optimizer


class KeptRates(DueRates):
    """Due rates that outlast what has them."""

    def __init__(self) -> None:
        super().__init__()
        self._stepped: set[int] = set()
        self._written: set[int] = set()

    def notice(self, number: int, present: list[Rates]) -> bool:
        """See `DueRates.notice`."""
        found = super().notice(number, present)
        if found:
            self._written.add(number)
        return found

    def updated(self, number: int) -> None:
        """See `DueRates.updated`."""
        super().updated(number)
        self._stepped.add(number)

    def built(self, scheduler: Any, number: int) -> None:
        """See `DueRates.built`; a schedule that is built after an update may step at once, for all its life it will."""
        super().built(scheduler, number)
        self._written.discard(number)
        course = self._courses[id(scheduler)]
        course.armed = course.updated = number in self._stepped

    def follows(self, number: int, former: int) -> None:
        """An optimizer takes the place of another one, and has its rates and schedules."""
        account, before = self._accounts[number], self._accounts.get(former)
        if before is not None and before is not account and len(before.due) == len(account.due):
            account.due = list(before.due)
            account.courses = list(before.courses)

    def goes_on(self, scheduler: Any, number: int, former: Any) -> None:
        """A scheduler takes the place of another one, and goes on where that was."""
        old, account = self._courses.get(id(former)), self._accounts[number]
        if old is None or old.plateau or number in self._written:  # a rate that was set by hand begins a new curve
            self.built(scheduler, number)
            return
        account.seen = present_rates(account.optimizer)
        course = Course(scheduler, number, old.groups, old.history, seen=count_of(scheduler))
        course.counted, course.armed, course.updated = old.counted, old.armed, old.updated
        account.courses = [each for each in account.courses if each is not old]
        account.courses.append(course)
        self._courses[id(scheduler)] = course
        for child in getattr(scheduler, "_schedulers", ()):
            if id(child) in self._courses:
                self._courses[id(child)].family = course


class BothRates:
    """Two accounts of what a replay does: the rates that are due, and those had nothing been made anew."""

    def __init__(self) -> None:
        self._due = DueRates()
        self._kept = KeptRates()

    def meet(self, optimizer: Optimizer, number: int) -> None:
        """See `DueRates.meet`."""
        self._due.meet(optimizer, number)
        self._kept.meet(optimizer, number)

    def follows(self, number: int, former: int | None) -> None:
        """An optimizer was made in the place of another one, or of none."""
        if former is not None:
            self._kept.follows(number, former)

    def rates(self, number: int) -> tuple[float, ...]:
        """See `DueRates.rates`."""
        return self._due.rates(number)

    def kept(self, number: int) -> tuple[float, ...]:
        """The same had nothing been made anew."""
        return self._kept.rates(number)

    def notice(self, number: int) -> bool:
        """See `DueRates.notice`."""
        present = self._due.present(number)
        self._kept.notice(number, present)
        return self._due.notice(number, present)

    def updated(self, number: int) -> None:
        """See `DueRates.updated`."""
        self._due.updated(number)
        self._kept.updated(number)

    def built(self, scheduler: Any, number: int, former: Any = None) -> None:
        """See `DueRates.built`; the scheduler may be made in the place of another one."""
        self._due.built(scheduler, number)
        if former is None:
            self._kept.built(scheduler, number)
        else:
            self._kept.goes_on(scheduler, number, former)

    def knows(self, scheduler: Any) -> bool:
        """See `DueRates.knows`."""
        return self._due.knows(scheduler)

    def about_to_step(self, scheduler: Any) -> None:
        """See `DueRates.about_to_step`."""
        self._due.about_to_step(scheduler)
        self._kept.about_to_step(scheduler)

    def stepped(
        self,
        scheduler: Any,
        *,
        metric: float | None = None,
        epoch: float | None = None,
        row: int = 0,
        quiet: bool = False,
    ) -> bool:
        """See `DueRates.stepped`."""
        self._kept.stepped(scheduler, metric=metric, epoch=epoch, row=row, quiet=quiet)
        return self._due.stepped(scheduler, metric=metric, epoch=epoch, row=row, quiet=quiet)

    def loaded(self, number: int) -> None:
        """See `DueRates.loaded`."""
        self._due.loaded(number)
        self._kept.loaded(number)
