"""Rates that nobody wants, of a schedule that a flagged row builds: below zero, or a hundred times as high as at first.

The reference computes such rates as torch does, so that they depart from nothing that is due.
"""

from __future__ import annotations

from collections.abc import Iterator

from optlint.program.events import Act
from optlint.replay.trace import Kind, Thing, Trace
from optlint.replay.verdict import Departure

STILL = "the schedule does not change the rate within the replay"
_HIGH = 100.0


def built_in(trace: Trace, rows: tuple[int, ...]) -> list[Thing]:
    """The schedulers that some rows build."""
    numbers = {
        number for each in trace.happenings if each.act is Act.NEW and each.row in rows for number in each.things
    }
    return [each for each in trace.things if each.kind is Kind.SCHEDULER and each.number in numbers]


def senseless(trace: Trace, rows: tuple[int, ...]) -> Iterator[Departure]:
    """The first such rate of each optimizer."""
    for optimizer in sorted({each.optimizer for each in built_in(trace, rows) if each.optimizer is not None}):
        own = [each for each in trace.updates if each.optimizer == optimizer]
        highest = max((abs(rate) for rate in own[0].rates), default=0.0) if own else 0.0
        for update in own:
            rate = min(update.rates, default=0.0)
            if rate < 0:
                words = f"update {update.number} uses the rate {rate:.6g}, which is negative"
                yield Departure("learning rate", update.number, update.row, abs(rate), float("inf"), words)
                break
            rate = max(update.rates, default=0.0)
            if 0 < _HIGH * highest < rate:
                words = f"update {update.number} uses the rate {rate:.6g}, and the first one {highest:.6g}"
                yield Departure("learning rate", update.number, update.row, rate - highest, rate / highest, words)
                break


def is_composed(trace: Trace, rows: tuple[int, ...]) -> bool:
    """Whether some rows build a schedule of several: which of them has its turn is not recorded."""
    return any(each.children for each in built_in(trace, rows))


def is_still(trace: Trace, rows: tuple[int, ...]) -> bool:
    """Whether a schedule that some rows build makes no difference to any update."""
    driven = {each.optimizer for each in built_in(trace, rows)}
    return bool(driven) and all(
        len({update.rates for update in trace.updates if update.optimizer == optimizer}) <= 1 for optimizer in driven
    )
