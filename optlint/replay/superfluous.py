"""Updates that a rule says are too many: a fix takes them away, and all else is compared without them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from optlint.program.events import Act
from optlint.property.patterns import Absence, Property
from optlint.replay.trace import Trace, Update


def is_about_superfluous_steps(rule_property: Property) -> bool:
    """Whether a rule is about steps of an optimizer that should not be there."""
    return isinstance(rule_property, Absence) and Act.STEP in rule_property.of.acts


def without_superfluous(trace: Trace, rows: Sequence[int]) -> Trace:
    """The trace without those updates of some rows that used gradients when none were due to them."""
    superfluous = {update.number for update in trace.updates if update.row in rows and _uses_what_is_not_due(update)}
    if not superfluous:
        return trace
    kept = [update for update in trace.updates if update.number not in superfluous]
    before = [0]  # how many of the first so many updates are kept
    for update in trace.updates:
        before.append(before[-1] + (update.number not in superfluous))
    return replace(
        trace,
        updates=tuple(replace(update, number=index) for index, update in enumerate(kept, start=1)),
        happenings=tuple(
            replace(each, updates=before[each.updates])
            for each in trace.happenings
            if not (each.act is Act.STEP and each.updates + 1 in superfluous and each.row in rows)
        ),
    )


def _uses_what_is_not_due(update: Update) -> bool:
    return update.backwards == 0 and update.gradient is not None and update.gradient.absolute > 0
