"""Parameters that do not stay finite: what a trace says of updates of a gradient of zero (see `narrow`)."""

from __future__ import annotations

import math
import re
from collections.abc import Iterator

from optlint.replay.movements import own
from optlint.replay.trace import Trace
from optlint.replay.verdict import Departure


def not_finite(trace: Trace, optimizers: frozenset[int]) -> Iterator[Departure]:
    """Where some optimizers make no number of a parameter whose gradient is zero, at their first updates."""
    for number in sorted(optimizers):
        thing = trace.things[number - 1]
        first = next(own(trace, frozenset((number,))), None)
        if first is not None and thing.from_zero in ("nan", "inf"):
            words = (
                f"update {first.number}, by `{thing.name}`, makes {thing.from_zero} of a parameter of {thing.narrow} "
            )
            words += "whose gradient is zero"
            yield Departure("parameters", first.number, first.row, math.inf, math.inf, words)


def untried(trace: Trace, optimizers: frozenset[int]) -> str:
    """Why nothing is known of updates of a gradient of zero; empty where something is."""
    if not any(trace.things[number - 1].narrow for number in optimizers):
        return "no parameter is of a narrow type in the replay"
    if not any(trace.things[number - 1].from_zero for number in optimizers):
        return "what becomes of a gradient of zero cannot be tried here"
    return ""


def without_eps(options: str) -> str:
    """The options of an optimizer but for what is added to what it divides by."""
    return re.sub(r"\beps=[^,]*", "eps", options)
