"""The report for reviewdog: diagnostics with suggestions, which it posts as review comments.

All edits of a fix are one suggestion, from the first to the last: a person takes over all of them or none.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from typing import Any

from optlint.finding import Finding, Level, Location
from optlint.report.escapes import visible
from optlint.report.json_document import dumped
from optlint.report.marks import PROMISES
from optlint.report.places import Region, cell_words, document_region, from_folder, span_region
from optlint.report.report import Report
from optlint.report.style import Style
from optlint.source.edits import Fix, apply_edits
from optlint.source.text import Source, Span

_SEVERITIES = {Level.ERROR: "ERROR", Level.WARNING: "WARNING", Level.NOTE: "INFO"}


def lines(report: Report, style: Style) -> Iterator[str]:
    """Yield the report as one JSON text."""
    diagnostics = [_diagnostic(report, finding) for finding in report.findings]
    yield dumped({"source": {"name": "optlint"}, "diagnostics": diagnostics})


def _diagnostic(report: Report, finding: Finding) -> dict[str, Any]:
    fix = report.offered_fix(finding)
    said = [f"{cell_words(finding.location.start)}{finding.message}", *report.remarks(finding)]
    suggestions = _suggestions(report, finding, fix)
    if fix is not None and suggestions:
        said.append(f"fix: {fix.title} ({PROMISES[fix.applicability]})")
    steps = [{"message": visible(step.note), "location": _location(report, step.location)} for step in finding.witness]
    return {
        "message": visible("\n".join(said)),
        "location": _location(report, finding.location),
        "severity": _SEVERITIES[finding.level],
        "source": {"name": "optlint"},
        "code": {"value": finding.code},
        **({"suggestions": suggestions} if suggestions else {}),
        **({"related_locations": steps} if steps else {}),
    }


def _suggestions(report: Report, finding: Finding, fix: Fix | None) -> list[dict[str, Any]]:
    """Return the fix as a suggestion, which can be about the file of the finding only, and about no cell."""
    path = finding.location.path
    source = report.sources(path)
    if fix is None or source is None or not fix.edits or fix.path != path or finding.location.start.cell is not None:
        return []
    around = Span(min(edit.span.start for edit in fix.edits), max(edit.span.end for edit in fix.edits))
    after = apply_edits(source.text, fix.edits)
    text = after[around.start : around.end + len(after) - len(source.text)]
    return [{"range": _range(source, span_region(source, around)), "text": text}]


def _location(report: Report, location: Location) -> dict[str, Any]:
    source = report.sources(location.path)
    where = document_region(location, source)
    return {
        "path": from_folder(location.path, os.curdir),
        "range": _range(None if location.start.cell else source, where),
    }


def _range(source: Source | None, where: Region) -> dict[str, Any]:
    return {
        "start": {"line": where.row, "column": _bytes(source, where.row, where.column)},
        "end": {"line": where.end_row, "column": _bytes(source, where.end_row, where.end_column)},
    }


def _bytes(source: Source | None, row: int, column: int) -> int:
    """Return a column as reviewdog counts it, in bytes of UTF-8 from 1."""
    if source is None or row > len(source.line_starts):
        return column
    return len(source.line(row)[: column - 1].encode("utf-8", "surrogatepass")) + 1
