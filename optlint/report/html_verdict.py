"""Verdicts in HTML: as badges, and in sentences with their numbers."""

from __future__ import annotations

from collections.abc import Iterator

from optlint.replay.trace import Trace
from optlint.replay.verdict import Departure, FindingVerdict, FixVerdict, Reason, Verdict
from optlint.replay.verify import Verified
from optlint.report.curves import SiteOf
from optlint.report.html_text import escaped, prose
from optlint.report.report import Sources
from optlint.report.script_sites import sites_as_fixed, sites_as_written
from optlint.report.summary import counted

_KINDS = {
    FindingVerdict.CONFIRMED: "bad",
    FindingVerdict.NOT_REPRODUCED: "plain",
    FindingVerdict.INCONCLUSIVE: "unsure",
    FixVerdict.VALIDATED: "good",
    FixVerdict.REFUTED: "bad",
    FixVerdict.INCONCLUSIVE: "unsure",
}


def badges(verified: Verified | None) -> str:
    """Return the verdicts on finding and fix, each as a badge."""
    if verified is None:
        return '<span class="badge plain">no verdict</span>'
    verdict = verified.verdict
    text = finding_badge(verdict)
    return text if verdict.fix is None else f"{text} {fix_badge(verdict)}"


def finding_badge(verdict: Verdict) -> str:
    """Return the verdict on the finding."""
    return f'<span class="badge {_KINDS[verdict.finding]}">{verdict.finding.value}</span>'


def fix_badge(verdict: Verdict) -> str:
    """Return the verdict on the fix, or nothing where there is none."""
    if verdict.fix is None:
        return ""
    return f'<span class="badge {_KINDS[verdict.fix]}">fix {verdict.fix.value}</span>'


def verdicts_html(verified: Verified | None, sources: Sources) -> Iterator[str]:
    """Yield what the replay says of the finding and of its fix."""
    if verified is None:
        yield '<p class="aside">No rule is behind this finding, and there is nothing to replay.</p>'
        return
    verdict = verified.verdict
    yield '<div class="verdicts">'
    numbers = _numbers(verdict.departure, sites_as_written(verified, sources))
    yield _said(verdict.finding, verdict.finding_reason, verdict.sentence, numbers or _ran(verified))
    if verdict.fix is not None:
        numbers = _numbers(verdict.refutation, sites_as_fixed(verified, sources))
        yield _said(verdict.fix, verdict.fix_reason, verdict.fix_sentence, numbers)
    yield "</div>"
    if verified.pair is not verified.case.pair:
        yield (
            '<p class="aside">The replay is of the text with all other fixes made, as written and as fixed in this '
            "place only: the other faults would hide what this one does.</p>"
        )


def _said(
    kind: FindingVerdict | FixVerdict, reason: Reason | None, sentence: str, numbers: list[tuple[str, str]]
) -> str:
    head = "The fix is " if isinstance(kind, FixVerdict) else "The finding is "
    rest = sentence.removeprefix(kind.value)
    if rest and not rest.startswith((" ", ",", ":", ";")):
        rest = f": {rest}"  # a sentence that does not begin with the verdict
    if reason is not None and reason.value not in rest:
        rest = f" ({reason.value}){rest}"
    rows = "".join(f"<div><dt>{name}</dt><dd>{value}</dd></div>" for name, value in numbers)
    return (
        f'<div class="verdict {_KINDS[kind]}"><p>{head}<strong>{kind.value}</strong>{prose(rest)}</p>'
        + (f"<dl>{rows}</dl>" if rows else "")
        + "</div>"
    )


def _numbers(departure: Departure | None, site_of: SiteOf) -> list[tuple[str, str]]:
    if departure is None:
        return []
    rows = [("Quantity", escaped(departure.quantity))]
    if departure.update:
        rows.append(("First divergence", f"update {departure.update}"))
    site = site_of(departure.row)
    if site is not None:
        rows.append(("At", f'<span class="place">{escaped(site.place)}</span> <code>{escaped(site.text)}</code>'))
    if departure.absolute:
        rows.append(("By", f"{departure.absolute:.4g}"))
    if departure.relative:
        rows.append(("Relative to what is due", f"{departure.relative:.4g}"))
    return rows


def _ran(verified: Verified) -> list[tuple[str, str]]:
    traces = [each for each in verified.original if isinstance(each, Trace)]
    if not traces:
        return []
    return [("Replayed", counted(max(len(trace.updates) for trace in traces), "update"))]
