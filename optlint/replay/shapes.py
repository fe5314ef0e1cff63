"""What a replay shows in which `meta`, a device that has shapes and no numbers, stands for a device that is not here.

Parameters keep their identity in a move, gradients and new state lie where the parameters lie, and torch refuses what
it refuses between two devices. That is enough for

- an exception of a step that finds the state of its optimizer on the other device (`meta` lets some such steps pass;
  a real device lets none);
- the refusal of a tensor that a move has made of a leaf;
- the absence of both, where each step has written to its parameters.

Any other exception may come of `meta` itself, which has no numbers to look at, and says nothing.
"""

from __future__ import annotations

from dataclasses import replace

from optlint.replay.trace import Trace
from optlint.replay.verdict import FindingVerdict, FixVerdict, Reason, Verdict

DEVICE = "meta"
_WORDS = "shapes only"
_UNSEEN = "shapes alone do not show it"


def is_told_by_shapes(trace: Trace) -> bool:
    """Whether the exception that ended a replay on `meta` would have come on a real device as well."""
    failure = trace.failure
    if failure is None:
        return True
    if failure.kind == "ValueError" and "non-leaf" in failure.message:
        return True
    return failure.kind == "RuntimeError" and trace.state_apart and "device" in failure.message


def wants_second_device(verdict: Verdict) -> bool:
    """Whether a verdict lacks a second device, and nothing else."""
    lacks = verdict.finding_reason is Reason.NEEDS_SECOND_DEVICE
    return lacks and verdict.fix_reason in (None, Reason.NEEDS_SECOND_DEVICE) and verdict.fix is not FixVerdict.REFUTED


def by_shapes(verdict: Verdict, with_numbers: Verdict) -> Verdict:
    """A verdict of runs in which `meta` stood for a device: as `with_numbers`, of runs without, where it says no more.

    It convicts of exceptions alone: what moves by how much is not known there.
    """
    if verdict.finding is FindingVerdict.INCONCLUSIVE:
        return with_numbers
    departs = verdict.departure is not None and verdict.departure.quantity != "exception"
    if verdict.finding is FindingVerdict.CONFIRMED and departs:
        return with_numbers
    if verdict.fix is FixVerdict.REFUTED and (verdict.refutation is None or verdict.refutation.quantity != "exception"):
        reason = Reason.NEEDS_SECOND_DEVICE
        words = f"{verdict.fix_sentence}, and {_UNSEEN}"
        verdict = replace(verdict, fix=FixVerdict.INCONCLUSIVE, fix_reason=reason, refutation=None, fix_sentence=words)
    sentence = verdict.sentence.replace(f" on {DEVICE}", f" on `{DEVICE}`, {_WORDS}", 1)
    fix_sentence = f"{verdict.fix_sentence} ({_WORDS})" if verdict.fix_sentence else ""
    return replace(verdict, sentence=sentence, fix_sentence=fix_sentence, shapes_only=True)
