"""What begins must come to something: the pattern of use on small programs."""

from __future__ import annotations

from pathlib import Path
from textwrap import dedent

import pytest

from optlint.program.lower import lower
from optlint.program.project import Project, parse
from optlint.property.alphabet import OPTIMIZER, SCHEDULER, backward, new, step
from optlint.property.used import Used

STEPPED = Used(begun=new(SCHEDULER), use=step(SCHEDULER))
APPLIED = Used(begun=backward(OPTIMIZER), use=step(OPTIMIZER))
_HEAD = """\
import torch
from elsewhere import mystery
net = torch.nn.Linear(2, 1)
opt = torch.optim.SGD(net.parameters(), lr=0.1)
sched = torch.optim.lr_scheduler.StepLR(opt, 3)
"""


def broken(folder: Path, used: Used, body: str) -> bool:
    path = folder / "train.py"
    module = parse(path, (_HEAD + dedent(body)).encode())
    project = Project(lambda _data: True)
    project.add(module)
    return bool(list(used.find(lower(project, module))))


@pytest.mark.parametrize(
    ("body", "expected"),
    [
        ("opt.step()", True),
        ("opt.step()\nsched.step()", False),
        ("if mystery():\n    sched.step()", False),
        ("def later():\n    sched.step()\nlater()", False),
        ("mystery(sched)", False),
        ("mystery(opt)", False),
        ("mystery(net)", True),
    ],
)
def test_a_scheduler_is_of_use_where_any_path_steps_it(tmp_path: Path, body: str, expected: bool) -> None:
    assert broken(tmp_path, STEPPED, body) is expected


@pytest.mark.parametrize(
    ("body", "expected"),
    [
        ("net(1).sum().backward()", True),
        ("net(1).sum().backward()\nopt.step()", False),
        ("opt.step()\nnet(1).sum().backward()", False),
        ("net(1).sum().backward()\nmystery(net)", False),
        ("while mystery():\n    net(1).sum().backward()\n    mystery(net)", False),
        ("while mystery():\n    net(1).sum().backward()\nmystery(net)", True),
        ("print(net)", False),
    ],
)
def test_gradients_are_of_use_where_the_optimizer_steps_or_the_model_goes_elsewhere(
    tmp_path: Path, body: str, expected: bool
) -> None:
    assert broken(tmp_path, APPLIED, body) is expected
