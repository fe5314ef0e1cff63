"""Which update of one run stands beside which of another, and whether the optimizers have their turns as before."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from itertools import groupby

from optlint.replay.trace import Trace, Update
from optlint.replay.verdict import Departure


def otherwise_in_turn(
    original: Trace, fixed: Trace, match: Mapping[int, int], heirs: Mapping[int, int], *, counted: bool
) -> Iterator[Departure]:
    """Where an update is made by another optimizer; with `counted` also whether there are more or fewer."""
    ours_in_turn, theirs_in_turn = original.updates, fixed.updates
    if not counted:  # more or fewer of one optimizer put off those of the next one
        ours_in_turn, theirs_in_turn = _in_turn(ours_in_turn), _in_turn(theirs_in_turn)
    for before, after in zip(ours_in_turn, theirs_in_turn, strict=False):
        if match.get(before.optimizer) != heirs.get(after.optimizer, after.optimizer):
            yield _of_updates(after.number, after.row, f"update {after.number} is made by another optimizer")
            return
    ours, theirs = len(original.updates), len(fixed.updates)
    if counted and (theirs < ours or (theirs > ours and original.failure is None)):
        words = f"the fixed code makes {theirs} updates, the code as written {ours}"
        yield _of_updates(min(ours, theirs) + 1, 0, words)


def side_by_side(
    original: Trace, fixed: Trace, match: Mapping[int, int], heirs: Mapping[int, int], *, counted: bool
) -> list[tuple[Update, Update]]:
    """The updates of both runs, one beside the other; where their number may change, those of each optimizer."""
    if counted:
        return list(zip(original.updates, fixed.updates, strict=False))
    found: list[tuple[Update, Update]] = []
    for number in sorted({update.optimizer for update in original.updates}):
        ours = (update for update in original.updates if update.optimizer == number)
        theirs = (
            update for update in fixed.updates if heirs.get(update.optimizer, update.optimizer) == match.get(number)
        )
        found += zip(ours, theirs, strict=False)
    return sorted(found, key=lambda pair: pair[0].number)


def _in_turn(updates: Iterable[Update]) -> tuple[Update, ...]:
    """The first of each row of updates that one optimizer makes, before another one has its turn."""
    return tuple(next(group) for _, group in groupby(updates, key=lambda update: update.optimizer))


def _of_updates(update: int, row: int, words: str) -> Departure:
    return Departure("updates", update, row, 0.0, 0.0, words)
