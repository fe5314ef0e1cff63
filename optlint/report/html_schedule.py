"""The HTML page of schedules: of each way into a file the optimizers with their curves, as written and as fixed."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from optlint import __version__
from optlint.finding import Finding
from optlint.paths import shown
from optlint.replay.schedules import EntrySchedule, Variant
from optlint.replay.trace import Trace
from optlint.report.html_code import diff_html
from optlint.report.html_document import html_document
from optlint.report.html_figure import Figure, figures_html
from optlint.report.html_replay import ends_html, notes_html, scripts_html, standins_html
from optlint.report.html_text import capitalised, escaped, prose
from optlint.report.plots import Plots
from optlint.report.rate_curves import OptimizerCurves, for_page, group_names, optimizer_curves
from optlint.report.report import Sources
from optlint.report.schedule_words import (
    acts_in_words,
    conditions,
    entry_name,
    maker_in_words,
    notes,
    nothing,
    place_of,
    summary_of,
)
from optlint.report.script_sites import sites_of
from optlint.report.terminal_plot import finite, is_logarithmic

_FIGURES = (Figure("rate", "Learning rate per update of this optimizer"),)
_UNFOLDED = 12
"""With more ways into the file than that, all are folded at first."""


def schedule_page(
    file: str, schedules: Sequence[EntrySchedule], sources: Sources, library: str, only: frozenset[str] | None = None
) -> str:
    """Return the page.

    Args:
        file: As it was asked for.
        schedules: Of the ways into it.
        sources: The texts as written.
        library: Of `optlint.report.plotting_library.packed_library`.
        only: The names of the optimizers that are shown; None for all.
    """
    plots = Plots()
    unfolded = len(schedules) <= _UNFOLDED
    sections = [
        "\n".join(_entry(number, schedule, sources, plots, only, unfolded))
        for number, schedule in enumerate(schedules, start=1)
    ]
    name = escaped(shown(file))
    body = [
        f"<header><h1>optlint: the learning rates of <code>{name}</code></h1>",
        *_told(schedules),
        "</header><main>",
        *sections,
        "</main>",
    ]
    return html_document(f"Learning rates of {shown(file)}", body, plots, library)


def _told(schedules: Sequence[EntrySchedule]) -> Iterator[str]:
    yield "<p>Each curve comes from a run of the code's own optimizers and schedulers, with stand-ins for all else.</p>"
    traces = [each.written for schedule in schedules for each in schedule.variants if isinstance(each.written, Trace)]
    ran = dict.fromkeys(f"Replayed with torch {each.torch} on {each.device}" for each in traces)
    yield f'<p class="aside">{escaped("; ".join((*ran, f"optlint {__version__}")))}</p>'


def _entry(
    number: int, schedule: EntrySchedule, sources: Sources, plots: Plots, only: frozenset[str] | None, unfolded: bool
) -> Iterator[str]:
    yield f'<details class="finding" id="e{number}"{" open" if unfolded else ""}>'
    name = entry_name(schedule.entry)
    yield f"<summary><h2>{f'<code>{escaped(name)}</code>' if name.endswith('()') else capitalised(name)}</h2></summary>"
    if not schedule.makes_updates:
        yield f"<p>There is no curve: {prose(nothing(schedule))}.</p>"
    found = [(variant, optimizer_curves(schedule, variant, sources)) for variant in schedule.variants]
    names = dict.fromkeys(each.name for _, curves in found for each in curves if only is None or each.name in only)
    for name in names:
        runs = [(variant, each) for variant, curves in found for each in curves if each.name == name]
        yield from _optimizer(schedule, runs, plots)
    written = sites_of(schedule.written, sources)
    fixed = sites_of(schedule.fixed, sources, schedule.fixes)
    yield from notes_html(
        [
            *ends_html("As written", [each.written for each in schedule.variants], written),
            *ends_html("As fixed", [each.fixed for each in schedule.variants if each.fixed is not None], fixed),
            *(prose(capitalised(note)) for note in notes(schedule, sources)),
        ]
    )
    for finding in schedule.findings:
        yield from _fix(finding, sources)
    yield from standins_html(schedule.written, schedule.fixed)
    yield from scripts_html(schedule.written, schedule.fixed)
    yield "</details>"


def _optimizer(schedule: EntrySchedule, runs: Sequence[tuple[Variant, OptimizerCurves]], plots: Plots) -> Iterator[str]:
    _, first = runs[0]
    yield f"<h3>{prose(maker_in_words(first.maker))}</h3>"
    yield f'<ul class="notes">{"".join(f"<li>{prose(capitalised(act))}</li>" for act in acts_in_words(first))}</ul>'
    yield from _summaries(runs, schedule.fixed is not None)
    curves = [(*group.written, *group.fixed) for _, each in runs for group in each.groups]
    logarithmic = any(is_logarithmic(found) for found in map(finite, curves) if found)
    pairs = list(dict.fromkeys(for_page(each) for _, each in runs))
    plot = plots.add(pairs, reference=False, logarithmic=("rate",) if logarithmic else ())
    if plot is not None:
        yield '<div class="choice">'
        yield from figures_html(plot, plots.combinations(plot), schedule.tried, _FIGURES)
        yield "</div>"


def _summaries(runs: Sequence[tuple[Variant, OptimizerCurves]], is_fixed: bool) -> Iterator[str]:
    yield '<div class="wide"><table><thead><tr><th>Param groups</th><th>As written</th>'
    yield f"{'<th>As fixed</th>' if is_fixed else ''}</tr></thead><tbody>"
    for variant, curves in runs:
        of = sum(len(group.groups) for group in curves.groups)
        for group in curves.groups:
            where = conditions(variant)
            name = group_names(group.groups, of) or ("all" if of > 1 else "the only one")
            yield f"<tr><td>{prose(capitalised(f'{name}, where {where}' if where else name))}</td>"
            yield f"<td>{capitalised(summary_of(group.written))}</td>"
            if is_fixed:
                is_same = not group.fixed and curves.fixed_updates != 0
                yield f"<td>{'The same' if is_same else capitalised(summary_of(group.fixed))}</td>"
            yield "</tr>"
    yield "</tbody></table></div>"


def _fix(finding: Finding, sources: Sources) -> Iterator[str]:
    fix = finding.fix
    source = None if fix is None else sources(fix.path)
    yield f'<details class="folded"><summary>{escaped(place_of(finding))}: {prose(finding.message)}</summary>'
    if fix is not None and source is not None:
        yield f"<p>{prose(fix.title)}</p>"
        yield diff_html(source, fix)
    yield "</details>"
