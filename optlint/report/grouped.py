"""The report by file: its name, and below it a line for each finding."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import groupby

from optlint.report.concise import said
from optlint.report.places import file_name
from optlint.report.report import Report
from optlint.report.style import Ink, Style


def lines(report: Report, style: Style) -> Iterator[str]:
    """Yield the lines; a blank one ends each file."""
    for path, findings in groupby(report.findings, key=lambda finding: finding.location.path):
        yield f"{style.paint(file_name(path), Ink.STRONG)}:"
        rows = [(each, f"{each.location.start.in_file}:{each.location.start.column}") for each in findings]
        columns = max(len(at) for _, at in rows)
        for finding, at in rows:
            yield f"  {style.paint(f'{at:<{columns}}', Ink.PLACE)}  {said(report, finding, style)}"
        yield ""
