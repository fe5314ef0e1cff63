"""What updates are made of: which backwards each one uses, what their losses weigh, and which were thrown away before.

In a loop that accumulates, each update is to use the backwards of one window and the mean of their losses. Three
things go wrong: gradients of the same loss are cleared before the update (`Evidence.DISCARDED`), the windows differ in
length (`Evidence.WINDOWS`), or the losses are summed up (`Evidence.WEIGHT`).

In right code windows are all of one length, but for the last one of an epoch, which may be shorter, and one that takes
over what was left of the epoch before, which is less than twice as long. So the first window is more than half as long
as most, windows of one backward are not the rule where there are longer ones, and what is left at the end is less than
a window.
"""

from __future__ import annotations

import itertools
from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from optlint.program.events import Act
from optlint.replay.monitoring import is_of_all
from optlint.replay.trace import Trace
from optlint.replay.verdict import Departure
from optlint.rule import Evidence, Rule

ACCUMULATED = (Evidence.DISCARDED, Evidence.WINDOWS, Evidence.WEIGHT)
"""What a rule about accumulation shows."""
_ROUNDING = 1e-6


@dataclass(frozen=True, slots=True)
class Gathered:
    """An update and its backwards.

    Attributes:
        update: Its number over all optimizers.
        row: Of the step.
        backwards: The row and the weight of each backward whose gradient it uses.
        discarded: The row of each backward whose gradient was cleared since the last update, and the row of that.
    """

    update: int
    row: int
    backwards: tuple[tuple[int, float], ...]
    discarded: tuple[tuple[int, int], ...]

    def wasted(self, rows: tuple[int, ...]) -> int:
        """How many backwards of a loss that it uses, if it uses any, were cleared in some rows."""
        used = {row for row, _ in self.backwards}
        return sum((of in used or not used) and by in rows for of, by in self.discarded)

    def weight(self) -> float:
        """The greatest weight that the losses of one row have together, where there are several."""
        counts = Counter(row for row, _ in self.backwards)
        return max((self._weight_of(row) for row, count in counts.items() if count > 1), default=0.0)

    def _weight_of(self, row: int) -> float:
        return sum(weight for of, weight in self.backwards if of == row)


def gathered(trace: Trace, optimizer: int, chosen: frozenset[int]) -> tuple[list[Gathered], int]:
    """Return what the updates of an optimizer are made of, and how many backwards came after the last one.

    Only the backwards of the rows that are chosen count, and the updates that use them.
    """
    found: list[Gathered] = []
    pending: list[tuple[int, float]] = []
    lost: list[tuple[int, int]] = []
    cleared = 0
    for each in trace.happenings:
        if optimizer not in each.things:
            continue
        if each.act is Act.BACKWARD and each.row in chosen:
            if cleared:
                lost += [(row, cleared) for row, _ in pending]
                pending, cleared = [], 0
            pending.append((each.row, each.given[0] if each.given else 1.0))
        elif each.act is Act.CLEAR and pending and is_of_all(trace, each, optimizer):
            cleared = each.row
        elif each.act is Act.STEP and not each.detail:
            used = () if cleared else tuple(pending)
            lost += [(row, cleared) for row, _ in pending if cleared]
            if used or lost:
                found.append(Gathered(each.updates + 1, each.row, used, tuple(lost)))
            pending, lost, cleared = [], [], 0
    return found, 0 if cleared else len(pending)


def _losses(trace: Trace, optimizer: int, rows: tuple[int, ...]) -> list[frozenset[int]]:
    """Return the rows of backwards that are looked at together: those that are flagged, or else each for itself."""
    every = {each.row for each in trace.happenings if each.act is Act.BACKWARD and optimizer in each.things}
    flagged = every.intersection(rows)
    return [frozenset(flagged)] if flagged else [frozenset((row,)) for row in sorted(every)]


def ungathered(rule: Rule, trace: Trace, optimizers: frozenset[int], rows: tuple[int, ...]) -> Iterator[Departure]:
    """Where the updates of some optimizers are not made of what they should be."""
    for number in sorted(optimizers):
        for chosen in _losses(trace, number, rows):
            updates, left = gathered(trace, number, chosen)
            if rule.evidence is Evidence.WEIGHT:
                yield from _heavy(updates if chosen.intersection(rows) else [])
                continue
            for each in updates:
                wasted = each.wasted(rows)
                if wasted:
                    used, count = len(each.backwards), wasted + len(each.backwards)
                    words = f"update {each.update} uses {used} of {count} backwards, the others were cleared"
                    yield Departure("gradient", each.update, each.row, wasted, wasted / count, words)
            if rule.evidence is Evidence.WINDOWS:
                yield from _uneven(updates, 0 if trace.cut or trace.failure is not None else left)


def _heavy(updates: list[Gathered]) -> Iterator[Departure]:
    for each in updates:
        weight = each.weight()
        if weight > 1.0 + _ROUNDING:
            words = (
                f"the losses of the {len(each.backwards)} backwards of update {each.update} weigh {weight:.3g} "
                "together, where their mean weighs 1"
            )
            yield Departure("gradient", each.update, each.row, weight - 1.0, weight - 1.0, words)


