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
    OVERWRITTEN = "overwritten"
    """The rates that one schedule sets and another one, on the same optimizer, computes anew."""
    PACE = "pace"
    """How far the schedule has come at each update, against one that goes its whole length in the run."""
    MOVED = "moved"
    """Which parameters an update moves."""
    FINITE = "finite"
    """What an update makes of parameters of a narrow type where their gradient is zero."""
    GRADIENT = "grad"
    """The gradient that each update consumes."""
    DISCARDED = "discarded"
    """The gradients that are thrown away before the update that should use them."""
    WINDOWS = "windows"
    """How many backwards each update uses, against windows of one length."""
    WEIGHT = "weight"
    """What the losses weigh together whose gradients an update uses, against their mean."""
    OPTIONS = "options"
    """The options that the updates of each group use, against those that the group was given."""
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
    report something. `screen` is a second, finer one, for what a few words cannot tell: a look at the bytes that costs
    less than parsing them.
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
    screen: Callable[[bytes], bool] | None = None
    wording: Callable[[Violation, Level], dict[str, str]] | None = None
    """Fills further holes of the message."""
