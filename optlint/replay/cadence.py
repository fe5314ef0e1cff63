"""The cadence of a schedule: how many of its steps counted before each update.

What counts is as in `optlint.replay.due`: a step with an update of the optimizer since the last that counted. The
cadence is what a fix of a learning rate must keep: it says how fast the schedule should go, whatever its rates are.

A step that is given an epoch takes the schedule there, wherever it was. A step of a part moves the part alone: it
counts for the whole only where nothing ever steps the whole itself.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator, Mapping

from optlint.program.events import Act
from optlint.replay.trace import Happening, Kind, Thing, Trace
from optlint.replay.verdict import Departure
from optlint.torch_api.tables import tables


def schedulers_of(trace: Trace, optimizer: int) -> list[Thing]:
    """The schedulers of an optimizer, without those that are parts of others."""
    found = [each for each in trace.things if each.kind is Kind.SCHEDULER and each.optimizer == optimizer]
    inner = {child for each in found for child in each.children}
    return [each for each in found if each.number not in inner]


def steps_of(trace: Trace, scheduler: Thing, *, alone: bool = False) -> list[Happening]:
    """The steps of a scheduler and (unless `alone`) of its parts, but those that wind it forward."""
    family = {scheduler.number} if alone else {scheduler.number, *scheduler.children}
    steps = (each for each in trace.happenings if each.act is Act.SCHEDULE and family.intersection(each.things))
    return [each for each in steps if each.detail != "wound"]


def is_stepped(trace: Trace, scheduler: Thing) -> bool:
    """Whether a scheduler is stepped itself, and not only its parts."""
    return bool(steps_of(trace, scheduler, alone=True))


def cadence(trace: Trace, scheduler: Thing, steps: Iterable[Happening]) -> tuple[int, ...]:
    """For each update of the scheduler's optimizer, how far some steps have taken the schedule before it."""
    own = [update.number for update in trace.updates if update.optimizer == scheduler.optimizer]
    plateau = scheduler.name == "ReduceLROnPlateau"
    counted: list[int] = []
    reached: list[tuple[int, int]] = []
    for step in steps:
        if step.given and not plateau and math.isfinite(step.given[0]):
            reached.append((step.updates, int(step.given[0])))
            continue
        since = counted[-1] if counted else -1 if plateau else _born(trace, scheduler)
        if any(since < number <= step.updates for number in own) or (plateau and not counted):
            counted.append(step.updates)
            reached.append((step.updates, 1 + (reached[-1][1] if reached else 0)))
    return tuple(next((far for at, far in reversed(reached) if at < number), 0) for number in own)


def _born(trace: Trace, scheduler: Thing) -> int:
    made = (each for each in trace.happenings if each.act is Act.NEW and scheduler.number in each.things)
    return next((each.updates for each in made), 0)


def right_cadences(trace: Trace, scheduler: Thing, *, superfluous: bool) -> set[tuple[int, ...]]:
    """The cadences that a fix may give a schedule, from the code as written.

    With `superfluous` the schedule is stepped in two rows, one of which is not to be: then either row's own cadence
    will do, unless the length of the schedule or its class says which one it is made for. Where it is stepped itself,
    the steps of its parts are those that are not to be.
    """
    steps = steps_of(trace, scheduler, alone=is_stepped(trace, scheduler))
    whole = cadence(trace, scheduler, steps)
    rows = sorted({each.row for each in steps})
    if not superfluous or len(rows) < 2:
        return {whole}
    own = {row: cadence(trace, scheduler, [each for each in steps if each.row == row]) for row in rows}
    counts = {row: len([each for each in steps if each.row == row]) for row in rows}
    if scheduler.length:
        far = {row: abs(math.log(max(count, 1) / scheduler.length)) for row, count in counts.items()}
        return {own[row] for row in rows if far[row] == min(far.values())}
    facts = tables().schedulers.get(scheduler.name)
    if facts is not None and facts.per:
        wanted = (max if facts.per == "batch" else min)(counts.values())
        return {own[row] for row in rows if counts[row] == wanted}
    return {whole, *own.values()}


def off_beat(
    original: Trace, fixed: Trace, optimizers: frozenset[int], match: Mapping[int, int], *, superfluous: bool
) -> Iterator[Departure]:
    """Where the fixed code has a schedule of some optimizers elsewhere than it should be; see `right_cadences`."""
    for optimizer in sorted(optimizers):
        for scheduler in schedulers_of(original, optimizer):
            if scheduler.number not in match:
                continue
            other = fixed.things[match[scheduler.number] - 1]
            alone = is_stepped(original, scheduler)
            if alone and original.failure is not None and not is_stepped(fixed, other):
                # Where a step ended the run there is no cadence to compare, yet it was to be made.
                words = f"`{other.label or other.name}` is no longer stepped"
                yield Departure("schedule", 0, 0, 0.0, 0.0, words)
                continue
            present = cadence(fixed, other, steps_of(fixed, other, alone=alone))
            right = right_cadences(original, scheduler, superfluous=superfluous)
            if any(each[: len(present)] == present[: len(each)] for each in right):
                continue
            wanted = min(right)
            at = next((k for k, pair in enumerate(zip(present, wanted, strict=False)) if pair[0] != pair[1]), 0)
            numbers = [update for update in fixed.updates if update.optimizer == other.optimizer]
            if at < len(numbers):
                update = numbers[at]
                words = (
                    f"the schedule is at step {present[at]} in update {update.number}, and should be at {wanted[at]}"
                )
                yield Departure(
                    "schedule", update.number, update.row, abs(present[at] - wanted[at]), float("inf"), words
                )
