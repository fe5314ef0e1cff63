"""One finding of the HTML report: what is wrong, its verdict, the way to it, its fix, and what the replay showed."""

from __future__ import annotations

import html
from collections.abc import Iterable, Iterator

from optlint.finding import Finding, Step
from optlint.replay.pairs import Pair
from optlint.replay.verify import Verified
from optlint.report.frame import line_of
from optlint.report.html_code import diff_html, frame_html
from optlint.report.html_replay import plots_html, scripts_html, standins_html
from optlint.report.html_text import capitalised, escaped, prose
from optlint.report.html_verdict import badges, verdicts_html
from optlint.report.places import file_name, place, row_place
from optlint.report.plots import Plots
from optlint.report.report import Sources
from optlint.source.edits import Applicability

_PROMISES = {
    Applicability.SAFE: "safe, --fix applies it",
    Applicability.UNSAFE: "unsafe, --fix --unsafe-fixes applies it",
    Applicability.DISPLAY: "shown only: look before you take it over",
}


def finding_html(
    number: int, finding: Finding, verified: Verified | None, sources: Sources, plots: Plots, unfolded: bool
) -> str:
    """Return the section of a finding; `number` counts from 1, and the curves go to `plots`."""
    replay: list[str] = []
    if verified is not None:
        replay = [*plots_html(verified, sources, plots), *_told(verified.pair)]
    parts = [
        f'<details class="finding" id="f{number}"{" open" if unfolded else ""}>',
        f"<summary><h2>{_title(finding)}</h2>",
        f'<span class="place">{place_html(finding)}</span> {badges(verified)}</summary>',
        *verdicts_html(verified, sources),
        '<div class="columns"><div>',
        *_code(finding, sources),
        *_fix(finding, sources),
        "</div><div>",
        *_witness(finding.witness, sources),
        "</div></div>",
        *replay,
        "</details>",
    ]
    return "\n".join(parts)


def _told(pair: Pair) -> Iterator[str]:
    yield from standins_html(pair.original, pair.fixed)
    yield from scripts_html(pair.original, pair.fixed)


def place_html(finding: Finding) -> str:
    """Return file, row and column; a line may end behind each slash."""
    return html.escape(place(finding.location.path, finding.location.start)).replace("/", "/<wbr>")


def _title(finding: Finding) -> str:
    level = f'<span class="level {finding.level.label}">{finding.level.label}</span>'
    return f'<span class="rule">{escaped(finding.code)}</span> {level} {prose(capitalised(finding.message))}'


def _code(finding: Finding, sources: Sources) -> Iterator[str]:
    source = sources(finding.location.path)
    if source is not None and finding.location.span.end <= len(source.text):
        yield "<h3>The code</h3>"
        yield frame_html(source, finding.location)
    if finding.consequence:
        yield f'<p class="consequence">{prose(finding.consequence)}</p>'


def _witness(steps: Iterable[Step], sources: Sources) -> Iterator[str]:
    items = []
    for step in steps:
        line = line_of(sources(step.location.path), step.location)
        at = html.escape(row_place(step.location.path, step.location.start))
        items.append(
            f'<li>{prose(capitalised(step.note))} <span class="place">{at}</span>'
            + (f"<code>{escaped(line)}</code></li>" if line else "</li>")
        )
    if items:
        yield f'<h3>How it comes about</h3><ol class="witness">{"".join(items)}</ol>'


def _fix(finding: Finding, sources: Sources) -> Iterator[str]:
    fix = finding.fix
    yield "<h3>The fix</h3>"
    if fix is None:
        yield "<p>optlint has none for this finding.</p>"
        return
    elsewhere = "" if fix.path == finding.location.path else f"; in {html.escape(file_name(fix.path))}"
    yield f'<p>{prose(fix.title)} <span class="aside">({_PROMISES[fix.applicability]}{elsewhere})</span></p>'
    source = sources(fix.path)
    if source is not None and fix.edits:
        yield diff_html(source, fix)
