"""Verdicts in words and as data: what a replay said of a finding and of its fix."""

from __future__ import annotations

import textwrap
from collections.abc import Iterator, Sequence
from typing import Any

from optlint.replay.verdict import Departure, FindingVerdict, FixVerdict, Verdict
from optlint.report.style import Ink, Style

_WIDTH = 110
_INKS = {
    FindingVerdict.CONFIRMED: Ink.ERROR,
    FindingVerdict.NOT_REPRODUCED: Ink.NOTE,
    FindingVerdict.INCONCLUSIVE: Ink.WARNING,
    FixVerdict.VALIDATED: Ink.ADDED,
    FixVerdict.REFUTED: Ink.ERROR,
    FixVerdict.INCONCLUSIVE: Ink.WARNING,
}


def verdict_lines(verdict: Verdict | None, style: Style) -> Iterator[str]:
    """Yield the lines that stand below a finding; `None` where it is none that can be replayed."""
    if verdict is None:
        yield f"  {style.paint('verdict', Ink.STRONG)} none: no rule is behind this, and nothing to replay"
        return
    yield from _told("verdict", verdict.finding, verdict.sentence, style)
    if verdict.fix is not None:
        yield from _told("the fix is", verdict.fix, verdict.fix_sentence, style)


def verdict_object(verdict: Verdict) -> dict[str, Any]:
    """Return a verdict as data: `finding`, `fix`, `reason`, `quantity`, `first_divergence`, `magnitude` and more."""
    return {
        "finding": verdict.finding.value,
        "fix": None if verdict.fix is None else verdict.fix.value,
        "reason": [reason.value for reason in verdict.reasons],
        "quantity": verdict.quantity,
        "first_divergence": _departure(verdict.departure),
        "magnitude": verdict.magnitude,
        "refutation": _departure(verdict.refutation),
        "device": verdict.device,
        "dtype": verdict.dtype,
        "shapes_only": verdict.shapes_only,
        "torch": verdict.torch,
        "sentence": verdict.sentence,
        "fix_sentence": verdict.fix_sentence,
        "fix_in_short": verdict.fix_in_short,
    }


def conclusion(verdicts: Sequence[Verdict], checked: int) -> str:
    """Return the last line: how many verdicts of each kind."""
    files = f"{checked} file{'' if checked == 1 else 's'} checked"
    if not verdicts:
        return f"Nothing to replay: {files}"
    findings = [verdict.finding for verdict in verdicts]
    fixes = [verdict.fix for verdict in verdicts if verdict.fix is not None]
    told = [f"{findings.count(kind)} {kind.value}" for kind in FindingVerdict if kind in findings]
    mended = [f"{fixes.count(kind)} {kind.value}" for kind in FixVerdict if kind in fixes]
    text = f"Findings: {', '.join(told)}"
    return f"{text}; fixes: {', '.join(mended)} ({files})" if mended else f"{text} ({files})"


def _told(head: str, kind: FindingVerdict | FixVerdict, sentence: str, style: Style) -> Iterator[str]:
    rest = sentence.removeprefix(kind.value).lstrip(" ,:")
    text = f"{head} {kind.value}{': ' if rest and not rest.startswith(('(', 'on ')) else ' ' if rest else ''}{rest}"
    first, *others = textwrap.wrap(text, _WIDTH, initial_indent="  ", subsequent_indent="    ")
    yield first.replace(kind.value, style.paint(kind.value, _INKS[kind]), 1)
    yield from others


def _departure(departure: Departure | None) -> dict[str, Any] | None:
    if departure is None:
        return None
    return {
        "quantity": departure.quantity,
        "update": departure.update,
        "absolute": departure.absolute,
        "relative": departure.relative,
        "words": departure.words,
    }
