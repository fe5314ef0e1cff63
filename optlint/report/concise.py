"""The report with one line a finding, for editors and grep."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from optlint.finding import Finding
from optlint.paths import shown
from optlint.report.columns import expand
from optlint.report.marks import mark
from optlint.report.style import Ink, Style


def header(finding: Finding, style: Style, unsafe: bool) -> str:
    """Return `path:row:column: level CODE [mark] message`."""
    start = finding.location.start
    place = style.paint(f"{expand(shown(finding.location.path))}:{start.row}:{start.column}:", Ink.STRONG)
    level = style.level(finding.level.label, finding.level)
    fix = style.paint(mark(finding.fix, unsafe), Ink.PLACE)
    words = (place, level, style.level(finding.code, finding.level), fix, expand(finding.message))
    return " ".join(word for word in words if word)


def concise(findings: Iterable[Finding], style: Style, unsafe: bool) -> Iterator[str]:
    """Yield the lines of the report."""
    for finding in findings:
        yield header(finding, style, unsafe)
