"""Mending the checked files: on the disk with `--fix`, for show with `--diff`."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from optlint.builtin import UNUSED_SUPPRESSION
from optlint.cli.checker import Checker
from optlint.finding import Finding
from optlint.paths import shown
from optlint.report.marks import is_applied
from optlint.report.report import Applied
from optlint.source.apply import Mended, mend
from optlint.source.edits import Fix
from optlint.source.text import Source
from optlint.source.write import WriteError, replace_file

_PASSES = 10
"""A fix in one file may bring to light another in a file that calls it; this many times at most."""


@dataclass(frozen=True, slots=True)
class Preview:
    """One file's text before and after its fixes; `refused` are messages on fixes that are not applied."""

    before: Source
    after: Source
    applied: list[Applied]
    refused: list[str]


@dataclass(slots=True)
class Fixed:
    """What mending did.

    `refused` and `failed` are messages: fixes that were not applied, and files that could not be written.
    """

    remaining: list[Finding]
    applied: list[Applied] = field(default_factory=list)
    refused: list[str] = field(default_factory=list)
    failed: list[str] = field(default_factory=list)


def fix_files(checker: Checker, files: Sequence[Path], unsafe: bool) -> Fixed:
    """Mend the files on the disk until nothing more can be mended; only they are written."""
    result = Fixed(checker.check(files))
    broken: set[Path] = set()
    for _ in range(_PASSES):
        result.refused = []
        written = False
        for path in _mendable(result.remaining, set(files) - broken, unsafe):
            source = checker.source(path)
            if source is None:
                continue
            mended, applied = mend_text(checker, source, result.remaining, unsafe)
            result.refused += refusals(mended)
            if mended.source.data == source.data:
                continue
            try:
                replace_file(path, mended.source.data, source.data)
            except WriteError as error:
                broken.add(path)
                result.failed.append(f"{shown(error.path)} is not written: {error.reason}")
            else:
                written = True
                result.applied += applied
        checker.forget()
        if not written:
            break
        result.remaining = checker.check(files)
    return result


def preview_fixes(checker: Checker, findings: Sequence[Finding], files: Iterable[Path], unsafe: bool) -> list[Preview]:
    """Return what `--fix` would do to each file that has a fix to apply."""
    previews: list[Preview] = []
    for path in _mendable(findings, set(files), unsafe):
        source = checker.source(path)
        if source is not None:
            mended, applied = mend_text(checker, source, findings, unsafe)
            previews.append(Preview(source, mended.source, applied, refusals(mended)))
    return previews


def mend_text(
    checker: Checker, source: Source, findings: Sequence[Finding], unsafe: bool
) -> tuple[Mended, list[Applied]]:
    """Mend one text; `findings` are those of the whole run, some of which only a caller's file brings to light."""
    idle = {_flagged(source, finding) for finding in findings if _is_idle_comment(finding, source.path)}
    origin: dict[Fix, Finding] = {}

    def check(text: Source) -> Sequence[Fix]:
        if text.data == source.data:
            found = list(findings)
        else:
            # A comment that is unused in this file alone may silence a finding that a caller brings to light.
            found = [
                finding
                for finding in checker.check_bytes(text.path, text.data)
                if not _is_idle_comment(finding, text.path) or _flagged(text, finding) in idle
            ]
        chosen = dict(_fixes(found, source.path, unsafe))
        origin.update(chosen)
        return list(chosen)

    mended = mend(source, check)
    return mended, [Applied(origin[fix], fix) for fix in mended.applied]


def _fixes(findings: Iterable[Finding], path: Path, unsafe: bool) -> Iterator[tuple[Fix, Finding]]:
    for finding in findings:
        if finding.fix is not None and finding.fix.path == path and is_applied(finding.fix, unsafe):
            yield finding.fix, finding


def _mendable(findings: Iterable[Finding], files: set[Path], unsafe: bool) -> list[Path]:
    """Return the files that have a fix to apply, sorted."""
    return sorted(
        {finding.fix.path for finding in findings if finding.fix is not None and is_applied(finding.fix, unsafe)}
        & files
    )


def refusals(mended: Mended) -> list[str]:
    """Return a message for each fix that was not applied."""
    return [
        f"{shown(fix.path)} keeps a finding, `{fix.title}` is not applied: {reason}" for fix, reason in mended.refused
    ]


def _is_idle_comment(finding: Finding, path: Path) -> bool:
    return finding.code == UNUSED_SUPPRESSION.code and finding.location.path == path


def _flagged(source: Source, finding: Finding) -> str:
    span = finding.location.span
    return source.text[span.start : span.end]
