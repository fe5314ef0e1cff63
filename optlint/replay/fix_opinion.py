"""What one run of the fixed code says of a fix; the table is in `optlint.replay.judgement`."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass

from optlint.program.events import Act
from optlint.property.patterns import Query
from optlint.property.used import Used
from optlint.replay.as_meant import departures_from_meant
from optlint.replay.beginnings import maybe_without_what_replaces
from optlint.replay.beyond import is_beyond_replay
from optlint.replay.cadence import schedulers_of, steps_of
from optlint.replay.counterparts import counterparts, succeeded, successors
from optlint.replay.cut_off import is_cut_off, nothing_learned
from optlint.replay.finding_opinion import NO_EXCEPTION, Opinion, focus_for, reason_of, stays
from optlint.replay.meant_acts import acts_to_change
from optlint.replay.mentions import is_answered, renamed
from optlint.replay.monitoring import breaks
from optlint.replay.movements import all_moved
from optlint.replay.pace import paced
from optlint.replay.places import displaced
from optlint.replay.quantities import ACTS_OF, NAMES, departures, missing
from optlint.replay.sameness import differences, is_about_holding
from optlint.replay.senseless import STILL
from optlint.replay.trace import Failure, Kind, Trace
from optlint.replay.unread import is_less_unread, unread
from optlint.replay.verdict import Departure, FindingVerdict, FixVerdict, Flag, Reason
from optlint.replay.wire import Lost, Outcome
from optlint.rule import Evidence, Rule

_UNSEEN = {
    Evidence.TEXT: "no schedule is asked for its rate in the fixed code, which may have it from elsewhere",
    Evidence.LEARNING_RATE: "no update follows a step of the schedule in the fixed code",
    Evidence.PACE: "nothing says how many steps the schedule of the fixed code has for the whole run",
}
"""What a fixed code does not show."""


@dataclass(frozen=True, slots=True)
class FixOpinion:
    """What one combination says of the fix."""

    verdict: FixVerdict
    reason: Reason | None = None
    refutation: Departure | None = None
    words: str = ""
    agreement: str = ""
    """What of a validated fix agrees with what is due, and for how many updates."""
    updates: int = 0
    """How many of the flagged optimizers' the fixed code made."""


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
    unseen = rule.evidence is Evidence.TEXT or is_beyond_replay(rule)
    if unseen and opinion.reason is Reason.NOT_EXERCISED:
        return FixOpinion(FixVerdict.INCONCLUSIVE, opinion.reason, words=opinion.words)
    stopped = _stopped(original, fixed, opinion, flag)
    if stopped is not None:
        return stopped
    focus = focus_for(rule, original, flag.rows)
    match = counterparts(original, fixed)
    theirs = frozenset(match[each] for each in focus if each in match) or focus_for(rule, fixed, flag.fixed_rows)
    if original.failure is not None:  # what comes after it has no counterpart
        late = (each.number for each in fixed.things if each.kind is Kind.OPTIMIZER)
        theirs |= frozenset(late) - frozenset(match.values())
    if is_about_holding(rule):
        theirs = succeeded(fixed, theirs, successors(fixed, match))
    if rule.evidence is Evidence.OPTIONS:
        refutation = (
            None if is_less_unread(original, fixed) else next(unread(fixed, theirs, flag.fixed_rows or flag.rows), None)
        )
    else:
        refutation = _still_wrong(rule, fixed, theirs, flag, tolerance)
    if refutation is None and not is_cut_off(original):
        refutation = next(nothing_learned(fixed, fixed.updates), None)
    if refutation is not None and refutation.quantity == "gradient" and original.failure is None:
        # A clipping that went elsewhere says more than the gradient that it leaves as it is.
        refutation = next(displaced(original, fixed, names=False, but=acts_to_change(rule)), refutation)
    if refutation is None and rule.evidence is Evidence.OVERWRITTEN:
        words = "no schedule undoes another one any more, and which rates are meant instead is not known"
        return FixOpinion(FixVerdict.INCONCLUSIVE, Reason.NOT_EXERCISED, words=words)
    if refutation is None:
        refutation = renamed(original, fixed, flag.rows, flag.fixed_rows)
    if opinion.words == STILL or _is_of_rates(rule, opinion):
        meant = None  # nothing stops the code as written, and what it means are other rates
    if opinion.words == NO_EXCEPTION and original.failure is None:
        meant = None  # what is to raise was not in the replay, so that it does not say what is meant
    shown = isinstance(meant, Trace) and meant.failure is None
    if refutation is None and isinstance(meant, Trace) and shown:
        refutation = next(departures_from_meant(meant, fixed, tolerance), None)
    elif refutation is None and rule.evidence is Evidence.ORDER and flag.word:
        refutation = _wrong_order(original, fixed, flag)
    by_word = rule.evidence is Evidence.ORDER and bool(flag.word)
    if refutation is None and not _is_silent(rule, opinion) and not (shown and by_word):
        harmless = opinion.verdict is FindingVerdict.NOT_REPRODUCED or rule.evidence is Evidence.TEXT
        changed = differences(
            rule,
            original,
            fixed,
            focus,
            word=flag.word,
            harmless=harmless,
            tolerance=tolerance,
            rows=flag.rows,
            fixed_rows=flag.fixed_rows,
        )
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
    own = sum(update.optimizer in theirs for update in fixed.updates)
    return FixOpinion(FixVerdict.VALIDATED, words=words, agreement=_agreement(rule, own), updates=own)


