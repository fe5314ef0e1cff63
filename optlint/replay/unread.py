"""Options of parameter groups that no update uses, and what they ask for: the evidence of OPTIONS.

Either the optimizer does not read the key, or another optimizer that was given the dict before has left its own there.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from optlint.program.events import Act
from optlint.replay.trace import Kind, Trace
from optlint.replay.verdict import Departure


def unread(trace: Trace, optimizers: frozenset[int], rows: tuple[int, ...]) -> Iterator[Departure]:
    """Where groups of some optimizers have keys that none of their updates reads.

    Code of one's own may read them, so that it counts only where some rows are flagged for that.
    """
    made = {number for each in trace.happenings if each.act is Act.NEW and each.row in rows for number in each.things}
    for thing in trace.things if rows else ():
        first = next((update for update in trace.updates if update.optimizer == thing.number), None)
        if thing.kind is not Kind.OPTIMIZER or first is None:
            continue
        for at, group in enumerate(thing.groups):
            rate = first.rates[at] if at < len(first.rates) else group.rate
            if group.unread and thing.number in optimizers:
                words = f"update {first.number} does not read `{group.unread[0]}` of group {at}"
            elif group.inherited and thing.number in optimizers | made:
                words = f"update {first.number} uses the `{group.inherited[0]}` of another optimizer in group {at}"
            else:
                continue
            if rate != group.rate:
                words += f": it uses the rate {rate:.6g} where {group.rate:.6g} is asked for"
            yield Departure("options", first.number, first.row, abs(rate - group.rate), 1.0, words)


def is_less_unread(original: Trace, fixed: Trace) -> bool:
    """Whether fewer keys are ignored after a fix; those that are left have findings of their own."""
    before, after = (
        sum(len(group.unread) + len(group.inherited) for each in trace.things for group in each.groups)
        for trace in (original, fixed)
    )
    return after < before


def other_rates(original: Trace, fixed: Trace, match: Mapping[int, int]) -> Iterator[Departure]:
    """Groups that begin with another rate after the fix than the one that the code as written asks for."""
    for thing in original.things:
        other = fixed.things[match[thing.number] - 1] if thing.number in match else None
        if thing.kind is not Kind.OPTIMIZER or other is None:
            continue
        for at, (group, now) in enumerate(zip(thing.groups, other.groups, strict=False)):
            if group.rate != now.rate:
                words = f"group {at} begins with the rate {now.rate:.6g} after the fix, and asks for {group.rate:.6g}"
                yield Departure("options", 0, 0, abs(group.rate - now.rate), 0.0, words)
