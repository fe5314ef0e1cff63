"""Schedules in words: what drives a rate, how runs ended, and what a reader of the curves is to know."""

from __future__ import annotations

import math
import re
from collections.abc import Iterator, Sequence

from optlint.finding import Finding
from optlint.paths import shown
from optlint.replay.handed_over import handed_over
from optlint.replay.pairs import Unsliced
from optlint.replay.schedules import EntrySchedule, Variant
from optlint.replay.script import ReplayScript
from optlint.replay.standin_numbers import ELEMENTS, StandInNumber
from optlint.replay.trace import Trace
from optlint.replay.wire import Lost, Outcome
from optlint.report.columns import expand
from optlint.report.curves import SiteOf
from optlint.report.rate_curves import Maker, OptimizerCurves, Values
from optlint.report.report import Sources
from optlint.report.script_sites import sites_of
from optlint.report.summary import counted

_PLATEAU = "ReduceLROnPlateau"
_OPERATORS = {"lt": "<", "le": "<=", "gt": ">", "ge": ">=", "add": "+", "sub": "-", "mul": "*", "mod": "%"} | {
    "truediv": "/",
    "floordiv": "//",
}
"""How stand-ins call operators, and how Python writes them."""
_OPERATOR = re.compile(rf" ({'|'.join(_OPERATORS)}) ")
MOST_NUMBERS = 12
"""Numbers of stand-ins that are told."""


def entry_name(entry: str) -> str:
    """Return what a way into a file is called."""
    return "top level" if entry == "<module>" else f"{entry}()"


def place_of(finding: Finding) -> str:
    """Return code, file and row of a finding."""
    return f"{finding.code} at {expand(shown(finding.location.path))}:{finding.location.start.in_file}"


def conditions(variant: Variant) -> str:
    """Return which conditions on stand-ins do not hold in a run; an empty string where all do."""
    words = [
        _OPERATOR.sub(lambda found: f" {_OPERATORS[found[1]]} ", each) for each, holds in variant.plan if not holds
    ]
    return " and ".join(f"not {each}" if " condition " in each else f"not `{each}`" for each in words)


def nothing(schedule: EntrySchedule) -> str:
    """Return why there is no curve of a way into a file."""
    if isinstance(schedule.written, Unsliced):
        return f"no script could be made: {schedule.written.reason}"
    if not schedule.variants or schedule.makes_updates:
        return "no run made an update"
    outcome = schedule.variants[0].written
    if isinstance(outcome, Lost):
        return f"the replay gave nothing: {outcome.reason}"
    if outcome.failure is not None:
        what = f"{outcome.failure.kind}: {outcome.failure.message}" if outcome.failure.message else outcome.failure.kind
        where = sites_of(schedule.written, None)(outcome.failure.row)
        at = "" if where is None else f" at {where.place.removesuffix(' with the other fixes')}"
        return f"the replay ended before any update{at}: {what}"
    return "the replay made no update"


def endings(schedule: EntrySchedule, variant: Variant, sources: Sources) -> Iterator[str]:
    """Yield how runs ended that did not come to the end of the code."""
    yield from _ending("as written", variant.written, sites_of(schedule.written, sources))
    if variant.fixed is not None:
        yield from _ending("as fixed", variant.fixed, sites_of(schedule.fixed, sources, schedule.fixes))


def notes(schedule: EntrySchedule, sources: Sources) -> Iterator[str]:
    """Yield what a reader of the curves is to know: the findings, the stand-ins, what is not in the curves."""
    if schedule.findings:
        yield f"as fixed: with the fix of {'; '.join(map(place_of, schedule.findings))}"
    yield from _handed_over(schedule, sites_of(schedule.written, sources))
    numbers = [each for each in schedule.numbers if each.name != ELEMENTS]
    for told, head in (
        ([each for each in numbers if not each.is_default], "stand-ins, no numbers of yours"),
        ([each for each in numbers if each.is_default], "defaults of arguments"),
    ):
        if told:
            yield f"{head}: {numbers_in_words(told)}"
    elements = next((each.value for each in schedule.numbers if each.name == ELEMENTS), "")
    if elements:
        yield f"a loader, or what else is iterated that is a stand-in, has {elements} elements"
    if any(_follows_metric(each) for variant in schedule.variants for each in (variant.written, variant.fixed)):
        yield f"the metric of {_PLATEAU} is a stand-in: it says nothing about when your run cuts the rate"


