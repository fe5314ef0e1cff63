"""Schedules by running: the rates are those that torch itself gives, and the fixed code's beside them."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from textwrap import dedent

import pytest

torch = pytest.importorskip("torch", reason="a replay needs torch")

from optlint.catalog import load_catalog  # noqa: E402
from optlint.engine import Engine  # noqa: E402
from optlint.finding import Finding  # noqa: E402
from optlint.program.program import Entry  # noqa: E402
from optlint.replay.cases import sliced  # noqa: E402
from optlint.replay.pairs import Script, Unsliced  # noqa: E402
from optlint.replay.pool import Pool  # noqa: E402
from optlint.replay.schedules import EntrySchedule, rates_of, scheduled  # noqa: E402
from optlint.replay.slicer.observed import Observed  # noqa: E402
from optlint.replay.standin_numbers import ELEMENTS, StandInNumber  # noqa: E402
from optlint.replay.trace import Trace  # noqa: E402
from optlint.replay.verify import Setting  # noqa: E402

HEAD = """\
import torch
from torch import nn
from torch.optim import SGD, AdamW
from torch.optim.lr_scheduler import (
    CosineAnnealingLR, CyclicLR, ExponentialLR, LambdaLR, LinearLR, OneCycleLR, SequentialLR, StepLR,
)

model = nn.Linear(3, 1)
"""
LOOP = """\
for step in range({updates}):
    optimizer.zero_grad()
    model(torch.ones(2, 3)).sum().backward()
    {note}optimizer.step()
    scheduler.step()
"""


def replayed(file: Path, pool: Pool, most_updates: int = 300) -> dict[str, EntrySchedule]:
    """The schedules of all ways into a file, with the findings of all rules."""
    engine = Engine(load_catalog())

    def check(files: Sequence[Path]) -> list[Finding]:
        return [finding for each in files for finding in engine.check(each, each.read_bytes())]

    found = scheduled(engine, file, file.read_bytes(), check)
    return {name: found.replayed(name, pool, Setting(most_updates=most_updates)) for name in found.written}


def written(folder: Path, text: str, name: str = "train.py") -> Path:
    file = folder / name
    file.write_text(dedent(text), encoding="utf-8")
    return file


@pytest.mark.parametrize(
    ("making", "updates"),
    [
        ("SGD(model.parameters(), lr=0.1)|StepLR(optimizer, 4, gamma=0.3)", 14),
        ("SGD(model.parameters(), lr=0.1)|CosineAnnealingLR(optimizer, T_max=9, eta_min=1e-4)", 20),
        ("AdamW(model.parameters(), lr=0.1)|OneCycleLR(optimizer, max_lr=0.4, total_steps=25)", 25),
        ("SGD(model.parameters(), lr=1e-3, momentum=0.9)|CyclicLR(optimizer, 1e-3, 1e-2, step_size_up=5)", 23),
        (
            "SGD([{'params': [model.weight]}, {'params': [model.bias], 'lr': 1.0}], lr=0.1)|"
            "ExponentialLR(optimizer, 0.9)",
            7,
        ),
        (
            "SGD(model.parameters(), lr=0.1)|SequentialLR(optimizer, [LinearLR(optimizer, 0.1, total_iters=4), "
            "CosineAnnealingLR(optimizer, 8)], milestones=[4])",
            12,
        ),
        ("SGD(model.parameters(), lr=2.0)|LambdaLR(optimizer, lambda step: 1 / (1 + step))", 6),
    ],
)  # fmt: skip
def test_rates_are_those_of_the_file_itself(making: str, updates: int, tmp_path: Path, pool: Pool) -> None:
    optimizer, _, scheduler = making.partition("|")
    text = f"{HEAD}optimizer = {optimizer}\nscheduler = {scheduler}\n"
    noted: list[tuple[float, ...]] = []
    names = {"note": lambda groups: noted.append(tuple(group["lr"] for group in groups))}
    exec(text + LOOP.format(updates=updates, note="note(optimizer.param_groups); "), names)
    [(name, schedule)] = replayed(written(tmp_path, text + LOOP.format(updates=updates, note="")), pool).items()
    assert name == "<module>"
    [variant] = schedule.variants
    assert rates_of(variant.written) == (tuple(noted),)
    assert len(noted) == updates
    assert (schedule.fixed, schedule.findings) == (None, ())


EARLY = """\
from torch import nn
from torch.optim import SGD
from torch.optim.lr_scheduler import StepLR


