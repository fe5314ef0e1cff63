"""The report with one line a finding, for editors and grep."""

from __future__ import annotations

from collections.abc import Iterator

from optlint.finding import Finding
from optlint.report.columns import expand
from optlint.report.marks import mark
from optlint.report.places import place
from optlint.report.report import Report
from optlint.report.style import Ink, Style
from optlint.source.edits import Fix


def header(finding: Finding, fix: Fix | None, style: Style, unsafe: bool) -> str:
    """Return `path:row:column: level CODE [mark] message`; the mark is that of `fix`, which may be none."""
    return f"{_at(finding, style)} {_said(finding, style, mark(fix, unsafe), finding.message)}"


def said(report: Report, finding: Finding, style: Style) -> str:
    """Return `level CODE [mark] message; verdict`: the line of a finding without its place."""
    return _said(finding, style, mark(report.offered_fix(finding), report.unsafe), report.message(finding))


def lines(report: Report, style: Style) -> Iterator[str]:
    """Yield the lines of the report."""
    for finding in report.findings:
        yield f"{_at(finding, style)} {said(report, finding, style)}"


def _at(finding: Finding, style: Style) -> str:
    return style.paint(f"{place(finding.location.path, finding.location.start)}:", Ink.STRONG)


def _said(finding: Finding, style: Style, fix: str, message: str) -> str:
    level = style.level(finding.level.label, finding.level)
    words = (level, style.level(finding.code, finding.level), style.paint(fix, Ink.PLACE), expand(message))
    return " ".join(word for word in words if word)
