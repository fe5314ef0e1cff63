"""From cases to verdicts: which scripts run in which combinations, and what the judgement is told."""

from __future__ import annotations

import itertools
import re
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace

from optlint.replay.cases import Case, Pair, Unsliced
from optlint.replay.judgement import judge
from optlint.replay.pool import Pool
from optlint.replay.script import ReplayScript
from optlint.replay.trace import Trace
from optlint.replay.verdict import FindingVerdict, FixVerdict, Flag, Reason, Verdict
from optlint.replay.wire import Job, Lost, Outcome
from optlint.rule import Evidence, Rule

MOST_COMBINATIONS = 8
"""Combinations of outcomes of opaque conditions that are tried."""


_STRUCTURAL = ("non-leaf", "empty parameter list", "more than one parameter group", "same size", "total steps")
"""What torch complains of with `ValueError` that is a matter of structure, and not of a number that stands in."""


@dataclass(frozen=True, slots=True)
class Setting:
    """Where and how scripts run."""

    device: str = "cpu"
    dtype: str = "float64"
    most_updates: int = 2000
    first_look: int = 300
    """Updates after which most faults show, and most fixes; only what they leave open is run to the end."""


@dataclass(frozen=True, slots=True)
class Verified:
    """A case with its verdict, and the outcomes (one a combination) that it rests on; they are empty without a run."""

    case: Case
    verdict: Verdict
    pair: Pair
    original: tuple[Outcome, ...] = ()
    fixed: tuple[Outcome, ...] = ()


def verify(case: Case, pool: Pool, setting: Setting) -> Verified:
    """Replay a case, and say what is true.

    It looks shortly first, at the text as it stands and then with the file's other faults mended, and longer only at
    what that leaves open. Of several looks that settle nothing the one that says most counts.
    """
    pairs = [case.pair]
    looks = [setting.first_look, setting.most_updates]
    if case.catalog_entry.rule.evidence is Evidence.LEARNING_RATE:
        looks = looks[1:]  # a schedule shows over its whole length
    seen: list[Verified] = []
    for most_updates in looks:
        for at in range(1 if case.among_fixed is None else 2):
            if at == len(pairs) and case.among_fixed is not None:
                pairs.append(case.among_fixed())
            seen.append(verdict_of(case, pairs[at], pool, replace(setting, most_updates=most_updates)))
            if _is_settled(seen[-1].verdict):
                return seen[-1]
    return max(seen, key=lambda verified: _rank(verified.verdict))


def verdict_of(case: Case, pair: Pair, pool: Pool, setting: Setting) -> Verified:
    """Replay a pair of texts for the finding of a case."""
    original, fixed = pair.original, pair.fixed
    setting = setting_for(case.catalog_entry.rule, setting)
    if isinstance(original, Unsliced):
        return Verified(case, _unsliced(original, case.finding.fix is not None), pair)
    scripts = [original, *([fixed] if isinstance(fixed, ReplayScript) else [])]
    plans: list[tuple[tuple[str, bool], ...]] = [()]
    runs = [run(pool, scripts, plans, setting)]
    asked = list(dict.fromkeys(each for outcome in runs[0] if isinstance(outcome, Trace) for each in outcome.asked))
    plans = list(_plans(asked))
    if plans:
        rest = run(pool, scripts, plans, setting)
        runs += [rest[at : at + len(scripts)] for at in range(0, len(rest), len(scripts))]
    originals = tuple(pair_of[0] for pair_of in runs)
    if isinstance(fixed, ReplayScript):
        outcomes = tuple(pair_of[1] for pair_of in runs)
        verdict = judge(case.catalog_entry.rule, originals, outcomes, _flag(case, pair, original, fixed))
        if case.word and verdict.fix is FixVerdict.VALIDATED and not _only_calls(original, fixed, case.word):
            words = "the fix does more than to make the call, and a replay does not tell whether that is meant"
            verdict = replace(verdict, fix=FixVerdict.INCONCLUSIVE, fix_reason=Reason.NOT_EXERCISED, fix_sentence=words)
        return Verified(case, verdict, pair, originals, outcomes)
    verdict = judge(case.catalog_entry.rule, originals, None, _flag(case, pair, original, None))
    if isinstance(fixed, Unsliced):
        lost = tuple(Lost(f"refused: {fixed.reason}") for _ in originals)
        verdict = judge(case.catalog_entry.rule, originals, lost, _flag(case, pair, original, None))
        return Verified(case, verdict, pair, originals, lost)
    return Verified(case, verdict, pair, originals)


