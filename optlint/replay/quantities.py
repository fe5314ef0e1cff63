"""The quantity that a rule names as its evidence: where in a trace it departs from what is due.

====================  ===============================================================================================
evidence              what departs
====================  ===============================================================================================
LEARNING_RATE         a rate of an update from the due one; where a schedule is made anew, from what would be due
                      had it gone on; where one is of no use (see `unscheduled`), from what it has or has left
OVERWRITTEN           the rate of an update that one schedule has computed anew, from that with what others made of it
FINITE                what an update makes of a gradient of zero, from a number
GRADIENT              the gradient of an update from the due one; what another optimizer's backward has left is
                      used as well; the norm that a clipping gave from that of the
                      gradients it was to clip; parameters that a group was built without, and that never move
MOVED, of REPLACE     the new parameters get gradients and are never moved
MOVED, of UNFREEZE    likewise the unfrozen ones
MOVED, of FREEZE      a frozen parameter moves
MOVED, of CLEAR       an update uses another gradient than the due one: what should move does not
MOVED, of a query     a parameter moves that is frozen, or was meant to be by a misspelt attribute; one does not move
                      that such an attribute was to unfreeze; one does not that the flagged row keeps unregistered;
                      one does not that gets gradients, and in whose place the optimizer has what was detached from it
CRASH                 the exception; of MOVE also that the moved parameters get gradients and are never moved; of a
                      query also that `isinstance` denies a scheduler to be one, and that a ReduceLROnPlateau cuts
                      the rate because the number of the epoch grows
TEXT                  a reported rate from the one in force
OPTIONS               a group has a key that no update reads, or an option that another optimizer has left in its dict
ORDER                 the method that is not called happens nowhere in its row
DISCARDED, WINDOWS,   which backwards an update uses, and what their losses weigh (see `accumulated`)
WEIGHT
STATE                 an update begins without the state that an optimizer had in whose place its own is
any                   an exception of the code itself in the row of the finding; but for queries other than of a
                      CRASH also one at a call of an optimizer, a scheduler or a scaler
====================  ===============================================================================================
"""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Iterator, Sequence

from optlint.program.events import Act
from optlint.property.alphabet import Role
from optlint.property.patterns import Absence, Query
from optlint.property.used import Used
from optlint.replay.accumulated import ungathered
from optlint.replay.counted import counts_for_metrics
from optlint.replay.finite import not_finite
from optlint.replay.mentions import wrong_answers
from optlint.replay.monitoring import optimizers_of
from optlint.replay.movements import idle, is_apart, movements, named, own
from optlint.replay.overwritten import undone
from optlint.replay.pace import off_pace
from optlint.replay.precision import RATES
from optlint.replay.remaking import is_about_remaking, is_remade_in, states_lost
from optlint.replay.senseless import senseless
from optlint.replay.trace import Apart, Failure, Trace, Update
from optlint.replay.unread import unread
from optlint.replay.unscheduled import unscheduled
from optlint.replay.verdict import Departure
from optlint.rule import Evidence, Rule

NAMES = {
    Evidence.LEARNING_RATE: "learning rate",
    Evidence.OVERWRITTEN: "learning rate",
    Evidence.PACE: "schedule",
    Evidence.FINITE: "parameters",
    Evidence.GRADIENT: "gradient",
    Evidence.DISCARDED: "gradient",
    Evidence.WINDOWS: "gradient",
    Evidence.WEIGHT: "gradient",
    Evidence.MOVED: "parameters",
    Evidence.CRASH: "exception",
    Evidence.TEXT: "reported rate",
    Evidence.OPTIONS: "options",
    Evidence.ORDER: "events",
    Evidence.STATE: "state",
}
ACTS_OF = {
    "step": (Act.STEP, Act.SCHEDULE, Act.CALL),
    "zero_grad": (Act.CLEAR,),
    "backward": (Act.BACKWARD,),
    "update": (Act.UPDATE_SCALE,),
}
"""What a method that is not called would be, by its name; the CALL is the step of a scaler."""

_OBJECTS = frozenset(
    (Act.NEW, Act.STEP, Act.SCHEDULE, Act.CALL, Act.CLIP, Act.UNSCALE, Act.UPDATE_SCALE, Act.ADD_GROUP)
)


def departures(
    rule: Rule, trace: Trace, optimizers: frozenset[int], rows: tuple[int, ...], tolerance: float
) -> list[Departure]:
    """Where the quantity of a rule departs in a trace, for some of its optimizers, in the order of time.

    For ORDER only exceptions: what is missing is said by `missing`.
    """
    found: list[Departure] = []
    match rule.evidence:
        case Evidence.LEARNING_RATE:
            remade = is_about_remaking(rule.property) and any(each.former is not None for each in trace.things)
            if not remade or is_remade_in(trace, rows):
                found += _rates(trace, optimizers, RATES, kept=remade)
            if isinstance(rule.property, Used):
                found += unscheduled(trace, optimizers, RATES)
        case Evidence.OVERWRITTEN:
            found += undone(trace, optimizers)
        case Evidence.PACE:
            found += off_pace(trace, optimizers) if rows else ()
        case Evidence.FINITE:
            found += not_finite(trace, optimizers)
        case Evidence.GRADIENT:
            found += _gradients(trace, optimizers, tolerance)
            found += _norms(trace, optimizers, tolerance)
            if role_of(rule) is Role.ITERATOR and any(each.detail == "empty" for each in trace.happenings):
                found += idle(trace, optimizers, None)
        case Evidence.DISCARDED | Evidence.WINDOWS | Evidence.WEIGHT:
            found += ungathered(rule, trace, optimizers, rows)
        case Evidence.OPTIONS:
            found += unread(trace, optimizers, rows)
        case Evidence.MOVED:
            found += movements(rule, trace, optimizers, tolerance, rows)
        case Evidence.CRASH:
            if isinstance(rule.property, Absence) and Act.MOVE in rule.property.of.acts:
                found += idle(trace, optimizers, named(trace, optimizers, Act.MOVE, Act.REPLACE))
            elif isinstance(rule.property, Query):
                found += wrong_answers(trace, rows)
                found += counts_for_metrics(trace, rows)
                found += senseless(trace, rows)
        case Evidence.TEXT:
            found += _reports(trace, optimizers, RATES)
        case Evidence.STATE:
            found += states_lost(trace, optimizers, rows)
        case Evidence.ORDER:
            pass
    found.sort(key=lambda each: each.update)
    failure = trace.failure
    if failure is not None and _is_of_the_code(rule, trace, failure, rows):
        words = f"`{failure.kind}` is raised: {failure.message}" if failure.message else f"`{failure.kind}` is raised"
        found.append(Departure("exception", len(trace.updates) + 1, failure.row, 0.0, 0.0, words))
    return found


