"""The learning rates that are due: what the schedules have for each update if they step once after each, at most.

The oracle knows nothing of a fix. A step of a scheduler *counts* where its optimizer has made an update since the last
step that counted (for the first one: since the scheduler was built); the due rates advance at such steps only, by the
recursion of the reference, on rates that all schedulers of the optimizer share. So a schedule that steps before the
first update departs from here on by one step, one that steps twice goes twice as fast, and right code departs nowhere.

=====================================================  ==========================================================
what the code does                                     what is due
=====================================================  ==========================================================
steps after an update                                  the next rate of the reference, with the metric of a plateau
steps again, or before the first update                stays as it was
`step(epoch)`                                          what it asks for
the first metric of a ReduceLROnPlateau, at any place  counts: there is no first rate to lose
steps from a rate of zero                              counts: an update at that rate would move nothing
steps several times in a row before anything else      the schedule is wound forward on resume: what it leads to
steps a composite and one of its children              the family counts once
writes a rate by hand, loads a state                   that
builds a scheduler                                     what its initial step makes of the due rates
a class without reference                              the rates it gave at that many steps, one after another
=====================================================  ==========================================================
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from optlint.reference.schedules.schedule import Rates
from optlint.replay.course import Course, ScheduledGroup, count_of, jumps, late_group, read_group
from optlint.replay.group_rates import present_rates

if TYPE_CHECKING:
    from torch.optim import Optimizer


@dataclass(slots=True)
class _Account:
    """The rates of an optimizer: as last seen in its groups, and as due."""

    optimizer: Optimizer
    seen: list[Rates]
    due: list[Rates]
    courses: list[Course] = field(default_factory=list)

    def knows(self, groups: int) -> bool:
        """Whether there is all for so many groups."""
        return len(self.due) >= groups and all(len(course.groups) >= groups for course in self.courses)


class DueRates:
    """The due rates of all optimizers of a replay, each known by its number."""

    def __init__(self) -> None:
        self._accounts: dict[int, _Account] = {}
        self._courses: dict[int, Course] = {}

    def meet(self, optimizer: Optimizer, number: int) -> None:
        """An optimizer was built, or has other groups now."""
        present = present_rates(optimizer)
        if number in self._accounts and self._accounts[number].knows(len(present)):
            return
        account = self._accounts.setdefault(number, _Account(optimizer, present, list(present)))
        for rates in present[len(account.due) :]:
            account.due.append(rates)
            account.seen.append(rates)
        for course in account.courses:
            for g in range(len(course.groups), len(present)):
                late = late_group(course.scheduler, present[g])
                if late is not None:
                    account.due[g] = late.jump(account.due[g], late.t)
                course.groups.append(late or read_group(course.scheduler, g))

    def rates(self, number: int) -> tuple[float, ...]:
        """What is due for the next update of an optimizer."""
        return tuple(rates.lr for rates in self._accounts[number].due)

    def present(self, number: int) -> list[Rates]:
        """The rates that the groups of an optimizer have."""
        return present_rates(self._accounts[number].optimizer)

    def notice(self, number: int, present: list[Rates]) -> bool:
        """Adopt the present rates, as far as they were written by hand since the last look; tells whether any were."""
        account = self._accounts[number]
        if present == account.seen:
            return False
        if len(present) != len(account.seen):
            self.meet(account.optimizer, number)
            del account.due[len(present) :], account.seen[len(present) :]
        changed = [g for g, (rates, seen) in enumerate(zip(present, account.seen, strict=True)) if rates.lr != seen.lr]
        for g in changed:
            account.due[g] = present[g]
        account.seen = list(present)
        return bool(changed)

    def updated(self, number: int) -> None:
        """An optimizer made an update, or a scaler decided against it."""
        for course in self._accounts[number].courses:
            course.armed = course.updated = True

    def built(self, scheduler: Any, number: int) -> None:
        """A scheduler was built, and its initial step made."""
        account = self._accounts[number]
        before, account.seen = account.seen, present_rates(account.optimizer)
        groups = [read_group(scheduler, g) for g in range(len(account.seen))]
        for g, (group, present) in enumerate(zip(groups, account.seen, strict=True)):
            if account.due[g].lr == before[g].lr:
                account.due[g] = present
            elif isinstance(group, ScheduledGroup):
                account.due[g] = group.schedule.start(group.base, account.due[g])
        course = Course(scheduler, number, groups, [list(account.due)], seen=count_of(scheduler))
        for child in getattr(scheduler, "_schedulers", ()):
            if id(child) in self._courses:
                self._courses[id(child)].family = course
        account.courses.append(course)
        self._courses[id(scheduler)] = course

    def knows(self, scheduler: Any) -> bool:
        """Whether a scheduler was seen when it was built."""
        return id(scheduler) in self._courses

    def about_to_step(self, scheduler: Any) -> None:
        """Adopt a count that was written by hand."""
        course = self._courses[id(scheduler)]
        if course.seen != count_of(scheduler):
            self._adopt(course)

    def stepped(
        self,
        scheduler: Any,
        *,
        metric: float | None = None,
        epoch: float | None = None,
        row: int = 0,
        quiet: bool = False,
    ) -> bool:
        """A scheduler has stepped; tells whether it is being wound forward.

        `quiet` tells that no backward and no step of an optimizer came since its last step.
        """
        course = self._courses[id(scheduler)]
        account = self._accounts[course.optimizer]
        account.seen = present_rates(account.optimizer)
        course.history.append(list(account.seen))
        wound = not course.updated and quiet and course.last == row > 0 and not course.plateau
        course.last = row
        if wound:
            self._adopt(course)
        elif epoch is not None and not course.plateau:
            for g, group in enumerate(course.groups):
                account.due[g] = (
                    group.jump(account.due[g], epoch)
                    if isinstance(group, ScheduledGroup) and jumps(group)
                    else account.seen[g]
                )
        elif self._counts(course, account):
            self._advance(course, account, metric)
        for each in account.courses:
            if each.head is course.head:  # a composite steps its parts, and a chain counts as its first part does
                each.seen = count_of(each.scheduler)
        return wound

    def _counts(self, course: Course, account: _Account) -> bool:
        head = course.head
        first_metric = course.plateau and course.counted == 0
        wasted = not course.updated and all(rates.lr == 0 for rates in account.due)
        return head.armed or first_metric or wasted

    def _advance(self, course: Course, account: _Account, metric: float | None) -> None:
        course.counted += 1
        course.armed = course.head.armed = False
        for g, group in enumerate(course.groups):
            if group is not None:
                account.due[g] = group.step(account.due[g], metric)
            elif g < len(course.history[course.counted]):
                account.due[g] = course.history[course.counted][g]

    def loaded(self, number: int) -> None:
        """The optimizer, or a scheduler of it, has loaded a state: all goes on from where it is."""
        account = self._accounts[number]
        account.seen = present_rates(account.optimizer)
        account.due = list(account.seen)
        for course in account.courses:
            self._adopt(course)

    def _adopt(self, course: Course) -> None:
        account = self._accounts[course.optimizer]
        account.seen = present_rates(account.optimizer)
        account.due = list(account.seen)
        course.groups = [read_group(course.scheduler, g) for g in range(len(account.due))]
        course.history, course.counted, course.seen = [list(account.due)], 0, count_of(course.scheduler)
