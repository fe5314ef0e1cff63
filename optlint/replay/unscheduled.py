"""Schedules of no use: built and never stepped, or stepped for an optimizer that makes no update.

Building a schedule may change the rate; where no step follows, what it has set stays for good. And where its optimizer
makes no update while another one does, that one keeps its rate whatever the schedule says.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence

from optlint.program.events import Act
from optlint.replay.trace import Kind, Thing, Trace, Update
from optlint.replay.verdict import Departure


def unscheduled(trace: Trace, optimizers: frozenset[int], tolerance: float) -> Iterator[Departure]:
    """Where some optimizers make updates without the schedule that is there."""
    inner = {child for each in trace.things for child in each.children}
    for thing in trace.things:
        if thing.kind is not Kind.SCHEDULER or thing.number in inner or thing.optimizer not in optimizers:
            continue
        family = {thing.number, *thing.children}
        steps = [each for each in trace.happenings if each.act is Act.SCHEDULE and family.intersection(each.things)]
        own = [update for update in trace.updates if update.optimizer == thing.optimizer]
        if own and not steps:
            yield from _left_at_the_start(trace, thing, own[0], tolerance)
        elif steps and not own:
            for update in trace.updates:
                rates = next((each.rates for each in reversed(steps) if each.updates < update.number), ())
                if update.optimizer in optimizers and _starts_apart(update.rates, rates, tolerance):
                    words = f"update {update.number} uses the rate {update.rates[0]:.6g}, and the schedule is at"
                    yield _departure(update, rates[0], f"{words} {rates[0]:.6g}, for an optimizer that makes no update")
                    break


def stepped_elsewhere(original: Trace, fixed: Trace, match: Mapping[int, int]) -> Iterator[Departure]:
    """Schedules that are stepped as written, and after other updates in the fixed code."""
    for thing in original.things:
        if thing.kind is Kind.SCHEDULER and thing.number in match:
            before, after = _stepped(original, thing.number), _stepped(fixed, match[thing.number])
            if before and before != after:
                at = next((k for k, pair in enumerate(zip(before, after, strict=False)) if pair[0] != pair[1]), 0)
                words = f"`{thing.label or thing.name}` is stepped after other updates than as written"
                yield Departure("schedule", (before[at : at + 1] or [0])[0], 0, 0.0, 0.0, words)


def _stepped(trace: Trace, number: int) -> list[int]:
    return [each.updates for each in trace.happenings if each.act is Act.SCHEDULE and number in each.things]


def _left_at_the_start(trace: Trace, thing: Thing, first: Update, tolerance: float) -> Iterator[Departure]:
    family = {thing.number, *thing.children}
    built = (each for each in trace.happenings if each.act is Act.NEW and family.intersection(each.things))
    before = next((each.rates for each in built if each.rates), ())
    if _starts_apart(first.rates, before, tolerance):
        words = f"update {first.number} uses the rate {first.rates[0]:.6g} where the optimizer was built with"
        yield _departure(first, before[0], f"{words} {before[0]:.6g}: `{thing.name}` has changed it, and never steps")


def _starts_apart(rates: Sequence[float], due: Sequence[float], tolerance: float) -> bool:
    """Whether the rates of the first groups differ, where there are any."""
    return any(abs(a - b) > tolerance * max(abs(a), abs(b)) for a, b in zip(rates[:1], due[:1], strict=False))


def _departure(update: Update, due: float, words: str) -> Departure:
    apart = abs(update.rates[0] - due)
    relative = apart / abs(due) if due else float("inf")
    return Departure("learning rate", update.number, update.row, apart, relative, words)
