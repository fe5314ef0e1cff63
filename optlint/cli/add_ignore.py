"""`optlint check --add-ignore`: writes comments that silence what is left."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

from optlint.cli.checker import Checker
from optlint.finding import Finding
from optlint.paths import shown
from optlint.silence import silence
from optlint.source.write import WriteError, replace_file


@dataclass(slots=True)
class Added:
    """What writing comments did: how many findings they silence in how many files, and messages on the others."""

    remaining: list[Finding]
    findings: int = 0
    files: int = 0
    left: list[str] = field(default_factory=list)
    failed: list[str] = field(default_factory=list)
    """Messages on files that could not be written."""


def add_ignores(checker: Checker, findings: Sequence[Finding], files: Sequence[Path], reason: str) -> Added:
    """Silence findings by comments in the given files, and check again."""
    result = Added(list(findings))
    by_path: dict[Path, list[Finding]] = {}
    for finding in findings:
        by_path.setdefault(finding.location.path, []).append(finding)
    checked = set(files)
    for path, there in sorted(by_path.items()):
        source = checker.source(path)
        if path not in checked or source is None:
            why = "the file cannot be read" if source is None else "the file was not named"
            result.left += [_left(finding, why) for finding in there]
            continue
        silenced = silence(source, there, reason)
        result.left += [_left(finding, why) for finding, why in silenced.left]
        if silenced.source.data == source.data:
            continue
        try:
            replace_file(path, silenced.source.data, source.data)
        except WriteError as error:
            result.failed.append(f"{shown(error.path)} is not written: {error.reason}")
        else:
            result.findings += len(silenced.findings)
            result.files += 1
    if result.files:
        checker.forget()
        result.remaining = checker.check(files)
    return result


def _left(finding: Finding, why: str) -> str:
    place = f"{shown(finding.location.path)}:{finding.location.start.in_file}"
    return f"{place}: {finding.code} is not silenced: {why}"
