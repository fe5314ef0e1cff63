"""The mutation benchmark injects what it says, and tells harm from none."""

from __future__ import annotations

import ast
from dataclasses import replace
from pathlib import Path

import pytest

pytest.importorskip("torch", reason="the benchmark replays its mutants")

from mutate.campaign import mutants
from mutate.drawing import drawn
from mutate.idioms import Idioms
from mutate.mutation import MISUSES as _ENTERED
from mutate.mutation import Misuse, Mutant
from mutate.mutators import MISUSES
from mutate.programs import Program, fixtures
from mutate.sight import is_handed_on, is_used
from mutate.table import markdown
from mutate.tree import Tree
from mutate.trial import Baseline, Harm, trial
from optlint.catalog import load_catalog
from optlint.replay.pool import Pool

LOOP = """\
import torch
from torch import nn

model = nn.Sequential(nn.Linear(4, 8), nn.Tanh(), nn.Linear(8, 1))
optimizer = torch.optim.SGD(model.parameters(), lr=0.1, momentum=0.9)
scheduler = torch.optim.lr_scheduler.StepLR(optimizer, 3)
for epoch in range(6):
    for x, y in [(torch.randn(8, 4), torch.randn(8, 1)) for _ in range(4)]:
        optimizer.zero_grad()
        prediction = model(x)
        loss = (prediction - y).pow(2).mean()
        loss.backward()
        optimizer.step()
    scheduler.step()
"""


def _program(text: str = LOOP) -> Program:
    return Program("loop", {"train.py": text}, "train.py", Path("/nowhere"))


def _mutant(code: str, text: str) -> Mutant:
    return Mutant(code, "train.py", text, None, 1, "inline")


def _misuse(code: str) -> Misuse:
    return next(each for each in MISUSES if each.code == code)


def test_every_rule_has_one_mutator() -> None:
    assert _ENTERED is MISUSES
    assert sorted(each.code for each in MISUSES) == sorted(entry.rule.code for entry in load_catalog())


def test_every_mutant_is_python_and_another_text() -> None:
    codes = frozenset(each.code for each in MISUSES)
    found = mutants(_program(), codes)
    assert len({mutant.code for mutant in found}) > 30
    for mutant in found:
        ast.parse(mutant.text)
        if mutant.right is not None:
            ast.parse(mutant.right)
        assert mutant.text not in (LOOP, mutant.right)


def test_right_programs_of_several_files_are_taken_whole() -> None:
    whole = next(each for each in fixtures() if each.name == "programs/ok_project")
    assert whole.main == "main.py"
    places = {mutant.place for mutant in mutants(whole, frozenset(("OPT102",)))}
    assert places == {"another file"}


@pytest.mark.parametrize(
    ("edit", "row"),
    [
        (lambda tree, line, top: tree.without(line), "        optimizer.zero_grad()\n"),
        (lambda tree, line, top: tree.moved_after(line, top), "    scheduler.step()\n"),
    ],
)
def test_a_line_is_taken_away_or_moved_with_its_indentation(edit, row: str) -> None:  # type: ignore[no-untyped-def]
    tree = Tree(LOOP)
    line = next(each for each in tree.lines if tree.code(each.node) == "optimizer.zero_grad()")
    top = next(each for each in tree.lines if tree.code(each.node) == "scheduler.step()").node
    text = edit(tree, line, top)
    assert "        optimizer.zero_grad()\n" not in text
    assert ("    scheduler.step()\n    optimizer.zero_grad()\n" in text) == (row == "    scheduler.step()\n")


def test_a_block_that_is_left_empty_gets_a_pass() -> None:
    tree = Tree("for x in y:\n    f()\n")
    assert tree.without(tree.lines[0]) == "for x in y:\n    pass\n"


def test_a_misuse_is_found_does_harm_and_is_mended(pool: Pool) -> None:
    baseline = Baseline(_program(), load_catalog(), pool)
    assert baseline.false == []
    outcome = trial(baseline, _misuse("OPT103"), _mutant("OPT103", LOOP.replace("        optimizer.zero_grad()\n", "")))
    assert outcome is not None
    assert (outcome.harm, outcome.found, outcome.extra) == (Harm.SHOWN, True, ())
    assert (outcome.fixed, outcome.restored) == (True, Harm.NONE)


def test_a_mutant_that_runs_as_the_right_program_does_is_no_misuse(pool: Pool) -> None:
    baseline = Baseline(_program(), load_catalog(), pool)
    moved = LOOP.replace("        optimizer.zero_grad()\n", "").replace(
        "        optimizer.step()\n", "        optimizer.step()\n        optimizer.zero_grad()\n"
    )
    assert baseline.harm({"train.py": moved}) is Harm.NONE


def test_a_misuse_that_nobody_finds_is_missed(pool: Pool) -> None:
    entries = tuple(entry for entry in load_catalog() if entry.rule.code != "OPT103")
    baseline = Baseline(_program(), entries, pool)
    outcome = trial(baseline, _misuse("OPT103"), _mutant("OPT103", LOOP.replace("        optimizer.zero_grad()\n", "")))
    assert outcome is not None
    assert (outcome.found, outcome.fixed, outcome.restored) == (False, False, Harm.UNDECIDED)


