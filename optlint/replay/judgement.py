"""The judgement: a pure function from the traces of the code as written and as fixed to a verdict.

A script is run once for each combination of its opaque branches; the traces come in the same order for both.

The finding, in each combination:

====================================================================  ================================================
what the trace shows                                                  what that says
====================================================================  ================================================
the quantity departs, and the property is broken (a query has none)   confirmed
ORDER: the method does not happen in its row, which was reached       confirmed
no trace, a failure in a stand-in or elsewhere in the code            inconclusive: timed out, crashed in a stand-in
no update, and (for CRASH and TEXT) nothing in the flagged rows       inconclusive: not exercised
broken by a move that moved nothing; a CRASH and something was to go  inconclusive: needs a second device
to a device that is not here
no backward reached the optimizer, no schedule made a step            inconclusive: not exercised
broken, and unknown code was given the optimizer (a precedence)       inconclusive: not exercised
broken, and no due rate ever changes (LEARNING_RATE)                  inconclusive: not exercised
the quantity departs, and the property holds                          inconclusive: not exercised
CRASH: none came, and the fixed code does otherwise                   inconclusive: not exercised
anything else: the quantity departs nowhere                           not reproduced: harmless on this torch and device
====================================================================  ================================================

One combination that confirms is enough; else one that is inconclusive makes the whole so. Nothing is harmless of which
no combination has gone the way that the finding names.

The fix, in each combination (`refuted` by the first that applies, in this order):

====================================================================  ================================================
a run was lost, or cut short where the other was not                  inconclusive: timed out
a row that the fix wrote asks something of None                       refuted
it ends in a stand-in, or just as the code as written does            inconclusive: crashed in a stand-in
it raises                                                             refuted
its quantity departs, or its property is broken                       refuted
it does otherwise than the code as written does where it is run as    refuted
it is meant (see `as_meant`)
ORDER: the method does not happen in its row, or something else does  refuted
something that was to stay is not the same (see `sameness`)           refuted
nothing happens to what is flagged                                    inconclusive: not exercised
anything else                                                         validated
====================================================================  ================================================

One combination that refutes is enough; a fix is validated where one validates and no other is inconclusive for a reason
better than that it does not exercise the fix.
"""

from __future__ import annotations

from collections.abc import Sequence

from optlint.replay.finding_opinion import Opinion, opinion_of_finding
from optlint.replay.fix_opinion import FixOpinion, opinion_of_fix
from optlint.replay.quantities import NAMES
from optlint.replay.trace import Trace
from optlint.replay.verdict import FindingVerdict, FixVerdict, Flag, Reason, Verdict
from optlint.replay.wire import Lost, Outcome
from optlint.rule import Rule

TOLERANCE = 1e-9
"""Relative, for replays in float64; those in less precise types need a wider one."""


def judge(
    rule: Rule,
    original: Sequence[Outcome],
    fixed: Sequence[Outcome] | None,
    flag: Flag = Flag(),  # noqa: B008  # it is frozen
    *,
    tolerance: float = TOLERANCE,
    meant: Sequence[Outcome] | None = None,
) -> Verdict:
    """The verdict on a finding and its fix, from the outcomes of all combinations of opaque branches.

    Args:
        rule: Whose finding it is.
        original: The code as written.
        fixed: The code as fixed, in the same combinations; None where there is no fix.
        flag: What is flagged; without it, all objects of the traces count.
        tolerance: Relative.
        meant: The code as written, run as it is meant, in the same combinations; None where that is not wanted.
    """
    if fixed is not None and len(fixed) != len(original):
        raise ValueError("The code as written and as fixed must be run in the same combinations")
    opinions = [
        opinion_of_finding(rule, outcome, flag, tolerance, None if fixed is None else fixed[i])
        for i, outcome in enumerate(original)
    ]
    others: Sequence[Outcome | None] = [None] * len(original) if fixed is None else fixed
    telling = [i for i, pair in enumerate(zip(original, others, strict=True)) if not _passes_by(*pair, flag)]
    telling = telling or list(range(len(original)))
    opinions = [opinions[i] for i in telling]
    best = _first(opinions, FindingVerdict.CONFIRMED) or _first(opinions, FindingVerdict.INCONCLUSIVE)
    unpassed = None if best else _unpassed([original[i] for i in telling], flag)
    best = best or unpassed or _first(opinions, FindingVerdict.NOT_REPRODUCED) or _unseen()
    trace = next((each for each in (*original, *(fixed or ())) if isinstance(each, Trace)), None)
    device, version = ("", "") if trace is None else (trace.device, trace.torch)
    found = None
    if fixed is not None:
        thirds: Sequence[Outcome | None] = [None] * len(original) if meant is None else meant
        found = _together(
            [
                opinion_of_fix(rule, original[i], fixed[i], said, flag, tolerance, thirds[i])
                for i, said in zip(telling, opinions, strict=True)
            ]
        )
        if unpassed is not None and found.verdict is FixVerdict.VALIDATED:
            found = FixOpinion(FixVerdict.INCONCLUSIVE, unpassed.reason, words=unpassed.words)
    return Verdict(
        finding=best.verdict,
        fix=None if found is None else found.verdict,
        quantity=NAMES[rule.evidence],
        finding_reason=best.reason,
        fix_reason=None if found is None else found.reason,
        departure=best.departure,
        refutation=None if found is None else found.refutation,
        device=device,
        torch=version,
        sentence=_sentence(rule, best, device, version),
        fix_sentence="" if found is None else found.words,
        agreement="" if found is None else found.agreement,
    )


