"""The verifier on a GPU: the verdicts of the fixtures with numbers for what has shapes alone elsewhere."""

from __future__ import annotations

import tomllib
from collections.abc import Iterator

import pytest

pytest.importorskip("torch", reason="a replay needs torch")

import torch

from fixture_cases import FIXTURES, Case, cases, catalog
from optlint.engine import Engine
from optlint.program.project import parse
from optlint.replay.cases import sliced
from optlint.replay.judgement import judge
from optlint.replay.pool import Job, Lost, Pool
from optlint.replay.script import ReplayScript
from optlint.replay.slicer.observed import observe
from optlint.replay.trace import Trace
from optlint.replay.verdict import FindingVerdict
from optlint.replay.verify import Setting, run, setting_for, verify
from replayed_cases import replayed, told

pytestmark = [
    pytest.mark.gpu,
    pytest.mark.skipif(not torch.cuda.is_available(), reason="there is no CUDA device"),
]
_TABLE = tomllib.loads((FIXTURES / "verdicts.toml").read_text("utf-8"))
ON_CUDA = Setting(device="cuda")
SAME = 1e-9
"""Relative, between runs in float64 on one GPU: sums are made in the same order, but for a few kernels that have no
deterministic form."""
TRAIN = """
model = standin.model("net", "fc")
optimizer = torch.optim.{optimizer}
for batch in standin.unknown("loader"):
    optimizer.zero_grad()
    model(batch).backward()
    optimizer.step()
"""
SCALED = """
model = torch.nn.Linear(4, 2).to(standin.device("cuda"))
optimizer = torch.optim.SGD(model.parameters(), lr=0.1)
scaler = torch.amp.GradScaler("cuda")
for _ in range(3):
    optimizer.zero_grad()
    scaler.scale(model(torch.ones(3, 4, device=standin.device("cuda"))).square().mean()).backward()
    scaler.step(optimizer)
    scaler.update()
if not scaler.is_enabled() or scaler.get_scale() == 1.0:
    raise RuntimeError("the scaler does nothing")
"""
OUT_OF_RANGE = "torch.zeros(2, device='cuda')[torch.tensor([5], device='cuda')].sum().item()"


@pytest.fixture(scope="module")
def pool() -> Iterator[Pool]:
    with Pool(seconds=60.0) as opened:
        yield opened


def job(body: str, dtype: str = "float64") -> Job:
    return Job(body, "cuda", dtype)


@pytest.mark.parametrize("case", cases("bad_"), ids=lambda case: case.name)
def test_faults_and_fixes_get_the_verdicts_of_the_table(case: Case, pool: Pool) -> None:
    expected = _TABLE["fixture"].get(case.name, {}).get("verdicts", {})
    for each in replayed(case):
        verdict = verify(each, pool, ON_CUDA).verdict
        key = f"{each.finding.code}:{each.finding.location.start.row}"
        usual = ["confirmed", "" if verdict.fix is None else "validated"]
        assert told(verdict) == expected.get(key, usual), (key, verdict.sentence, verdict.fix_sentence)
        assert not verdict.shapes_only
        if case.name in _TABLE["shapes_only"]:
            assert verdict.device.startswith("cuda")


@pytest.mark.parametrize("case", cases("ok_"), ids=lambda case: case.name)
def test_right_code_is_never_convicted(case: Case, pool: Pool) -> None:
    entry = next((each for each in catalog() if each.name == case.path.parent.name), None)
    engine = Engine(catalog())
    for file in case.files:
        module = parse(file, file.read_bytes())
        engine.project.add(module)
        with observe(engine.project, module) as seen:
            scripts = [sliced(seen, each) for each in seen.program.entries]
        runnable = [script for script in scripts if isinstance(script, ReplayScript)]
        for rule in [entry.rule] if entry is not None else [each.rule for each in catalog()]:
            for outcome in run(pool, runnable, [()], setting_for(rule, ON_CUDA)):
                verdict = judge(rule, [outcome], None)
                assert verdict.finding is not FindingVerdict.CONFIRMED, (rule.code, verdict.sentence)


