"""The report for programs that read it line by line: the objects of the format `json`, each on a line."""

from __future__ import annotations

from collections.abc import Iterator

from optlint.report.json import objects
from optlint.report.json_document import dumped
from optlint.report.report import Report
from optlint.report.style import Style


def lines(report: Report, style: Style) -> Iterator[str]:
    """Yield the findings as JSON in ASCII."""
    for each in objects(report):
        yield dumped(each, indent=None)
