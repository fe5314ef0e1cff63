"""Which torch a project runs with, and what rules make of it."""

from __future__ import annotations

from pathlib import Path

import pytest

from fixture_cases import catalog
from optlint.config import Config
from optlint.engine import Engine
from optlint.finding import Finding, Level
from optlint.requirement import torch_range
from optlint.source.edits import Applicability
from optlint.torch_api.releases import CURRENT, RELEASES, TorchRange

OLD = TorchRange((1, 8), (1, 13))
MIXED = TorchRange((1, 8), CURRENT)


def _findings(text: str, code: str, range_: TorchRange) -> list[Finding]:
    [entry] = [each for each in catalog() if each.rule.code == code]
    return Engine([entry], lambda: range_).check(Path("train.py"), text.encode())


@pytest.mark.parametrize(
    ("name", "text", "oldest", "newest"),
    [
        ("requirements.txt", "numpy\ntorch>=1.7,<2.1  # as tried\n", (1, 7), (2, 0)),
        ("requirements.txt", "torch==1.13.1\n", (1, 13), (1, 13)),
        ("requirements.txt", "torch~=2.3\n", (2, 3), CURRENT),
        ("requirements.txt", "-r other.txt\n--index-url x\ntorchvision<0.3\n", CURRENT, CURRENT),
        ("requirements.txt", "torch\n", CURRENT, CURRENT),
        ("setup.cfg", "[options]\ninstall_requires =\n    torch<2\n    numpy\n", RELEASES[0], (1, 13)),
        ("pyproject.toml", '[project]\ndependencies = ["numpy", "torch>=2.4"]\n', (2, 4), CURRENT),
        ("pyproject.toml", '[project.optional-dependencies]\ntrain = ["torch>=2.4,<2.6"]\n', (2, 4), (2, 5)),
        ("pyproject.toml", '[tool.poetry.dependencies]\ntorch = "^1.12"\n', (1, 12), (1, 13)),
        ("pyproject.toml", '[tool.poetry.dependencies]\ntorch = {version = "~2.1", source = "x"}\n', (2, 1), (2, 1)),
        ("pyproject.toml", "not toml at all [", CURRENT, CURRENT),
        ("pyproject.toml", '[project]\ndependencies = "torch<2"\n', CURRENT, CURRENT),
    ],
)
def test_the_requirement_of_the_project_is_read(
    tmp_path: Path, name: str, text: str, oldest: tuple[int, int], newest: tuple[int, int]
) -> None:
    (tmp_path / name).write_text(text)
    assert torch_range(Config(root=tmp_path)) == TorchRange(oldest, newest)


def test_the_nearest_project_above_counts(tmp_path: Path) -> None:
    (tmp_path / "requirements.txt").write_text("torch<2\n")
    inner = tmp_path / "package"
    inner.mkdir()
    assert torch_range(Config(root=inner)).newest == (1, 13)


def test_the_configuration_overrules_the_requirement(tmp_path: Path) -> None:
    (tmp_path / "requirements.txt").write_text("torch<2\n")
    assert torch_range(Config(root=tmp_path, target_torch="2.4")) == TorchRange((2, 4), CURRENT)


def test_without_a_requirement_the_current_torch_counts(tmp_path: Path) -> None:
    assert torch_range(Config(root=tmp_path)).oldest == CURRENT


def test_nobody_asks_for_the_torch_of_a_file_to_which_it_makes_no_difference() -> None:
    def fail() -> TorchRange:
        raise AssertionError

    text = "import torch\nx = torch.nn.Linear(2, 1)\nx.zero_grad()\n"
    assert Engine(catalog(), fail).check(Path("train.py"), text.encode()) == []


VERBOSE = """
import torch
from torch.optim.lr_scheduler import StepLR
optimizer = torch.optim.SGD(torch.nn.Linear(2, 1).parameters(), lr=0.1)
scheduler = StepLR(optimizer, 30, verbose=True)
"""


