"""What a replay says of a finding and of its fix."""

from __future__ import annotations

import enum
from dataclasses import dataclass


class FindingVerdict(enum.Enum):
    """Whether a fault really happens."""

    CONFIRMED = "confirmed"
    """The trace breaks the property, and the quantity departs from what is due."""
    NOT_REPRODUCED = "not reproduced"
    """The code ran, and the quantity departs nowhere: harmless on this torch and device."""
    INCONCLUSIVE = "inconclusive"


class FixVerdict(enum.Enum):
    """Whether a fix mends the fault and keeps all else."""

    VALIDATED = "validated"
    REFUTED = "refuted"
    INCONCLUSIVE = "inconclusive"


class Reason(enum.Enum):
    """Why a verdict is inconclusive: a closed list."""

    CANNOT_SLICE = "cannot slice"
    NEEDS_SECOND_DEVICE = "needs a second device"
    TIMED_OUT = "timed out"
    NONDETERMINISTIC = "nondeterministic"
    NOT_EXERCISED = "not exercised"
    CRASHED_IN_STANDIN = "crashed in a stand-in"


@dataclass(frozen=True, slots=True)
class Departure:
    """Where a run departs: from what is due, or a fixed run from the original one in what was to stay the same.

    Attributes:
        quantity: `learning rate`, `gradient`, `parameters`, `exception`, `events`, `reported rate`, `property`, or for
            what was to stay the same also `updates`, `options` and `schedule`.
        update: The number of the update, from 1 over all optimizers; 0 where it is not about an update.
        row: Of the script, 0 for none.
        absolute: By how much, in the units of the quantity; 0 where it is none that can be measured.
        relative: The same by the size of what is due.
        words: A sentence without final stop.
    """

    quantity: str
    update: int
    row: int
    absolute: float
    relative: float
    words: str


@dataclass(frozen=True, slots=True)
class Flag:
    """What is flagged, in rows of the scripts.

    Attributes:
        rows: Of the original script: of the finding, and of the events of its witness. Empty where they are unknown.
        fixed_rows: The same of the fixed script.
        word: The method that stands there without a call, for a finding about that.
        loops_kept: Whether what the fix wrote stands in the loops in which the finding lies.
        own: Of `rows` those of the finding itself.
        written: Of `fixed_rows` those that the fix wrote.
        path: Of `rows` those that take note of themselves when they run (see `reached`).
    """

    rows: tuple[int, ...] = ()
    fixed_rows: tuple[int, ...] = ()
    word: str = ""
    loops_kept: bool = True
    own: tuple[int, ...] = ()
    written: tuple[int, ...] = ()
    path: tuple[int, ...] = ()


@dataclass(frozen=True, slots=True)
class Verdict:
    """The answer of a replay.

    Attributes:
        finding: Whether the fault happens.
        fix: Whether the fix mends it; None where there is no fix.
        quantity: What was looked at: `learning rate`, ...
        finding_reason: Why the finding is inconclusive.
        fix_reason: Why the fix is.
        departure: The first divergence of the code as written from what is due, with its magnitude.
        refutation: The first divergence that refutes the fix.
        device: On which the scripts ran.
        torch: The version.
        sentence: All that in words, without final stop.
        fix_sentence: The same of the fix.
        dtype: In which floating-point type the scripts ran.
        shapes_only: Whether `meta`, which has no numbers, stood for a device that is not here.
        agreement: What of a validated fix agrees with what is due, and for how long.
    """

    finding: FindingVerdict
    fix: FixVerdict | None
    quantity: str
    finding_reason: Reason | None = None
    fix_reason: Reason | None = None
    departure: Departure | None = None
    refutation: Departure | None = None
    device: str = ""
    torch: str = ""
    sentence: str = ""
    fix_sentence: str = ""
    dtype: str = ""
    shapes_only: bool = False
    agreement: str = ""

    @property
    def is_refuted(self) -> bool:
        """Whether there is a fix that must not be offered."""
        return self.fix is FixVerdict.REFUTED

    @property
    def fix_in_short(self) -> str:
        """The verdict on the fix in a short sentence that says that a replay is behind it; empty without a fix."""
        match self.fix:
            case None:
                return ""
            case FixVerdict.VALIDATED:
                shapes = " (shapes only)" if self.shapes_only else ""
                return f"{self.fix.value} by replay: {self.agreement}{shapes}"
            case FixVerdict.REFUTED:
                return f"{self.fix.value} by replay: {self.fix_sentence}"
            case FixVerdict.INCONCLUSIVE:
                reason = "" if self.fix_reason is None else f" ({self.fix_reason.value})"
                return f"not validated, its replay is {self.fix.value}{reason}"

    @property
    def first_divergence(self) -> int | None:
        """The number of the update at which the code as written departs from what is due."""
        return None if self.departure is None else self.departure.update

    @property
    def magnitude(self) -> float | None:
        """By how much, relatively."""
        return None if self.departure is None else self.departure.relative

    @property
    def reasons(self) -> tuple[Reason, ...]:
        """All reasons, those of the finding first."""
        found = (self.finding_reason, self.fix_reason)
        return tuple(dict.fromkeys(reason for reason in found if reason is not None))
