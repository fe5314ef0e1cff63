"""The gradients that are due: what an update of each optimizer should use.

Due is the sum of what all backwards have given a parameter since the optimizer's last update, unscaled and clipped as
it was on the way. What a scaled loss has given is due unscaled, and a clipping of it meant it unscaled. Gradients may
be cleared in between: with a further backward after that, what was before is gone by intent (the other network's share
in a GAN, a first backward for the log), and due is what came after; without one, the clearing took what the update
should have used, and due stays what it was. What was there before the last update and was not cleared is not due: the
sum of all gradients so far departs from the second update on.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

from optlint.reference.clipping import clip_by_norm, clip_by_value
from optlint.replay.measure import same

_SAME_FACTOR = 1e-6
"""Relative: a scale is a number of float32."""
ANYONE = 0
"""Stands for the optimizer that a parameter may still be given to: what came since the last update of any."""


@dataclass(slots=True)
class _Due:
    """What is due, from which backwards, and whether that was cleared since.

    The total is as the gradients are, which `factor` unscales.
    """

    total: Tensor
    backwards: list[int]
    cleared: bool = False
    factor: float = 1.0

    @property
    def unscaled(self) -> Tensor:
        """What an update should use."""
        return self.total if self.factor == 1.0 else self.total * self.factor


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
        self._joint: set[int] = set()
        self._rows: dict[int, int] = {}
        self._missed: list[tuple[Clip, frozenset[int] | None]] = []

    def add(
        self, parameter: int, owners: Sequence[int], gradient: Tensor, backward: int, row: int = 0, factor: float = 1.0
    ) -> None:
        """A backward, in a row of the script, gave a parameter a gradient, which `factor` unscales."""
        self._rows[backward] = row
        dues = self._due.setdefault(parameter, {})
        for owner in (ANYONE, *owners):
            due = dues.get(owner)
            if due is None or due.cleared:
                dues[owner] = _Due(gradient, [backward], factor=factor)
            else:
                former = due.total if due.factor == factor else due.total * (due.factor / factor)
                due.total, due.factor = former + gradient, factor
                due.backwards.append(backward)

    def goes_on(self, backward: int) -> None:
        """A backward has kept its graph for another one: what they give is meant to add up."""
        self._joint.add(backward)

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
            dues[owner] = _Due(due.total, list(due.backwards), due.cleared, due.factor)

    def leave(self, parameter: int, owners: Sequence[int]) -> None:
        """Of the optimizers, only these hold a parameter now."""
        dues = self._due.get(parameter, {})
        for owner in [each for each in dues if each != ANYONE and each not in owners]:
            del dues[owner]

    def multiply(self, parameter: int, factor: float) -> None:
        """The gradient was multiplied."""
        for due in self._due.get(parameter, {}).values():
            due.total = due.total * factor

    def unscale(self, parameter: int) -> None:
        """The gradient was unscaled, which takes away what the scale of its losses has made of it and nothing else."""
        for due in self._due.get(parameter, {}).values():
            due.total, due.factor = due.unscaled, 1.0

    def adopt(
        self, parameter: int, owners: Sequence[int], old: Tensor | None, new: Tensor, factor: float = 1.0
    ) -> None:
        """The gradient was changed by hand: what was done to it is done to what is due.

        Where it is another one altogether, that is due, and `factor` unscales it.
        """
        dues = self._due.setdefault(parameter, {})
        for owner in (ANYONE, *owners):
            due = dues.get(owner)
            if due is None or due.cleared or old is None or (due.factor == 1.0 and same(due.total, old)):
                dues[owner] = _Due(new, [] if due is None else due.backwards, factor=factor)
            else:
                by = _factor(old, new)
                if by is not None and due.factor != 1.0 and abs(by / due.factor - 1.0) < _SAME_FACTOR:
                    due.factor = 1.0
                due.total = due.total + (new - old) if by is None else due.total * by

    def clip(
        self,
        clip: Clip,
        parameters: Sequence[int],
        before: Sequence[Tensor],
        after: Sequence[Tensor],
        *,
        as_they_are: bool = False,
    ) -> None:
        """Gradients were clipped together: those of some parameters, as they were and as they are.

        Meant were the unscaled ones, but for `as_they_are`: then the limit is scaled as they are.
        """
        for owner in sorted({owner for each in parameters for owner in self._due.get(each, {})}):
            found = [(self._due.get(each, {}).get(owner), i) for i, each in enumerate(parameters)]
            present = [(due, i) for due, i in found if due is not None and not due.cleared]
            plain = as_they_are or all(due.factor == 1.0 for due, _ in present)
            if plain and all(torch.equal(due.total, before[i]) for due, i in present):
                for due, i in present:
                    due.total = after[i]
            else:
                # Others than this owner's may be among them, and count in the norm as they are.
                mixed = list(before)
                for due, i in present:
                    mixed[i] = due.unscaled
                clipped = clip.of(mixed)
                for due, i in present:
                    due.total = clipped[i] if due.factor == 1.0 else clipped[i] / due.factor

    def missed(self, clip: Clip, parameters: Sequence[int] | None = None) -> None:
        """A clipping found nothing to clip: meant were parameters of the next update, these or else all."""
        self._missed.append((clip, None if parameters is None else frozenset(parameters)))

    def is_due(self, parameter: int) -> bool:
        """Whether there is a gradient which an update has yet to use."""
        return any(not due.cleared for owner, due in self._due.get(parameter, {}).items() if owner != ANYONE)

    def due(self, parameter: int, owner: int) -> Tensor | None:
        """What an update of an optimizer should use."""
        due = self._due.get(parameter, {}).get(owner)
        return None if due is None else due.unscaled

    def dues(self, parameters: Sequence[int], owner: int) -> list[Tensor | None]:
        """The same for all parameters of the optimizer, with the clippings that missed them."""
        found = [self.due(each, owner) for each in parameters]
        for clip, meant in self._missed:
            wanted = [meant is None or each in meant for each in parameters]
            present = [(i, due) for i, due in enumerate(found) if due is not None and wanted[i]]
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
        self._missed = [each for each in self._missed if each[1] is not None and each[1].isdisjoint(parameters)]
        rows = {self._rows[each] for each in own}
        foreign = (each for each in first - own - self._joint if self._rows[each] not in rows)
        borrowed = list(foreign) if own else []
        return len(own), len(borrowed)


def _factor(old: Tensor, new: Tensor) -> float | None:
    """The number that the one was multiplied by to become the other, if there is one."""
    square = float((old * old).sum())
    if square == 0 or not math.isfinite(square):
        return None
    factor = float((old * new).sum()) / square
    return factor if bool(((new - factor * old).abs() <= 1e-12 * old.abs().max()).all()) else None
