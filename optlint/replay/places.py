"""Where in a run its gradients are clipped and unscaled and its states loaded: between which backwards and updates."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from optlint.program.events import Act
from optlint.replay.movements import plain_name
from optlint.replay.trace import Kind, Trace
from optlint.replay.verdict import Departure

_KEPT_IN_PLACE = (Act.CLIP, Act.UNSCALE, Act.UPDATE_SCALE)


@dataclass(frozen=True, slots=True)
class Place:
    """An act between two updates.

    Attributes:
        act: What is done.
        updates: Made before it, by all optimizers.
        backwards: Made before it, since the last update.
        how: The kind of clipping with its numbers; of LOAD the kind of what loads.
        names: Of the parameters that are clipped.
        row: Of the script.
    """

    act: Act
    updates: int
    backwards: int
    how: str
    names: frozenset[str]
    row: int

    def differs(self, other: Place, *, names: bool) -> str:
        """In what another act, which should be the same, is another; nothing where it is the same."""
        if (self.act, self.how) != (other.act, other.how):
            return f"is `{other.what}`"
        if (self.updates, self.backwards) != (other.updates, other.backwards):
            return f"comes after {other.backwards} backwards and before update {other.updates + 1}"
        if names and self.names and self.names != other.names:  # what was given no parameters at all may be given some
            return f"is of {len(other.names)} parameters, and of {len(self.names)} as written"
        return ""

    @property
    def what(self) -> str:
        """The act in a few words."""
        return f"{self.act.value} {self.how}".strip()


def displaced(original: Trace, fixed: Trace, *, names: bool, but: tuple[Act, ...]) -> Iterator[Departure]:
    """Where the fixed code clips, unscales or loads in another place or another way, the first of each.

    `names` tells whether the parameters that are clipped have to be the same; the acts `but` are not looked at.
    """
    for acts in (_KEPT_IN_PLACE, (Act.LOAD,)):
        chosen = tuple(act for act in acts if act not in but)
        ours, theirs = (list(_places(trace, chosen)) for trace in (original, fixed))
        for before, after in zip(ours, theirs, strict=False):
            words = before.differs(after, names=names)
            if words:
                yield _apart(after, f"`{before.what}` after {before.backwards} backwards {words}")
                return
        if len(theirs) < len(ours):
            missed = ours[len(theirs)]
            yield _apart(missed, f"`{missed.what}` before update {missed.updates + 1} no longer happens")
            return
        if len(theirs) > len(ours) and original.failure is None:
            added = theirs[len(ours)]
            yield _apart(added, f"`{added.what}` before update {added.updates + 1} happens, and does not as written")
            return


def _apart(place: Place, words: str) -> Departure:
    return Departure("events", place.updates + 1, place.row, 0.0, 0.0, words)


def _places(trace: Trace, acts: tuple[Act, ...]) -> Iterator[Place]:
    """What is done after the last update has no effect that a replay shows, unless nothing comes after it at all."""
    updates, backwards = 0, 0
    for each in trace.happenings:
        if each.updates != updates:
            updates, backwards = each.updates, 0
        backwards += each.act is Act.BACKWARD
        if each.act in acts and (each.updates < len(trace.updates) or trace.failure is not None):
            numbers = ", ".join(f"{number:g}" for number in each.given)
            how = f"{each.detail} {numbers}".strip() if each.act is Act.CLIP else ""
            if each.act is Act.LOAD:
                kinds = sorted(trace.things[number - 1].kind.value for number in each.things[:1])
                how = ", ".join(kinds)
            count = 0 if each.act is Act.LOAD else backwards
            yield Place(each.act, each.updates, count, how, frozenset(map(plain_name, each.parameters)), each.row)


def scaled(trace: Trace) -> frozenset[str]:
    """What a scaler is asked for in a run: `scale`, `step`."""
    scalers = {each.number for each in trace.things if each.kind is Kind.SCALER}
    calls = (each for each in trace.happenings if each.act is Act.CALL)
    return frozenset(each.detail for each in calls if scalers.intersection(each.things))
