"""What one run of the code as written says of a finding; the table is in `optlint.replay.judgement`."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass

from optlint.program.events import Act
from optlint.property.patterns import Precedence, Query
from optlint.replay.cadence import schedulers_of, steps_of
from optlint.replay.mentions import is_asked_in_vain
from optlint.replay.monitoring import Break, breaks, optimizers_of
from optlint.replay.quantities import NAMES, departures, missing
from optlint.replay.trace import Happening, Kind, Trace
from optlint.replay.verdict import Departure, FindingVerdict, Flag, Reason
from optlint.replay.wire import Lost, Outcome
from optlint.rule import Evidence, Rule


@dataclass(frozen=True, slots=True)
class Opinion:
    """What one combination says of the finding."""

    verdict: FindingVerdict
    reason: Reason | None = None
    departure: Departure | None = None
    words: str = ""


def opinion_of_finding(rule: Rule, outcome: Outcome, flag: Flag, tolerance: float, fixed: Outcome | None) -> Opinion:
    """The opinion of one run; `fixed`, where there is one, tells only whether the fixed code does otherwise."""
    if isinstance(outcome, Lost):
        return Opinion(FindingVerdict.INCONCLUSIVE, reason_of(outcome), words=outcome.reason)
    trace, focus = outcome, focus_of(outcome, flag.rows)
    if rule.evidence is Evidence.ORDER and flag.word:
        opinion = _of_order(trace, flag)
        if opinion is not None:
            return opinion
    found = departures(rule, trace, focus, flag.rows, tolerance)
    broken = breaks(rule.property, trace, focus, flag.rows)
    if isinstance(rule.property, Precedence) and any(_may_be_right(trace, each) for each in broken):
        words = "unknown code was given the optimizer, and may have stepped it"
        return Opinion(FindingVerdict.INCONCLUSIVE, Reason.NOT_EXERCISED, words=words)
    shown = bool(found) and not _is_of_another_fault(rule, trace, found, flag, fixed)
    if shown and (broken or isinstance(rule.property, Query)):
        return Opinion(FindingVerdict.CONFIRMED, departure=found[0], words=found[0].words)
    reason, words = _why_not(rule, trace, focus, broken, found, flag)
    silent = rule.evidence is Evidence.CRASH and isinstance(rule.property, Query)
    if reason is None and silent and isinstance(fixed, Trace) and _does_otherwise(trace, fixed):
        reason, words = Reason.NOT_EXERCISED, "no exception comes, yet the fixed code does something else"
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
    """Whether unknown code was given the optimizer, and not its scheduler, between the making of this and the break."""
    optimizer, scheduler = broken.things
    made = (i for i, each in enumerate(trace.happenings) if each.act is Act.NEW and scheduler in each.things)
    between = trace.happenings[next(made, 0) : trace.happenings.index(broken.happening)]
    given = (each.things for each in between if each.act is Act.ESCAPE)
    return any(optimizer in each and scheduler not in each for each in given)


def _is_of_another_fault(rule: Rule, trace: Trace, found: list[Departure], flag: Flag, fixed: Outcome | None) -> bool:
    """Whether an exception lies outside of the flagged rows, and is not gone with the fix."""
    failure = trace.failure
    if found[0].quantity != "exception" or failure is None or not isinstance(rule.property, Query):
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
    if rule.evidence is Evidence.STATE:
        return Reason.NOT_EXERCISED, "no replay shows the state of an optimizer yet"
    is_of_one_place = rule.evidence is Evidence.TEXT or (
        rule.evidence is Evidence.CRASH and isinstance(rule.property, Query)
    )
    if not trace.updates and not (is_of_one_place and flag.rows and reached):
        return Reason.NOT_EXERCISED, "no update was made"
    if not reached:
        return Reason.NOT_EXERCISED, "nothing happened in the flagged rows"
    if (broken and all(stays(each) for each in broken)) or (trace.away and rule.evidence is Evidence.CRASH):
        return Reason.NEEDS_SECOND_DEVICE, "what was to go to another device is where it was"
    if rule.evidence is Evidence.CRASH and is_asked_in_vain(trace, flag.rows):
        return Reason.NOT_EXERCISED, "what is asked about is no scheduler"
    if rule.evidence is Evidence.CRASH and any(_keeps_a_leaf(each, flag) for each in trace.happenings):
        return Reason.NOT_EXERCISED, "what was to be converted is so already"
    if broken and rule.evidence is Evidence.LEARNING_RATE and not _schedule_moves(trace):
        return Reason.NOT_EXERCISED, "the schedule does not change the rate within the replay"
    unseen = _unseen(rule, trace, focus)
    if unseen:
        return Reason.NOT_EXERCISED, unseen
    if found:
        return Reason.NOT_EXERCISED, f"the property holds, and yet {found[0].words}"
    return None, ""


def _unseen(rule: Rule, trace: Trace, focus: frozenset[int]) -> str:
    """What did not happen that the quantity needs."""
    gradients = any(update.gradient is not None for update in trace.updates if update.optimizer in focus)
    if rule.evidence in (Evidence.GRADIENT, Evidence.MOVED) and not gradients:
        return "no backward reached the optimizer"
    scheduled = any(steps_of(trace, each) for number in focus for each in schedulers_of(trace, number))
    if rule.evidence is Evidence.LEARNING_RATE and not scheduled:
        return "no schedule made a step"
    return ""


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
