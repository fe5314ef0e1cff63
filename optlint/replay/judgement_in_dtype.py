"""The judgement in other floating-point types: what rounding, or the type alone, may have done is no verdict.

A run is judged with the narrow tolerance of float64 and with the wide one of its type. Where both say the same that is
the verdict; else what departs is no larger than rounding, and nothing is said. What rounding does otherwise (in
bfloat16 an update that is too small moves nothing) shows in float64, which must not contradict; and what raises in
float64 (`x.float()` makes another tensor there) shows in float32.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from optlint.replay.judgement import judge
from optlint.replay.precision import EXACT, TOLERANCES
from optlint.replay.verdict import FindingVerdict, FixVerdict, Flag, Reason, Verdict
from optlint.replay.wire import Outcome
from optlint.rule import Rule


def judged(
    rule: Rule,
    dtype: str,
    original: Sequence[Outcome],
    fixed: Sequence[Outcome] | None,
    flag: Flag,
    meant: Sequence[Outcome] | None = None,
) -> Verdict:
    """The verdict of runs in a floating-point type; the arguments are those of `judge`."""
    narrow = replace(judge(rule, original, fixed, flag, tolerance=EXACT, meant=meant), dtype=dtype)
    if TOLERANCES[dtype] == EXACT:
        return narrow
    wide = judge(rule, original, fixed, flag, tolerance=TOLERANCES[dtype], meant=meant)
    return _agreed(narrow, wide, f"what departs is no larger than the rounding of {dtype}")


def uncontradicted(verdict: Verdict, exact: Verdict) -> Verdict:
    """A verdict, but for what another one, in the usual type, denies."""
    finding = exact.finding if exact.finding is not FindingVerdict.INCONCLUSIVE else verdict.finding
    fix = exact.fix if exact.fix is not FixVerdict.INCONCLUSIVE else verdict.fix
    words = f"in {exact.dtype} it is otherwise, so that this comes of {verdict.dtype} alone"
    return _agreed(verdict, replace(exact, finding=finding, fix=fix), words)


def is_silent(verdict: Verdict) -> bool:
    """Whether a verdict says nothing that another one could deny."""
    return verdict.finding is FindingVerdict.INCONCLUSIVE and verdict.fix in (None, FixVerdict.INCONCLUSIVE)


def in_dtype(verdict: Verdict, dtype: str) -> Verdict:
    """The verdict with its type in the sentence."""
    where = f"torch {verdict.torch} on {verdict.device}"
    return replace(verdict, sentence=verdict.sentence.replace(where, f"{where} in {dtype}", 1))


def _agreed(verdict: Verdict, other: Verdict, words: str) -> Verdict:
    """What two verdicts agree on."""
    if verdict.finding is not other.finding and verdict.finding is not FindingVerdict.INCONCLUSIVE:
        verdict = replace(
            verdict,
            finding=FindingVerdict.INCONCLUSIVE,
            finding_reason=Reason.NOT_EXERCISED,
            departure=None,
            sentence=f"inconclusive ({Reason.NOT_EXERCISED.value}): {words}",
        )
    if verdict.fix is not other.fix and verdict.fix is not FixVerdict.INCONCLUSIVE:
        verdict = replace(
            verdict,
            fix=FixVerdict.INCONCLUSIVE,
            fix_reason=Reason.NOT_EXERCISED,
            refutation=None,
            fix_sentence=words,
        )
    return verdict