def reproducible(first: Outcome, second: Outcome) -> bool:
    """Whether two runs of one job gave the same, to the last digit; NaN is equal to itself here."""
    return first == second or repr(first) == repr(second)


def _first(opinions: Sequence[Opinion], verdict: FindingVerdict) -> Opinion | None:
    return next((each for each in opinions if each.verdict is verdict), None)


def _passes_by(original: Outcome, fixed: Outcome | None, flag: Flag) -> bool:
    """Whether neither what is flagged nor what the fix wrote ran: that combination is about other code.

    So is one that a stand-in ended before.
    """
    for outcome, rows in ((original, flag.own), (fixed, flag.written)):
        if outcome is None:
            continue
        if isinstance(outcome, Lost) or outcome.reached is None:
            return False
        if outcome.failure is not None and not outcome.failure.in_standin:
            return False
        if set(outcome.reached).intersection(rows):
            return False
    return bool(flag.own)


def _unpassed(outcomes: Sequence[Outcome], flag: Flag) -> Opinion | None:
    """What is said where no run has gone the whole way of the witness: nothing is known to be harmless there."""
    ways = [set(each.reached) for each in outcomes if isinstance(each, Trace) and each.reached is not None]
    missed = [next((row for row in flag.path if row not in way), 0) for way in ways]
    if not missed or not all(missed):
        return None
    words = "no run goes all the way that leads to what is flagged"
    return Opinion(FindingVerdict.INCONCLUSIVE, Reason.NOT_EXERCISED, words=words)


def _unseen() -> Opinion:
    return Opinion(FindingVerdict.INCONCLUSIVE, Reason.CANNOT_SLICE, words="there is no run")


def _together(opinions: Sequence[FixOpinion]) -> FixOpinion:
    refuted = [each for each in opinions if each.verdict is FixVerdict.REFUTED]
    unsure = [each for each in opinions if each.verdict is FixVerdict.INCONCLUSIVE]
    grave = [each for each in unsure if each.reason is not Reason.NOT_EXERCISED]
    valid = [each for each in opinions if each.verdict is FixVerdict.VALIDATED]
    valid.sort(key=lambda each: -each.updates)  # the run that shows most
    nothing = FixOpinion(FixVerdict.INCONCLUSIVE, Reason.CANNOT_SLICE, words="there is no run")
    return next(iter((*refuted, *grave, *valid, *unsure)), nothing)


def _sentence(rule: Rule, opinion: Opinion, device: str, version: str) -> str:
    where = f"torch {version} on {device}"
    match opinion.verdict:
        case FindingVerdict.CONFIRMED:
            return f"confirmed on {where}: {opinion.words}"
        case FindingVerdict.NOT_REPRODUCED:
            return f"not reproduced: {opinion.words}; harmless on {where}"
        case FindingVerdict.INCONCLUSIVE:
            reason = "" if opinion.reason is None else f" ({opinion.reason.value})"
            return f"inconclusive{reason}: {opinion.words}"
