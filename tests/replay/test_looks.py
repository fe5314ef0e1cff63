"""For how many updates cases are replayed, by what their evidence needs."""

from __future__ import annotations

from dataclasses import replace

import pytest

pytest.importorskip("torch", reason="a replay needs torch")

from fixture_cases import FIXTURES
from optlint.replay.cases import Case
from optlint.replay.looks import looks_at
from optlint.replay.pairs import Unsliced
from optlint.replay.pool import Pool
from optlint.replay.script import ReplayScript
from optlint.replay.verify import Setting, run, setting_for, verdict_of, verify
from optlint.replay.wire import Outcome
from replayed_cases import once, told


def case_of(fixture: str, code: str) -> Case:
    return next(once([FIXTURES / fixture], code))


@pytest.mark.parametrize(
    ("fixture", "code", "looks", "asked"),
    [
        ("eval-without-train/bad_generator_samples.py", "OPT512", (1,), []),
        ("get-lr-outside-scheduler/bad_plain_script.py", "OPT404", (300, 2000), []),
        ("zero-grad-missing/bad_plain_script.py", "OPT103", (300, 2000), []),
        ("scheduler-step-before-optimizer-step/bad_helper_first_line.py", "OPT101", (2000,), []),
        ("epoch-schedule-stepped-per-batch/bad_milestones_by_default.py", "OPT406", (300,), [300]),
        ("batch-schedule-stepped-per-epoch/bad_transformers_warm_up.py", "OPT405", (2000,), [300]),
    ],
)
def test_a_long_look_is_for_what_a_short_one_leaves_open(
    fixture: str, code: str, looks: tuple[int, ...], asked: list[int], pool: Pool
) -> None:
    case, found = case_of(fixture, code), []

    def original(most_updates: int) -> Outcome:
        found.append(most_updates)
        script = case.pair.original
        assert isinstance(script, ReplayScript)
        setting = setting_for(case.catalog_entry.rule, Setting(most_updates=most_updates))
        return run(pool, [script], [()], setting)[0]

    assert tuple(looks_at(case, 300, 2000, original)) == looks
    assert found == asked


def test_without_a_script_there_is_nothing_to_look_at_twice() -> None:
    case = case_of("scheduler-step-before-optimizer-step/bad_helper_first_line.py", "OPT101")
    unsliced = replace(case, pair=replace(case.pair, original=Unsliced("no reason")))
    assert len(looks_at(unsliced, 300, 2000, lambda most: pytest.fail(f"asked for {most}"))) == 1


@pytest.mark.parametrize(
    ("fixture", "code"),
    [
        ("eval-without-train/bad_generator_samples.py", "OPT512"),
        ("epoch-schedule-stepped-per-batch/bad_milestones_by_default.py", "OPT406"),
    ],
)
def test_a_short_look_says_what_a_long_one_does(fixture: str, code: str, pool: Pool) -> None:
    case = case_of(fixture, code)
    short = verify(case, pool, Setting()).verdict
    long = verdict_of(case, case.pair, pool, Setting(most_updates=700)).verdict
    assert told(short) == told(long) == ["inconclusive", "inconclusive"]
    assert short.sentence == long.sentence
