"""When a run asks its schedules for their rates: a report is of the rate in force, so it has a time of its own."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from optlint.program.events import Act
from optlint.replay.monitoring import optimizers_of
from optlint.replay.trace import Trace
from optlint.replay.verdict import Departure


def otherwise_reported(original: Trace, fixed: Trace, match: Mapping[int, int]) -> Iterator[Departure]:
    """Where the fixed code asks a schedule for its rate at another time, or more or less often, or another schedule."""
    ours, theirs = list(_reported(original)), list(_reported(fixed))
    if not theirs:
        return  # it may be had from elsewhere: a replay sees only what schedules are asked for
    if len(ours) != len(theirs):
        words = f"the rate is reported {len(theirs)} times, and {len(ours)} times as written"
        yield _other(0, 0, words)
        return
    for (updates, steps, optimizer, _), (present, late, other, row) in zip(ours, theirs, strict=True):
        if (updates, steps) != (present, late):
            words = f"a rate is reported after {present} updates and {late} steps of schedules"
            yield _other(present, row, f"{words}, and after {updates} and {steps} as written")
            return
        if match.get(optimizer) != other:
            yield _other(present, row, "the rate of another optimizer is reported")
            return


def _reported(trace: Trace) -> Iterator[tuple[int, int, int, int]]:
    """For each rate that a schedule reports: the updates and steps of schedules before, the optimizer, the row."""
    steps = 0
    for each in trace.happenings:
        steps += each.act is Act.SCHEDULE
        if each.act is Act.CALL and each.apart is not None:
            yield each.updates, steps, next(optimizers_of(trace, each), 0), each.row


def _other(update: int, row: int, words: str) -> Departure:
    return Departure("reported rate", update, row, 0.0, 0.0, words)
