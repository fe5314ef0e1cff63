"""The gradients that are due: what an update of each optimizer should use.

Due is the sum of what all backwards have given a parameter since the optimizer's last update, unscaled and clipped as
it was on the way. Gradients may be cleared in between: with a further backward after that, what was before is gone by
intent (the other network's share in a GAN, a first backward for the log), and due is what came after; without one, the
clearing took what the update should have used, and due stays what it was. What was there before the last update and
was not cleared is not due: the sum of all gradients so far departs from the second update on.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

from optlint.reference.clipping import clip_by_norm, clip_by_value

ANYONE = 0
"""Stands for the optimizer that a parameter may still be given to: what came since the last update of any."""


@dataclass(slots=True)
class _Due:
    """What is due, from which backwards, and whether that was cleared since."""

    total: Tensor
    backwards: list[int]
    cleared: bool = False


@dataclass(frozen=True, slots=True)
class Clip:
    """A clipping, of the norm (of order `p`), or of each value where that is None."""

    limit: float
    p: float | None

    def of(self, gradients: Sequence[Tensor]) -> list[Tensor]:
        """The gradients, clipped."""
        if self.p is None:
            return clip_by_value(gradients, self.limit)
        return clip_by_norm(gradients, self.limit, self.p)[0]


class Ledger:
    """What is due to each optimizer (by number) for each parameter (by identity)."""

    def __init__(self) -> None:
        self._due: dict[int, dict[int, _Due]] = {}
        self._used: set[int] = set()
        self._rows: dict[int, int] = {}
        self._missed: list[Clip] = []

    def add(self, parameter: int, owners: Sequence[int], gradient: Tensor, backward: int, row: int = 0) -> None:
        """A backward, in a row of the script, gave a parameter a gradient."""
        self._rows[backward] = row
        dues = self._due.setdefault(parameter, {})
        for owner in (ANYONE, *owners):
            due = dues.get(owner)
            if due is None or due.cleared:
                dues[owner] = _Due(gradient, [backward])
            else:
                due.total = due.total + gradient
                due.backwards.append(backward)

    def clear(self, parameter: int, owner: int | None = None) -> None:
        """The gradient of a parameter was cleared, or (for one owner) is about to be computed anew."""
        for each, due in self._due.get(parameter, {}).items():
            if owner is None or each == owner:
                due.cleared = True

    def join(self, parameter: int, owner: int) -> None:
        """An optimizer was given a parameter."""
        dues = self._due.get(parameter, {})
        if ANYONE in dues and owner not in dues:
            due = dues[ANYONE]
            dues[owner] = _Due(due.total, list(due.backwards), due.cleared)

    def leave(self, parameter: int, owners: Sequence[int]) -> None:
        """Of the optimizers, only these hold a parameter now."""
        dues = self._due.get(parameter, {})
        for owner in [each for each in dues if each != ANYONE and each not in owners]:
            del dues[owner]

    def multiply(self, parameter: int, factor: float) -> None:
        """The gradient was unscaled."""
        for due in self._due.get(parameter, {}).values():
            due.total = due.total * factor

    def adopt(self, parameter: int, owners: Sequence[int], old: Tensor | None, new: Tensor) -> None:
        """The gradient was changed by hand: what was done to it is done to what is due."""
        dues = self._due.setdefault(parameter, {})
        for owner in (ANYONE, *owners):
            due = dues.get(owner)
            if due is None or due.cleared or old is None or torch.equal(due.total, old):
                dues[owner] = _Due(new, [] if due is None else due.backwards)
            else:
                factor = _factor(old, new)
                due.total = due.total + (new - old) if factor is None else due.total * factor

    def clip(self, clip: Clip, parameters: Sequence[int], before: Sequence[Tensor], after: Sequence[Tensor]) -> None:
        """Gradients were clipped together: those of some parameters, as they were and as they are."""
        for owner in sorted({owner for each in parameters for owner in self._due.get(each, {})}):
            found = [(self._due.get(each, {}).get(owner), i) for i, each in enumerate(parameters)]
            present = [(due, i) for due, i in found if due is not None and not due.cleared]
            if all(torch.equal(due.total, before[i]) for due, i in present):
                for due, i in present:
                    due.total = after[i]
            else:
                # Others than this owner's may be among them, and count in the norm as they are.
                mixed = list(before)
                for due, i in present:
                    mixed[i] = due.total
                clipped = clip.of(mixed)
                for due, i in present:
                    due.total = clipped[i]

    def missed(self, clip: Clip) -> None:
        """A clipping was given an iterator that is used up: meant were the parameters of the next update."""
        self._missed.append(clip)

    def due(self, parameter: int, owner: int) -> Tensor | None:
        """What an update of an optimizer should use."""
        due = self._due.get(parameter, {}).get(owner)
        return None if due is None else due.total

    def dues(self, parameters: Sequence[int], owner: int) -> list[Tensor | None]:
        """The same for all parameters of the optimizer, with the clippings that missed them."""
        found = [self.due(each, owner) for each in parameters]
        for clip in self._missed:
            present = [(i, due) for i, due in enumerate(found) if due is not None]
            for (i, _), clipped in zip(present, clip.of([due for _, due in present]), strict=True):
                found[i] = clipped
        return found

    def updated(self, parameters: Sequence[int], owner: int) -> tuple[int, int]:
        """An optimizer made its update: nothing is due to it.

        Returns how many backwards it was the first to use, and how many of other rows it has borrowed.
        """
        first: set[int] = set()
        for parameter in parameters:
            due = self._due.get(parameter, {}).pop(owner, None)
            if due is not None:
                first.update(due.backwards)
        for dues in self._due.values():
            dues.pop(ANYONE, None)
        own = first - self._used
        self._used |= own
        self._missed.clear()
        rows = {self._rows[each] for each in own}
        borrowed = [each for each in first - own if self._rows[each] not in rows] if own else []
        return len(own), len(borrowed)


def _factor(old: Tensor, new: Tensor) -> float | None:
    """The number that the one was multiplied by to become the other, if there is one."""
    square = float((old * old).sum())
    if square == 0 or not math.isfinite(square):
        return None
    factor = float((old * new).sum()) / square
    return factor if bool(((new - factor * old).abs() <= 1e-12 * old.abs().max()).all()) else None
