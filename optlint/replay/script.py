"""The replay script: what is run in the place of a flagged loop."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True, slots=True)
class Origin:
    """The line of a project's file that a row of a script comes from; `row` counts from 1."""

    path: Path
    row: int


@dataclass(frozen=True, slots=True)
class StandIn:
    """What a script has in the place of something that it cannot run: `args` for `parser.parse_args()`."""

    name: str
    replaced: str
    """The source text, on one line."""
    origin: Origin


@dataclass(frozen=True, slots=True)
class ReplayScript:
    """A program of torch alone that does what the flagged code does to its optimizers.

    Attributes:
        body: The statements; they use `torch` and `standin` and import nothing.
        origins: For each row of the body (the first is at index 0) where it comes from, or None.
        standins: What stands in for what, in the order of the text.
    """

    body: str
    origins: tuple[Origin | None, ...]
    standins: tuple[StandIn, ...]

    def origin(self, row: int) -> Origin | None:
        """Where a row of the body (from 1) comes from; of a row without origin, the nearest one above that has."""
        for origin in reversed(self.origins[:row]):
            if origin is not None:
                return origin
        return None
