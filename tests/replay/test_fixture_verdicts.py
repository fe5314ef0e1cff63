"""The verifier on every fixture: faults are confirmed, fixes validated, wrong fixes refuted, right code acquitted."""

from __future__ import annotations

import tomllib
from collections.abc import Iterator
from pathlib import Path

import pytest

pytest.importorskip("torch", reason="a replay needs torch")

from fixture_cases import FIXTURES, Case, cases, catalog
from optlint.engine import Engine
from optlint.program.project import parse
from optlint.replay.cases import sliced
from optlint.replay.judgement import judge
from optlint.replay.lines import Lines, lines_by_text
from optlint.replay.pairs import Pair
from optlint.replay.pool import Pool
from optlint.replay.script import ReplayScript
from optlint.replay.slicer.observed import observe
from optlint.replay.verdict import FindingVerdict, FixVerdict, Flag, Verdict
from optlint.replay.verify import Setting, Verified, flag_of, run, setting_for, verdict_of, verify
from optlint.replay.wire import Outcome
from replayed_cases import replayed

_TABLE = tomllib.loads((FIXTURES / "verdicts.toml").read_text("utf-8"))
UNDECIDED = frozenset(_TABLE["undecided"])
"""Repairs of which a replay can say nothing."""
EXPECTED = _TABLE["fixture"]
"""The fixtures whose verdicts are others than confirmed and validated, each with the reason."""


@pytest.mark.parametrize("case", cases("bad_"), ids=lambda case: case.name)
def test_faults_are_confirmed_and_fixes_validated(case: Case, pool: Pool) -> None:
    told = {}
    for each in replayed(case):
        verified = verify(each, pool, Setting())
        verdict = verified.verdict
        if (verdict.finding, verdict.fix) == (FindingVerdict.CONFIRMED, FixVerdict.VALIDATED):
            swapped = verdict_swapped(verified)
            assert swapped.finding is not FindingVerdict.CONFIRMED, swapped.sentence
            assert swapped.fix is FixVerdict.REFUTED, swapped.fix_sentence
        key = f"{each.finding.code}:{each.finding.location.start.row}"
        told[key] = [verdict.finding.value, "" if verdict.fix is None else verdict.fix.value]
    expected = {
        key: EXPECTED.get(case.name, {})
        .get("verdicts", {})
        .get(key, ["confirmed", "validated" if told[key][1] else ""])
        for key in told
    }
    assert told == expected


def verdict_swapped(verified: Verified) -> Verdict:
    """What is said where the fixed code is taken for the code as written, and the other way round."""
    assert isinstance(verified.pair.original, ReplayScript)
    assert isinstance(verified.pair.fixed, ReplayScript)
    flag = flag_of(verified.case, verified.pair, verified.pair.original, verified.pair.fixed)
    rule = verified.case.catalog_entry.rule
    return judge(rule, verified.fixed, verified.original, Flag(flag.fixed_rows, flag.rows, flag.word))


def repairs(prefix: str) -> Iterator[object]:
    for path in sorted(FIXTURES.glob(f"*/{prefix}*.py")):
        yield pytest.param(path, id=f"{path.parent.name}/{path.name}")


@pytest.mark.parametrize("path", list(repairs("wrong_fix_")))
def test_a_wrong_fix_is_refuted(path: Path, pool: Pool) -> None:
    """`wrong_fix_x.py`, or `wrong_fix_x__how.py`, is what a plausible and wrong repair makes of `bad_x.py`."""
    verdict = verdict_of_repair(path, "wrong_fix_", pool)
    assert verdict.finding is FindingVerdict.CONFIRMED, verdict.sentence
    assert verdict.fix is FixVerdict.REFUTED, verdict.fix_sentence


@pytest.mark.parametrize("path", list(repairs("right_fix_")))
def test_a_right_fix_of_another_kind_is_validated(path: Path, pool: Pool) -> None:
    """`right_fix_x__how.py` is what another right repair than the rule's own makes of `bad_x.py`."""
    verdict = verdict_of_repair(path, "right_fix_", pool)
    assert verdict.finding is FindingVerdict.CONFIRMED, verdict.sentence
    assert verdict.fix is FixVerdict.VALIDATED, verdict.fix_sentence


@pytest.mark.parametrize("path", list(repairs("undecided_fix_")))
def test_of_a_repair_whose_effect_is_not_seen_nothing_is_said(path: Path, pool: Pool) -> None:
    verdict = verdict_of_repair(path, "undecided_fix_", pool)
    assert verdict.finding is FindingVerdict.CONFIRMED, verdict.sentence
    assert verdict.fix is FixVerdict.INCONCLUSIVE, verdict.fix_sentence


def test_each_undecided_repair_has_its_reason() -> None:
    assert {f"{path.parent.name}/{path.name}" for path in FIXTURES.glob("*/undecided_fix_*.py")} == UNDECIDED


def verdict_of_repair(path: Path, prefix: str, pool: Pool) -> Verdict:
    stem = path.stem.partition("__")[0]
    bad = path.with_name(f"{stem.replace(prefix, 'bad_', 1)}.py")
    [case, *_] = [each for each in replayed(Case(bad, (bad,))) if each.catalog_entry.name == path.parent.name]
    project = Engine(catalog()).fresh_project()
    module = parse(bad, path.read_bytes())
    project.add(module)
    with observe(project, module) as seen:
        entry = next(each for each in seen.program.entries if each.name == case.entry)
        script = sliced(seen, entry)
    lines = lines_by_text(bad.read_text("utf-8"), path.read_text("utf-8"))
    changed = frozenset((bad, at) for at, line in enumerate(lines, 1) if line.row is None)
    pair = Pair(case.pair.original, script, changed, after=Lines({bad: lines}))
    return verdict_of(case, pair, pool, Setting()).verdict


@pytest.mark.parametrize("case", cases("ok_"), ids=lambda case: case.name)
def test_right_code_is_never_convicted(case: Case, pool: Pool) -> None:
    """Each way into the file is replayed as if the rule had flagged it."""
    entry = next((each for each in catalog() if each.name == case.path.parent.name), None)
    scripts = []
    engine = Engine(catalog())
    for file in case.files:
        module = parse(file, file.read_bytes())
        engine.project.add(module)
        with observe(engine.project, module) as seen:
            scripts += [sliced(seen, each) for each in seen.program.entries]
    runnable = list({script.body: script for script in scripts if isinstance(script, ReplayScript)}.values())
    outcomes: dict[Setting, list[Outcome]] = {}
    for rule in [entry.rule] if entry is not None else [each.rule for each in catalog()]:
        setting = setting_for(rule, Setting())
        if setting not in outcomes:
            outcomes[setting] = run(pool, runnable, [()], setting)
        for outcome in outcomes[setting]:
            verdict = judge(rule, [outcome], None)
            assert verdict.finding is not FindingVerdict.CONFIRMED, (rule.code, verdict.sentence)
