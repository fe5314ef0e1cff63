"""The HTML report: one file that opens without a network, with all findings, their verdicts and their plots."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import TypeAlias

from optlint import __version__
from optlint.finding import Finding
from optlint.replay.verify import Verified
from optlint.report.html_document import html_document
from optlint.report.html_finding import finding_html, place_html
from optlint.report.html_text import escaped, prose
from optlint.report.html_verdict import finding_badge, fix_badge
from optlint.report.plots import Plots
from optlint.report.report import Sources
from optlint.report.verdict import conclusion

Verdicts: TypeAlias = Callable[[Finding], Verified | None]
"""The replay of a finding, or None for one that none can be made for."""

_UNFOLDED = 12
"""With more findings than that, all are folded at first."""


_INTRODUCTION = (
    "Each finding was run as a small script, once as the code is written and once with its fix; stand-ins take the "
    "place of what is not in the code, such as the data. What the runs did is compared, update by update, with what "
    "is due."
)


def html_page(findings: Sequence[Finding], verdicts: Verdicts, sources: Sources, checked: int, library: str) -> str:
    """Return the report.

    Args:
        findings: In the order of the report.
        verdicts: Of the findings.
        sources: The texts as written.
        checked: How many files were.
        library: Of `optlint.report.plotting_library.packed_library`.
    """
    plots = Plots()
    replays = [verdicts(finding) for finding in findings]
    unfolded = len(findings) <= _UNFOLDED
    sections = [
        finding_html(number, finding, verified, sources, plots, unfolded)
        for number, (finding, verified) in enumerate(zip(findings, replays, strict=True), start=1)
    ]
    parts = [
        "<header><h1>optlint: what the replays show</h1>",
        f"<p>{_INTRODUCTION}</p>" if findings else "",
        *_figures(replays, checked),
        "</header>",
        *_table(findings, replays),
        "<main>",
        *sections,
        "</main>",
    ]
    return html_document("optlint report", parts, plots, library)


def _figures(replays: Iterable[Verified | None], checked: int) -> Iterator[str]:
    verdicts = [each.verdict for each in replays if each is not None]
    yield f"<p>{escaped(conclusion(verdicts, checked))}.</p>"
    ran = dict.fromkeys(f"Replayed with torch {each.torch} on {each.device}" for each in verdicts if each.torch)
    yield f'<p class="aside">{escaped("; ".join((*ran, f"optlint {__version__}")))}</p>'


def _table(findings: Sequence[Finding], replays: Sequence[Verified | None]) -> Iterator[str]:
    if not findings:
        return
    yield '<nav class="wide" aria-label="All findings"><table class="overview"><thead><tr>'
    yield "".join(f'<th scope="col">{title}</th>' for title in ("Where", "What", "Finding", "Fix"))
    yield "</tr></thead><tbody>"
    for number, (finding, verified) in enumerate(zip(findings, replays, strict=True), start=1):
        verdict = None if verified is None else verified.verdict
        yield (
            f'<tr><td class="place"><a href="#f{number}">{place_html(finding)}</a></td>'
            f'<td><span class="rule">{escaped(finding.code)}</span> {prose(finding.message)}</td>'
            f"<td>{'no verdict' if verdict is None else finding_badge(verdict)}</td>"
            f"<td>{'' if verdict is None else fix_badge(verdict)}</td></tr>"
        )
    yield "</tbody></table></nav>"
