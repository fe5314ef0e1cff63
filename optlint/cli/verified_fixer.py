"""Mending with proof: exactly the fixes that a replay has validated, safe or not."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

from optlint.cli.checker import Checker
from optlint.cli.fixer import Fixed
from optlint.cli.verification import Key, defects, key_of, verification
from optlint.finding import Finding
from optlint.paths import shown
from optlint.replay.verdict import FixVerdict
from optlint.replay.verify import Setting, Verified
from optlint.report.report import Applied
from optlint.source.apply import select_fixes
from optlint.source.edits import Fix, apply_edits
from optlint.source.write import WriteError, replace_file

_PASSES = 10
"""A fix may overlap another one, or bring to light a fault that was hidden; this many times at most."""


@dataclass(slots=True)
class VerifiedFixes:
    """What mending with proof did; `left` says of each fix that was not applied why, `defects` which are wrong."""

    fixed: Fixed
    left: list[str] = field(default_factory=list)
    defects: list[str] = field(default_factory=list)


def fix_verified(checker: Checker, files: Sequence[Path], setting: Setting, jobs: int) -> VerifiedFixes:
    """Replay all findings, and apply the fixes whose replay is as it should be; only the given files are written.

    Raises:
        OptlintError: torch is not installed.
    """
    result = VerifiedFixes(Fixed(checker.check(files)))
    fixed = result.fixed
    if not any(finding.fix for finding in fixed.remaining):
        return result
    with verification(checker, setting, jobs) as replays:
        for _ in range(_PASSES):
            verdicts = replays.verdicts(files, fixed.remaining)
            result.defects = list(defects(verdicts))
            result.left = [text for finding in fixed.remaining if (text := _why_left(finding, verdicts))]
            if not _apply(checker, fixed, files, verdicts):
                break
            checker.forget()
            fixed.remaining = checker.check(files)
    return result


def _apply(checker: Checker, fixed: Fixed, files: Sequence[Path], verdicts: dict[Key, Verified]) -> bool:
    """Write the validated fixes that go together; whether anything was written."""
    written = False
    proven = {
        finding.fix: finding for finding in fixed.remaining if finding.fix is not None and _is_proven(finding, verdicts)
    }
    for path in sorted({fix.path for fix in proven} & set(files)):
        source = checker.source(path)
        if source is None:
            continue
        chosen: list[Fix] = select_fixes([fix for fix in proven if fix.path == path])
        edits = sorted((edit for fix in chosen for edit in fix.edits), key=lambda edit: edit.span)
        after = source.with_text(apply_edits(source.text, edits))
        try:
            replace_file(path, after.data, source.data)
        except WriteError as error:
            fixed.failed.append(f"{shown(error.path)} is not written: {error.reason}")
        else:
            written = True
            fixed.applied += [Applied(proven[fix], fix) for fix in chosen]
    return written


def _is_proven(finding: Finding, verdicts: dict[Key, Verified]) -> bool:
    verified = verdicts.get(key_of(finding))
    return verified is not None and verified.verdict.fix is FixVerdict.VALIDATED


def _why_left(finding: Finding, verdicts: dict[Key, Verified]) -> str:
    """Return why the fix of a finding is not applied; nothing where it is, or where there is none."""
    if finding.fix is None or _is_proven(finding, verdicts):
        return ""
    place = f"{shown(finding.location.path)}:{finding.location.start.in_file}: {finding.code}"
    verified = verdicts.get(key_of(finding))
    if verified is None:
        return f"{place} is not mended: there is nothing to replay"
    verdict = verified.verdict
    said = "not validated" if verdict.fix is None else verdict.fix.value
    reason = "" if verdict.fix_reason is None else f" ({verdict.fix_reason.value})"
    return f"{place} is not mended, its fix is {said}{reason}: {verdict.fix_sentence}"