def _uneven(updates: list[Gathered], left: int) -> Iterator[Departure]:
    updates = [each for each in updates if each.backwards]
    counts = [len(each.backwards) for each in updates]
    if not counts:
        return
    tally = Counter(counts)
    most = max(tally, key=lambda count: (tally[count], count))
    first = updates[0]
    if counts[0] * 2 <= most:
        words = f"update {first.update} uses {counts[0]} of the {most} backwards that an update has"
        yield Departure("gradient", first.update, first.row, most - counts[0], (most - counts[0]) / most, words)
    elif most == 1 and tally[1] * 2 > len(counts) and max(counts) > 1:
        at = next(each for each, count in zip(updates, counts, strict=True) if count == 1)
        words = f"update {at.update} uses 1 backward, as most do, and others {max(counts)}"
        yield Departure("gradient", at.update, at.row, max(counts) - 1, 1.0, words)
    elif left >= max(counts) > 1:
        words = f"{left} backwards come after the last update, which no update uses"
        yield Departure("gradient", updates[-1].update + 1, updates[-1].row, left, left / most, words)


def regrouped(
    rule: Rule,
    original: Trace,
    fixed: Trace,
    optimizers: frozenset[int],
    match: Mapping[int, int],
    rows: tuple[int, ...],
    fixed_rows: tuple[int, ...],
) -> Iterator[Departure]:
    """Where the updates of the fixed code are made of something else than the code as written means."""
    for number in sorted(each for each in optimizers if each in match):
        ours, theirs = _together(original, number, rows), _together(fixed, match[number], fixed_rows)
        before, _ = gathered(original, number, ours)
        after, _ = gathered(fixed, match[number], theirs)
        if rule.evidence is Evidence.WINDOWS:
            due, present = _length(original, number, before, ours), _length(fixed, match[number], after, theirs)
            if due is not None and present is not None and due != present and after:
                words = f"the windows of the fixed code have the length {present}, and {due} as written"
                yield Departure("gradient", after[0].update, after[0].row, abs(present - due), 0.0, words)
            continue
        for one, other in zip(before, after, strict=False):
            every = len(one.backwards) + (one.wasted(rows) if rule.evidence is Evidence.DISCARDED else 0)
            if len(other.backwards) != every:
                words = f"update {other.update} uses {len(other.backwards)} backwards, where {every} are due"
                yield Departure("gradient", other.update, other.row, 0.0, 0.0, words)
                break
            mean = one.weight() / every if every > 1 else 0.0
            full = every == max(len(each.backwards) for each in before)
            if (
                rule.evidence is Evidence.WEIGHT
                and ours.intersection(rows)
                and full
                and abs(other.weight() - mean) > _ROUNDING * mean
            ):
                weight = f"{other.weight():.3g} together, where {mean:.3g} is due"
                words = f"the losses of update {other.update} weigh {weight}"
                yield Departure("gradient", other.update, other.row, 0.0, 0.0, words)
                break


def _together(trace: Trace, optimizer: int, rows: tuple[int, ...]) -> frozenset[int]:
    return frozenset[int]().union(*_losses(trace, optimizer, rows))


def _length(trace: Trace, optimizer: int, updates: list[Gathered], chosen: frozenset[int]) -> int | None:
    """Return the length of the windows that a code means, or None where the run is too short to tell.

    Where gradients are thrown away it is what updates use; else the distance of the updates, or, where there are more
    updates than backwards without one and these stand alone, the distance of those.
    """
    if sum(bool(each.discarded) for each in updates) * 2 > len(updates):
        return Counter(len(each.backwards) for each in updates).most_common(1)[0][0]
    made: list[bool] = []
    for each in trace.happenings:
        if optimizer in each.things and each.act is Act.BACKWARD and each.row in chosen:
            made.append(False)
        elif optimizer in each.things and each.act is Act.STEP and not each.detail and made:
            made[-1] = True
    alone = not any(not one and not next_one for one, next_one in itertools.pairwise(made))
    turned = alone and sum(made) * 2 > len(made) and not all(made)
    places = [index for index, updated in enumerate(made) if updated is not turned]
    gaps = Counter(later - earlier for earlier, later in itertools.pairwise(places))
    if not gaps:
        return places[0] + 1 if any(places) else None  # one after the first backward tells nothing
    return gaps.most_common(1)[0][0]


def ungathered_unseen(rule: Rule, trace: Trace, optimizers: frozenset[int], rows: tuple[int, ...]) -> str:
    """Why a run without a departure says nothing of accumulated gradients; nothing where it does."""
    found = [gathered(trace, number, _together(trace, number, rows))[0] for number in sorted(optimizers)]
    counts = [len(each.backwards) + len(each.discarded) for updates in found for each in updates]
    if not counts:
        return "no backward reached the optimizer"
    if max(counts) < 2:
        return "no update has more than one backward"
    if rule.evidence is Evidence.WEIGHT:
        return "the losses of an update weigh no more than their mean"
    if rule.evidence is Evidence.WINDOWS and len(set(counts)) > 1:
        return "the windows differ in length, as they may where an epoch ends"
    return ""
