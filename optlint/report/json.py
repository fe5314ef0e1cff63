"""The report for programs: a list of objects with Ruff's field names, and `level` and `witness` beside them."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Any

from optlint.finding import Finding, Step
from optlint.paths import shown
from optlint.report.json_document import dumped
from optlint.report.report import Report, Sources
from optlint.report.style import Style
from optlint.source.cells import in_cell
from optlint.source.edits import Fix
from optlint.source.text import Position


def lines(report: Report, style: Style) -> Iterator[str]:
    """Yield the report as one JSON text in ASCII."""
    yield dumped(objects(report))


def objects(report: Report) -> list[dict[str, Any]]:
    """Return the findings as objects, each with its verdict where there was a replay."""
    return [
        {**as_object(finding, report.sources, report.offered_fix(finding)), **_verdict(report, finding)}
        for finding in report.findings
    ]


def as_objects(findings: Iterable[Finding], sources: Sources) -> list[dict[str, Any]]:
    """Return findings without verdicts as objects."""
    return [as_object(finding, sources, finding.fix) for finding in findings]


def as_object(finding: Finding, sources: Sources, fix: Fix | None) -> dict[str, Any]:
    """Return one finding; rows and columns count from 1, columns in characters, rows of a notebook in their cell."""
    return {
        "code": finding.code,
        "name": finding.name,
        "level": finding.level.label,
        "message": finding.message,
        "filename": shown(finding.location.path),
        "location": _place(finding.location.start),
        "end_location": _place(finding.location.end),
        "cell": finding.location.start.cell,
        "url": None,
        "fix": None if fix is None else _fix(fix, sources),
        "witness": [_step(step) for step in finding.witness],
    }


def _fix(fix: Fix, sources: Sources) -> dict[str, Any] | None:
    source = sources(fix.path)
    if source is None:
        return None
    own = [in_cell(source.text, edit) for edit in fix.edits]
    edits = [(edit, source.position(edit.span.start), source.position(edit.span.end)) for edit in own]
    return {
        "applicability": fix.applicability.value,
        "message": fix.title,
        "filename": shown(fix.path),
        "edits": [
            {"content": edit.text, "location": _place(start), "end_location": _place(end), "cell": start.cell}
            for edit, start, end in edits
        ],
    }


def _step(step: Step) -> dict[str, Any]:
    start = step.location.start
    return {
        "filename": shown(step.location.path),
        "cell": start.cell,
        "row": start.row,
        "column": start.column,
        "note": step.note,
    }


def _place(position: Position) -> dict[str, int]:
    return {"row": position.row, "column": position.column}


def _verdict(report: Report, finding: Finding) -> dict[str, Any]:
    if report.verdicts is None:
        return {}
    verdict = report.verdict(finding)
    if verdict is None:
        return {"verdict": None}
    from optlint.report.verdict import verdict_object

    return {"verdict": verdict_object(verdict)}
