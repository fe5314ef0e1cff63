"""A report: all that one run found and did, from which every output format is made."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, TypeAlias

from optlint.finding import Finding, Silenced
from optlint.source.edits import Fix
from optlint.source.text import Source

if TYPE_CHECKING:
    from optlint.catalog import CatalogEntry
    from optlint.replay.verdict import Verdict

Sources: TypeAlias = Callable[[Path], Source | None]
"""Returns the text of a file that a finding names, or None where it cannot be read."""


@dataclass(frozen=True, slots=True)
class Applied:
    """A fix that was applied, and the finding that it mended."""

    finding: Finding
    fix: Fix


def _no_entries() -> Sequence[CatalogEntry]:
    return ()


@dataclass(frozen=True, slots=True)
class Report:
    """What a run found and did.

    Attributes:
        findings: What there is to report, sorted.
        sources: The texts that they speak of.
        checked: How many files were.
        verdicts: The verdict of a finding, None for one that none can be made for; None where nothing was replayed.
        silenced: Findings that a comment, the configuration or a baseline takes out of the report.
        applied: The fixes that were applied.
        unsafe: Whether `--fix` counts unsafe fixes as applicable in this run.
        entries: The rules that the run has selected; asked only by a format that explains them.
        exit_code: That of the run.
    """

    findings: Sequence[Finding]
    sources: Sources
    checked: int
    verdicts: Callable[[Finding], Verdict | None] | None = None
    silenced: Sequence[Silenced] = ()
    applied: Sequence[Applied] = ()
    unsafe: bool = False
    entries: Callable[[], Sequence[CatalogEntry]] = _no_entries
    exit_code: int = 0

    def verdict(self, finding: Finding) -> Verdict | None:
        """Return the verdict of a finding, or None where there is none."""
        return None if self.verdicts is None else self.verdicts(finding)

    def offered_fix(self, finding: Finding) -> Fix | None:
        """Return the fix of a finding, unless its replay has refuted it: such a one is offered nowhere."""
        verdict = self.verdict(finding)
        return None if verdict is not None and verdict.is_refuted else finding.fix

    def remarks(self, finding: Finding) -> list[str]:
        """Return what the replay says of a finding and of its fix, a sentence each; nothing where there was none."""
        verdict = self.verdict(finding)
        if verdict is None:
            return []
        return [f"verdict: {verdict.sentence}", *([f"fix {verdict.fix_in_short}"] if verdict.fix is not None else [])]

    def message(self, finding: Finding) -> str:
        """Return the message on one line, with what the replay says of it."""
        return "; ".join((finding.message, *self.remarks(finding)))
