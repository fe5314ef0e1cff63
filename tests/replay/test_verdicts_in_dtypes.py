"""Verdicts in less precise floating-point types: those of float64, or none for a true reason."""

from __future__ import annotations

from dataclasses import replace

import pytest

pytest.importorskip("torch", reason="a replay needs torch")

from fixture_cases import FIXTURES, Case
from optlint.replay import judgement_in_dtype
from optlint.replay import verify as verify_module
from optlint.replay.judgement_in_dtype import judged, uncontradicted
from optlint.replay.pool import Pool
from optlint.replay.precision import EXACT, TOLERANCES
from optlint.replay.trace import Trace
from optlint.replay.verdict import Departure, FindingVerdict, FixVerdict, Flag, Reason, Verdict
from optlint.replay.verify import Setting, Verified, setting_for, verify
from optlint.rule import Evidence
from replayed_cases import replayed, told

SAMPLE = {
    "zero-grad-missing/bad_plain_script.py": "",
    "zero-grad-missing/bad_amp_scaler.py": "finding",  # 1.5e-5 of the gradient's size
    "scheduler-stepped-twice/bad_trainer_class.py": "",
    "module-replaced-after-optimizer/bad_new_head.py": "",
    "parameters-frozen-after-optimizer/bad_one_weight.py": "fix",  # an update of less than half a spacing moves nothing
    "non-leaf-parameter/bad_double_from_helper.py": "",
}
"""Fixtures, and of what bfloat16 says nothing."""


def sampled(name: str) -> Case:
    return Case(FIXTURES / name, (FIXTURES / name,))


@pytest.mark.parametrize("name", SAMPLE)
def test_a_less_precise_type_gives_the_same_verdict_or_none(name: str, pool: Pool) -> None:
    for case in replayed(sampled(name)):
        exact = verify(case, pool, Setting()).verdict
        single = verify(case, pool, Setting(dtype="float32")).verdict
        coarse = verify(case, pool, Setting(dtype="bfloat16")).verdict
        assert told(single) == told(exact)
        finding, fix = told(exact)
        assert told(coarse) == [
            "inconclusive" if SAMPLE[name] == "finding" else finding,
            "inconclusive" if SAMPLE[name] == "fix" else fix,
        ]
        usual = setting_for(case.catalog_entry.rule, Setting()).dtype
        assert [each.dtype for each in (exact, single, coarse)] == [usual, "float32", "bfloat16"]
        words = f"{coarse.sentence} {coarse.fix_sentence}"
        assert ("the rounding of bfloat16" in words) is (SAMPLE[name] == "finding")
        assert ("comes of bfloat16 alone" in words) is (SAMPLE[name] == "fix")
        for each in (single, coarse):
            conclusive = each.finding is not FindingVerdict.INCONCLUSIVE
            assert (f"on cpu in {each.dtype}" in each.sentence) is conclusive


def test_everything_runs_in_the_type(pool: Pool) -> None:
    [case, *_] = replayed(sampled("zero-grad-missing/bad_plain_script.py"))
    ways = {}
    for dtype in TOLERANCES:
        verified = verify(case, pool, Setting(dtype=dtype, most_updates=20))
        [trace] = [each for each in verified.original if isinstance(each, Trace)][:1]
        ways[dtype] = [update.travelled for update in trace.updates]
    assert len({tuple(each) for each in ways.values()}) == 3


def test_without_a_wish_each_rule_has_its_type() -> None:
    from fixture_cases import catalog

    for entry in catalog():
        dtype = setting_for(entry.rule, Setting()).dtype
        assert dtype == ("float32" if entry.rule.evidence is Evidence.CRASH else "float64")
        assert setting_for(entry.rule, Setting(device="mps")).dtype == "float32"
        assert setting_for(entry.rule, Setting(dtype="bfloat16")).dtype == "bfloat16"


CONFIRMED = Verdict(
    FindingVerdict.CONFIRMED,
    FixVerdict.VALIDATED,
    "gradient",
    departure=Departure("gradient", 1, 2, 1.0, 1.0, "apart"),
    dtype="bfloat16",
    sentence="confirmed",
)


def test_what_float64_denies_is_rounding() -> None:
    exact = replace(CONFIRMED, finding=FindingVerdict.NOT_REPRODUCED, dtype="float64")
    denied = uncontradicted(CONFIRMED, exact)
    assert told(denied) == ["inconclusive", "validated"]
    assert denied.finding_reason is Reason.NOT_EXERCISED
    assert denied.departure is None
    assert "comes of bfloat16 alone" in denied.sentence
    refuted = replace(CONFIRMED, fix=FixVerdict.REFUTED)
    assert told(uncontradicted(refuted, replace(CONFIRMED, dtype="float64"))) == ["confirmed", "inconclusive"]


def test_what_only_float64_raises_is_no_verdict(monkeypatch: pytest.MonkeyPatch) -> None:
    """`x.float()` is no leaf there, and is one in the type that programs have."""
    asked: list[tuple[str, str]] = []

    def looked(_: object, __: object, setting: Setting) -> Verified:
        asked.append((setting.device, setting.dtype))
        kind = FindingVerdict.CONFIRMED if setting.dtype == "float64" else FindingVerdict.NOT_REPRODUCED
        verdict = replace(CONFIRMED, finding=kind, fix=None, dtype=setting.dtype)
        return Verified(case, verdict, case.pair)

    [case] = replayed(sampled("non-leaf-parameter/bad_double_from_helper.py"))
    monkeypatch.setattr(verify_module, "_verified", looked)
    verdict = verify(case, object(), Setting(dtype="float64")).verdict  # type: ignore[arg-type]
    assert asked == [("cpu", "float64"), ("cpu", "float32")]
    assert told(verdict) == ["inconclusive", ""]
    asked.clear()
    verify(case, object(), Setting(device="mps", dtype="bfloat16"))  # type: ignore[arg-type]
    assert asked == [("mps", "bfloat16"), ("cpu", "float32")]


def test_what_float64_does_not_know_is_left_as_it_is() -> None:
    silent = replace(CONFIRMED, finding=FindingVerdict.INCONCLUSIVE, fix=FixVerdict.INCONCLUSIVE, dtype="float64")
    assert uncontradicted(CONFIRMED, silent) == CONFIRMED


@pytest.mark.parametrize(
    ("dtype", "confirms_above", "finding"),
    [("float64", 1e-7, "confirmed"), ("float32", 1e-7, "inconclusive"), ("float32", 1e-3, "confirmed")],
)
def test_a_departure_within_rounding_is_none_to_speak_of(
    dtype: str, confirms_above: float, finding: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    def judge(*_: object, tolerance: float, **__: object) -> Verdict:
        seen = FindingVerdict.CONFIRMED if confirms_above > tolerance else FindingVerdict.NOT_REPRODUCED
        return replace(CONFIRMED, finding=seen)

    monkeypatch.setattr(judgement_in_dtype, "judge", judge)
    verdict = judged(object(), dtype, [], None, Flag())  # type: ignore[arg-type]
    assert verdict.finding.value == finding
    assert verdict.dtype == dtype


def test_tolerances_leave_room_for_roundings_and_for_faults() -> None:
    import torch

    for name, tolerance in TOLERANCES.items():
        spacing = torch.finfo(getattr(torch, name)).eps
        assert 5 * spacing < tolerance < 0.1, name
    assert TOLERANCES["float64"] == EXACT
