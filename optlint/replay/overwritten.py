"""What a trace says of schedules that undo what others have set on the same optimizer."""

from __future__ import annotations

import math
from collections.abc import Iterator

from optlint.program.events import Act
from optlint.replay.monitoring import optimizers_of
from optlint.replay.precision import RATES
from optlint.replay.trace import Trace
from optlint.replay.verdict import Departure


def undone(trace: Trace, optimizers: frozenset[int]) -> Iterator[Departure]:
    """Where an update uses a rate that one schedule has computed anew, so that the change by another one is lost."""
    for each in trace.happenings:
        of_focus = optimizers.intersection(optimizers_of(trace, each)) if each.lost else ()
        group = next((g for g, factor in enumerate(each.lost) if differ(factor, 1.0)), None)
        if not of_focus or group is None:
            continue
        after = (update for update in trace.updates if update.number > each.updates and update.optimizer in of_focus)
        update = next(after, None)
        if update is not None and group < len(update.rates):
            name = trace.things[each.things[0] - 1].name
            rate, factor = update.rates[group], each.lost[group]
            words = f"update {update.number} uses the rate {rate:.6g}: `{name}` has computed it anew, and what another "
            words += f"schedule had multiplied it by, {factor:.6g}, is lost"
            apart = abs(rate * factor - rate)
            relative = apart / abs(rate * factor) if rate * factor else math.inf
            yield Departure("learning rate", update.number, update.row, apart, relative, words)


def is_shared(trace: Trace, optimizers: frozenset[int]) -> bool:
    """Whether any schedule finds a rate that another one has changed since its last step."""
    steps = (each for each in trace.happenings if each.act is Act.SCHEDULE and each.lost)
    return any(optimizers.intersection(optimizers_of(trace, each)) for each in steps)


def differ(one: float, other: float) -> bool:
    """Whether two rates, or two factors, differ by more than rounding."""
    return abs(one - other) > RATES * max(abs(one), abs(other))
