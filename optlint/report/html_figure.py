"""The figures of a replay in HTML: the places of its plots, and words on what they show, or on why there is none."""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from typing import TypeAlias

from optlint.report.curves import Walk
from optlint.report.html_text import prose

Pair: TypeAlias = tuple[Sequence[Walk], Sequence[Walk]]
"""The walks as written and as fixed."""

_WIDE = 100.0
"""A curve whose peak is below that of another by this factor lies on the axis."""
_HINT = "Point at a curve or move the slider: the value of each curve and the lines behind it are told here."


@dataclass(frozen=True, slots=True)
class Figure:
    """A plot.

    Attributes:
        kind: `rate` or `way`, as in the data of the page.
        title: What is plotted.
        meaning: What the reference is, where one is drawn.
        absent: Why there is no plot; empty where there is one.
    """

    kind: str
    title: str
    meaning: str = ""
    absent: str = ""


_RATE = Figure(
    "rate",
    "Learning rate per update",
    "Reference: the rate that the schedule has due for each update, if it moves on at most once after each",
)
_WAY = Figure(
    "way",
    "Distance of the parameters from their start, per update",
    "Reference: the way that the reference optimizer makes with the due rates and the due gradients. The gradients are "
    "those that the code computed, where its own parameters were; up to the first update that departs the way is the "
    "code's own",
)
_GAPS = ". It is not drawn where it is not known"
_NO_REFERENCE = "No reference is drawn: for this optimizer the way that is due is not known"


def replay_figures(pairs: Sequence[Pair], *, shapes_only: bool = False) -> tuple[Figure, ...]:
    """Return the figures of a finding, for its walks in each combination."""
    runs = [walk for pair in pairs for run in pair for walk in run]
    rate = _RATE
    if not _finite(value for walk in runs for group in walk.rates for value in group):
        rate = replace(rate, absent="No rate of the runs is a finite number")
    known = [value for walk in runs for value in walk.reference or (None,) * len(walk.updates)]
    meaning = _NO_REFERENCE if not _finite(known) else f"{_WAY.meaning}{_GAPS if None in known else ''}"
    way = replace(_WAY, meaning=meaning)
    if shapes_only:
        way = replace(way, absent="The runs compare shapes only: tensors on `meta` have no numbers, and so no distance")
    elif not _finite(value for walk in runs for value in walk.travelled):
        way = replace(way, absent="No distance in the runs is a finite number")
    return rate, way


def wide_kinds(pairs: Sequence[Pair]) -> tuple[str, ...]:
    """Return the kinds of plot in which one curve lies on the axis beside another, unless that is logarithmic."""
    runs = [walk for pair in pairs for run in pair for walk in run]
    rates = [_peak(group) for walk in runs for group in (*walk.rates, *walk.due)]
    ways = [_peak(column) for walk in runs for column in (walk.travelled, walk.reference)]
    found = []
    for kind, peaks in (("rate", rates), ("way", ways)):
        sizes = [peak for peak in peaks if peak > 0.0]
        if sizes and max(sizes) / min(sizes) >= _WIDE:
            found.append(kind)
    return tuple(found)


def figures_html(plot: int, distinct: int, tried: int, figures: Iterable[Figure]) -> Iterator[str]:
    """Yield the places of some plots, with a choice where combinations differ."""
    if distinct > 1:
        options = "".join(f'<option value="{at}">{at + 1} of {distinct}</option>' for at in range(distinct))
        yield (
            f'<p><label>Outcomes of conditions that depend on stand-ins: <select class="pair">{options}</select>'
            f'</label> <span class="aside">{tried} combinations were run</span></p>'
        )
    yield f'<div class="plots" data-plot="{plot}">'
    for figure in figures:
        yield f"<figure><figcaption><b>{figure.title}</b>"
        if figure.absent:
            yield f"</figcaption><p>{prose(figure.absent)}.</p></figure>"
            continue
        yield f'<span class="meaning">{figure.meaning}.</span>' if figure.meaning else ""
        yield f'</figcaption><div class="plot" role="img" aria-label="{figure.title}" data-kind="{figure.kind}"></div>'
        yield f'<p class="remarks"></p><div class="readout" aria-live="polite">{_HINT}</div></figure>'
    yield "</div>"


def _finite(values: Iterable[float | None]) -> bool:
    return any(value is not None and math.isfinite(value) for value in values)


def _peak(values: Iterable[float | None]) -> float:
    return max((value for value in values if value is not None and math.isfinite(value)), default=0.0)