def _is_of_the_code(rule: Rule, trace: Trace, failure: Failure, rows: tuple[int, ...]) -> bool:
    """Whether an exception is about the flagged code, not about what stands in for the rest."""
    if failure.in_standin:
        return False
    if failure.row in rows:
        return True
    if rows and isinstance(rule.property, Query) and rule.evidence not in (Evidence.CRASH, Evidence.PACE):
        return False
    return any(each.row == failure.row and each.act in _OBJECTS for each in trace.happenings)


def missing(trace: Trace, rows: Sequence[int], word: str) -> bool | None:
    """Whether a method happens in none of its rows; None where they were not reached."""
    acts = ACTS_OF.get(word, ())
    if any(each.row in rows and each.act in acts for each in trace.happenings):
        return False
    if trace.failure is not None and trace.failure.row in rows:
        return None
    counts = Counter(each.row for each in trace.happenings)
    # Rows have no hooks: a row was reached if a later one was, or if earlier ones were again, as in a loop.
    reached = any(each > min(rows, default=0) or count > 1 for each, count in counts.items())
    return True if reached else None


def rate_apart(rate: float, due: float, highest: float, tolerance: float) -> bool:
    """Whether two rates differ by more than rounding, also near zero, where one that comes from `highest` ends."""
    return not abs(rate - due) <= tolerance * max(abs(rate), abs(due)) + 1e-15 * highest


def highest_rate(trace: Trace) -> float:
    """The highest rate of a trace."""
    return max((abs(rate) for update in trace.updates for rate in (*update.rates, *update.due_rates)), default=0.0)


def _rates(trace: Trace, optimizers: frozenset[int], tolerance: float, *, kept: bool) -> Iterator[Departure]:
    highest = highest_rate(trace)
    for update in own(trace, optimizers):
        dues = update.kept_rates if kept and update.kept_rates else update.due_rates
        for group, (rate, due) in enumerate(zip(update.rates, dues, strict=True)):
            if rate_apart(rate, due, highest, tolerance):
                words = f"update {update.number} uses the rate {rate:.6g} where {due:.6g} is due"
                words += f" (group {group})" if len(update.rates) > 1 else ""
                apart = abs(rate - due)
                relative = apart / abs(due) if due else math.inf
                yield Departure("learning rate", update.number, update.row, apart, relative, words)
                break


def _gradients(trace: Trace, optimizers: frozenset[int], tolerance: float) -> Iterator[Departure]:
    for update in own(trace, optimizers):
        if is_apart(update.gradient, tolerance):
            assert update.gradient is not None
            yield _of_gradient(update, update.gradient, "uses another gradient than the one due")
        elif update.borrowed:
            words = f"update {update.number} uses gradients of another loss, which were not cleared"
            yield Departure("gradient", update.number, update.row, 0.0, 0.0, words)


def _of_gradient(update: Update, apart: Apart, what: str) -> Departure:
    words = f"update {update.number} {what}: {_by(apart)}"
    return Departure("gradient", update.number, update.row, apart.absolute, apart.relative, words)


def _by(apart: Apart) -> str:
    if math.isinf(apart.relative):
        return f"it is {apart.absolute:.3g} where none is due"
    return f"it is off by {apart.relative:.3g} of its size"


def _norms(trace: Trace, optimizers: frozenset[int], tolerance: float) -> Iterator[Departure]:
    for each in trace.happenings:
        concerns = optimizers.intersection(each.things) or not each.things
        if each.act is Act.CLIP and concerns and each.apart is not None and is_apart(each.apart, tolerance):
            words = f"the clipping before update {each.updates + 1} misses a norm of {each.apart.absolute:.3g}"
            yield Departure("gradient", each.updates + 1, each.row, each.apart.absolute, each.apart.relative, words)


def _reports(trace: Trace, optimizers: frozenset[int], tolerance: float) -> Iterator[Departure]:
    for each in trace.happenings:
        if each.act is Act.CALL and each.apart is not None and optimizers.intersection(optimizers_of(trace, each)):
            if is_apart(each.apart, tolerance):
                by = f"{each.apart.absolute:.3g}"
                words = f"`{each.detail}()` reports a rate that is {by} away from the one in force"
                yield Departure(
                    "reported rate", each.updates, each.row, each.apart.absolute, each.apart.relative, words
                )


def role_of(rule: Rule) -> Role | None:
    """What a property of absence is about."""
    return rule.property.of.role if isinstance(rule.property, Absence) else None
