"""A happening while it is recorded."""

from __future__ import annotations

from dataclasses import dataclass, fields

from optlint.program.events import Act
from optlint.replay.trace import Apart, Happening


@dataclass(slots=True, eq=False)
class Draft:
    """A happening that may still change."""

    act: Act
    row: int
    things: tuple[int, ...]
    updates: int
    detail: str = ""
    apart: Apart | None = None
    outside: tuple[int, ...] = ()
    parameters: tuple[str, ...] = ()
    by_hand: bool = False
    given: tuple[float, ...] = ()
    rates: tuple[float, ...] = ()
    lost: tuple[float, ...] = ()

    def takes_in(self, other: Draft) -> bool:
        """Take in another one, which directly follows, if it is more of the same: the rounds of a loop."""
        mergeable = self.by_hand or self.act in _IN_LOOPS
        alike = (self.act, self.row, self.updates, self.detail, self.by_hand)
        if not mergeable or alike != (other.act, other.row, other.updates, other.detail, other.by_hand):
            return False
        self.things = tuple(sorted({*self.things, *other.things}))
        self.outside = tuple(sorted({*self.outside, *other.outside}))
        self.parameters = tuple(dict.fromkeys((*self.parameters, *other.parameters)))
        return True

    def finished(self) -> Happening:
        """The happening, as it came out in the end."""
        return Happening(*[getattr(self, name) for name in _NAMES])


_NAMES = tuple(each.name for each in fields(Happening))
_IN_LOOPS = frozenset((Act.FREEZE, Act.UNFREEZE, Act.SET_ATTRIBUTE))
"""What is done to one parameter after another."""
