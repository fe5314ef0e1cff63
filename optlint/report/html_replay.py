"""What a replay showed, in HTML: the plots, what ended a run, what stands in for what, and the scripts."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from optlint.paths import shown
from optlint.replay.pairs import Script
from optlint.replay.script import ReplayScript, StandIn
from optlint.replay.trace import Trace
from optlint.replay.verdict import FixVerdict
from optlint.replay.verify import Verified
from optlint.replay.wire import Lost, Outcome
from optlint.report.curves import SiteOf, Walk, walks
from optlint.report.html_code import script_html
from optlint.report.html_figure import figures_html, replay_figures, wide_kinds
from optlint.report.html_text import escaped, prose
from optlint.report.plots import Plots
from optlint.report.report import Sources
from optlint.report.script_sites import sites_as_fixed, sites_as_written
from optlint.report.summary import counted


def plots_html(verified: Verified, sources: Sources, plots: Plots) -> Iterator[str]:
    """Yield the places of the plots, which are drawn when they come into view, and notes on runs that ended early."""
    written, fixed = sites_as_written(verified, sources), sites_as_fixed(verified, sources)
    pairs = []
    for index, outcome in enumerate(verified.original):
        other = verified.fixed[index] if index < len(verified.fixed) else None
        pairs.append((_walks(outcome, written), _walks(other, fixed)))
    departure = verified.verdict.departure
    plot = plots.add(
        pairs,
        0 if departure is None else departure.update,
        "" if departure is None else departure.quantity,
        fixable=bool(verified.fixed),
        mended=verified.verdict.fix is FixVerdict.VALIDATED,
        logarithmic=wide_kinds(pairs),
    )
    yield "<h3>The replay</h3>"
    yield from notes_html(
        [*ends_html("As written", verified.original, written), *ends_html("As fixed", verified.fixed, fixed)]
    )
    if plot is None:
        yield '<p class="aside">No run made an update, so that there are no curves.</p>'
    else:
        figures = replay_figures(pairs, shapes_only=_has_shapes_only(verified))
        yield from figures_html(plot, plots.combinations(plot), len(pairs), figures)


def standins_html(*scripts: Script | None) -> Iterator[str]:
    """Yield the table of what stands in for what."""
    found: dict[tuple[str, str], StandIn] = {}
    for script in scripts:
        if isinstance(script, ReplayScript):
            for each in script.standins:
                found.setdefault((each.name, each.replaced), each)
    if not found:
        return
    rows = "".join(
        f"<tr><td><code>{escaped(each.name)}</code></td><td>{_replaced(each.replaced)}</td>"
        f'<td class="place">{escaped(shown(each.origin.path))}:{each.origin.in_file}</td></tr>'
        for each in found.values()
    )
    yield '<details class="folded"><summary>What stands in for what</summary><div class="wide"><table>'
    yield "<thead><tr><th>Stand-in</th><th>In the place of</th><th>Where</th></tr></thead>"
    yield f"<tbody>{rows}</tbody></table></div></details>"


def scripts_html(written: Script, fixed: Script | None) -> Iterator[str]:
    """Yield the scripts, folded."""
    yield from _script("The script of the code as written", written)
    if fixed is not None:
        yield from _script("The script of the code as fixed", fixed)


def _has_shapes_only(verified: Verified) -> bool:
    traces = [each for each in (*verified.original, *verified.fixed) if isinstance(each, Trace)]
    return any(each.shapes_only for each in traces)


def _walks(outcome: Outcome | None, site_of: SiteOf) -> tuple[Walk, ...]:
    return walks(outcome, site_of) if isinstance(outcome, Trace) else ()


def notes_html(notes: Iterable[str]) -> Iterator[str]:
    """Yield a list of notes, each once."""
    items = "".join(f"<li>{note}</li>" for note in dict.fromkeys(notes))
    if items:
        yield f'<ul class="notes">{items}</ul>'


def ends_html(kind: str, outcomes: Iterable[Outcome], site_of: SiteOf) -> Iterator[str]:
    """Yield how runs ended that did not come to the end of the code."""
    for outcome in outcomes:
        if isinstance(outcome, Lost):
            yield f"{kind}, there is no trace: {prose(outcome.reason)}"
            continue
        if outcome.failure is not None:
            failure = outcome.failure
            site = site_of(failure.row)
            where = "" if site is None else f' at <span class="place">{escaped(site.place)}</span>'
            made = f"after {counted(len(outcome.updates), 'update')}" if outcome.updates else "before any update"
            exception = f"{failure.kind}: {failure.message}" if failure.message else failure.kind
            yield f"{kind}, the run ends {made}{where}: <code>{escaped(exception)}</code>"
        if outcome.cut:
            yield f"{kind}, the replay stops after {counted(len(outcome.updates), 'update')}: it may make no more"


def _replaced(text: str) -> str:
    """Source text as code; what is a sentence on it has its code in backticks."""
    return prose(text) if "`" in text else f"<code>{escaped(text)}</code>"


def _script(title: str, script: Script) -> Iterator[str]:
    if isinstance(script, ReplayScript):
        yield f'<details class="folded"><summary>{title}</summary>{script_html(script.body)}</details>'
    else:
        yield f'<p class="aside">{title} could not be made: {prose(script.reason)}</p>'
