"""Backwards from a tensor without a graph: they reach no parameter, so that nothing is learned through them."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from optlint.program.events import Act
from optlint.replay.trace import Trace, Update
from optlint.replay.verdict import Departure


def is_cut_off(trace: Trace) -> bool:
    """Whether a backward starts at a tensor that has no graph."""
    return any(each.act is Act.BACKWARD and each.detail == "leaf" for each in trace.happenings)


def nothing_learned(trace: Trace, updates: Sequence[Update]) -> Iterator[Departure]:
    """Updates that find no gradient at all, where a backward starts at a tensor without a graph."""
    if updates and is_cut_off(trace) and not any(each.gradient is not None for each in updates):
        first = updates[0]
        words = "no update moves anything, for the backward starts at a tensor without a graph"
        yield Departure("parameters", first.number, first.row, 0.0, 1.0, words)
