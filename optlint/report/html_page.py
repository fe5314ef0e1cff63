"""The HTML report: one file that opens without a network, with all findings, their verdicts and their plots."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from pathlib import Path
from typing import TypeAlias

from optlint import __version__
from optlint.finding import Finding
from optlint.replay.verify import Verified
from optlint.report.full import Sources
from optlint.report.html_finding import finding_html, place_html
from optlint.report.html_text import escaped, prose
from optlint.report.html_verdict import finding_badge, fix_badge
from optlint.report.plots import Plots
from optlint.report.verdict import conclusion

Verdicts: TypeAlias = Callable[[Finding], Verified | None]
"""The replay of a finding, or None for one that none can be made for."""

FIRST_LINE = "<!doctype html>"
"""By which a file is known as one that a report may take the place of."""

_UNFOLDED = 12
"""With more findings than that, all are folded at first."""
_POLICY = (
    "default-src 'none'; script-src 'unsafe-inline'; style-src 'unsafe-inline'; img-src data: blob:; "
    "form-action 'none'; base-uri 'none'"
)
"""Nothing is fetched from anywhere, whatever the page holds."""


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
        *_head(),
        "<header><h1>optlint: what the replays show</h1>",
        *_figures(replays, checked),
        "</header>",
        *_table(findings, replays),
        "<main>",
        *sections,
        "</main>",
        *(_plotting(plots, library) if any('class="plot"' in section for section in sections) else ()),
        "</body></html>",
    ]
    return "\n".join(parts) + "\n"


def _head() -> Iterator[str]:
    yield FIRST_LINE
    yield '<html lang="en"><head><meta charset="utf-8">'
    yield f'<meta http-equiv="Content-Security-Policy" content="{_POLICY}">'
    yield '<meta name="viewport" content="width=device-width, initial-scale=1">'
    yield '<meta name="color-scheme" content="light dark">'
    yield f'<meta name="generator" content="optlint {__version__}">'
    yield f"<title>optlint report</title><style>{_beside('page.css')}</style></head><body>"


def _figures(replays: Iterable[Verified | None], checked: int) -> Iterator[str]:
    verdicts = [each.verdict for each in replays if each is not None]
    yield f"<p>{escaped(conclusion(verdicts, checked))}.</p>"
    ran = dict.fromkeys(f"Replayed with torch {each.torch} on {each.device}" for each in verdicts if each.torch)
    yield f'<p class="aside">{escaped("; ".join((*ran, f"optlint {__version__}")))}</p>'


def _table(findings: Sequence[Finding], replays: Sequence[Verified | None]) -> Iterator[str]:
    if not findings:
        return
    yield '<nav class="wide"><table class="overview"><thead><tr>'
    yield "<th>Where</th><th>What</th><th>Finding</th><th>Fix</th></tr></thead><tbody>"
    for number, (finding, verified) in enumerate(zip(findings, replays, strict=True), start=1):
        verdict = None if verified is None else verified.verdict
        yield (
            f'<tr><td class="place"><a href="#f{number}">{place_html(finding)}</a></td>'
            f'<td><span class="rule">{escaped(finding.code)}</span> {prose(finding.message)}</td>'
            f"<td>{'no verdict' if verdict is None else finding_badge(verdict)}</td>"
            f"<td>{'' if verdict is None else fix_badge(verdict)}</td></tr>"
        )
    yield "</tbody></table></nav>"


def _plotting(plots: Plots, library: str) -> Iterator[str]:
    yield "<noscript><p>The plots need javascript; all else is here without it.</p></noscript>"
    yield f'<script type="application/json" id="data">{plots.as_json()}</script>'
    yield f'<script type="text/plain" id="library">{library}</script>'
    yield f"<script>{_beside('page.js')}</script>"


def _beside(name: str) -> str:
    return Path(__file__).with_name(name).read_text("utf-8")
