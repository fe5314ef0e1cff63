"""The report as issues of Azure Pipelines: a logging command a finding, where a note is a warning too."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from optlint.finding import Level
from optlint.report.escapes import azure_message, azure_property
from optlint.report.places import cell_words, document_region
from optlint.report.report import Report
from optlint.report.style import Style


def lines(report: Report, style: Style) -> Iterator[str]:
    """Yield the commands."""
    for finding in report.findings:
        where = document_region(finding.location, report.sources(finding.location.path))
        properties = {
            "type": "error" if finding.level is Level.ERROR else "warning",
            "sourcepath": _absolute(finding.location.path),
            "linenumber": str(where.row),
            "columnnumber": str(where.column),
            "code": finding.code,
        }
        said = ";".join(f"{name}={azure_property(text)}" for name, text in properties.items())
        message = f"{cell_words(finding.location.start)}{report.message(finding)}"
        yield f"##vso[task.logissue {said}]{azure_message(message)}"


def _absolute(path: Path) -> str:
    """Return the name by which the agent finds the file in one of the checked-out repositories."""
    return str(path.absolute())
