"""How many parameter groups an optimizer is made with, where that is known."""

from __future__ import annotations

from pathlib import Path

import pytest

from optlint.program.lower import lower
from optlint.program.project import Project, parse


@pytest.mark.parametrize(
    ("given", "groups"),
    [
        ("model.parameters()", 1),
        ("[{'params': model.parameters()}]", 1),
        ("[{'params': model.parameters()}, {'params': other.parameters(), 'lr': 0.1}]", 2),
        ("groups", None),
        ("make_groups(model)", None),
    ],
)
def test_groups_are_counted_where_they_are_written_out(tmp_path: Path, given: str, groups: int | None) -> None:
    text = f"""\
import torch
from elsewhere import make_groups
model, other = torch.nn.Linear(2, 2), torch.nn.Linear(2, 2)
groups = []
for part in (model, other, model):
    groups.append({{"params": part.parameters()}})
optimizer = torch.optim.SGD({given}, lr=0.1)
optimizer.step()
"""
    path = tmp_path / "train.py"
    path.write_text(text)
    module = parse(path, text.encode())
    project = Project(lambda _data: True)
    project.add(module)
    [optimizer] = lower(project, module).entries[0].optimizers
    assert optimizer.groups == groups
