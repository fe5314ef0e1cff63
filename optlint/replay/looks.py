"""For how many updates a case is replayed: shortly where that says as much as a long run would."""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence

from optlint.replay.cases import Case
from optlint.replay.finding_opinion import focus_for
from optlint.replay.pace import is_endless
from optlint.replay.script import ReplayScript
from optlint.replay.trace import Trace
from optlint.replay.wire import Outcome
from optlint.rule import Evidence

_REPORTS = re.compile(r"\bget(_last)?_lr\b|getattr")
"""What a script asks for its rates with; the evidence of TEXT is what comes of that."""


def looks_at(case: Case, first: int, most: int, original: Callable[[int], Outcome]) -> Sequence[int]:
    """The bounds of updates for looks at a case, one after another until one settles it.

    Args:
        case: The case.
        first: Updates of a short look.
        most: Updates of a long one.
        original: Runs the code as written for so many updates.
    """
    evidence, script = case.catalog_entry.rule.evidence, case.pair.original
    if not isinstance(script, ReplayScript):
        return (first,)
    if evidence is Evidence.TEXT and not _REPORTS.search(script.body):
        return (1,)  # nothing will be reported
    if evidence is Evidence.PACE:
        outcome = original(first)
        if isinstance(outcome, Trace) and is_endless(outcome, focus_for(case.catalog_entry.rule, outcome, ())):
            return (first,)
    if evidence in (Evidence.LEARNING_RATE, Evidence.OVERWRITTEN, Evidence.PACE):
        return (most,)  # a schedule shows over its whole length
    return (first, most)
