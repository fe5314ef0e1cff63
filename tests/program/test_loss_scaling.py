"""Which backwards and steps are a gradient scaler's, through variables, helpers and other packages' protocols."""

from __future__ import annotations

from pathlib import Path
from textwrap import dedent, indent

import pytest

from optlint.program.events import Act, Event
from optlint.program.lower import lower
from optlint.program.project import Project, parse

HEAD = """\
import torch
from torch import nn
from torch.cuda.amp import GradScaler

def double(loss):
    return 2 * loss

net = nn.Linear(3, 1)
optimizer = torch.optim.SGD(net.parameters(), lr=0.1)
scaler = GradScaler()
for x in batches:
    loss = net(x).mean()
"""


def events(tmp_path: Path, body: str, head: str = HEAD) -> list[Event]:
    path = tmp_path / "train.py"
    path.write_text(head + indent(dedent(body), "    "))
    module = parse(path, path.read_bytes())
    project = Project(lambda _data: True)
    project.add(module)
    [entry] = lower(project, module).entries
    return list(entry.events)


@pytest.mark.parametrize(
    ("body", "detail"),
    [
        ("loss.backward()", ""),
        ("scaler.scale(loss).backward()", "scaled"),
        ("scaled = scaler.scale(loss / 4)\nscaled.backward()", "scaled"),
        ("(scaler.scale(loss) / 4).backward()", "scaled"),
        ("double(scaler.scale(loss)).backward()", "scaled"),
        ("torch.autograd.backward(scaler.scale(loss))", "scaled"),
        ("torch.autograd.backward([scaler.scale(loss), scaler.scale(loss)])", "scaled"),
        ("(scaler.scale(loss) + loss).backward()", "maybe scaled"),
        ("(loss * scaler.get_scale()).backward()", "maybe scaled"),
        ("(scaler.scale(loss) / scaler.get_scale()).backward()", "maybe scaled"),
        ("if mixed:\n    loss = scaler.scale(loss)\nloss.backward()", "maybe scaled"),
        ("accelerator.backward(loss)", "maybe scaled"),
        ("with amp.scale_loss(loss, optimizer) as scaled:\n    scaled.backward()", ""),
        (
            "from apex import amp\nwith amp.scale_loss(loss, optimizer) as scaled:\n    scaled.backward()",
            "maybe scaled",
        ),
    ],
)
def test_a_backward_tells_whether_its_loss_is_scaled(tmp_path: Path, body: str, detail: str) -> None:
    [found] = [event for event in events(tmp_path, body) if event.act is Act.BACKWARD]
    assert found.detail == detail
    assert (found.scaler is not None) == (detail == "scaled")


def test_a_scaler_that_is_switched_off_scales_nothing(tmp_path: Path) -> None:
    head = HEAD.replace("GradScaler()", "GradScaler(enabled=False)")
    [found] = [e for e in events(tmp_path, "scaler.scale(loss).backward()", head) if e.act is Act.BACKWARD]
    assert found.detail == ""


@pytest.mark.parametrize(
    ("made", "enabled"),
    [("GradScaler()", True), ("GradScaler(enabled=args.amp)", None), ("GradScaler(1.0, 2.0, 0.5, 9, False)", False)],
)
def test_a_step_knows_the_scaler_that_makes_it(tmp_path: Path, made: str, enabled: bool | None) -> None:
    head = HEAD.replace("GradScaler()", made)
    by_scaler, directly = (
        event for event in events(tmp_path, "scaler.step(optimizer)\noptimizer.step()", head) if event.act is Act.STEP
    )
    assert by_scaler.detail == "scaler"
    assert by_scaler.scaler is not None
    assert by_scaler.scaler.enabled is enabled
    assert (directly.detail, directly.scaler) == ("", None)


def test_a_gradient_that_is_changed_in_its_place_is_no_cleared_one(tmp_path: Path) -> None:
    body = "for p in net.parameters():\n    p.grad.data.mul_(0.5)\n    p.grad /= 2\n    p.grad.zero_()"
    acts = [event.act for event in events(tmp_path, body)]
    assert acts.count(Act.CHANGE_GRADIENT) == 2
    assert acts.count(Act.CLEAR) == 1
