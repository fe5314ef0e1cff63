"""The report as pylint's parseable lines, which many tools read: `path:row: [CODE] message`."""

from __future__ import annotations

from collections.abc import Iterator

from optlint.report.columns import expand
from optlint.report.places import cell_words, document_region, file_name
from optlint.report.report import Report
from optlint.report.style import Style


def lines(report: Report, style: Style) -> Iterator[str]:
    """Yield the lines."""
    for finding in report.findings:
        where = document_region(finding.location, report.sources(finding.location.path))
        message = f"{cell_words(finding.location.start)}{report.message(finding)}"
        yield f"{file_name(finding.location.path)}:{where.row}: [{finding.code}] {expand(message)}"
