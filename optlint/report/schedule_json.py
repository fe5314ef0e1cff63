"""Schedules as data."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

from optlint.replay.schedules import EntrySchedule, Variant
from optlint.replay.standin_numbers import ELEMENTS
from optlint.replay.trace import Trace
from optlint.report.json import as_objects
from optlint.report.rate_curves import GroupCurves, Maker, OptimizerCurves, Values, optimizer_curves
from optlint.report.report import Sources
from optlint.report.schedule_words import endings, nothing


def schedule_object(schedule: EntrySchedule, sources: Sources, only: frozenset[str] | None) -> dict[str, Any]:
    """Return one way into a file as data; `reason` says why there is no curve, and is null where there is one."""
    traces = [each.written for each in schedule.variants if isinstance(each.written, Trace)]
    return {
        "entry": schedule.entry,
        "reason": None if schedule.makes_updates else nothing(schedule),
        "device": traces[0].device if traces else None,
        "torch": traces[0].torch if traces else None,
        "findings": as_objects(schedule.findings, sources),
        "stand_ins": [
            {"name": each.name, "value": each.value, "is_default": each.is_default}
            for each in schedule.numbers
            if each.name != ELEMENTS
        ],
        "elements": next((int(each.value) for each in schedule.numbers if each.name == ELEMENTS), None),
        "runs": [_run(schedule, variant, sources, only) for variant in schedule.variants],
    }


def _run(schedule: EntrySchedule, variant: Variant, sources: Sources, only: frozenset[str] | None) -> dict[str, Any]:
    found = optimizer_curves(schedule, variant, sources)
    return {
        "conditions": dict(variant.plan),
        "ended": list(endings(schedule, variant, sources)),
        "optimizers": [_optimizer(each) for each in found if only is None or each.name in only],
    }


def _optimizer(curves: OptimizerCurves) -> dict[str, Any]:
    return {
        "name": curves.name,
        **_maker(curves.maker),
        "updates": curves.updates,
        "fixed_updates": curves.fixed_updates,
        "schedulers": [
            {"name": each.name, **_maker(each), "built": each.built, "steps": _places(each.steps)}
            for each in curves.schedulers
        ],
        "changed_by_hand": _places(curves.by_hand),
        "groups": [_group(each) for each in curves.groups],
    }


def _maker(maker: Maker) -> dict[str, Any]:
    return {"class": maker.kind, "place": maker.place or None, "stand_in_for": maker.replaced or None}


def _places(places: Sequence[tuple[str, int]]) -> list[dict[str, Any]]:
    return [{"place": place, "times": times} for place, times in places]


def _group(group: GroupCurves) -> dict[str, Any]:
    return {
        "groups": list(group.groups),
        "rates": _finite(group.written),
        "fixed_rates": _finite(group.fixed) if group.fixed else None,
    }


def _finite(values: Values) -> list[float | None]:
    return [value if value is not None and math.isfinite(value) else None for value in values]
