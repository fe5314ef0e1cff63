"""What a ReduceLROnPlateau takes for its metric: the number of an epoch, or what gets better the other way."""

from __future__ import annotations

import re
from collections.abc import Sequence

from optlint.program.events import Act
from optlint.replay.trace import Kind, Thing, Trace
from optlint.replay.verdict import Departure

UPSIDE_DOWN = "upside down"
"""Said of a step with a metric that gets better by going the other way than its scheduler waits for."""
_MODE = re.compile(r"\bmode='(min|max)'")
_FEWEST = 3
"""Metrics that say whether they are numbers of the steps."""


def counts_for_metrics(trace: Trace, rows: Sequence[int]) -> list[Departure]:
    """Where a ReduceLROnPlateau takes the numbers of epochs, 0, 1, 2 and so on, for its metric, and cuts the rate."""
    found: list[Departure] = []
    for thing in trace.things:
        if thing.kind is not Kind.SCHEDULER or thing.name != "ReduceLROnPlateau":
            continue
        steps = [each for each in trace.happenings if each.act is Act.SCHEDULE and thing.number in each.things]
        metrics = [each.given[0] for each in steps if each.given]
        counted = len(metrics) >= _FEWEST and metrics == [metrics[0] + step for step in range(len(metrics))]
        own = [update for update in trace.updates if update.optimizer == thing.optimizer]
        cut = next((each for each in own if each.rates and min(each.rates) < max(own[0].rates, default=0.0)), None)
        if counted and cut is not None and any(each.row in rows for each in steps):
            words = f"update {cut.number} uses a rate that was cut because the number of the epoch grows"
            found.append(Departure("metric", cut.number, cut.row, 0.0, 0.0, words))
    return found


def is_turned(trace: Trace, scheduler: Thing, before: str, after: str) -> bool:
    """Whether options of a scheduler differ in the mode alone, and the first ones wait for the wrong direction."""
    steps = (each for each in trace.happenings if scheduler.number in each.things)
    return _MODE.sub("", before) == _MODE.sub("", after) and any(each.detail == UPSIDE_DOWN for each in steps)


def follows_metric(trace: Trace, rows: Sequence[int]) -> bool:
    """Whether a ReduceLROnPlateau steps in some rows."""
    plateaus = {each.number for each in trace.things if each.name == "ReduceLROnPlateau"}
    steps = (each for each in trace.happenings if each.act is Act.SCHEDULE and each.row in rows)
    return any(plateaus.intersection(each.things) for each in steps)
