"""Schedules that undo what others have set, as it is seen while a script runs.

Some schedules compute the rate from the number of their step alone (`AbsoluteSchedule`). What another schedule has made
of the rate since their last step is lost then. Before each step of a schedule its optimizer's rate is compared with the
one that its last step has left; where others have changed it, the step either keeps that (it multiplies what it finds)
or comes to just what it would have given without it. Rates that were written by hand are nobody's, and make no
difference.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

from optlint.reference.schedules.schedule import AbsoluteSchedule, Rates
from optlint.replay.course import ScheduledGroup, read_group
from optlint.replay.group_rates import present_rates
from optlint.replay.overwritten import differ


@dataclass(slots=True, eq=False)
class _Memory:
    """A scheduler, and the rates that its last step has left, which others have changed since or not."""

    scheduler: Any
    left: list[Rates] | None = None


@dataclass(slots=True)
class Overwriting:
    """All schedulers of a run."""

    _memories: dict[int, _Memory] = field(default_factory=dict)
    _set: dict[int, list[Rates]] = field(default_factory=dict)
    """The rates that the last step of any scheduler has left, by the identity of the optimizer."""
    _outlook: list[float | None] = field(default_factory=list)

    def about_to_step(self, scheduler: Any) -> None:
        """Look at what others have made of the rates, and at what the step would give without that."""
        present, memory = present_rates(scheduler.optimizer), self._memory(scheduler)
        if self._set.get(id(scheduler.optimizer)) != present:
            for each in self._memories.values():
                if each.scheduler.optimizer is scheduler.optimizer:
                    each.left = None
        self._outlook = []
        if memory.left is not None and len(memory.left) == len(present):
            if any(differ(was.lr, now.lr) for was, now in zip(memory.left, present, strict=True)):
                self._outlook = [_alone(scheduler, g, rates) for g, rates in enumerate(memory.left)]

    def stepped(self, scheduler: Any, before: tuple[float, ...]) -> tuple[float, ...]:
        """Tell for each group by what factor a change by others is lost: 1 where it is not; nothing without one.

        Args:
            scheduler: Which has stepped.
            before: The rates that it found.
        """
        present, memory = present_rates(scheduler.optimizer), self._memory(scheduler)
        lost: list[float] = []
        for alone, found, now, was in zip(self._outlook, before, present, memory.left or (), strict=False):
            undone = alone is not None and now.lr != 0 and was.lr != 0 and not differ(now.lr, alone)
            lost.append(found / was.lr if undone else 1.0)
        self._set[id(scheduler.optimizer)] = present
        for each in self._family(memory):
            each.left = present
        return tuple(lost)

    def _memory(self, scheduler: Any) -> _Memory:
        return self._memories.setdefault(id(scheduler), _Memory(scheduler))

    def _family(self, memory: _Memory) -> Iterator[_Memory]:
        """Yield a scheduler, those it is composed of, and those composed of it."""
        yield memory
        inner = set(map(id, getattr(memory.scheduler, "_schedulers", ())))
        for number, each in self._memories.items():
            outer = map(id, getattr(each.scheduler, "_schedulers", ()))
            if number in inner or id(memory.scheduler) in outer:
                yield each


def _alone(scheduler: Any, group: int, left: Rates) -> float | None:
    """The rate that the next step of a schedule would give from the one that its last step has left."""
    course = read_group(scheduler, group)
    if not isinstance(course, ScheduledGroup) or not isinstance(course.schedule, AbsoluteSchedule):
        return None
    return course.step(left, None).lr
