"""The report for programs: a list of objects with Ruff's field names, and `level` and `witness` beside them."""

from __future__ import annotations

import json
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from optlint.finding import Finding, Step
from optlint.paths import shown
from optlint.report.full import Sources
from optlint.source.edits import Fix
from optlint.source.text import Position


def json_report(findings: Iterable[Finding], sources: Sources) -> str:
    """Return the report as JSON text in ASCII."""
    return json.dumps([as_object(finding, sources) for finding in findings], indent=2)


def as_object(finding: Finding, sources: Sources) -> dict[str, Any]:
    """Return one finding; rows and columns count from 1, columns in characters."""
    return {
        "code": finding.code,
        "name": finding.name,
        "level": finding.level.label,
        "message": finding.message,
        "filename": _filename(finding.location.path),
        "location": _place(finding.location.start),
        "end_location": _place(finding.location.end),
        "cell": None,
        "url": None,
        "fix": None if finding.fix is None else _fix(finding.fix, sources),
        "witness": [_step(step) for step in finding.witness],
    }


def _fix(fix: Fix, sources: Sources) -> dict[str, Any] | None:
    source = sources(fix.path)
    if source is None:
        return None
    return {
        "applicability": fix.applicability.value,
        "message": fix.title,
        "filename": _filename(fix.path),
        "edits": [
            {
                "content": edit.text,
                "location": _place(source.position(edit.span.start)),
                "end_location": _place(source.position(edit.span.end)),
            }
            for edit in fix.edits
        ],
    }


def _step(step: Step) -> dict[str, Any]:
    start = step.location.start
    return {
        "filename": _filename(step.location.path),
        "row": start.row,
        "column": start.column,
        "note": step.note,
    }


def _filename(path: Path) -> str:
    return shown(path)


def _place(position: Position) -> dict[str, int]:
    return {"row": position.row, "column": position.column}