def _agreement(rule: Rule, updates: int) -> str:
    """Return what agrees with what is due; only for rates is that the schedule of a reference by itself."""
    quantity, counted = NAMES[rule.evidence], f"{updates} update{'' if updates == 1 else 's'}"
    match rule.evidence:
        case Evidence.LEARNING_RATE:
            agrees = f"{quantity} equal to the reference"
        case Evidence.CRASH:
            return f"no {quantity} in {counted}" if updates else f"no {quantity}"
        case _:
            agrees = f"{quantity} as due"
    return f"{agrees} for {counted}" if updates else agrees


def _stopped(original: Trace, fixed: Trace, opinion: Opinion, flag: Flag) -> FixOpinion | None:
    """What the end of a run says: nothing where both ended in the same way, or the fixed one in a stand-in."""
    failure, former = fixed.failure, original.failure
    if failure is None:
        if original.cut == fixed.cut or former is not None:
            return None
        return FixOpinion(FixVerdict.INCONCLUSIVE, Reason.TIMED_OUT, words="only one of the two runs was cut short")
    words = f"`{failure.kind}` ended the fixed code: {failure.message}"
    alike = former is not None and (former.kind, former.message) == (failure.kind, failure.message)
    blamed = opinion.departure is not None and opinion.departure.quantity == "exception"
    in_standin = failure.in_standin and not (former is None and _finds_nothing(failure, flag.written))
    if in_standin or (alike and not blamed):
        return FixOpinion(FixVerdict.INCONCLUSIVE, Reason.CRASHED_IN_STANDIN, words=words)
    departure = Departure("exception", len(fixed.updates) + 1, failure.row, 0.0, 0.0, words)
    return FixOpinion(FixVerdict.REFUTED, refutation=departure, words=words)


def _finds_nothing(failure: Failure, written: tuple[int, ...]) -> bool:
    """Whether a row that the fix wrote asks something of what is None: an option that the code has left out."""
    return failure.row in written and failure.message.startswith("'NoneType' object has no attribute")


def _still_wrong(
    rule: Rule, fixed: Trace, optimizers: frozenset[int], flag: Flag, tolerance: float
) -> Departure | None:
    rows = flag.fixed_rows or (flag.rows if rule.evidence is Evidence.PACE else ())
    found = departures(rule, fixed, optimizers, rows, tolerance)
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
    return silent and (asked or _is_of_rates(rule, opinion) or opinion.reason is Reason.NOT_EXERCISED)


def _is_of_rates(rule: Rule, opinion: Opinion) -> bool:
    """Whether what was looked for is an exception, and what was found are rates."""
    departure = opinion.departure
    return rule.evidence is Evidence.CRASH and departure is not None and departure.quantity == "learning rate"


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
    if rule.evidence is Evidence.PACE:
        return bool(own) and bool(paced(fixed, optimizers)) and not fixed.cut
    if rule.evidence is Evidence.LEARNING_RATE and not isinstance(rule.property, Used):
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
