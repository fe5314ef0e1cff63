"""What the program model knows of modules that only their use tells, of dicts of modules, and of their gradients."""

from __future__ import annotations

from pathlib import Path

from optlint.program.events import Act, Event
from optlint.program.lower import lower
from optlint.program.project import Project, parse

_HEAD = """
import torch
from torch import nn
from elsewhere import build
"""


def events_of(tmp_path: Path, body: str, *acts: Act) -> list[Event]:
    project = Project(lambda _data: True)
    module = parse(tmp_path / "main.py", (_HEAD + body).encode())
    project.add(module)
    return list(lower(project, module).entries[0].having(*acts))


def test_a_move_above_the_first_sign_of_a_module_is_known(tmp_path: Path) -> None:
    body = "net = build()\nnet.half()\noptimizer = torch.optim.Adam(net.parameters())\n"
    found = events_of(tmp_path, body, Act.MOVE, Act.NEW)
    assert [(each.act, each.detail) for each in found][:1] == [(Act.MOVE, "half")]


def test_a_move_in_another_block_stays_unknown(tmp_path: Path) -> None:
    body = "net = build()\nif build():\n    net.half()\noptimizer = torch.optim.Adam(net.parameters())\n"
    assert events_of(tmp_path, body, Act.MOVE) == []


def test_modules_in_a_dict_are_parts_of_it(tmp_path: Path) -> None:
    body = (
        "trunk = nn.Linear(2, 2)\nwhole = nn.ModuleDict({'trunk': trunk, 'head': nn.Linear(2, 1)})\n"
        "whole['head'](trunk(torch.ones(2))).backward()\n"
    )
    [gradient] = events_of(tmp_path, body, Act.BACKWARD)
    assert [model.attribute for model in gradient.models()] == ["['trunk']", "['head']"]


def test_what_is_done_to_gradients_is_done_to_no_module(tmp_path: Path) -> None:
    body = "net = nn.Linear(2, 2)\nnet.weight.grad.data.clamp_(-1, 1)\nprint(net.bias.grad.norm())\n"
    assert events_of(tmp_path, body, Act.ESCAPE) == []
    assert [each.act for each in events_of(tmp_path, body, Act.CHANGE_GRADIENT)] == [Act.CHANGE_GRADIENT]