def numbers_in_words(numbers: Sequence[StandInNumber]) -> str:
    """Return names with their values."""
    told = [
        f"`{each.name}` = {f'[{each.value}]' if ', ' in each.value else each.value}" for each in numbers[:MOST_NUMBERS]
    ]
    more = len(numbers) - len(told)
    return ", ".join(told) + (f" and {more} more" if more > 0 else "")


def maker_in_words(maker: Maker) -> str:
    """Return class, name and place of an optimizer or a scheduler."""
    name = f" `{maker.name}`" if maker.name else ""
    if maker.replaced:
        return (
            f"{maker.kind}{name}, a stand-in for {maker.replaced if '`' in maker.replaced else f'`{maker.replaced}`'}"
        )
    return f"{maker.kind}{name} at {maker.place}" if maker.place else f"{maker.kind}{name}"


def acts_in_words(curves: OptimizerCurves) -> Iterator[str]:
    """Yield what drives an optimizer's rates."""
    for scheduler in curves.schedulers:
        steps = f"stepped at {places_in_words(scheduler.steps)}" if scheduler.steps else "never stepped"
        built = f", built {scheduler.built} times" if scheduler.built > 1 else ""
        yield f"{maker_in_words(scheduler)}{built}, {steps}"
    if curves.by_hand:
        yield f"the rate is changed by hand, which is seen at {places_in_words(curves.by_hand)}"
    if not curves.schedulers and not curves.by_hand:
        yield "no scheduler"


def places_in_words(places: Sequence[tuple[str, int]]) -> str:
    """Return lines, each with how often it acted."""
    return " and ".join(f"{place} ({counted(times, 'time')})" for place, times in places)


def summary_of(values: Values) -> str:
    """Return first, peak and last rate of a curve."""
    finite = [(value, at) for at, value in enumerate(values, start=1) if value is not None and math.isfinite(value)]
    if not finite:
        return "no update"
    first, last = finite[0], finite[-1]
    highest = max(value for value, _ in finite)
    peak = next(each for each in finite if each[0] == highest or math.isclose(each[0], highest))
    at = f" at update {peak[1]}" if peak[1] not in (first[1], last[1]) else ""
    text = f"first {first[0]:.4g}, peak {peak[0]:.4g}{at}, last {last[0]:.4g}, {counted(len(values), 'update')}"
    return text if len(finite) == len(values) else f"{text} ({len(values) - len(finite)} without a finite rate)"


def _ending(kind: str, outcome: Outcome, site_of: SiteOf) -> Iterator[str]:
    if isinstance(outcome, Lost):
        yield f"{kind}, there is no trace: {outcome.reason}"
        return
    made = f"after {counted(len(outcome.updates), 'update')}" if outcome.updates else "before any update"
    if outcome.failure is not None:
        failure = outcome.failure
        site = site_of(failure.row)
        at = "" if site is None else f" at {site.place}"
        what = f"{failure.kind}: {failure.message}" if failure.message else failure.kind
        why = ", which may be the doing of a stand-in" if failure.in_standin else ""
        yield f"{kind}, the run ends {made}{at}: {what}{why}"
    if outcome.cut:
        yield f"{kind}, the replay stops {made}; the option --updates sets how many"


def _handed_over(schedule: EntrySchedule, site_of: SiteOf) -> Iterator[str]:
    found: dict[str, int] = {}
    for variant in schedule.variants:
        if isinstance(schedule.written, ReplayScript) and isinstance(variant.written, Trace):
            found |= handed_over(schedule.written, variant.written)
    for name, row in found.items():
        site = site_of(row)
        at = "" if site is None else f" at {site.place}"
        yield f"what `{name}`{at} makes of the optimizers and schedulers that it is given is not in the curves"


def _follows_metric(outcome: Outcome | None) -> bool:
    return isinstance(outcome, Trace) and any(thing.name == _PLATEAU for thing in outcome.things)
