"""What the program model knows of detached tensors, and of group dicts that several optimizers share."""

from __future__ import annotations

from pathlib import Path

import pytest

from optlint.program.events import Act
from optlint.program.lower import lower
from optlint.program.program import Entry
from optlint.program.project import Project, parse
from optlint.property.succession import may_follow

_HEAD = """
import copy
import torch
from torch import nn
from torch.optim import Adam, SGD
model = nn.Linear(2, 2)
"""


def entry_of(tmp_path: Path, body: str) -> Entry:
    path = tmp_path / "main.py"
    project = Project(lambda _data: True)
    module = parse(path, (_HEAD + body).encode())
    project.add(module)
    return lower(project, module).entries[0]


@pytest.mark.parametrize(
    ("given", "how"),
    [
        ("model.state_dict().values()", ["state_dict"]),
        ("[v for _, v in model.state_dict().items()]", ["state_dict"]),
        ("list(p.data for p in model.parameters())", ["data"]),
        ("[p.data.clone().requires_grad_() for p in model.parameters()]", ["data"]),
        ("[p.detach().float() for p in model.parameters()]", ["detach"]),
        ("copy.deepcopy(list(model.parameters()))", ["deepcopy"]),
        ('[{"params": [p.detach() for p in model.parameters()]}]', ["detach"]),
        ("[p for p in model.parameters()]", []),
        ("model.state_dict(keep_vars=True).values()", []),
        ("model.state_dict()", []),
        ("[nn.Parameter(p.data) for p in model.parameters()]", []),
        ("[torch.randn(2).requires_grad_()]", []),
    ],
)
def test_tensors_without_a_graph_are_noticed_where_an_optimizer_is_given_them(
    tmp_path: Path, given: str, how: list[str]
) -> None:
    entry = entry_of(tmp_path, f"optimizer = SGD({given}, lr=0.1)\noptimizer.step()\n")
    assert [event.detail for event in entry.having(Act.DETACHED)] == how


def test_a_group_dict_keeps_its_parameters_for_the_next_optimizer(tmp_path: Path) -> None:
    body = 'groups = [{"params": model.parameters()}]\na = SGD(groups, lr=0.1)\nb = SGD(groups, lr=0.2)\n'
    entry = entry_of(tmp_path, body)
    first, second = entry.optimizers
    assert [event.detail for event in entry.having(Act.CONSUME)] == ["kept"]
    assert first.given[0].serial == second.given[0].serial
    assert (first.given[0].one_shot, second.given[0].one_shot) == (True, False)
    assert second.sources == first.sources


def test_shallow_copies_of_dicts_are_others_and_copies_of_lists_hold_the_same(tmp_path: Path) -> None:
    body = """
groups = [{"params": list(model.parameters())}]
a = SGD([copy.copy(group) for group in groups], lr=0.1)
b = SGD(copy.copy(groups), lr=0.1)
c = SGD(groups, lr=0.1)
d = SGD(c.param_groups, lr=0.1)
"""
    a, b, c, d = entry_of(tmp_path, body).optimizers
    assert a.given[0].serial != c.given[0].serial == b.given[0].serial
    assert d.taken_from == (c,)


@pytest.mark.parametrize(
    ("body", "follows"),
    [
        ("a = SGD(model.parameters(), lr=1)\nb = Adam(model.parameters())\n", True),
        ("def make(k):\n    if k:\n        return SGD(model.parameters(), lr=1)\n    return Adam(model.parameters())\n"
         "o = make(input())\no.step()\n", False),
        ("for _ in range(3):\n    b = Adam(model.parameters())\n    a = SGD(model.parameters(), lr=1)\n", True),
    ],
)  # fmt: skip
def test_events_of_exclusive_arms_do_not_follow_each_other(tmp_path: Path, body: str, follows: bool) -> None:
    entry = entry_of(tmp_path, body)
    made = {ast_name(event): event for event in entry.having(Act.NEW)}
    assert may_follow(entry, made["SGD"], made["Adam"]) is follows


def ast_name(event: object) -> str:
    return str(getattr(getattr(event.place.node, "func", None), "id", ""))  # type: ignore[attr-defined]
