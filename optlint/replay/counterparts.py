"""Which object of one run is which of another: of the code as written, and as fixed."""

from __future__ import annotations

from collections.abc import Mapping

from optlint.program.events import Act
from optlint.replay.remaking import first_of
from optlint.replay.trace import Kind, Thing, Trace

_CAUSES = (Act.REPLACE, Act.UNFREEZE, Act.FREEZE, Act.MOVE, Act.LOAD)
"""What makes other parameters the ones to train, so that an optimizer may be made anew for them."""


def counterparts(original: Trace, fixed: Trace) -> dict[int, int]:
    """Which object of the fixed run is which of the original one: by kind and name, else by kind and order.

    Of several with one name those count first that drive the same optimizer, or are made in the place of the same one:
    a file may have the same loop twice.
    """
    found: dict[int, int] = {}
    for kind in Kind:
        ours = [each for each in original.things if each.kind is kind]
        theirs = [each for each in fixed.things if each.kind is kind]
        for close in (True, False):
            for each in list(ours):
                named = (other for other in theirs if each.label and other.label == each.label)
                same = next((other for other in named if _fits(each, other, found, original, fixed, close)), None)
                if same is not None:
                    found[each.number] = same.number
                    ours.remove(each)
                    theirs.remove(same)
        found.update((each.number, other.number) for each, other in zip(ours, theirs, strict=False))
    return found


def _fits(each: Thing, other: Thing, found: Mapping[int, int], original: Trace, fixed: Trace, close: bool) -> bool:
    """Whether an object may be another one, as far as those are known that it drives, or is in the place of."""
    first, firsts = first_of(original, each.number), first_of(fixed, other.number)
    if first != each.number and first in found:
        return found[first] == firsts
    if not close:
        return True
    return firsts == other.number and found.get(each.optimizer or 0) == other.optimizer


def successors(fixed: Trace, match: Mapping[int, int]) -> dict[int, int]:
    """Which optimizers of the fixed run, by number, take the place of which: alike, and made when parameters change."""
    made = {number: each for each in fixed.happenings if each.act is Act.NEW for number in each.things}
    causes = {each.updates for each in fixed.happenings if each.act in _CAUSES}
    known = frozenset(match.values())
    found: dict[int, int] = {}
    for each in fixed.things:
        if each.kind is not Kind.OPTIMIZER or each.number in known or each.number not in made:
            continue
        former = next((fixed.things[number - 1] for number in sorted(known) if _alike(each, fixed, number)), None)
        if former is not None and made[each.number].updates in causes:
            found[each.number] = former.number
    return found


def succeeded(fixed: Trace, optimizers: frozenset[int], heirs: Mapping[int, int]) -> frozenset[int]:
    """Some optimizers of the fixed run with those that take their place, and without those that step no more."""
    made = {number: each.updates for each in fixed.happenings if each.act is Act.NEW for number in each.things}
    ours = {heir: former for heir, former in heirs.items() if former in optimizers}
    last = {each.optimizer: each.number for each in fixed.updates}
    gone = {former for heir, former in ours.items() if last.get(former, 0) <= made[heir]}
    return (optimizers | frozenset(ours)) - gone


def _alike(thing: Thing, fixed: Trace, number: int) -> bool:
    other = fixed.things[number - 1]
    same = (thing.kind, thing.name, thing.options) == (other.kind, other.name, other.options)
    return same and (thing.label == other.label or not (thing.label and other.label))
