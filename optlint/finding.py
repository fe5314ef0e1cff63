"""A finding: what is wrong, where, how one gets there, and how it is mended. Terms are SARIF's."""

from __future__ import annotations

import enum
from dataclasses import dataclass
from pathlib import Path

from optlint.source.edits import Fix
from optlint.source.text import Position, Span


class Level(enum.IntEnum):
    """How much a finding weighs; ordered."""

    NOTE = 1
    """Harmless on today's torch, wasteful or fragile."""
    WARNING = 2
    """Wrong under a condition that the code does not settle; the message names it."""
    ERROR = 3
    """A certain crash or a measured wrong result."""

    @property
    def label(self) -> str:
        """The lower-case name, as options and reports spell it."""
        return self.name.lower()


@dataclass(frozen=True, slots=True)
class Location:
    """A range in a file, for people (`start`, `end`) and for edits (`span`)."""

    path: Path
    span: Span
    start: Position
    end: Position


@dataclass(frozen=True, slots=True)
class Step:
    """One numbered step of a witness: what happens at a place."""

    note: str
    location: Location


@dataclass(frozen=True, slots=True)
class Finding:
    """One place where code breaks a rule.

    `message` says what is wrong, the consequence first; `witness` leads through the events that break the rule,
    in the order in which they run.
    """

    code: str
    name: str
    level: Level
    message: str
    location: Location
    witness: tuple[Step, ...] = ()
    fix: Fix | None = None
    consequence: str = ""
    """What the fault does to a run, in a sentence or two; the same for all findings of a rule."""

    @property
    def sort_key(self) -> tuple[str, int, int, str]:
        """Findings are reported by file, place and code."""
        return (str(self.location.path), self.location.start.whole_row, self.location.start.column, self.code)


class Silencer(enum.Enum):
    """What takes a finding out of the report; the values are SARIF's kinds of suppressions."""

    COMMENT = "inSource"
    CONFIGURATION = "external"
    """`per-file-ignores`, a baseline, or a revision that has the finding already."""


@dataclass(frozen=True, slots=True)
class Silenced:
    """A finding that is not reported, by what, and why in words."""

    finding: Finding
    by: Silencer
    reason: str
