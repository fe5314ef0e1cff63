"""Reports made by hand, for the tests of the formats."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path

from optlint.finding import Finding, Level, Location, Step
from optlint.replay.verdict import Departure, FindingVerdict, FixVerdict, Reason, Verdict
from optlint.report.formats import FORMATS
from optlint.report.report import Report
from optlint.report.style import Style
from optlint.source.edits import Applicability, Edit, Fix
from optlint.source.text import Source, Span

TRAIN = """import torch
é = '中'; early(é)
for batch in loader:
    scheduler.step()
    optimizer.step()
"""
LATE = "the schedule runs one step early: `scheduler.step()` runs before `optimizer.step()`"

CONFIRMED = Verdict(
    FindingVerdict.CONFIRMED,
    FixVerdict.VALIDATED,
    "learning rate",
    departure=Departure("learning rate", 2, 4, 0.05, 0.5, "update 2 uses the rate 0.05 where 0.1 is due"),
    device="cpu",
    torch="2.13.0",
    sentence="confirmed on torch 2.13.0 on cpu: update 2 uses the rate 0.05 where 0.1 is due",
    fix_sentence="nothing departs from what is due (learning rate), and all else is kept",
    dtype="float64",
    agreement="learning rate equal to the reference for 120 updates",
)
SHORT = "validated by replay: learning rate equal to the reference for 120 updates"
REFUTED = replace(
    CONFIRMED,
    fix=FixVerdict.REFUTED,
    refutation=Departure("learning rate", 3, 4, 0.05, 0.5, "update 3 uses the rate 0.2 where 0.1 is due"),
    fix_sentence="update 3 uses the rate 0.2 where 0.1 is due",
    agreement="",
)
UNDECIDED = replace(
    CONFIRMED,
    finding=FindingVerdict.INCONCLUSIVE,
    fix=FixVerdict.INCONCLUSIVE,
    finding_reason=Reason.TIMED_OUT,
    fix_reason=Reason.TIMED_OUT,
    departure=None,
    sentence="inconclusive (timed out): it took too long",
    fix_sentence="it took too long",
    agreement="",
)


def source_of(path: Path, text: str = TRAIN) -> Source:
    return Source.from_bytes(path, text.encode())


def place(source: Source, flagged: str) -> Location:
    start = source.text.index(flagged)
    end = start + len(flagged)
    return Location(source.path, Span(start, end), source.position(start), source.position(end))


def early_step(source: Source, message: str = LATE, level: Level = Level.ERROR) -> Finding:
    """Return a finding with a witness and a fix that deletes one line and inserts another."""
    start, behind = source.text.index("    scheduler"), source.text.index("    optimizer")
    edits = (Edit(Span(start, behind), ""), Edit(Span(len(source.text), len(source.text)), "    scheduler.step()\n"))
    return Finding(
        "OPT101",
        "scheduler-step-before-optimizer-step",
        level,
        message,
        place(source, "scheduler.step()"),
        (Step("the loop begins", place(source, "for batch")), Step("it moves on", place(source, "scheduler.step()"))),
        Fix("Step the scheduler after the optimizer", Applicability.UNSAFE, source.path, edits),
    )


def report_of(findings: Sequence[Finding], *sources: Source, verdict: Verdict | None = None, **more: object) -> Report:
    texts = {source.path: source for source in sources}
    verdicts: Callable[[Finding], Verdict | None] | None = None if verdict is None else lambda finding: verdict
    return Report(findings, texts.get, len(sources), verdicts, **more)  # type: ignore[arg-type]


def written(name: str, report: Report) -> str:
    """Return a report in a format."""
    return "".join(f"{line}\n" for line in FORMATS[name].lines(report, Style()))
