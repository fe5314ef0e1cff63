"""The replay script: what is run in the place of a flagged loop."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from optlint.program.modules import ModuleInfo
from optlint.source.text import Position


@dataclass(frozen=True, slots=True)
class Origin:
    """The line of a project's file that a row of a script comes from; `row` counts from 1 in the whole text."""

    path: Path
    row: int
    position: Position | None = None
    """The row in its cell, for a notebook."""

    @property
    def in_file(self) -> str:
        """The row as people call it, in a notebook `cell 3:12`."""
        return str(self.row) if self.position is None else self.position.in_file


def origin_in(module: ModuleInfo, row: int) -> Origin:
    """Return a row of a module as an origin."""
    source = module.source
    if not source.cells:
        return Origin(module.path, row)
    # What stands for a cell that is no Python begins on the border above it.
    below = row + source.is_border(row)
    return Origin(module.path, row, source.position(source.line_starts[below - 1]))


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
