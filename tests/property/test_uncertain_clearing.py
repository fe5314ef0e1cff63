"""A function that is handed its optimizer: whose gradients a clearing clears is sure with one network, not with two."""

from __future__ import annotations

from pathlib import Path

import pytest

from optlint.program.lower import lower
from optlint.program.project import Project, parse
from optlint_rules.order.zero_grad_before_step import RULE

_LOOP = """\
import torch
from elsewhere import build
def forget(it):
    it.zero_grad()
def train({arguments}):
    {before}
    for x, y in loader:
        loss = {loss}
        loss.backward()
        {clearing}
        optimizer.step()
"""


def _reports(folder: Path, arguments: str, loss: str, clearing: str, before: str = "pass") -> bool:
    text = _LOOP.format(arguments=arguments, loss=loss, clearing=clearing, before=before)
    module = parse(folder / "train.py", text.encode())
    project = Project(lambda _data: True)
    project.add(module)
    return bool(list(RULE.property.find(lower(project, module))))


@pytest.mark.parametrize("clearing", ["net.zero_grad()", "forget(net)", "optimizer.zero_grad()"])
@pytest.mark.parametrize("loss", ["criterion(net(x), y)", "criterion(net.head(net.body(x)), y)", "net(x, labels=y)[0]"])
def test_one_network_is_the_optimizers(tmp_path: Path, clearing: str, loss: str) -> None:
    assert _reports(tmp_path, "net, optimizer, loader, criterion", loss, clearing)


@pytest.mark.parametrize("clearing", ["net.zero_grad()", "forget(net)"])
@pytest.mark.parametrize(
    "loss", ["criterion(net(x), other(x))", "criterion(net(other(x)), y)", "other.forward(x, net)"]
)
def test_of_two_networks_either_may_be_the_optimizers(tmp_path: Path, clearing: str, loss: str) -> None:
    assert not _reports(tmp_path, "net, other, optimizer, loader, criterion", loss, clearing)


def test_another_unknown_optimizer_clears_what_is_not_known(tmp_path: Path) -> None:
    assert not _reports(tmp_path, "net, other, optimizer, optimizer_two, loader", "net(x)", "optimizer_two.zero_grad()")


@pytest.mark.parametrize(("held", "expected"), [("net", True), ("other", False)])
def test_what_an_unknown_optimizer_was_seen_to_be_given_decides(tmp_path: Path, held: str, expected: bool) -> None:
    before = f"net, other = torch.nn.Linear(2, 1), torch.nn.Linear(2, 1); optimizer = build({held}.parameters())"
    assert _reports(tmp_path, "loader", "net(x) + other(x)", "net.zero_grad()", before) is expected


def test_what_one_name_stands_for_is_cleared_and_stepped_alike(tmp_path: Path) -> None:
    before = (
        "net = torch.nn.Linear(2, 1)\n    optimizer = torch.optim.SGD([{'params': net.parameters()}, *build()])\n"
        "    if build():\n        optimizer = build(optimizer)"
    )
    assert _reports(tmp_path, "loader", "net(x)", "optimizer.zero_grad()", before)
