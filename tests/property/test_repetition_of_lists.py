"""A loop over a list that is written out may be left early as any other one, and leaves those around it whole."""

from __future__ import annotations

from pathlib import Path

from optlint.program.events import Act
from optlint.program.lower import lower
from optlint.program.project import Project, parse
from optlint.property.repetition import Repetition, repetition

TEXT = """\
import torch
sizes = [8, 1, 8]
model = torch.nn.Linear(2, 2)
optimizer = torch.optim.SGD(model.parameters(), lr=0.1)
scheduler = torch.optim.lr_scheduler.StepLR(optimizer, 5)
for epoch in range(6):
    for size in sizes:
        if torch.rand(1) < 0.5:
            continue
        optimizer.step()
    scheduler.step()
"""


def repeated(tmp_path: Path, act: Act) -> Repetition:
    path = tmp_path / "train.py"
    module = parse(path, TEXT.encode())
    project = Project(lambda _data: True)
    project.add(module)
    entry = lower(project, module).entries[0]
    return repetition(entry, next(entry.having(act)))


def test_a_skipped_element_leaves_the_loop_around_whole(tmp_path: Path) -> None:
    assert repeated(tmp_path, Act.SCHEDULE).is_whole


def test_what_a_skipped_element_was_to_do_is_not_whole(tmp_path: Path) -> None:
    assert not repeated(tmp_path, Act.STEP).is_whole