def _only_calls(original: ReplayScript, fixed: ReplayScript, word: str) -> bool:
    """Whether two scripts are the same but for calls of a method that was only named."""
    call = re.compile(rf"\.{re.escape(word)}\([^()]*\)$", re.MULTILINE)
    return call.sub(f".{word}", fixed.body) == call.sub(f".{word}", original.body)


def run(
    pool: Pool, scripts: Sequence[ReplayScript], plans: Sequence[tuple[tuple[str, bool], ...]], setting: Setting
) -> list[Outcome]:
    """Return the outcomes of all scripts in all plans, the scripts of one plan side by side."""
    jobs = [
        Job(script.body, (), setting.device, setting.dtype, setting.most_updates, plan=plan)
        for plan in plans
        for script in scripts
    ]
    outcomes: dict[int, Outcome] = dict(pool.run(jobs))
    return [_blamed(outcomes[index], scripts[index % len(scripts)]) for index in range(len(jobs))]


def _blamed(outcome: Outcome, script: ReplayScript) -> Outcome:
    """Say that an exception tells nothing: one in a row of no file, or one that a stand-in's value may have caused."""
    if not isinstance(outcome, Trace) or outcome.failure is None or not outcome.failure.row:
        return outcome
    failure = outcome.failure
    is_own_row = script.origins[failure.row - 1] is not None
    is_of_a_value = failure.kind == "ValueError" and not any(part in failure.message for part in _STRUCTURAL)
    if is_own_row and not (is_of_a_value and script.standins):
        return outcome
    return replace(outcome, failure=replace(failure, in_standin=True))


def setting_for(rule: Rule, setting: Setting) -> Setting:
    """Return the setting for a rule: what raises depends on the dtype, so it is tried in the one programs have."""
    return replace(setting, dtype="float32") if rule.evidence is Evidence.CRASH else setting


def _plans(asked: Sequence[str]) -> Iterator[tuple[tuple[str, bool], ...]]:
    """Yield the combinations of outcomes other than the one in which all hold."""
    flipped = asked[: MOST_COMBINATIONS.bit_length() - 1]
    for outcomes in itertools.product((True, False), repeat=len(flipped)):
        if not all(outcomes):
            yield tuple(zip(flipped, outcomes, strict=True))


def _flag(case: Case, pair: Pair, original: ReplayScript, fixed: ReplayScript | None) -> Flag:
    """Return what is flagged, in rows of both scripts."""
    finding = case.finding
    places = {(finding.location.path.absolute(), finding.location.start.row)}
    places |= {(step.location.path.absolute(), step.location.start.row) for step in finding.witness}
    rows = tuple(_rows(original, lambda path, row: (path, row) in places))
    if case.word:
        rows = tuple(row for row in rows if f".{case.word}" in original.body.split("\n")[row - 1]) or rows
    if fixed is None:
        return Flag(rows, (), case.word)
    texts = {original.body.split("\n")[row - 1].strip() for row in rows}
    written = set(_rows(fixed, lambda path, row: (path, row) in pair.changed))
    same = {number for number, text in enumerate(fixed.body.split("\n"), start=1) if text.strip() in texts}
    if case.word:
        lines = fixed.body.split("\n")
        written = {row for row in written if f".{case.word}(" in lines[row - 1]} or written
        same = set()
    return Flag(rows, tuple(sorted(written | same)), case.word)


def _rows(script: ReplayScript, wanted: Callable[[object, int], bool]) -> Iterator[int]:
    for number, origin in enumerate(script.origins, start=1):
        if origin is not None and wanted(origin.path, origin.row):
            yield number


def _unsliced(why: Unsliced, has_fix: bool) -> Verdict:
    sentence = f"inconclusive, no script could be made: {why.reason}"
    return Verdict(
        FindingVerdict.INCONCLUSIVE,
        FixVerdict.INCONCLUSIVE if has_fix else None,
        "",
        Reason.CANNOT_SLICE,
        Reason.CANNOT_SLICE if has_fix else None,
        sentence=sentence,
        fix_sentence=sentence if has_fix else "",
    )


def _is_settled(verdict: Verdict) -> bool:
    return verdict.finding is not FindingVerdict.INCONCLUSIVE and verdict.fix in (None, FixVerdict.VALIDATED)


def _rank(verdict: Verdict) -> tuple[int, int]:
    """Order verdicts by how much they settle: a second look counts where it says more than the first."""
    fix = {FixVerdict.VALIDATED: 2, FixVerdict.REFUTED: 1, FixVerdict.INCONCLUSIVE: 0, None: 0}[verdict.fix]
    finding = {FindingVerdict.CONFIRMED: 2, FindingVerdict.NOT_REPRODUCED: 1, FindingVerdict.INCONCLUSIVE: 0}
    return fix, finding[verdict.finding]
