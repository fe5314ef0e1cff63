"""From cases to verdicts: which scripts run in which combinations, and what the judgement is told."""

from __future__ import annotations

import ast
import itertools
import re
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TypeAlias

from optlint.program.events import Act
from optlint.replay import shapes
from optlint.replay.as_meant import called, is_wanted
from optlint.replay.blame import blamed
from optlint.replay.cases import Case
from optlint.replay.conditions import by_relevance
from optlint.replay.finding_opinion import ALREADY
from optlint.replay.judgement_in_dtype import in_dtype, is_silent, judged, uncontradicted
from optlint.replay.looks import looks_at
from optlint.replay.nesting import loops_kept
from optlint.replay.pairs import Pair, Unsliced
from optlint.replay.pool import Pool
from optlint.replay.precision import USUAL, plain_dtype, usual_dtype
from optlint.replay.script import ReplayScript
from optlint.replay.shapes import by_shapes, wants_second_device
from optlint.replay.trace import Trace
from optlint.replay.verdict import FindingVerdict, FixVerdict, Flag, Reason, Verdict
from optlint.replay.wire import Job, Lost, Outcome
from optlint.rule import Rule

MOST_COMBINATIONS = 8
"""Combinations of outcomes of opaque conditions that are tried."""
MOST_SECONDS = 40.0
"""For how long more of them are run, judged by the time that the first takes; two are tried in any case."""

Plan: TypeAlias = tuple[tuple[str, bool], ...]
"""The outcome of opaque conditions, by the words for them; of others, true."""


