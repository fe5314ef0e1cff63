"""Verdicts for which `meta` stands for a second device: what shapes show, and what they do not."""

from __future__ import annotations

import tomllib
from pathlib import Path

import pytest

pytest.importorskip("torch", reason="a replay needs torch")

import torch

from fixture_cases import FIXTURES, Case, cases
from optlint.replay.kept import kept_scripts
from optlint.replay.pool import Job, Pool
from optlint.replay.trace import Trace
from optlint.replay.verdict import Reason
from optlint.replay.verify import Setting, run, verify
from optlint.report.verdict import verdict_object
from replayed_cases import replayed, told, verdict_of_text

SHAPES_ONLY = tomllib.loads((FIXTURES / "verdicts.toml").read_text("utf-8"))["shapes_only"]
_MOVERS = ("module-moved-after-optimizer", "non-leaf-parameter")

MOVED = """
import torch
from torch import nn

model = nn.Linear(4, 2)
optimizer = torch.optim.{optimizer}
{before}
{move}
for _ in range(5):
    optimizer.zero_grad()
    loss = model(torch.randn(3, 4, device={device})).square().mean()
    loss.backward()
    optimizer.step()
    print(f"{{loss.item():.3f}}")
"""
STEP = "model(torch.randn(3, 4)).sum().backward(); optimizer.step()"
STATE_LOADED = "optimizer.load_state_dict(torch.load('last.pt'))"


def moved(optimizer: str, before: str = "", move: str = 'model.to("cuda")', device: str = '"cuda"') -> str:
    return MOVED.format(optimizer=optimizer, before=before, move=move, device=device)


@pytest.mark.parametrize(
    "case", [each for each in cases("bad_") if each.path.parent.name in _MOVERS], ids=lambda case: case.name
)
def test_exactly_the_listed_verdicts_rest_on_shapes(case: Case, pool: Pool) -> None:
    verdicts = [verify(each, pool, Setting()).verdict for each in replayed(case)]
    assert {each.shapes_only for each in verdicts} == {case.name in SHAPES_ONLY}
    for verdict in verdicts:
        assert verdict_object(verdict)["shapes_only"] is verdict.shapes_only
        assert ("shapes only" in verdict.sentence) is verdict.shapes_only
        assert (verdict.device == "meta") is verdict.shapes_only
        assert verdict.fix is None or ("shapes only" in verdict.fix_sentence) is verdict.shapes_only


@pytest.mark.parametrize(
    "case", [each for each in cases("ok_") if each.path.parent.name in _MOVERS], ids=lambda case: case.name
)
def test_shapes_convict_no_right_code(case: Case, pool: Pool) -> None:
    from fixture_cases import catalog
    from optlint.engine import Engine
    from optlint.program.project import parse
    from optlint.replay.cases import sliced
    from optlint.replay.script import ReplayScript
    from optlint.replay.slicer.observed import observe

    engine = Engine(catalog())
    for file in case.files:
        module = parse(file, file.read_bytes())
        engine.project.add(module)
        with observe(engine.project, module) as seen:
            scripts = [sliced(seen, each) for each in seen.program.entries]
        runnable = [script for script in scripts if isinstance(script, ReplayScript)]
        for outcome in run(pool, runnable, [()], Setting(dtype="float32", absent="meta")):
            assert not isinstance(outcome, Trace) or outcome.failure is None or outcome.failure.in_standin


@pytest.mark.parametrize(
    ("optimizer", "before", "verdict"),
    [
        ("Adagrad(model.parameters(), lr=0.1)", "", ["confirmed", "validated"]),
        ("Adagrad(model.parameters(), lr=0.1, foreach=True)", "", ["confirmed", "validated"]),
        ("Adam(model.parameters())", STEP, ["confirmed", ""]),
        ("Adam(model.parameters(), foreach=True)", STEP, ["confirmed", ""]),
        ("RMSprop(model.parameters())", STEP, ["confirmed", ""]),
        ("Adam(model.parameters(), foreach=True)", "", ["not reproduced", "validated"]),
        ("SGD(model.parameters(), lr=0.1, momentum=0.9)", "", ["not reproduced", "validated"]),
    ],
)
def test_state_that_stays_behind_is_what_raises(
    optimizer: str, before: str, verdict: list[str], tmp_path: Path, pool: Pool
) -> None:
    found = verdict_of_text(moved(optimizer, before), "OPT301", tmp_path, pool)
    assert found.shapes_only, found.sentence
    assert told(found) == verdict, found.sentence


@pytest.mark.parametrize(
    ("optimizer", "before"),
    [
        ("SGD(model.parameters(), lr=0.1, momentum=0.9)", STEP),  # `meta` lets the step pass, a GPU does not
        ("Adam(model.parameters(), fused=True)", ""),  # there is no fused arithmetic on `meta`
        ("Adam(model.parameters(), fused=True)", STEP),
        ("ASGD(model.parameters())", ""),  # reads numbers
        ("Adafactor(model.parameters())", ""),
    ],
)
def test_what_meta_cannot_show_stays_inconclusive(optimizer: str, before: str, tmp_path: Path, pool: Pool) -> None:
    found = verdict_of_text(moved(optimizer, before), "OPT301", tmp_path, pool)
    assert told(found)[0] == "inconclusive", found.sentence
    assert found.finding_reason is Reason.NEEDS_SECOND_DEVICE
    assert not found.shapes_only