@pytest.mark.parametrize(
    ("range_", "level"),
    [
        (TorchRange(), Level.ERROR),
        (MIXED, Level.ERROR),
        (TorchRange((2, 1), (2, 6)), Level.NOTE),
        (OLD, None),
    ],
)
def test_verbose_is_a_fault_where_torch_has_removed_it(range_: TorchRange, level: Level | None) -> None:
    assert [finding.level for finding in _findings(VERBOSE, "OPT418", range_)] == ([] if level is None else [level])


@pytest.mark.parametrize(("range_", "safe"), [(TorchRange(), True), (MIXED, False)])
def test_a_fix_that_an_older_torch_would_feel_is_unsafe(range_: TorchRange, safe: bool) -> None:
    [finding] = _findings(VERBOSE, "OPT418", range_)
    assert finding.fix is not None
    assert (finding.fix.applicability is Applicability.SAFE) is safe


@pytest.mark.parametrize(("range_", "count"), [(TorchRange(), 1), (OLD, 0)])
def test_an_instance_of_the_old_class_is_asked_for_in_vain_since_torch_2(range_: TorchRange, count: int) -> None:
    text = "from torch.optim.lr_scheduler import _LRScheduler\n\ndef f(s):\n    return isinstance(s, _LRScheduler)\n"
    assert len(_findings(text, "OPT418", range_)) == count


FROZEN = """
import torch
model = torch.nn.Sequential(torch.nn.Linear(4, 4), torch.nn.Linear(4, 1))
optimizer = torch.optim.SGD(model.parameters(), lr=0.1, momentum=0.9)
for epoch in range(10):
    optimizer.zero_grad()
    model(torch.randn(8, 4)).mean().backward()
    optimizer.step()
    if epoch == 4:
        for p in model[0].parameters():
            p.requires_grad = False
"""


@pytest.mark.parametrize(("range_", "count"), [(TorchRange(), 0), (MIXED, 0), (OLD, 1)])
def test_frozen_parameters_went_on_moving_when_zeros_were_the_default(range_: TorchRange, count: int) -> None:
    assert len(_findings(FROZEN, "OPT202", range_)) == count


EARLY = """
import torch
model = torch.nn.Linear(2, 1)
optimizer = torch.optim.SGD(model.parameters(), lr=0.1)
scheduler = torch.optim.lr_scheduler.StepLR(optimizer, 3)
for epoch in range(9):
    scheduler.step()
    optimizer.zero_grad()
    model(torch.randn(8, 2)).mean().backward()
    optimizer.step()
"""


@pytest.mark.parametrize(("range_", "count"), [(TorchRange(), 1), (OLD, 1), (TorchRange((0, 4), (1, 0)), 0)])
def test_before_torch_1_1_the_scheduler_came_first(range_: TorchRange, count: int) -> None:
    assert len(_findings(EARLY, "OPT101", range_)) == count


@pytest.mark.parametrize(
    ("range_", "safe"),
    [(TorchRange(), True), (TorchRange((1, 4), CURRENT), True), (TorchRange((1, 2), CURRENT), False)],
)
def test_get_last_lr_is_offered_as_safe_where_every_torch_has_it(range_: TorchRange, safe: bool) -> None:
    [finding] = _findings(f"{EARLY}print(scheduler.get_lr())\n", "OPT404", range_)
    assert finding.fix is not None
    assert (finding.fix.applicability is Applicability.SAFE) is safe
    assert _findings(f"{EARLY}print(scheduler.get_lr())\n", "OPT404", TorchRange((1, 0), (1, 3))) == []


NAMED = """
import itertools
import torch
model, other = torch.nn.Linear(2, 1), torch.nn.Linear(2, 1)
optimizer = torch.optim.{}
"""


