"""The report as annotations of GitHub: a workflow command a finding.

GitHub shows the first 10 errors, warnings and notices of each step, and 50 of a job; the log has them all.
"""

from __future__ import annotations

import os
from collections.abc import Iterator

from optlint.finding import Finding, Level
from optlint.report.escapes import github_message, github_property
from optlint.report.places import cell_words, document_region, from_folder
from optlint.report.report import Report
from optlint.report.style import Style

_COMMANDS = {Level.ERROR: "error", Level.WARNING: "warning", Level.NOTE: "notice"}


def lines(report: Report, style: Style) -> Iterator[str]:
    """Yield the commands."""
    folder = os.environ.get("GITHUB_WORKSPACE") or os.getcwd()  # noqa: PTH109
    for finding in report.findings:
        properties = ",".join(f"{name}={github_property(text)}" for name, text in _properties(report, finding, folder))
        start = finding.location.start
        message = "\n".join((f"{cell_words(start)}{finding.message}", *report.remarks(finding)))
        yield f"::{_COMMANDS[finding.level]} {properties}::{github_message(message)}"


def _properties(report: Report, finding: Finding, folder: str) -> Iterator[tuple[str, str]]:
    where = document_region(finding.location, report.sources(finding.location.path))
    yield "title", f"{finding.code} ({finding.name})"
    yield "file", from_folder(finding.location.path, folder)
    yield "line", str(where.row)
    yield "endLine", str(where.end_row)
    if where.row == where.end_row:  # with columns GitHub wants one line
        yield "col", str(where.column)
        yield "endColumn", str(where.end_column)