def test_where_parameters_are_replaced_meta_does_not_stand_for_the_device(tmp_path: Path, pool: Pool) -> None:
    text = moved("Adam(model.parameters())", "", 'model.to("xla")', '"xla"')
    found = verdict_of_text(text, "OPT301", tmp_path, pool)
    assert told(found)[0] == "inconclusive"
    assert not found.shapes_only


def test_an_unknown_device_may_be_the_other_one(tmp_path: Path, pool: Pool) -> None:
    text = moved("Adagrad(model.parameters(), lr=0.1)", "", "model.to(args.device)", "args.device")
    found = verdict_of_text(f"from options import args\n{text}", "OPT301", tmp_path, pool)
    assert told(found) == ["confirmed", "validated"], found.sentence
    assert found.shapes_only


NON_LEAF = """
import torch

device = torch.device("cuda" if torch.cuda.is_available() else "cpu")
w = torch.zeros(3, requires_grad=True).to(device)
optimizer = torch.optim.SGD([w], lr=0.1)
for _ in range(5):
    optimizer.zero_grad()
    (w - 1).square().sum().backward()
    optimizer.step()
"""


def test_a_moved_leaf_is_none_and_the_moved_script_shows_it_alone(tmp_path: Path, pool: Pool) -> None:
    path = tmp_path / "train.py"
    path.write_text(NON_LEAF, encoding="utf-8")
    [case] = [each for each in replayed(Case(path, (path,))) if each.finding.code == "OPT303"]
    verified = verify(case, pool, Setting())
    assert told(verified.verdict) == ["confirmed", "validated"]
    assert all('standin.forget_moves("meta"' in text for _, text in kept_scripts(verified))
    assert all("set_default_dtype(torch.float32)" in text for _, text in kept_scripts(verified))


ASSERTIONS = {
    "a move keeps the parameters and their gradients": """
        model = torch.nn.Linear(2, 2)
        model(torch.ones(1, 2)).sum().backward()
        weight = model.weight
        model.cuda()
        assert model.weight is weight and weight.is_meta and weight.grad.is_meta
        model.cpu()
        assert model.weight is weight and not weight.is_meta
        """,
    "with the flag a move makes new parameters": """
        torch.__future__.set_overwrite_module_params_on_conversion(True)
        model = torch.nn.Linear(2, 2)
        weight = model.weight
        model.to("cuda")
        assert model.weight is not weight and model.weight.is_meta
        """,
    "a tensor that is moved is another one, with a graph": """
        leaf = torch.zeros(3, requires_grad=True)
        there = leaf.to("cuda:1")
        assert not there.is_leaf and there.is_meta and there.to("cuda") is there
        there.sum().backward()
        assert leaf.grad.shape == (3,)
        back = there.cpu()
        assert back.device.type == "cpu" and not back.is_leaf
        """,
    "the type is kept, or as asked for": """
        assert torch.zeros(2).cuda().dtype == torch.float64
        assert torch.zeros(2).to("cuda", torch.float32).dtype == torch.float32
        assert torch.zeros(2).to(device="cuda", dtype=torch.half, non_blocking=True).dtype == torch.half
        """,
    "a script may read what is not there, and torch may not": """
        loss = torch.zeros(3, device=standin.device("cuda")).sum()
        assert float(loss.item()) == 0.5 and f"{loss.item():.3f}" and isinstance(float(loss), float)
        try:
            torch.nn.utils.clip_grad_norm_([loss], 1.0).item()
            torch.optim.Adafactor([torch.nn.Parameter(torch.zeros(2, 2, device="meta"))])._get_lr
        except AttributeError:
            pass
        """,
    "the script is told that there is a device": """
        assert torch.cuda.is_available() and standin.device("cuda") == "meta" and standin.device("cpu") == "cpu"
        """,
}


@pytest.mark.parametrize("name", ASSERTIONS)
def test_meta_behaves_as_a_second_device(name: str, unguarded: Pool) -> None:
    from textwrap import dedent

    [(_, outcome)] = unguarded.run([Job(dedent(ASSERTIONS[name]), "cpu", "float64", absent="meta")])
    assert isinstance(outcome, Trace), outcome
    assert outcome.failure is None, outcome.failure
    assert outcome.shapes_only


def test_without_it_nothing_is_moved(unguarded: Pool) -> None:
    body = "assert not torch.cuda.is_available()\nassert torch.zeros(2).to('cuda').device.type == 'cpu'"
    [(_, outcome)] = unguarded.run([Job(body, "cpu", "float64")])
    assert isinstance(outcome, Trace)
    assert outcome.failure is None or torch.cuda.is_available()
    assert not outcome.shapes_only