@dataclass(frozen=True, slots=True)
class Setting:
    """Where and how scripts run."""

    device: str = "cpu"
    dtype: str = ""
    """The floating-point type; without one each rule has its own (`setting_for`)."""
    most_updates: int = 2000
    first_look: int = 300
    """Updates after which most faults show, and most fixes; only what they leave open is run to the end."""
    absent: str = ""
    """What takes the place of a device that is not here: `meta`, or nothing."""


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
    what that leaves open; then at the function around the flagged places, and at these alone, where all that settles
    nothing. Of several such looks the one that says most counts. A verdict in another type than the usual one must not
    contradict the one in that.
    """
    verified = _verified(case, pool, setting)
    usual = usual_dtype(case.catalog_entry.rule, "cpu")
    if not setting.dtype and usual_dtype(case.catalog_entry.rule, setting.device) == usual:
        return verified
    dtype = setting_for(case.catalog_entry.rule, setting).dtype
    told = replace(verified, verdict=in_dtype(verified.verdict, dtype))
    if dtype == usual or is_silent(verified.verdict):
        return told
    device = "cpu" if setting.device.partition(":")[0] == "mps" else setting.device
    exact = _verified(case, pool, replace(setting, dtype=usual, device=device))
    return replace(told, verdict=uncontradicted(told.verdict, exact.verdict))


def _verified(case: Case, pool: Pool, setting: Setting) -> Verified:
    pairs = [case.pair]
    seen: list[Verified] = []

    def original(most_updates: int) -> Outcome:
        assert isinstance(case.pair.original, ReplayScript)
        shortly = setting_for(case.catalog_entry.rule, replace(setting, most_updates=most_updates))
        return run(pool, [case.pair.original], [()], shortly)[0]

    for most_updates in looks_at(case, setting.first_look, setting.most_updates, original):
        for at in range(1 if case.among_fixed is None else 2):
            if at == len(pairs) and case.among_fixed is not None:
                pairs.append(case.among_fixed())
            seen.append(_looked(case, pairs[at], pool, replace(setting, most_updates=most_updates)))
            if _is_settled(seen[-1].verdict):
                return seen[-1]
    wholes = [each.verdict for each in seen]
    for pair in (case.function, case.alone):
        if pair is not None:
            part = _looked(case, pair(), pool, setting)
            part = _of_one_place(part) if pair is case.alone else part
            if any(_contradicts(part.verdict, whole) for whole in wholes):
                continue
            if _is_settled(part.verdict):
                return part
            seen.append(part)
    return max(seen, key=_says)


def _says(verified: Verified) -> tuple[int, int]:
    return _rank(verified.verdict)


def _of_one_place(verified: Verified) -> Verified:
    """What the flagged place alone says; that nothing is raised there may be for want of what comes after it."""
    verdict = verified.verdict
    traces = (each for each in verified.original if isinstance(each, Trace))
    asked = any(each.act is Act.MENTION for trace in traces for each in trace.happenings)
    if asked or verdict.finding is not FindingVerdict.NOT_REPRODUCED:
        return verified
    why, words = Reason.NOT_EXERCISED, "inconclusive (not exercised): the flagged place alone shows nothing"
    verdict = replace(verdict, finding=FindingVerdict.INCONCLUSIVE, finding_reason=why, sentence=words)
    if verdict.fix is FixVerdict.VALIDATED:
        verdict = replace(verdict, fix=FixVerdict.INCONCLUSIVE, fix_reason=why, fix_sentence=words)
    return replace(verified, verdict=verdict)


def _contradicts(part: Verdict, whole: Verdict) -> bool:
    """Whether a part of the code shows otherwise than the whole, which counts.

    An exception that ends the whole of the fixed code, elsewhere perhaps, says less than what a part shows.
    """
    if {part.finding, whole.finding} == {FindingVerdict.CONFIRMED, FindingVerdict.NOT_REPRODUCED}:
        return True
    refutation = whole.refutation if whole.fix is FixVerdict.REFUTED else None
    return part.fix is FixVerdict.VALIDATED and refutation is not None and refutation.quantity != "exception"


def _looked(case: Case, pair: Pair, pool: Pool, setting: Setting) -> Verified:
    """Replay a pair, and where a type or a device was missing once more: in that of programs, or with `meta` for it."""
    verified = verdict_of(case, pair, pool, setting)
    if ALREADY in verified.verdict.sentence and not setting.dtype and verified.verdict.dtype != USUAL:
        plain = verdict_of(case, pair, pool, replace(setting, dtype=USUAL))
        verified = max(verified, replace(plain, verdict=in_dtype(plain.verdict, USUAL)), key=_says)
    if setting.device != "cpu" or not wants_second_device(verified.verdict):
        return verified
    shown = verdict_of(case, pair, pool, replace(setting, absent=shapes.DEVICE))
    if not any(isinstance(each, Trace) and each.shapes_only for each in (*shown.original, *shown.fixed)):
        return verified
    verdict = by_shapes(shown.verdict, verified.verdict)
    return replace(shown, verdict=verdict) if verdict.shapes_only else verified


def verdict_of(case: Case, pair: Pair, pool: Pool, setting: Setting) -> Verified:
    """Replay a pair of texts for the finding of a case."""
    original, fixed = pair.original, pair.fixed
    setting = setting_for(case.catalog_entry.rule, setting)
    if isinstance(original, Unsliced):
        return Verified(case, _unsliced(original, case.finding.fix is not None), pair)
    scripts = [original, *([fixed] if isinstance(fixed, ReplayScript) else [])]
    rule, flag = case.catalog_entry.rule, flag_of(case, pair, original, None)
    by_plan = run_all(pool, scripts, setting, flag.rows)
    runs = list(by_plan.values())
    originals = tuple(pair_of[0] for pair_of in runs)
    if isinstance(fixed, ReplayScript):
        outcomes = tuple(pair_of[1] for pair_of in runs)
        flag = flag_of(case, pair, original, fixed)
        said = _said_as_meant(case, original, fixed, originals, flag)
        meant = None if said is None else run(pool, [said], list(by_plan), setting, as_meant=True)
        return Verified(case, judged(rule, setting.dtype, originals, outcomes, flag, meant), pair, originals, outcomes)
    if isinstance(fixed, Unsliced):
        lost = tuple(Lost(f"refused: {fixed.reason}") for _ in originals)
        return Verified(case, judged(rule, setting.dtype, originals, lost, flag), pair, originals, lost)
    return Verified(case, judged(rule, setting.dtype, originals, None, flag), pair, originals)


def _said_as_meant(
    case: Case, original: ReplayScript, fixed: ReplayScript, outcomes: Sequence[Outcome], flag: Flag
) -> ReplayScript | None:
    """Return the original script as it is to be run to show what is meant; None where the other runs say enough."""
    if case.word:
        if _only_calls(original, fixed, case.word):
            return None
        return replace(original, body=called(original.body, flag.rows, case.word))
    traces = [each for each in outcomes if isinstance(each, Trace)]
    return original if any(is_wanted(case.catalog_entry.rule, each) for each in traces) else None


def _only_calls(original: ReplayScript, fixed: ReplayScript, word: str) -> bool:
    """Whether two scripts are the same but for calls, without arguments, of a method that was only named."""
    call = re.compile(rf"\.{re.escape(word)}\(\)$", re.MULTILINE)
    return call.sub(f".{word}", fixed.body) == call.sub(f".{word}", original.body)


def run_all(
    pool: Pool, scripts: Sequence[ReplayScript], setting: Setting, rows: Sequence[int] = ()
) -> dict[Plan, list[Outcome]]:
    """Return the outcomes of all scripts by the plan in which they ran: first the usual one.

    Conditions that decide about some rows of the first script are tried before others.
    """
    begun = time.monotonic()
    runs: dict[Plan, list[Outcome]] = {(): run(pool, scripts, [()], setting)}
    most = max(2, int(MOST_SECONDS / (time.monotonic() - begun)))
    traces = [outcome for outcome in runs[()] if isinstance(outcome, Trace)]
    _try(runs, pool, scripts, [*_plans(by_relevance(traces, scripts[0].body, rows), traces)][:most], setting)
    further = max(0, most + 1 - len(runs))
    _try(runs, pool, scripts, [*_further_plans(runs, scripts[0].body, rows)][:further], setting)
    return runs


def run(
    pool: Pool, scripts: Sequence[ReplayScript], plans: Sequence[Plan], setting: Setting, *, as_meant: bool = False
) -> list[Outcome]:
    """Return the outcomes of all scripts in all plans, the scripts of one plan side by side."""
    jobs = [
        Job(
            script.body,
            setting.device,
            setting.dtype or plain_dtype(setting.device),
            setting.most_updates,
            plan=plan,
            as_meant=as_meant,
            absent=setting.absent,
        )
        for plan in plans
        for script in scripts
    ]
    outcomes: dict[int, Outcome] = dict(pool.run(jobs))
    return [blamed(outcomes[index], scripts[index % len(scripts)]) for index in range(len(jobs))]


def setting_for(rule: Rule, setting: Setting) -> Setting:
    """Return the setting for a rule, with a floating-point type."""
    return replace(setting, dtype=setting.dtype or usual_dtype(rule, setting.device))


def _try(
    runs: dict[Plan, list[Outcome]], pool: Pool, scripts: Sequence[ReplayScript], plans: list[Plan], setting: Setting
) -> None:
    """Run all scripts in further plans."""
    outcomes = run(pool, scripts, plans, setting) if plans else []
    runs |= {plan: outcomes[at * len(scripts) : (at + 1) * len(scripts)] for at, plan in enumerate(plans)}


def _further_plans(runs: dict[Plan, list[Outcome]], body: str, rows: Sequence[int]) -> Iterator[Plan]:
    """Yield plans in which one more condition comes out otherwise, first of those that were met where much happened."""
    tried = {condition for plan in runs for condition, _ in plan}
    room = MOST_COMBINATIONS - len(runs)
    for plan in sorted(runs, key=lambda plan: -_updates(runs[plan])):
        traces = [outcome for outcome in runs[plan] if isinstance(outcome, Trace)]
        for condition in by_relevance(traces, body, rows):
            if condition not in tried and room:
                tried.add(condition)
                room -= 1
                yield (*plan, (condition, not _came_out(condition, traces)))


def _updates(outcomes: Sequence[Outcome]) -> int:
    return max((len(each.updates) for each in outcomes if isinstance(each, Trace)), default=0)


def _plans(conditions: Sequence[str], traces: Sequence[Trace]) -> Iterator[Plan]:
    """Yield the combinations of outcomes other than the one that was tried."""
    flipped = conditions[: MOST_COMBINATIONS.bit_length() - 1]
    usual = tuple(_came_out(condition, traces) for condition in flipped)
    for outcomes in itertools.product((True, False), repeat=len(flipped)):
        if outcomes != usual:
            yield tuple(zip(flipped, outcomes, strict=True))


def _came_out(condition: str, traces: Sequence[Trace]) -> bool:
    """How a condition came out in the first run."""
    return any(condition in trace.held for trace in traces)


def flag_of(case: Case, pair: Pair, original: ReplayScript, fixed: ReplayScript | None) -> Flag:
    """Return what is flagged, in rows of both scripts."""
    finding = case.finding
    places = {(finding.location.path.absolute(), finding.location.start.whole_row)}
    places |= {(step.location.path.absolute(), step.location.start.whole_row) for step in finding.witness}
    rows = tuple(_rows(original, lambda path, row: (path, pair.before.row(path, row)) in places))
    if case.word:
        rows = tuple(row for row in rows if f".{case.word}" in original.body.split("\n")[row - 1]) or rows
    at = (finding.location.path.absolute(), finding.location.start.whole_row)
    own = tuple(_rows(original, lambda path, row: (path, pair.before.row(path, row)) == at))
    if fixed is None:
        return Flag(rows, (), case.word, own=own, path=_statements(original, rows))
    written = set(_rows(fixed, lambda path, row: (path, row) in pair.changed))
    same = set(_rows(fixed, lambda path, row: (path, pair.after.row(path, row)) in places))
    if case.word:
        lines = fixed.body.split("\n")
        written = {row for row in written if f".{case.word}(" in lines[row - 1]} or written
        same = set()
    kept = loops_kept(original.body, list(own), fixed.body, written)
    path = _statements(original, rows)
    return Flag(rows, tuple(sorted(written | same)), case.word, kept, own, tuple(sorted(written)), path)


def _statements(script: ReplayScript, rows: tuple[int, ...]) -> tuple[int, ...]:
    """Those of some rows at which a statement begins."""
    begun = {node.lineno for node in ast.walk(ast.parse(script.body)) if isinstance(node, ast.stmt)}
    return tuple(row for row in rows if row in begun)


def _rows(script: ReplayScript, wanted: Callable[[Path, int], bool]) -> Iterator[int]:
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
