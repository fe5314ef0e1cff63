"""The epochs that a scheduler's steps are given: which of them say where the schedule is to be.

===============================================  ===================================================================
what is given                                    where the schedule is to be
===============================================  ===================================================================
a metric                                         one step on: it is no epoch
anything, to a class that counts its calls       one step on
0, 1, 2 and so on, each after an update, the     one further: the number is of the epoch that is over, and its rate
first of them where the schedule is already      was used then
any other epoch                                  there
===============================================  ===================================================================
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from torch.optim.lr_scheduler import LRScheduler, MultiplicativeLR, ReduceLROnPlateau
from torch.optim.swa_utils import SWALR

from optlint.replay.hooks_metric import is_metric

if TYPE_CHECKING:
    from optlint.replay.draft import Draft


@dataclass(slots=True)
class _Given:
    """The first epoch that a scheduler was given, after how many updates, and whether those after it lag behind."""

    first: int
    draft: Draft
    made: int
    lags: bool | None


@dataclass(slots=True)
class Epochs:
    """The epochs of all schedulers of a run, each known by its number."""

    _given: dict[int, _Given] = field(default_factory=dict)

    def wanted(self, scheduler: LRScheduler, number: int, given: Any, value: float | None, made: int) -> float | None:
        """Where the schedule is to be, or None where it is to go on by one step.

        Args:
            scheduler: Which is about to step.
            number: Of it.
            given: Its argument.
            value: The same as a number.
            made: Updates that its optimizer has made.
        """
        if value is None or isinstance(scheduler, ReduceLROnPlateau):
            return value
        if isinstance(scheduler, (MultiplicativeLR, SWALR)) or is_metric(given):
            return None
        before = self._given.get(number)
        if before is None or not isinstance(given, int):
            return value
        if before.lags is None:
            before.lags = given == before.first + 1 and made > before.made
            if before.lags:
                before.draft.given = (before.first + 1.0,)
        return value + 1.0 if before.lags else value

    def noted(self, scheduler: LRScheduler, number: int, given: Any, draft: Draft, made: int) -> None:
        """A scheduler is about to step; the arguments are those of `wanted`."""
        if draft.given and number not in self._given:
            stays = isinstance(given, int) and made > 0 and given == getattr(scheduler, "last_epoch", None)
            self._given[number] = _Given(int(draft.given[0]), draft, made, None if stays else False)
