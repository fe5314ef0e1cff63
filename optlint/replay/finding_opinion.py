"""What one run of the code as written says of a finding; the table is in `optlint.replay.judgement`."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass

from optlint.program.events import Act
from optlint.property.patterns import Absence, Alternation, Precedence, Query
from optlint.property.used import Used
from optlint.replay.accumulated import ACCUMULATED, ungathered_unseen
from optlint.replay.beyond import is_beyond_replay
from optlint.replay.cadence import schedulers_of, steps_of
from optlint.replay.counted import follows_metric
from optlint.replay.finite import untried
from optlint.replay.meant_acts import acts_to_change
from optlint.replay.mentions import is_asked_in_vain
from optlint.replay.monitoring import Break, breaks, optimizers_of
from optlint.replay.movements import own
from optlint.replay.overwritten import is_shared
from optlint.replay.pace import is_endless, paced
from optlint.replay.quantities import NAMES, departures, missing
from optlint.replay.senseless import STILL, is_composed, is_still
from optlint.replay.trace import Happening, Kind, Trace
from optlint.replay.verdict import Departure, FindingVerdict, Flag, Reason
from optlint.replay.wire import Lost, Outcome
from optlint.rule import Evidence, Rule

NO_EXCEPTION = "no exception comes, yet the fixed code does something else"
ALREADY = "what was to be converted is so already"


@dataclass(frozen=True, slots=True)
class Opinion:
    """What one combination says of the finding."""

    verdict: FindingVerdict
    reason: Reason | None = None
    departure: Departure | None = None
    words: str = ""


_TOLD_BY_ROWS = (Evidence.GRADIENT, Evidence.LEARNING_RATE)
"""Where a rule has no pattern of acts, what departs is its fault only in the flagged rows."""


def opinion_of_finding(rule: Rule, outcome: Outcome, flag: Flag, tolerance: float, fixed: Outcome | None) -> Opinion:
    """The opinion of one run; `fixed`, where there is one, tells only whether the fixed code does otherwise."""
    if isinstance(outcome, Lost):
        return Opinion(FindingVerdict.INCONCLUSIVE, reason_of(outcome), words=outcome.reason)
    if is_beyond_replay(rule):
        words = "a replay runs in one process, and cannot shard"
        return Opinion(FindingVerdict.INCONCLUSIVE, Reason.NOT_EXERCISED, words=words)
    trace, focus = outcome, focus_for(rule, outcome, flag.rows)
    if rule.evidence is Evidence.ORDER and flag.word:
        opinion = _of_order(trace, flag)
        if opinion is not None:
            return opinion
    found = departures(rule, trace, focus, flag.rows, tolerance)
    broken = breaks(rule.property, trace, focus, flag.rows)
    if isinstance(rule.property, Precedence) and any(_may_be_right(trace, each) for each in broken):
        words = "unknown code was given the optimizer, and may have stepped it"
        return Opinion(FindingVerdict.INCONCLUSIVE, Reason.NOT_EXERCISED, words=words)
    if isinstance(rule.property, Used) and any(_may_be_used(trace, each) for each in broken):
        words = "unknown code has what is not used, and may use it"
        return Opinion(FindingVerdict.INCONCLUSIVE, Reason.NOT_EXERCISED, words=words)
    if any(each.detail == "acted on" and focus.intersection(each.things) for each in trace.happenings):
        words = "a stand-in was stepped or cleared that may be what unknown code was given"
        return Opinion(FindingVerdict.INCONCLUSIVE, Reason.NOT_EXERCISED, words=words)
    # Of several ways to step a schedule only the flagged one tells which was meant.
    unflagged = rule.evidence is Evidence.LEARNING_RATE and isinstance(rule.property, Query) and not flag.rows
    shown = bool(found) and not unflagged and not _is_of_another_fault(rule, trace, found, flag, fixed)
    if shown and (broken or isinstance(rule.property, Query)):
        return Opinion(FindingVerdict.CONFIRMED, departure=found[0], words=found[0].words)
    reason, words = _why_not(rule, trace, focus, broken, found, flag)
    silent = rule.evidence is Evidence.CRASH and isinstance(rule.property, Query)
    if reason is None and silent and isinstance(fixed, Trace) and _does_otherwise(trace, fixed):
        reason, words = Reason.NOT_EXERCISED, NO_EXCEPTION
    unused = any(not any(own(trace, frozenset((number,)))) for number in focus)
    if reason is None and isinstance(rule.property, Used) and broken and unused and trace.updates:
        reason, words = Reason.NOT_EXERCISED, "other optimizers make updates, and may use the same gradients"
    if reason is None and rule.evidence is Evidence.CRASH and broken:
        reason, words = _harm_of_another_kind(trace)
    if reason is not None:
        return Opinion(FindingVerdict.INCONCLUSIVE, reason, words=words)
    return Opinion(FindingVerdict.NOT_REPRODUCED, words=_how_harmless(rule, broken))


def _harm_of_another_kind(trace: Trace) -> tuple[Reason | None, str]:
    """What speaks against calling a fault harmless that raises nothing: nothing, or something, is not trained."""
    idle = next((name for update in trace.updates for name in update.idle), None)
    if idle is not None:
        return Reason.NOT_EXERCISED, f"no exception comes, and yet `{idle}` gets gradients and is not moved"
    if trace.updates and not any(update.moved for update in trace.updates):
        return Reason.NOT_EXERCISED, "no exception comes, and yet no update moves anything"
    return None, ""


def _may_be_right(trace: Trace, broken: Break) -> bool:
    """Whether unknown code was given the optimizer, and not its scheduler, between the making of this and the break.

    Without a scheduler, since the making of the optimizer.
    """
    optimizer, scheduler = broken.things[0], broken.things[-1]
    made = (i for i, each in enumerate(trace.happenings) if each.act is Act.NEW and scheduler in each.things)
    between = trace.happenings[next(made, 0) : trace.happenings.index(broken.happening)]
    given = (each.things for each in between if each.act is Act.ESCAPE and each.detail != "kept")
    return any(optimizer in each and (scheduler == optimizer or scheduler not in each) for each in given)


def _may_be_used(trace: Trace, broken: Break) -> bool:
    """Whether what a break is about came from outside, or was given to unknown code."""
    concerned = broken.things[-1]
    given = any(concerned in each.things for each in trace.happenings if each.act is Act.ESCAPE)
    return given or trace.things[concerned - 1].outside


def _is_of_another_fault(rule: Rule, trace: Trace, found: list[Departure], flag: Flag, fixed: Outcome | None) -> bool:
    """Whether an exception lies outside of the flagged rows, and is not gone with the fix."""
    failure = trace.failure
    if found[0].quantity != "exception" or failure is None or not isinstance(rule.property, Query):
        return False
    if rule.evidence is Evidence.PACE and any(
        each.act is Act.SCHEDULE and each.row == failure.row for each in trace.happenings
    ):
        return False
    if not flag.rows or failure.row in flag.rows:
        return False
    after = fixed.failure if isinstance(fixed, Trace) else failure
    return after is not None and (after.kind, after.message) == (failure.kind, failure.message)


def _of_order(trace: Trace, flag: Flag) -> Opinion | None:
    gone = missing(trace, flag.rows, flag.word)
    if gone:
        row = flag.rows[0] if flag.rows else 0
        words = f"`{flag.word}` stands in row {row}, and nothing happens there"
        return Opinion(FindingVerdict.CONFIRMED, departure=Departure("events", 0, row, 0.0, 0.0, words), words=words)
    if gone is None:
        return Opinion(FindingVerdict.INCONCLUSIVE, Reason.NOT_EXERCISED, words="the flagged row was not reached")
    return None


def _why_not(
    rule: Rule, trace: Trace, focus: frozenset[int], broken: list[Break], found: list[Departure], flag: Flag
) -> tuple[Reason | None, str]:
    """Why nothing can be said, where that is so."""
    telling = [each for each in trace.happenings if rule.evidence is not Evidence.TEXT or each.apart is not None]
    reached = not flag.rows or any(each.row in flag.rows for each in telling)
    if trace.reached is not None and rule.evidence is not Evidence.TEXT:
        reached = reached or bool(set(trace.reached).intersection(flag.rows))
    if trace.failure is not None:
        failure = trace.failure
        words = f"`{failure.kind}` ended the replay: {failure.message}"
        return Reason.CRASHED_IN_STANDIN, words
    if rule.evidence is Evidence.TEXT and not telling:
        return Reason.NOT_EXERCISED, "the text alone is the evidence: nothing is reported that could be compared"
    is_of_one_place = rule.evidence is Evidence.TEXT or (
        rule.evidence is Evidence.CRASH and isinstance(rule.property, Query)
    )
    if not trace.updates and not (is_of_one_place and flag.rows and reached):
        return Reason.NOT_EXERCISED, "no update was made"
    if trace.cut and trace.reached is not None and flag.own and not set(trace.reached).intersection(flag.own):
        return Reason.NOT_EXERCISED, "the run was cut short before it came to what is flagged"
    if not reached:
        return Reason.NOT_EXERCISED, "nothing happened in the flagged rows"
    if (broken and all(stays(each) for each in broken)) or (trace.away and rule.evidence is Evidence.CRASH):
        return Reason.NEEDS_SECOND_DEVICE, "what was to go to another device is where it was"
    if rule.evidence is Evidence.CRASH and is_of_one_place and is_still(trace, flag.own or flag.rows):
        return Reason.NOT_EXERCISED, STILL
    if rule.evidence is Evidence.CRASH and is_of_one_place and is_composed(trace, flag.own):
        return Reason.NOT_EXERCISED, "which part of a schedule of several has its turn is not seen"
    if rule.evidence is Evidence.CRASH and is_asked_in_vain(trace, flag.rows):
        return Reason.NOT_EXERCISED, "what is asked about is no scheduler"
    of_tensor = rule.evidence is Evidence.CRASH or (
        rule.evidence is Evidence.MOVED and isinstance(rule.property, Query) and bool(flag.rows)
    )
    if of_tensor and any(_keeps_a_leaf(each, flag) for each in trace.happenings):
        return Reason.NOT_EXERCISED, ALREADY
    of_rates = rule.evidence is Evidence.LEARNING_RATE and not isinstance(rule.property, Used)
    if broken and of_rates and not _schedule_moves(trace):
        return Reason.NOT_EXERCISED, "the schedule does not change the rate within the replay"
    if broken and of_rates and isinstance(rule.property, Alternation):
        return Reason.NOT_EXERCISED, "no step that comes twice changes the rate, whichever of the two is meant"
    if rule.evidence in _TOLD_BY_ROWS and isinstance(rule.property, Query) and not flag.rows:
        return Reason.NOT_EXERCISED, "what is flagged does nothing, so that the replay goes without it"
    if broken and Act.CLIP in acts_to_change(rule):
        return Reason.NOT_EXERCISED, "no gradient is over the limit"
    if _loads_nothing(rule, trace):
        return Reason.NOT_EXERCISED, "what is loaded is not known, and may be state that stays behind"
    if isinstance(rule.property, Used) and _of_loaded(trace, broken):
        return Reason.NOT_EXERCISED, "what is loaded is not known, and may be what goes to no use"
    by_metric = rule.evidence is Evidence.LEARNING_RATE and isinstance(rule.property, Query)
    if by_metric and follows_metric(trace, flag.own):
        return Reason.NOT_EXERCISED, "the rate follows a metric, and what stands in for that has other values"
    unseen = _unseen(rule, trace, focus, flag.rows)
    if unseen:
        return Reason.NOT_EXERCISED, unseen
    if found:
        return Reason.NOT_EXERCISED, f"the property holds, and yet {found[0].words}"
    if trace.reached is not None and flag.own and not set(trace.reached).intersection(flag.own):
        return Reason.NOT_EXERCISED, "the flagged row was not reached"
    return None, ""


def _unseen(rule: Rule, trace: Trace, focus: frozenset[int], rows: tuple[int, ...]) -> str:
    """What did not happen that the quantity needs."""
    gradients = any(update.gradient is not None for update in trace.updates if update.optimizer in focus)
    if rule.evidence in (Evidence.GRADIENT, Evidence.MOVED) and not gradients:
        return "no backward reached the optimizer"
    if rule.evidence in ACCUMULATED:
        return ungathered_unseen(rule, trace, focus, rows)
    if isinstance(rule.property, Used):
        return ""
    if rule.evidence is Evidence.OVERWRITTEN and not is_shared(trace, focus):
        return "no schedule finds a rate that another one has changed"
    if rule.evidence is Evidence.FINITE:
        return untried(trace, focus)
    scheduled = any(steps_of(trace, each) for number in focus for each in schedulers_of(trace, number))
    if rule.evidence in (Evidence.LEARNING_RATE, Evidence.PACE) and not scheduled:
        return "no schedule made a step"
    if rule.evidence is Evidence.PACE:
        if is_endless(trace, focus):
            return "nothing says how many steps the schedule has for the whole run"
        if trace.cut:
            return "the run was cut short, so that nobody knows how far the schedule would have come"
        if not paced(trace, focus):
            return "nothing says how many steps the schedule has for the whole run"
        return "the loops of the replay fit the schedule; how long they are in truth nobody knows here"
    return ""


def _loads_nothing(rule: Rule, trace: Trace) -> bool:
    """Whether a rule about what was loaded sees no state that any step of the script has made."""
    if not (isinstance(rule.property, Absence) and Act.LOAD in rule.property.after.acts):
        return False
    loads = (each for each in trace.happenings if each.act is Act.LOAD and each.detail != "unknown")
    return not any(each.updates for each in loads)


def _of_loaded(trace: Trace, broken: list[Break]) -> bool:
    """Whether a property is broken of objects whose state comes from elsewhere."""
    loaded = {number for each in trace.happenings if each.act is Act.LOAD for number in each.things}
    return any(loaded.intersection(each.things) for each in broken)


def stays(broken: Break) -> bool:
    """Whether a property is broken by a move of what was there already."""
    return broken.happening.act is Act.MOVE and broken.happening.detail.endswith(" in place")


def _keeps_a_leaf(happening: Happening, flag: Flag) -> bool:
    converted = happening.act is Act.MOVE and not happening.things
    return converted and (not flag.rows or happening.row in flag.rows)


def _schedule_moves(trace: Trace) -> bool:
    rates = {(update.optimizer, update.due_rates) for update in trace.updates}
    return len(rates) > len({optimizer for optimizer, _ in rates})


def _does_otherwise(trace: Trace, fixed: Trace) -> bool:
    def shown(of: Trace) -> tuple[object, ...]:
        counts = Counter(each.act for each in of.happenings if each.act not in (Act.MOVE, Act.NEW, Act.CONSUME))
        return [(update.rates, update.moved) for update in of.updates], counts

    return fixed.failure is None and shown(trace) != shown(fixed)


def _how_harmless(rule: Rule, broken: list[Break]) -> str:
    quantity = NAMES[rule.evidence]
    what = (
        "no exception comes" if rule.evidence is Evidence.CRASH else f"the {quantity} departs nowhere from what is due"
    )
    return f"the property is broken, but {what}" if broken else what


def focus_for(rule: Rule, trace: Trace, rows: Sequence[int]) -> frozenset[int]:
    """The optimizers that a finding is about; where what begins comes to nothing, that may be all there are."""
    if isinstance(rule.property, Used):
        return frozenset(each.number for each in trace.things if each.kind is Kind.OPTIMIZER)
    return focus_of(trace, rows)


def focus_of(trace: Trace, rows: Sequence[int]) -> frozenset[int]:
    """The optimizers that a finding is about: those that something happens to in all of its rows."""
    found = frozenset(each.number for each in trace.things if each.kind is Kind.OPTIMIZER)
    for row in rows:
        happenings = (each for each in trace.happenings if each.row == row)
        here = frozenset(number for each in happenings for number in optimizers_of(trace, each))
        found = found & here or found
    return found


def reason_of(lost: Lost) -> Reason:
    """The reason of the closed list for a run that was lost: running out of memory, too, is running out."""
    if lost.reason.startswith(("timed out", "memory", "died")):
        return Reason.TIMED_OUT
    return Reason.CANNOT_SLICE if lost.reason.startswith(("refused", "touched")) else Reason.CRASHED_IN_STANDIN
