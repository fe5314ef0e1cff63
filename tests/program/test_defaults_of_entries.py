"""Functions and constructors that nobody in the file calls: a default is one value of its parameter among others."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from textwrap import dedent

import pytest

from optlint.program.events import Act
from optlint.program.lower import lower
from optlint.program.program import Entry
from optlint.program.project import Project, parse
from optlint.program.regions import Branch, Guard, Region, children
from optlint.program.values import Const

TRAINER = """
import torch

class Trainer:
    def __init__(self, model, lr=0.1, fp16=False):
        self.model = model
        self.fp16 = fp16
        self.optimizer = torch.optim.SGD(model.parameters(), lr=lr)
        if fp16:
            self.scaler = torch.amp.GradScaler("cuda")

    def train(self, batches):
        for x in batches:
            self.optimizer.zero_grad()
            loss = self.model(x)
            if self.fp16:
                self.scaler.scale(loss).backward()
            else:
                loss.backward()
            self.update(self.fp16)

    def update(self, mixed):
        if not mixed:
            self.optimizer.step()
        else:
            self.scaler.step(self.optimizer)
            self.scaler.update()
"""
BOTH = {"", "scaled"}


def entries_of(folder: Path, text: str) -> dict[str, Entry]:
    module = parse(folder / "train.py", dedent(text).encode())
    project = Project(lambda _data: True)
    project.add(module)
    return {entry.name: entry for entry in lower(project, module).entries}


def branches(region: Region) -> Iterator[Branch]:
    if isinstance(region, Branch):
        yield region
    for inner in children(region):
        yield from branches(inner)


def guards(entry: Entry) -> list[Guard | None]:
    return [branch.guard for branch in branches(entry.region)]


def details(entry: Entry, act: Act) -> set[str]:
    return {event.detail for event in entry.having(act)}


def test_both_arms_of_a_flag_are_followed_where_nobody_makes_the_object(tmp_path: Path) -> None:
    entry = entries_of(tmp_path, TRAINER)["Trainer.train"]
    assert details(entry, Act.BACKWARD) == BOTH
    assert details(entry, Act.STEP) == {"", "scaler"}


@pytest.mark.parametrize(
    ("made", "scaled"),
    [("Trainer(net)", {""}), ("Trainer(net, fp16=True)", {"scaled"}), ("Trainer(net, fp16=args.fp16)", BOTH)],
)
def test_what_the_program_gives_is_what_a_flag_is(made: str, scaled: set[str], tmp_path: Path) -> None:
    program = f"from options import net, parse\nargs = parse()\n{made}.train(args.batches)\n"
    entry = entries_of(tmp_path, f"{TRAINER}\n{program}")["<module>"]
    assert details(entry, Act.BACKWARD) == scaled


def test_methods_that_the_program_leaves_out_have_its_object(tmp_path: Path) -> None:
    entries = entries_of(tmp_path, f"{TRAINER}\nfrom options import net\ntrainer = Trainer(net)\n")
    assert details(entries["Trainer.train"], Act.BACKWARD) == {""}


def test_an_object_that_only_subclasses_are_made_of_is_nobodys(tmp_path: Path) -> None:
    fit = "def fit(self, batches):\n        self.optimizer.zero_grad()\n        self.train(batches)"
    text = f"{TRAINER}\nclass Faster(Trainer):\n    {fit}\n"
    assert details(entries_of(tmp_path, text)["Faster.fit"], Act.BACKWARD) == BOTH


@pytest.mark.parametrize("parameters", ["use_amp=False", "*, use_amp: bool = False", "use_amp=OFF", "use_amp='no'"])
def test_functions_and_constructors_are_entered_alike(parameters: str, tmp_path: Path) -> None:
    text = f"""
    import torch
    OFF = False

    def train(model, loss, {parameters}):
        optimizer = torch.optim.SGD(model.parameters(), lr=0.1)
        scaler = torch.amp.GradScaler("cuda")
        mixed = use_amp == "yes" if {"'no'" in parameters} else use_amp
        if mixed:
            scaler.scale(loss).backward()
        else:
            loss.backward()
        optimizer.step()
    """
    assert details(entries_of(tmp_path, text)["train"], Act.BACKWARD) == BOTH


def test_one_flag_is_asked_for_by_any_of_its_names(tmp_path: Path) -> None:
    found = guards(entries_of(tmp_path, TRAINER)["Trainer.train"])
    assert len(found) == 3
    assert None not in found
    assert len({guard.subject for guard in found if guard is not None}) == 1


def test_flags_of_one_name_are_two_where_they_are_two(tmp_path: Path) -> None:
    other = TRAINER.replace("def train(self, batches)", "def train(self, batches, fp16=False)")
    found = guards(entries_of(tmp_path, other.replace("self.update(self.fp16)", "self.update(fp16)"))["Trainer.train"])
    subjects = [guard.subject for guard in found if guard is not None]
    assert len(subjects) == 3
    assert subjects[0] == subjects[1] != subjects[2]


def test_an_attribute_that_a_loop_turns_around_is_asked_anew_in_each_iteration(tmp_path: Path) -> None:
    text = TRAINER.replace("self.update(self.fp16)", "self.update(self.fp16)\n            self.fp16 = x.ready")
    entry = entries_of(tmp_path, text)["Trainer.train"]
    assert all(guard is not None and guard.variables for guard in guards(entry)[:2])


def test_a_number_is_the_one_by_default_and_conditions_on_it_are_open(tmp_path: Path) -> None:
    text = """
    import torch

    def train(model, loss, period=30, each=1):
        optimizer = torch.optim.SGD(model.parameters(), lr=0.1)
        scheduler = torch.optim.lr_scheduler.StepLR(optimizer, period)
        loss.backward()
        if 2 * each == 2:
            optimizer.step()
            scheduler.step()
    """
    entry = entries_of(tmp_path, text)["train"]
    [scheduler] = entry.schedulers
    [made] = scheduler.constructions
    argument = made.given("step_size", 1)
    assert argument is not None
    assert argument.value == Const(30)
    assert argument.length is not None
    assert argument.length.number == 30
    assert len(list(branches(entry.region))) == 1


GIVEN = """
import torch

def update(optimizer, its):
    if its:
        its.step(optimizer)
    else:
        optimizer.step()

def train(model, loss, optimizer=None, scaler=None):
    {first}
    if scaler is not None:
        scaler.scale(loss).backward()
    else:
        loss.backward()
    update(optimizer, scaler)
"""


def test_what_callers_may_give_is_given_or_not_everywhere(tmp_path: Path) -> None:
    entry = entries_of(tmp_path, GIVEN.format(first="pass"))["train"]
    assert details(entry, Act.BACKWARD) == BOTH
    asked = list(branches(entry.region))
    assert len(asked) == 2
    assert asked[0].guard == asked[1].guard
    assert asked[0].positive is asked[1].positive is False


@pytest.mark.parametrize(
    "first",
    [
        "if optimizer is None:\n        optimizer = torch.optim.SGD(model.parameters(), lr=0.1)",
        "optimizer = optimizer or torch.optim.SGD(model.parameters(), lr=0.1)",
        "optimizer = torch.optim.SGD(model.parameters(), lr=0.1) if optimizer is None else optimizer",
    ],
)
def test_what_a_function_makes_where_nothing_is_given_is_what_it_has(first: str, tmp_path: Path) -> None:
    entry = entries_of(tmp_path, GIVEN.format(first=first))["train"]
    [optimizer] = {subject for event in entry.having(Act.STEP) for subject in event.subjects}
    assert optimizer.place is not None
    assert optimizer.label == "optimizer"