@pytest.mark.parametrize("name", ["zero-grad-missing/bad_plain_script.py", "zero-grad-missing/bad_amp_scaler.py"])
def test_three_runs_give_the_same_digits(name: str, pool: Pool) -> None:
    [case, *_] = replayed(Case(FIXTURES / name, (FIXTURES / name,)))
    runs = [verify(case, pool, ON_CUDA) for _ in range(3)]
    assert len({tuple(told(each.verdict)) for each in runs}) == 1
    ways = [
        [update.travelled for trace in each.original if isinstance(trace, Trace) for update in trace.updates]
        for each in runs
    ]
    assert ways[0]
    for way in ways[1:]:
        assert way == pytest.approx(ways[0], rel=SAME)


@pytest.mark.parametrize(
    "optimizer",
    [
        "SGD(model.parameters(), lr=0.1, momentum=0.9)",
        "Adam(model.parameters())",
        "Adam(model.parameters(), foreach=True)",
        "Adam(model.parameters(), foreach=False)",
        "Adam(model.parameters(), fused=True)",
        "AdamW(model.parameters(), fused=True)",
    ],
)
@pytest.mark.parametrize("dtype", ["float64", "float32", "bfloat16"])
def test_what_names_no_device_is_made_there_and_agrees_with_the_reference(
    optimizer: str, dtype: str, pool: Pool
) -> None:
    [(_, outcome)] = pool.run([job(TRAIN.format(optimizer=optimizer), dtype)])
    assert isinstance(outcome, Trace), outcome
    assert outcome.failure is None
    assert outcome.device.startswith("cuda")
    assert outcome.updates
    assert all(update.gradient is not None and update.gradient.relative == 0.0 for update in outcome.updates)
    if dtype == "float64":
        assert all(update.arithmetic is not None and update.arithmetic.relative < SAME for update in outcome.updates)


def test_the_scaler_is_a_real_one(pool: Pool) -> None:
    [(_, outcome)] = pool.run([job(SCALED)])
    assert isinstance(outcome, Trace), outcome
    assert outcome.failure is None, outcome.failure
    assert len(outcome.updates) == 3
    assert outcome.device.startswith("cuda")


def test_a_name_of_another_gpu_is_the_one_that_was_asked_for(pool: Pool) -> None:
    body = "raise ValueError(standin.device('cuda:7'), standin.device('cpu'), torch.zeros(1).cuda(7).device.index)"
    [(_, outcome)] = pool.run([job(body)])
    assert isinstance(outcome, Trace)
    assert outcome.failure is not None
    assert outcome.failure.message == "('cuda', 'cpu', 0)"


def test_one_script_that_breaks_the_device_costs_its_own_replay(pool: Pool) -> None:
    fine = TRAIN.format(optimizer="SGD(model.parameters(), lr=0.1)")
    jobs = [job(fine), job("torch.empty(2**40, device='cuda')"), job(fine), job(OUT_OF_RANGE), job(fine)]
    outcomes = [outcome for _, outcome in sorted(pool.run(jobs), key=lambda each: each[0])]
    assert outcomes[1] == Lost("memory")
    broken = outcomes[3]
    assert isinstance(broken, Lost) or (broken.failure is not None and not broken.updates)
    for at in (0, 2, 4):
        outcome = outcomes[at]
        assert isinstance(outcome, Trace), outcome
        assert outcome.failure is None
        assert outcome.updates
        assert outcome == outcomes[0]


def test_an_error_of_the_device_says_nothing_of_the_code(pool: Pool) -> None:
    script = ReplayScript(OUT_OF_RANGE + "\n", (None,), ())
    [outcome] = run(pool, [script], [()], Setting(device="cuda", dtype="float64"))
    assert isinstance(outcome, Lost) or (outcome.failure is not None and outcome.failure.in_standin)
