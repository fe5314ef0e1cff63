"""A rule: one value that says what the fault is, how to find it, how to mend it and how to see it happen."""

from __future__ import annotations

import enum
from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING

from optlint.finding import Level
from optlint.source.edits import Applicability

if TYPE_CHECKING:
    from optlint.program.objects import Place
    from optlint.property.patterns import Property
    from optlint.property.violation import Violation
    from optlint.syntax.editor import Editor, Edits


class Evidence(enum.Enum):
    """What a replay of the code, as written and as fixed, must show."""

    LEARNING_RATE = "lr"
    """The learning rate of each update, against the reference schedule."""
    MOVED = "moved"
    """Which parameters an update moves."""
    GRADIENT = "grad"
    """The gradient that each update consumes."""
    ORDER = "order"
    """The order of the events alone."""
    CRASH = "crash"
    """An exception before the fix and none after."""
    STATE = "state"
    """Optimizer state that is kept or lost."""
    TEXT = "text"
    """Nothing runs differently: the text alone is evidence."""


@dataclass(frozen=True, slots=True)
class Repair:
    """How a violation is mended.

    `edits` returns the edits, or None where this place cannot be mended by moving text (the finding then has no
    fix). `applicability` is the promise; where it depends on the place, `decide` gives it.
    """

    title: str
    applicability: Applicability
    edits: Callable[[Violation, Editor], Edits | None]
    decide: Callable[[Violation], Applicability] | None = None


@dataclass(frozen=True, slots=True)
class Rule:
    """One fault.

    A rule's name is the name of the file that defines it, and its card that file's docstring: neither is
    written a second time. `message` is a format string over the violation's `parts`.

    `triggers` is the screen: a file is looked at by this rule only if, for at least one of the groups, every
    token of the group stands somewhere in the file's bytes. It must hold for each file in which the rule can
    report something.
    """

    code: str
    level: Level
    message: str
    triggers: tuple[tuple[str, ...], ...]
    property: Property
    evidence: Evidence
    repair: Repair | None = None
    judge: Callable[[Violation], Level | None] | None = None
    """Decides the level of each violation by what it sees, or None where the code is right after all."""
    place: Callable[[Violation], Place] | None = None
    """Where the finding lies, if not where the property broke: on what is to be mended."""
    wording: Callable[[Violation, Level], dict[str, str]] | None = None
    """Fills further holes of the message."""
