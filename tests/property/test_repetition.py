"""How often an event happens, and how long a schedule is, read from whole programs."""

from __future__ import annotations

from pathlib import Path

import pytest

from optlint.program.events import Act
from optlint.program.lower import lower
from optlint.program.objects import Scheduler
from optlint.program.program import Program
from optlint.program.project import Project, parse
from optlint.property.repetition import Repetition, repetition

BEGINNING = """\
import torch
from elsewhere import read
from tqdm import tqdm, trange
args, config, start = read(1), read(2), read(3)
loader = torch.utils.data.DataLoader(torch.randn(8, 2))
model = torch.nn.Linear(2, 2)
optimizer = torch.optim.SGD(model.parameters(), lr=0.1)
scheduler = torch.optim.lr_scheduler.CosineAnnealingLR(optimizer, T_max=LENGTH)
"""


def program(tmp_path: Path, text: str, length: str = "5") -> Program:
    path = tmp_path / "train.py"
    data = (BEGINNING.replace("LENGTH", length) + text).encode()
    path.write_bytes(data)
    module = parse(path, data)
    project = Project(lambda _data: True)
    project.add(module)
    return lower(project, module)


def stepped(tmp_path: Path, text: str) -> Repetition:
    entry = program(tmp_path, text).entries[0]
    return repetition(entry, next(entry.having(Act.SCHEDULE)))


@pytest.mark.parametrize(
    ("header", "count"),
    [
        ("for i in range(7):", "7"),
        ("for i in range(1, 7 + 1):", "7"),
        ("for i in trange(7):", "7"),
        ("for x in loader:", "len(loader)"),
        ("for i, x in enumerate(tqdm(loader)):", "len(loader)"),
        ("for i, x in tqdm(enumerate(loader), total=len(loader)):", "len(loader)"),
        ("for i in range(len(loader)):", "len(loader)"),
        ("for i in range(start, start + 9):", "9"),
        ("for i in range(start, 9):", "9"),
        ("for i in range(args.epochs):", "args.epochs"),
        ("for i in range(config['epochs']):", "epochs"),
    ],
)
def test_loops_are_as_long_as_what_they_go_through(tmp_path: Path, header: str, count: str) -> None:
    assert str(stepped(tmp_path, f"{header}\n    scheduler.step()\n").total) == count


def test_a_while_loop_has_no_known_length(tmp_path: Path) -> None:
    found = stepped(tmp_path, "while not done:\n    scheduler.step()\n")
    assert len(found.loops) == 1
    assert found.total is None


def test_a_group_of_batches_is_stepped_once(tmp_path: Path) -> None:
    text = "for i, x in enumerate(loader):\n    if (i + 1) % args.accumulate == 0:\n        scheduler.step()\n"
    found = stepped(tmp_path, text)
    assert str(found.total) == "len(loader) / args.accumulate"
    assert found.is_certain


def test_other_conditions_leave_it_open(tmp_path: Path) -> None:
    text = "for i, x in enumerate(loader):\n    if x.sum() > 3:\n        scheduler.step()\n"
    assert not stepped(tmp_path, text).is_certain


def test_a_condition_that_the_loop_does_not_change_is_no_matter(tmp_path: Path) -> None:
    text = "for i, x in enumerate(loader):\n    if args.scheduled:\n        scheduler.step()\n"
    assert stepped(tmp_path, text).is_certain


@pytest.mark.parametrize("leave", ["break", "continue"])
def test_a_loop_that_is_left_early_is_not_whole(tmp_path: Path, leave: str) -> None:
    text = f"for x in loader:\n    if x.sum() > 3:\n        {leave}\n    scheduler.step()\n"
    assert not stepped(tmp_path, text).is_whole
    assert stepped(tmp_path, "for x in loader:\n    scheduler.step()\n").is_whole


def test_a_helper_that_returns_ends_no_loop_of_its_caller(tmp_path: Path) -> None:
    text = "def one():\n    scheduler.step()\n    return 3\nfor x in loader:\n    one()\n"
    assert stepped(tmp_path, text).is_whole


@pytest.mark.parametrize(
    ("written", "length"),
    [
        ("20 * len(loader)", "20 * len(loader)"),
        ("len(loader) // 4 * 3", "3 * floor(1/4 * len(loader))"),
        ("int(len(loader) * 2)", "2 * len(loader)"),
        ("max(1, len(loader))", "len(loader)"),
        ("args.epochs * len(loader)", "args.epochs * len(loader)"),
    ],
)
def test_a_schedule_is_as_long_as_it_is_written(tmp_path: Path, written: str, length: str) -> None:
    text = "for x in loader:\n    scheduler.step()\n"
    entry = program(tmp_path, text, written).entries[0]
    [scheduler] = [each for each in entry.objects() if isinstance(each, Scheduler)]
    argument = scheduler.constructions[0].given("T_max", 1)
    assert argument is not None
    assert str(argument.length) == length


def test_numbers_of_an_object_are_known_where_they_are_set_once(tmp_path: Path) -> None:
    text = """\
class Trainer:
    def __init__(self):
        self.epochs = 12
        self.rounds = 3
    def fit(self):
        for _ in range(self.epochs):
            scheduler.step()
        for _ in range(self.rounds):
            scheduler.step()
    def more(self):
        self.rounds += 1
Trainer().fit()
"""
    entry = program(tmp_path, text).entries[0]
    totals = [str(repetition(entry, event).total) for event in entry.having(Act.SCHEDULE)]
    assert totals == ["12", "rounds"]
