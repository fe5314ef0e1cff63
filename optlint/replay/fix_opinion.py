"""What one run of the fixed code says of a fix; the table is in `optlint.replay.judgement`."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass

from optlint.program.events import Act
from optlint.property.patterns import Query
from optlint.replay.as_meant import departures_from_meant
from optlint.replay.beginnings import maybe_without_what_replaces
from optlint.replay.cadence import schedulers_of, steps_of
from optlint.replay.counterparts import counterparts, succeeded, successors
from optlint.replay.finding_opinion import Opinion, focus_of, reason_of, stays
from optlint.replay.mentions import is_answered, renamed
from optlint.replay.monitoring import breaks
from optlint.replay.movements import all_moved
from optlint.replay.quantities import ACTS_OF, NAMES, departures, missing
from optlint.replay.sameness import differences, is_about_holding
from optlint.replay.trace import Kind, Trace
from optlint.replay.verdict import Departure, FindingVerdict, FixVerdict, Flag, Reason
from optlint.replay.wire import Lost, Outcome
from optlint.rule import Evidence, Rule

_UNSEEN = {
    Evidence.TEXT: "no schedule is asked for its rate in the fixed code, which may have it from elsewhere",
    Evidence.LEARNING_RATE: "no update follows a step of the schedule in the fixed code",
}
"""What a fixed code does not show."""


@dataclass(frozen=True, slots=True)
class FixOpinion:
    """What one combination says of the fix."""

    verdict: FixVerdict
    reason: Reason | None = None
    refutation: Departure | None = None
    words: str = ""


def opinion_of_fix(
    rule: Rule,
    original: Outcome,
    fixed: Outcome,
    opinion: Opinion,
    flag: Flag,
    tolerance: float,
    meant: Outcome | None = None,
) -> FixOpinion:
    """The opinion of one pair of runs; `opinion` is what was said of the finding there.

    `meant` is the code as written, run as it is meant, where that was wanted.
    """
    for each in (original, fixed):
        if isinstance(each, Lost):
            return FixOpinion(FixVerdict.INCONCLUSIVE, reason_of(each), words=each.reason)
    assert isinstance(original, Trace)
    assert isinstance(fixed, Trace)
    stopped = _stopped(original, fixed, opinion)
    if stopped is not None:
        return stopped
    focus = focus_of(original, flag.rows)
    match = counterparts(original, fixed)
    theirs = frozenset(match[each] for each in focus if each in match) or focus_of(fixed, flag.fixed_rows)
    if original.failure is not None:  # what comes after it has no counterpart
        late = (each.number for each in fixed.things if each.kind is Kind.OPTIMIZER)
        theirs |= frozenset(late) - frozenset(match.values())
    if is_about_holding(rule):
        theirs = succeeded(fixed, theirs, successors(fixed, match))
    refutation = _still_wrong(rule, fixed, theirs, flag, tolerance)
    if refutation is None:
        refutation = renamed(original, fixed, flag.rows, flag.fixed_rows)
    shown = isinstance(meant, Trace) and meant.failure is None
    if refutation is None and isinstance(meant, Trace) and shown:
        refutation = next(departures_from_meant(meant, fixed, tolerance), None)
    elif refutation is None and rule.evidence is Evidence.ORDER and flag.word:
        refutation = _wrong_order(original, fixed, flag)
    by_word = rule.evidence is Evidence.ORDER and bool(flag.word)
    if refutation is None and not _is_silent(rule, opinion) and not (shown and by_word):
        harmless = opinion.verdict is FindingVerdict.NOT_REPRODUCED or rule.evidence is Evidence.TEXT
        changed = differences(rule, original, fixed, focus, word=flag.word, harmless=harmless, tolerance=tolerance)
        refutation = next(changed, None)
    if refutation is not None:
        return FixOpinion(FixVerdict.REFUTED, refutation=refutation, words=refutation.words)
    if opinion.reason in (Reason.NEEDS_SECOND_DEVICE, Reason.NOT_EXERCISED, Reason.CRASHED_IN_STANDIN):
        return FixOpinion(FixVerdict.INCONCLUSIVE, opinion.reason, words=opinion.words)
    if not _exercised(rule, original, fixed, theirs, flag):
        words = _UNSEEN.get(rule.evidence, "nothing happens to what is flagged in the fixed code")
        return FixOpinion(FixVerdict.INCONCLUSIVE, Reason.NOT_EXERCISED, words=words)
    unreplaced = maybe_without_what_replaces(original, fixed)
    if unreplaced:
        words = f"nothing takes the place of `{unreplaced}` any more, and its values do not tell whether that is right"
        return FixOpinion(FixVerdict.INCONCLUSIVE, Reason.NOT_EXERCISED, words=words)
    if by_word and meant is not None and not shown:
        words = "the fix does more than to make the call, and what that call would do here is not known"
        return FixOpinion(FixVerdict.INCONCLUSIVE, Reason.NOT_EXERCISED, words=words)
    words = f"nothing departs from what is due ({NAMES[rule.evidence]}), and all else is kept"
    return FixOpinion(FixVerdict.VALIDATED, words=words)


def _stopped(original: Trace, fixed: Trace, opinion: Opinion) -> FixOpinion | None:
    """What the end of a run says: nothing where both ended in the same way, or the fixed one in a stand-in."""
    failure, former = fixed.failure, original.failure
    if failure is None:
        if original.cut == fixed.cut or former is not None:
            return None
        return FixOpinion(FixVerdict.INCONCLUSIVE, Reason.TIMED_OUT, words="only one of the two runs was cut short")
    words = f"`{failure.kind}` ended the fixed code: {failure.message}"
    alike = former is not None and (former.kind, former.message) == (failure.kind, failure.message)
    blamed = opinion.departure is not None and opinion.departure.quantity == "exception"
    if failure.in_standin or (alike and not blamed):
        return FixOpinion(FixVerdict.INCONCLUSIVE, Reason.CRASHED_IN_STANDIN, words=words)
    departure = Departure("exception", len(fixed.updates) + 1, failure.row, 0.0, 0.0, words)
    return FixOpinion(FixVerdict.REFUTED, refutation=departure, words=words)


def _still_wrong(
    rule: Rule, fixed: Trace, optimizers: frozenset[int], flag: Flag, tolerance: float
) -> Departure | None:
    found = departures(rule, fixed, optimizers, flag.fixed_rows, tolerance)
    if found:
        return found[0]
    broken = breaks(rule.property, fixed, optimizers, flag.fixed_rows)
    if not broken or all(map(stays, broken)) or all_moved(rule, fixed, optimizers):
        return None
    happening = broken[0].happening
    words = f"the fixed code still breaks the property, in row {happening.row}"
    return Departure("property", happening.updates, happening.row, 0.0, 0.0, words)


def _wrong_order(original: Trace, fixed: Trace, flag: Flag) -> Departure | None:
    """A call that is added adds its own happenings and no others."""
    rows, acts = flag.fixed_rows or flag.rows, ACTS_OF.get(flag.word, ())
    row = rows[0] if rows else 0
    if missing(fixed, rows, flag.word) is not False:
        return Departure("events", 0, row, 0.0, 0.0, f"`{flag.word}` still does not happen in row {row}")
    if original.failure is not None:
        return None
    before = Counter(each.act for each in original.happenings)
    after = Counter(each.act for each in fixed.happenings if each.row not in rows or each.act not in acts)
    for act in sorted(before.keys() | after.keys(), key=lambda each: each.value):
        if before[act] != after[act]:
            words = f"`{act.value}` happens {after[act]} times, and {before[act]} times as written"
            return Departure("events", 0, row, abs(after[act] - before[act]), 0.0, words)
    return None


def _is_silent(rule: Rule, opinion: Opinion) -> bool:
    """Whether the finding is about an exception that does not come here, and whose fix changes something else."""
    silent = rule.evidence is Evidence.CRASH and isinstance(rule.property, Query)
    asked = opinion.departure is not None and opinion.departure.quantity == "type"
    return silent and (asked or opinion.reason is Reason.NOT_EXERCISED)


def _exercised(rule: Rule, original: Trace, fixed: Trace, optimizers: frozenset[int], flag: Flag) -> bool:
    """Whether something happened to what is flagged; that an exception is gone shows in what comes after it."""
    if rule.evidence is Evidence.CRASH and original.failure is not None:
        before = [each for each in original.happenings if each.detail != "failed"]
        return len(fixed.happenings) > len(before)
    if rule.evidence is Evidence.ORDER and flag.word:
        return True
    if rule.evidence is Evidence.CRASH and is_answered(original, fixed, flag.rows, flag.fixed_rows):
        return True
    own = [update for update in fixed.updates if update.optimizer in optimizers]
    if rule.evidence is Evidence.LEARNING_RATE:
        steps = [
            each
            for number in optimizers
            for scheduler in schedulers_of(fixed, number)
            for each in steps_of(fixed, scheduler)
        ]
        # A step that nothing follows may as well stand behind the loop.
        return bool(own) and any(flag.loops_kept or each.updates < own[-1].number for each in steps)
    if rule.evidence in (Evidence.GRADIENT, Evidence.MOVED):
        return any(update.gradient is not None for update in own)
    if rule.evidence is Evidence.TEXT:
        return any(each.act is Act.CALL and each.apart is not None for each in fixed.happenings)
    return bool(own)
