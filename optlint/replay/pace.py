"""The pace of a schedule: whether it has gone its whole length when the run ends, and is spread evenly over it.

A schedule of `length` steps is at step `floor(k * length / n)` before update `k` of `n`, whether it is made to be
stepped after each update, each epoch, or each group of batches. One that is stepped at another pace is elsewhere. That
holds for schedules that are made for a whole run; a warm-up, or a step that repeats, says nothing of when it is to end.
Nor does a cosine that goes up and down on purpose, or half of one: that it was made for the run is what the finding
says, by how its length is written. Without a finding there is no pace that is due.
"""

from __future__ import annotations

import math
import re
from collections.abc import Iterator, Mapping

from optlint.program.events import Act
from optlint.replay.cadence import schedulers_of, steps_of
from optlint.replay.precision import RATES
from optlint.replay.trace import Thing, Trace, Update
from optlint.replay.verdict import Departure

_WARM_UPS = frozenset(("LinearLR", "ConstantLR"))
_LENGTH = re.compile(r"(?:^|, )(total_steps|T_max|total_iters)=[^,]+")
_MOST_APART = 0.1
"""Of the length: a last group of batches that is too small, or an epoch more than planned, is no other pace."""


def paced(trace: Trace, optimizers: frozenset[int]) -> list[Thing]:
    """The schedulers of some optimizers that are made for a whole run, and are stepped."""
    found = (each for number in sorted(optimizers) for each in schedulers_of(trace, number))
    return [each for each in found if each.length and each.name not in _WARM_UPS and steps_of(trace, each)]


def is_endless(trace: Trace, optimizers: frozenset[int]) -> bool:
    """Whether some optimizers have schedules that are stepped, and none of which says when a run is to end."""
    found = [each for number in sorted(optimizers) for each in schedulers_of(trace, number)]
    stepped = [each for each in found if steps_of(trace, each)]
    return bool(stepped) and not any(each.length for each in found)


def off_pace(trace: Trace, optimizers: frozenset[int]) -> Iterator[Departure]:
    """Where a schedule of some optimizers first is too far from where it should be; of a run that was not cut short."""
    if trace.cut or trace.failure is not None:
        return
    for scheduler in paced(trace, optimizers):
        assert scheduler.length is not None
        happenings = [each for each in trace.happenings if scheduler.number in each.things]
        born = next((each.updates for each in happenings if each.act is Act.NEW), 0)
        own = [each for each in trace.updates if each.optimizer == scheduler.optimizer and each.number > born]
        steps = steps_of(trace, scheduler)
        if any(step.given for step in steps):
            continue
        for index, update in enumerate(own):
            due = int(index * scheduler.length / len(own))
            present = sum(step.updates < update.number for step in steps)
            if abs(present - due) > max(1.0, _MOST_APART * scheduler.length):
                words = (
                    f"the schedule is at step {present} of {scheduler.length:g} in update {update.number} of "
                    f"{len(own)}, and would be at {due} if it went its whole length in the run"
                )
                relative = abs(present - due) / scheduler.length
                yield Departure("schedule", update.number, update.row, abs(present - due), relative, words)
                break


def out_of_step(
    original: Trace, fixed: Trace, optimizers: frozenset[int], match: Mapping[int, int]
) -> Iterator[Departure]:
    """Where a schedule of another pace steps ahead of its updates, or twice for one, and did not as written."""
    for optimizer in sorted(optimizers):
        update = next(_early(fixed, match[optimizer]), None) if optimizer in match else None
        if update is not None and next(_early(original, optimizer), None) is None:
            words = f"update {update.number} does not use the rate that is due"
            yield Departure("learning rate", update.number, update.row, 0.0, 0.0, words)


def _early(trace: Trace, optimizer: int) -> Iterator[Update]:
    for update in trace.updates:
        pairs = zip(update.rates, update.due_rates, strict=True)
        if update.optimizer == optimizer and not all(
            math.isclose(*pair, rel_tol=RATES, abs_tol=1e-15) for pair in pairs
        ):
            yield update


def without_length(options: str) -> str:
    """The options of a schedule but for how long it is."""
    return _LENGTH.sub("", options).removeprefix(", ")
