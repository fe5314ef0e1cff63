"""The report as a code quality report of GitLab: a subset of the format of Code Climate."""

from __future__ import annotations

import os
from collections.abc import Iterator
from typing import Any

from optlint.finding import Finding, Level
from optlint.fingerprint import fingerprints
from optlint.report.escapes import visible
from optlint.report.json_document import dumped
from optlint.report.places import cell_words, document_region, from_folder
from optlint.report.report import Report
from optlint.report.repository import repository_root
from optlint.report.style import Style

_SEVERITIES = {Level.ERROR: "critical", Level.WARNING: "major", Level.NOTE: "info"}


def lines(report: Report, style: Style) -> Iterator[str]:
    """Yield the report as one JSON text; names of files are those from the root of the repository."""
    folder = os.environ.get("CI_PROJECT_DIR") or repository_root()
    seen: set[str] = set()
    issues = []
    for finding, fingerprint in zip(report.findings, fingerprints(report.findings, report.sources), strict=True):
        path = from_folder(finding.location.path, folder)
        issues.append(_issue(report, finding, path, _unique(fingerprint, path, seen)))
    yield dumped(issues)


def _issue(report: Report, finding: Finding, path: str, fingerprint: str) -> dict[str, Any]:
    where = document_region(finding.location, report.sources(finding.location.path))
    message = f"{finding.code}: {cell_words(finding.location.start)}{report.message(finding)}"
    return {
        "type": "issue",
        "check_name": finding.name,
        "description": visible(message),
        "categories": ["Bug Risk"],
        "severity": _SEVERITIES[finding.level],
        "fingerprint": fingerprint,
        "location": {"path": path, "lines": {"begin": where.row, "end": where.end_row}},
    }


def _unique(fingerprint: str, path: str, seen: set[str]) -> str:
    """Return a fingerprint that no other issue has: GitLab shows one of each, and equal code may stand in two files."""
    unique = fingerprint if fingerprint not in seen else f"{fingerprint}-{path}"
    seen.add(unique)
    return unique