def train(loader):
    model = nn.Linear(3, 1)
    optimizer = SGD(model.parameters(), lr=0.1)
    scheduler = StepLR(optimizer, 2)
    for epoch in range(4):
        scheduler.step()
        for x, y in loader:
            optimizer.zero_grad()
            loss = (model(x) - y).square().mean()
            loss.backward()
            optimizer.step()
"""


def rates(values: list[float]) -> tuple[object, ...]:
    return (tuple((pytest.approx(value),) for value in values for _ in range(2)),)


def test_the_fixed_code_runs_beside_and_its_finding_is_named(tmp_path: Path, pool: Pool) -> None:
    schedule = replayed(written(tmp_path, EARLY), pool)["train"]
    assert [finding.code for finding in schedule.findings] == ["OPT101"]
    [variant] = schedule.variants
    assert rates_of(variant.written) == rates([0.1, 0.01, 0.01, 0.001])
    assert rates_of(variant.fixed) == rates([0.1, 0.1, 0.01, 0.01])


def test_a_finding_whose_fix_changes_no_rate_is_not_named(tmp_path: Path, pool: Pool) -> None:
    text = EARLY.replace("            optimizer.zero_grad()\n", "")
    schedule = replayed(written(tmp_path, text), pool)["train"]
    assert {fix.title for fix in schedule.fixes} > {"Step the scheduler after the optimizer"}
    assert [finding.code for finding in schedule.findings] == ["OPT101"]
    alone = EARLY.replace("        scheduler.step()\n", "").replace("            optimizer.zero_grad()\n", "")
    schedule = replayed(written(tmp_path, alone, "alone.py"), pool)["train"]
    assert schedule.fixed is not None
    assert schedule.findings == ()


def test_a_finding_in_another_file_is_found_from_the_file_that_calls_it(tmp_path: Path, pool: Pool) -> None:
    written(tmp_path, EARLY, "fit.py")
    file = written(tmp_path, "from data import loader\nfrom fit import train\n\ntrain(loader)\n", "main.py")
    schedule = replayed(file, pool)["<module>"]
    assert [(finding.code, finding.location.path.name) for finding in schedule.findings] == [("OPT101", "fit.py")]


def test_what_crashes_as_written_has_the_curve_of_the_fixed_code(tmp_path: Path, pool: Pool) -> None:
    text = EARLY.replace("StepLR(optimizer, 2)", "StepLR(optimizer, 2, verbose=True)")
    text = text.replace("        scheduler.step()\n", "") + "        scheduler.step()\n"
    schedule = replayed(written(tmp_path, text), pool)["train"]
    [variant] = schedule.variants
    assert rates_of(variant.written) == ()
    assert isinstance(variant.written, Trace)
    assert variant.written.failure is not None
    assert rates_of(variant.fixed) == rates([0.1, 0.1, 0.01, 0.01])
    assert schedule.makes_updates
    assert [finding.code for finding in schedule.findings] == ["OPT418"]


def test_where_only_several_fixes_together_change_a_rate_all_are_named(tmp_path: Path, pool: Pool) -> None:
    text = EARLY.replace(
        "StepLR(optimizer, 2)", "StepLR(optimizer, 2, verbose=True)\n    other = StepLR(optimizer, 3, verbose=True)"
    ).replace("        scheduler.step()\n", "")
    text += "    return scheduler, other\n"  # whoever gets them may step them
    schedule = replayed(written(tmp_path, text), pool)["train"]
    assert rates_of(schedule.variants[0].fixed) == rates([0.1] * 4)
    assert [finding.code for finding in schedule.findings] == ["OPT418", "OPT418"]


def test_both_outcomes_of_a_condition_that_nobody_knows_are_shown(tmp_path: Path, pool: Pool) -> None:
    text = EARLY.replace("def train(loader)", "def train(args, loader)").replace(
        "StepLR(optimizer, 2)", "StepLR(optimizer, 2 if args.slowly else 1)"
    )
    schedule = replayed(written(tmp_path, text), pool)["train"]
    assert [variant.plan for variant in schedule.variants] == [(), (("args.slowly", False),)]
    assert rates_of(schedule.variants[1].written) == rates([0.01, 0.001, 0.0001, 0.00001])


def test_combinations_with_the_same_rates_are_shown_once(tmp_path: Path, pool: Pool) -> None:
    text = EARLY.replace("def train(loader)", "def train(args, loader)").replace(
        "    for epoch", "    if args.talk:\n        optimizer.zero_grad()\n    for epoch"
    )
    schedule = replayed(written(tmp_path, text), pool)["train"]
    assert schedule.tried == 2
    assert [variant.plan for variant in schedule.variants] == [()]


def test_only_ways_on_which_an_optimizer_steps_are_replayed(tmp_path: Path, pool: Pool) -> None:
    text = f"{EARLY}\n\ndef show(model):\n    return sum(p.numel() for p in model.parameters())\n"
    assert list(replayed(written(tmp_path, text), pool)) == ["train"]
    assert replayed(written(tmp_path, "print('no optimizer')\n", "none.py"), pool) == {}


def test_a_run_ends_after_the_most_updates(tmp_path: Path, pool: Pool) -> None:
    schedule = replayed(written(tmp_path, EARLY), pool, most_updates=3)["train"]
    trace = schedule.variants[0].written
    assert isinstance(trace, Trace)
    assert (len(trace.updates), trace.cut) == (3, True)


def test_numbers_of_stand_ins_are_told_as_the_run_had_them(tmp_path: Path, pool: Pool) -> None:
    text = """\
        import argparse
        from torch import nn
        from torch.optim import SGD
        from torch.optim.lr_scheduler import MultiStepLR

        parser = argparse.ArgumentParser()
        parser.add_argument("--epochs", type=int, default=7)
        args = parser.parse_args()


        def train(loader, config, decay_rate):
            model = nn.Linear(3, 1)
            optimizer = SGD(model.parameters(), lr=config.optim.lr)
            scheduler = MultiStepLR(optimizer, config["milestones"], gamma=decay_rate)
            for epoch in range(args.epochs):
                for x, y in loader:
                    optimizer.zero_grad()
                    (model(x) - y).square().mean().backward()
                    optimizer.step()
                scheduler.step()
    """
    schedule = replayed(written(tmp_path, text), pool)["train"]
    assert set(schedule.numbers) == {
        StandInNumber("config.optim.lr", "0.1"),
        StandInNumber("config['milestones']", "2, 4"),
        StandInNumber("decay_rate", "0.5"),
        StandInNumber("args.epochs", "7", is_default=True),
        StandInNumber(ELEMENTS, "2"),
    }
    expected = [0.1] * 4 + [0.05] * 4 + [0.025] * 6
    [made] = rates_of(schedule.variants[0].written)
    assert [rate for (rate,) in made] == pytest.approx(expected)


def test_a_defect_on_one_way_leaves_the_others(tmp_path: Path, pool: Pool, monkeypatch: pytest.MonkeyPatch) -> None:
    def failing(seen: Observed, entry: Entry) -> Script:
        if entry.name == "other":
            raise KeyError("gone")
        return sliced(seen, entry)

    monkeypatch.setattr("optlint.replay.schedules.sliced", failing)
    found = replayed(written(tmp_path, EARLY + "\n\n" + EARLY.replace("def train", "def other")), pool)
    assert found["train"].makes_updates
    reason = "optlint failed on it, KeyError: 'gone'; please report this defect"
    assert found["other"].written == Unsliced(reason)


def test_steps_of_two_files_by_one_name_are_both_followed(tmp_path: Path, pool: Pool) -> None:
    rest = "def step(optimizer):\n    optimizer.param_groups[0]['lr'] = RATE\n    optimizer.step()\n"
    written(tmp_path, f"RATE = 0.25\n{rest}", "one.py")
    written(tmp_path, f"RATE = 0.5\n{rest}", "two.py")
    file = written(
        tmp_path,
        """\
        import torch
        import one, two
        from torch import nn
        from torch.optim import SGD
        model = nn.Linear(1, 1)
        optimizer = SGD(model.parameters(), lr=0.1)
        for step in (one.step, two.step):
            model(torch.ones(1)).sum().backward()
            step(optimizer)
        """,
    )
    schedule = replayed(file, pool)["<module>"]
    assert rates_of(schedule.variants[0].written) == (((0.25,), (0.5,)),)


def test_a_way_that_no_script_can_be_made_of_says_why(tmp_path: Path, pool: Pool) -> None:
    (tmp_path / "parts").mkdir()
    written(tmp_path, "", "parts/__init__.py")
    written(tmp_path, "def step(optimizer):\n    optimizer.step()\n", "parts/one.py")
    file = written(
        tmp_path,
        """\
        import parts.one
        from torch import nn
        from torch.optim import SGD
        optimizer = SGD(nn.Linear(1, 1).parameters(), lr=0.1)
        parts.one.step(optimizer)
        """,
    )
    schedule = replayed(file, pool)["<module>"]
    assert schedule.written == Unsliced("`import parts.one` is used by its dotted name")
    assert not schedule.makes_updates
