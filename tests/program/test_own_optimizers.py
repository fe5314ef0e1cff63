"""What the program model sees in the `step` of optimizer classes of the project, and in learned tensors and groups."""

from __future__ import annotations

from pathlib import Path

import pytest

from optlint.program.events import Act, Event
from optlint.program.lower import lower
from optlint.program.project import Project, parse

_HEAD = """\
import torch
from torch import nn
from elsewhere import unknown


class Own(torch.optim.Optimizer):
    def __init__(self, params, inner=None):
        super().__init__(params, {{}})
        self.inner = inner

    def step(self, closure=None):
{step}


model = nn.Linear(2, 1)
optimizer = Own(model.parameters())
"""
_BY_HAND = "for group in self.param_groups:\n    for p in group['params']:\n        p.data.add_(p.grad, alpha=-0.1)"
_CLEARS = f"{_BY_HAND}\nfor p in self.param_groups[0]['params']:\n    p.grad = None"


def events_of(folder: Path, text: str, *acts: Act) -> list[Event]:
    project = Project(lambda _data: True)
    module = parse(folder / "main.py", text.encode())
    project.add(module)
    return list(lower(project, module).entries[0].having(*acts))


def _acts(folder: Path, step: str) -> list[Act]:
    body = "\n".join(f"        {line}" for line in step.splitlines())
    text = _HEAD.format(step=body) + "optimizer.step()\n"
    return [each.act for each in events_of(folder, text, Act.STEP, Act.CLEAR, Act.BACKWARD)]


@pytest.mark.parametrize(
    ("step", "acts"),
    [
        (_BY_HAND, [Act.STEP]),
        (f"with torch.no_grad():\n    {_BY_HAND.replace(chr(10), chr(10) + '    ')}", [Act.STEP]),
        ("return self.inner.step()", [Act.STEP]),
        ("super().step()", [Act.STEP]),
        (_CLEARS, [Act.STEP, Act.CLEAR]),
        (f"if self.inner is None:\n    return\n{_BY_HAND}", []),
        ("if self.inner is not None:\n    self.inner.step()", []),
        ("unknown(self)", []),
        ("self.last = closure", []),
    ],
)
def test_the_step_of_an_own_class_is_one_where_it_surely_makes_an_update(
    tmp_path: Path, step: str, acts: list[Act]
) -> None:
    assert _acts(tmp_path, step) == acts


def test_what_is_computed_of_a_learned_tensor_is_no_reference_to_it(tmp_path: Path) -> None:
    text = (
        "import torch\nfrom elsewhere import unknown\n"
        "image = torch.rand(3).clone().requires_grad_()\noptimizer = torch.optim.Adam([image])\n"
    )
    assert events_of(tmp_path, f"{text}unknown(image)\n", Act.ESCAPE)
    assert events_of(tmp_path, f"{text}unknown(image - 1.0)\n", Act.ESCAPE) == []
    [gradient] = events_of(tmp_path, f"{text}(image - 1.0).square().sum().backward()\n", Act.BACKWARD)
    assert [model.label for model in gradient.models()] == ["image"]


@pytest.mark.parametrize(("read", "given_away"), [("group.get('decay', 1.0)", False), ("group.get('params')", True)])
def test_a_number_of_a_group_gives_nothing_away(tmp_path: Path, read: str, given_away: bool) -> None:
    text = _HEAD.format(step="        pass") + f"for group in optimizer.param_groups:\n    {read}\n"
    assert bool(events_of(tmp_path, text, Act.ESCAPE)) is given_away
