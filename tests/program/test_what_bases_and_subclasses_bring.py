"""What classes leave to others: parameters that an unknown base class gives, and methods that subclasses define."""

from __future__ import annotations

from pathlib import Path

import pytest

from optlint.program.events import Act
from optlint.program.lower import lower
from optlint.program.objects import Optimizer
from optlint.program.program import Entry
from optlint.program.project import Project, parse
from optlint.property.succession import may_follow


def entries_of(folder: Path, text: str) -> dict[str, Entry]:
    module = parse(folder / "train.py", text.encode())
    project = Project(lambda _data: True)
    project.add(module)
    return {entry.name: entry for entry in lower(project, module).entries}


@pytest.mark.parametrize(("base", "used"), [("elsewhere.Process", 2), ("object", 0), ("", 0)])
def test_a_base_class_gives_its_parameters_once(tmp_path: Path, base: str, used: int) -> None:
    text = f"""
import torch, elsewhere
class Regression({base}):
    def predict(self, x):
        return self.mean(x)
def fit():
    taken = Regression().parameters()
    optimizer = torch.optim.Adam(taken)
    torch.nn.utils.clip_grad_norm_(taken, 1.0)
    optimizer.step()
"""
    entry = entries_of(tmp_path, text)["fit"]
    assert len(list(entry.having(Act.CONSUME))) == used
    [optimizer] = entry.optimizers
    assert isinstance(optimizer, Optimizer)
    assert not optimizer.complete
    assert not optimizer.sources


@pytest.mark.parametrize(
    ("body", "goes_on"),
    [
        ("raise NotImplementedError", True),
        ('"""Return it."""\n        raise NotImplementedError("model")', True),
        ('raise RuntimeError("closed")', False),
        ("print(1)\n        raise NotImplementedError", False),
    ],
)
def test_what_a_subclass_is_to_define_does_not_end_the_program(tmp_path: Path, body: str, goes_on: bool) -> None:
    text = f"""
import torch
class Trial:
    def network(self):
        {body}
    def fit(self):
        spare = torch.optim.SGD([torch.zeros(1)], lr=0.1)
        net = self.network()
        torch.optim.SGD(net.parameters(), lr=0.1).step()
"""
    entry = entries_of(tmp_path, text)["Trial.fit"]
    [made, *_] = (event for event in entry.having(Act.NEW) if isinstance(event.subjects[0], Optimizer))
    [step] = entry.having(Act.STEP)
    assert may_follow(entry, made, step) is goes_on