@pytest.mark.parametrize(
    ("range_", "level", "safe"),
    [
        (TorchRange(), None, None),
        (TorchRange((2, 6), CURRENT), None, None),
        (TorchRange((2, 4), CURRENT), Level.WARNING, False),
        (TorchRange((2, 4), (2, 5)), Level.ERROR, True),
    ],
)
def test_named_parameters_are_a_fault_where_some_torch_does_not_take_them(
    range_: TorchRange, level: Level | None, safe: bool | None
) -> None:
    found = _findings(NAMED.format("SGD(model.named_parameters(), lr=0.1)"), "OPT209", range_)
    assert [finding.level for finding in found] == ([] if level is None else [level])
    for finding in found:
        assert finding.fix is not None
        assert [edit.text for edit in finding.fix.edits] == ["parameters"]
        assert (finding.fix.applicability is Applicability.SAFE) is safe
        assert ("before 2.6" in finding.message) is (level is Level.WARNING)


@pytest.mark.parametrize(
    ("made", "count"),
    [
        ("Adam(list(model.named_parameters()))", 1),
        ("AdamW([{'params': model.named_parameters()}, {'params': other.parameters()}])", 1),
        ("SGD(filter(lambda pair: pair[1].requires_grad, model.named_parameters()), lr=0.1)", 1),
        ("SGD(map(lambda pair: pair[1], model.named_parameters()), lr=0.1)", 0),
        ("SGD([p for _, p in model.named_parameters()], lr=0.1)", 0),
        ("SGD((p for n, p in model.named_parameters() if 'bias' not in n), lr=0.1)", 0),
        ("SGD(dict(model.named_parameters()).values(), lr=0.1)", 0),
        ("SGD(itertools.chain(model.parameters(), other.parameters()), lr=0.1)", 0),
        ("Adam([{'params': [p for _, p in model.named_parameters()], 'lr': 0.1}])", 0),
        ("Adam([{'params': p, 'name': n} for n, p in model.named_parameters()])", 0),
    ],
)
def test_only_pairs_of_a_name_and_a_parameter_are_meant(made: str, count: int) -> None:
    assert len(_findings(NAMED.format(made), "OPT209", TorchRange((2, 4), (2, 5)))) == count


def test_own_optimizers_may_take_names() -> None:
    own = (
        "class Mine(torch.optim.SGD):\n    def __init__(self, pairs):\n        super().__init__(dict(pairs).values())\n"
    )
    made = "model = torch.nn.Linear(2, 1)\noptimizer = Mine(model.named_parameters())\n"
    assert _findings(f"import torch\n{own}{made}", "OPT209", TorchRange((2, 4), (2, 5))) == []


ADDED = """
import torch
from torch.optim.lr_scheduler import {0}
body, head = torch.nn.Linear(2, 2), torch.nn.Linear(2, 1)
optimizer = torch.optim.SGD(body.parameters(), lr=0.1, momentum=0.9)
scheduler = {1}
optimizer.add_param_group({{"params": head.parameters()}})
for epoch in range(9):
    optimizer.zero_grad()
    head(body(torch.randn(8, 2))).mean().backward()
    optimizer.step()
    scheduler.step()
"""


@pytest.mark.parametrize(
    ("range_", "says"),
    [
        (TorchRange(), "`LambdaLR` raises ValueError at its next step: "),
        (TorchRange((2, 10), CURRENT), "`LambdaLR` raises ValueError at its next step: "),
        (TorchRange((2, 4), CURRENT), "at its next step, and on torch before 2.10 never schedules the new group: "),
        (TorchRange((2, 4), (2, 9)), "`LambdaLR` never schedules the new group: "),
    ],
)
def test_a_group_added_late_was_passed_over_in_silence_before_zip_was_strict(range_: TorchRange, says: str) -> None:
    text = ADDED.format("LambdaLR", "LambdaLR(optimizer, lambda epoch: 0.9**epoch)")
    [finding] = _findings(text, "OPT415", range_)
    assert finding.level is Level.ERROR
    assert says in finding.message


@pytest.mark.parametrize("range_", [TorchRange(), TorchRange((2, 4), (2, 9))])
def test_what_does_not_depend_on_zip_is_said_of_every_torch(range_: TorchRange) -> None:
    text = ADDED.format("OneCycleLR", "OneCycleLR(optimizer, max_lr=0.1, total_steps=9)")
    [finding] = _findings(text, "OPT415", range_)
    assert "`OneCycleLR` raises KeyError at its next step" in finding.message
