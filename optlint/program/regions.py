"""Structured control flow: what may happen in which order."""

from __future__ import annotations

import enum
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any, NamedTuple, TypeAlias

from optlint.program.events import Event
from optlint.program.lengths import Length
from optlint.program.objects import Place

Variable: TypeAlias = "tuple[int, str]"
"""A frame or object, by its serial, and a name in it."""


class Guard(NamedTuple):
    """A condition that another branch may test again.

    `subject` is the tested expression. Where `constant` is given, the test is `subject == constant`, and two guards
    of one subject with different constants exclude each other. `variables` are those that the expression reads:
    once one of them changes, an outcome seen before says nothing more. Where it `lasts`, the next iteration of a loop
    that leaves them alone has the same outcome: a setting does, a list that is filled does not.
    """

    subject: str
    constant: str
    variables: frozenset[Variable]
    lasts: bool = False


class Leave(enum.Enum):
    """How control leaves a region early."""

    __hash__ = object.__hash__  # as that of acts

    BREAK = "break"
    CONTINUE = "continue"
    RETURN = "return"
    RAISE = "raise"


@dataclass(frozen=True, slots=True, eq=False)
class Jump:
    """Control leaves for the end of the loop, its next iteration, the caller, or a handler."""

    leave: Leave


@dataclass(frozen=True, slots=True, eq=False)
class Sequence:
    """One region after the other."""

    items: tuple[Region, ...]


@dataclass(frozen=True, slots=True, eq=False)
class Branch:
    """One of two regions; `positive` tells whether `then` runs where the guard holds."""

    then: Region
    otherwise: Region
    place: Place
    guard: Guard | None = None
    positive: bool = True
    period: Length | None = None
    """Where the condition is `i % n == 0` or the like, `n`: it holds once in so many iterations."""


@dataclass(frozen=True, slots=True, eq=False)
class Loop:
    """A region that runs one or more times: a loop is taken to run at least once.

    Without that assumption right programs would be reported, since an empty loader skips `optimizer.step()`.
    `endless` loops are left by `break` only. `assigned` are the variables that an iteration changes. `orelse`
    runs where no `break` happened.
    """

    body: Region
    orelse: Region
    place: Place
    assigned: frozenset[Variable]
    endless: bool = False
    count: Length | None = None
    """How many iterations there are, if none breaks out; those that were followed apart are among them."""


@dataclass(frozen=True, slots=True, eq=False)
class Unrolled:
    """A loop over a known list: its iterations, one region each."""

    iterations: tuple[Region, ...]
    place: Place


@dataclass(frozen=True, slots=True, eq=False)
class Try:
    """A region that may stop anywhere for one of the handlers."""

    body: Region
    handlers: tuple[Region, ...]
    orelse: Region
    final: Region
    place: Place


@dataclass(frozen=True, slots=True, eq=False)
class Call:
    """A function of the project runs; `Leave.RETURN` in it ends it."""

    name: str
    body: Region
    place: Place


Region: TypeAlias = Event | Jump | Sequence | Branch | Loop | Unrolled | Try | Call

EMPTY = Sequence(())


def sequence(items: list[Region]) -> Region:
    """Return the items as one region, without needless nesting."""
    return items[0] if len(items) == 1 else Sequence(tuple(items)) if items else EMPTY


_NONE: tuple[Region, ...] = ()
_CHILDREN: dict[type, Callable[[Any], tuple[Region, ...]]] = {
    Sequence: lambda region: region.items,
    Branch: lambda region: (region.then, region.otherwise),
    Loop: lambda region: (region.body, region.orelse),
    Unrolled: lambda region: region.iterations,
    Try: lambda region: (region.body, *region.handlers, region.orelse, region.final),
    Call: lambda region: (region.body,),
}
"""By class, and not by `match`: searches ask so often that it shows."""


def children(region: Region) -> tuple[Region, ...]:
    """Return the regions directly inside."""
    inside = _CHILDREN.get(type(region))
    return _NONE if inside is None else inside(region)


def events(region: Region) -> Iterator[Event]:
    """Yield all events of a region in the order of the text."""
    stack = [region]
    while stack:
        current = stack.pop()
        if isinstance(current, Event):
            yield current
        else:
            stack.extend(reversed(children(current)))