def test_what_is_missed_is_replayed_in_any_case(pool: Pool) -> None:
    text = LOOP.replace("        optimizer.zero_grad()\n", "")
    mutant = replace(_mutant("OPT103", text), is_replayed=False)
    found = trial(Baseline(_program(), load_catalog(), pool), _misuse("OPT103"), mutant)
    assert found is not None
    assert (found.found, found.harm, found.fixed, found.restored) == (True, Harm.UNDECIDED, True, Harm.UNDECIDED)
    others = tuple(entry for entry in load_catalog() if entry.rule.code != "OPT103")
    missed = trial(Baseline(_program(), others, pool), _misuse("OPT103"), mutant)
    assert missed is not None
    assert (missed.found, missed.harm) == (False, Harm.SHOWN)


def _several(*names: str) -> list[tuple[Program, Mutant]]:
    return [
        (replace(_program(), name=name), replace(_mutant("OPT103", f"{name} {row}"), row=row, place=place))
        for name in names
        for row, place in enumerate(("inline", "method"))
    ]


def test_a_program_that_is_added_takes_the_place_of_few() -> None:
    names = [f"program {number}" for number in range(40)]
    before = {mutant.text for _, mutant in drawn(_several(*names), 30, 10)}
    after = {mutant.text for _, mutant in drawn(_several("another", *names), 30, 10)}
    assert len(before) == 30
    assert len(before - after) <= 2
    assert before != {mutant.text for _, mutant in _several(*names)[:30]}


def test_each_kind_of_place_is_drawn_as_often_and_the_first_are_replayed() -> None:
    found = [mutant for _, mutant in drawn(_several(*map(str, range(40))), 30, 10)]
    assert [mutant.place for mutant in found] == ["inline", "method"] * 15
    assert [mutant.is_replayed for mutant in found] == [True] * 10 + [False] * 20


@pytest.mark.parametrize(
    ("after", "used"),
    [
        ("optimizer.step()\n", True),
        ("optimizer.zero_grad()\nprint(optimizer.state_dict())\n", False),
        ("torch.optim.lr_scheduler.StepLR(optimizer, 3)\n", False),
        ("train(optimizer)\n", True),
        ("optimizer = torch.optim.SGD(model.parameters(), lr=0.1)\noptimizer.step()\n", False),
    ],
)
def test_an_optimizer_counts_where_something_uses_it(after: str, used: bool) -> None:
    text = f"import torch\noptimizer = torch.optim.Adam(model.parameters(), lr=0.1)\n{after}"
    idioms = Idioms(Tree(text), text)
    assert is_used(idioms, idioms.optimizers[0]) is used


@pytest.mark.parametrize(
    ("call", "handed"),
    [
        ("Runner(model, optimizer=optimizer).fit()", True),
        ("engine.train(model, (optimizer, 3))", True),
        ("WarmUpScheduler(optimizer, 10)", False),
        ("Runner(model, optimizer.state_dict())", False),
        ("own(optimizer)", False),
        ("torch.optim.swa_utils.SWALR(optimizer, 0.1)", False),
    ],
)
def test_an_optimizer_is_handed_on_to_other_packages_alone(call: str, handed: bool) -> None:
    text = "import torch\nimport engine\nfrom elsewhere import Runner, WarmUpScheduler\nfrom near import own\n"
    text += f"def own(optimizer):\n    optimizer.step()\n{call}\n"
    assert is_handed_on(Idioms(Tree(text), text), "optimizer") is handed


def test_a_wrong_repair_does_not_bring_the_right_run_back(pool: Pool) -> None:
    baseline = Baseline(_program(), load_catalog(), pool)
    assert baseline.harm({"train.py": LOOP.replace("momentum=0.9", "momentum=0.8")}) is Harm.SHOWN
    assert baseline.harm({"train.py": LOOP.replace("loss.backward()", "loss.backward(")}) is Harm.SHOWN


def test_a_program_that_cannot_be_replayed_decides_nothing(pool: Pool) -> None:
    text = "def train(model, loader):\n    pass\n"
    assert Baseline(_program(text), load_catalog(), pool).harm({"train.py": text}) is Harm.UNDECIDED


def test_the_table_counts_mutants_that_do_harm_and_names_what_is_falsely_reported(pool: Pool) -> None:
    baseline = Baseline(_program(), load_catalog(), pool)
    text = LOOP.replace("        optimizer.zero_grad()\n", "")
    outcome = trial(baseline, _misuse("OPT103"), _mutant("OPT103", text))
    assert outcome is not None
    table = markdown([outcome, replace(outcome, found=False), replace(outcome, harm=Harm.NONE)], ["x:1 OPT9"], {})
    assert "| all |  | 2 | 1 | 50 % | 0 | 2 | 2 | 2 | 2 of 2, 100 % |" in table
    assert "Falsely reported in the right programs: x:1 OPT9." in table
