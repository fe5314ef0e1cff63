"""What a file calls a scheduler is taken for one of torch, unless a class of the file writes rates itself."""

from __future__ import annotations

from pathlib import Path

import pytest

from optlint.program.events import Act
from optlint.program.lower import lower
from optlint.program.project import Project, parse

LOOP = """
import torch

{own}

def fit(model, loader, optimizer, scheduler, epochs):
    for epoch in range(epochs):
        for inputs, targets in loader:
            optimizer.step()
        scheduler.step()
"""
OWN = """
class Rates{bases}:
    def {method}(self):
        for group in self.optimizer.{written}:
            group["lr"] *= 0.9
"""


def schedule_steps(own: str) -> int:
    project = Project(lambda _data: True)
    module = parse(Path("train.py").absolute(), LOOP.format(own=own).encode())
    project.add(module)
    program = lower(project, module)
    return sum(len(list(entry.having(Act.SCHEDULE))) for entry in program.entries)


@pytest.mark.parametrize(
    ("own", "taken"),
    [
        ("", True),
        (OWN.format(bases="", method="step", written="param_groups"), False),
        (OWN.format(bases="(object)", method="step", written="param_groups"), False),
        (OWN.format(bases="(torch.optim.SGD)", method="step", written="param_groups"), True),
        (OWN.format(bases="", method="reset", written="param_groups"), True),
        (OWN.format(bases="", method="step", written="others"), True),
    ],
)
def test_an_argument_is_a_scheduler_by_its_name_alone_where_nothing_speaks_against_it(own: str, taken: bool) -> None:
    assert bool(schedule_steps(own)) is taken


def test_what_is_made_of_an_optimizer_is_a_scheduler_all_the_same() -> None:
    own = OWN.format(bases="", method="step", written="param_groups")
    made = f"{own}\nfrom elsewhere import make\n"
    head = "epochs):\n    optimizer = torch.optim.SGD(model.parameters(), lr=0.1)\n    scheduler = make(optimizer)"
    text = LOOP.replace("optimizer, scheduler, epochs):", head)
    project = Project(lambda _data: True)
    module = parse(Path("train.py").absolute(), text.format(own=made).encode())
    project.add(module)
    program = lower(project, module)
    assert any(True for entry in program.entries for _ in entry.having(Act.SCHEDULE))
