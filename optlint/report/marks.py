"""Which fixes a run may apply, and how a report marks them."""

from __future__ import annotations

from collections.abc import Iterable

from optlint.finding import Finding
from optlint.source.edits import Applicability, Fix

PROMISES = {
    Applicability.SAFE: "safe: it never changes what right code does",
    Applicability.UNSAFE: "unsafe: it changes what the program computes, on purpose",
    Applicability.DISPLAY: "look before you take it over",
}
"""What the applicability of a fix means, for who sees the fix without optlint's options."""


def is_applied(fix: Fix, unsafe: bool) -> bool:
    """Say whether `--fix` applies the fix, with `--unsafe-fixes` or without."""
    return fix.applicability is Applicability.SAFE or (unsafe and fix.applicability is Applicability.UNSAFE)


def mark(fix: Fix | None, unsafe: bool) -> str:
    """Return the mark behind a code: `[*]` for a fix that `--fix` applies, `[unsafe]` for one that needs more."""
    if fix is None or fix.applicability is Applicability.DISPLAY:
        return ""
    return "[*]" if is_applied(fix, unsafe) else "[unsafe]"


def fixable(findings: Iterable[Finding]) -> tuple[int, int]:
    """Return how many findings have a safe fix and how many an unsafe one."""
    promises = [finding.fix.applicability for finding in findings if finding.fix is not None]
    return promises.count(Applicability.SAFE), promises.count(Applicability.UNSAFE)
