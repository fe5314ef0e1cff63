"""Traces of optimizers that have detached tensors, or the group dicts of another optimizer."""

from __future__ import annotations

import pytest

pytest.importorskip("torch", reason="a replay needs torch")

import torch

from optlint.replay.recorder import Recorder
from optlint.replay.trace import Trace

_RUN = """
for _ in range(2):
    optimizer.zero_grad()
    model(torch.ones(3, 2)).sum().backward()
    optimizer.step()
"""


def traced(body: str) -> Trace:
    with Recorder(most_updates=50) as recorder:
        exec(compile(body, "<replay>", "exec"), {"torch": torch})
    return recorder.trace()


def detached(given: str, run: str = _RUN) -> tuple[str, ...]:
    made = f"model = torch.nn.Linear(2, 2)\nparameters = {given}\noptimizer = torch.optim.SGD(parameters, lr=0.1)\n"
    return traced(made + run).updates[-1].detached


@pytest.mark.parametrize(
    "given",
    [
        "[p.data for p in model.parameters()]",
        "list(model.state_dict().values())",
        "[p.detach().clone().requires_grad_() for p in model.parameters()]",
        "[torch.nn.Parameter(p.data) for p in model.parameters()]",
        "[p.detach().half() for p in model.half().float().parameters()]",
    ],
)
def test_what_is_detached_leaves_parameters_out(given: str) -> None:
    assert detached(given) == ("model.bias", "model.weight")


def test_parameters_that_an_optimizer_has_are_not_left_out() -> None:
    assert detached("list(model.parameters())") == ()
    assert detached("[model.weight, model.bias.data]") == ("model.bias",)


def test_tensors_of_their_own_are_detached_from_nothing() -> None:
    assert detached("[torch.randn(2, 2, requires_grad=True)]") == ()


def test_new_biases_are_like_each_other_and_found_only_beside_others() -> None:
    zeros = "[torch.zeros(2, requires_grad=True)]"
    cleared = "\ntorch.nn.init.zeros_(model.bias)\noptimizer = torch.optim.SGD(parameters, lr=0.1)" + _RUN
    assert detached(zeros, cleared) == ()


def test_gradients_by_hand_make_detached_tensors_right() -> None:
    by_hand = _RUN.replace(
        "    optimizer.step()\n",
        "    for p, q in zip(parameters, model.parameters()):\n        p.grad = q.grad\n    optimizer.step()\n",
    )
    assert detached("[p.data for p in model.parameters()]", by_hand) == ()


def inherited(second: str, between: str = "") -> list[tuple[str, ...]]:
    body = f"""
model = torch.nn.Linear(2, 2)
groups = [{{"params": list(model.parameters()), "dampening": 0.5}}]
first = torch.optim.SGD(groups, lr=0.5)
{between}
optimizer = torch.optim.{second}
"""
    return [group.inherited for group in traced(body + _RUN).things[-1].groups]


@pytest.mark.parametrize(
    ("second", "options"),
    [
        ("AdamW(groups, lr=0.01, weight_decay=0.1)", ("lr", "weight_decay")),
        ("AdamW(first.param_groups, lr=0.5, weight_decay=0)", ()),
        ("SGD(groups, lr=0.5, dampening=0.1)", ()),
        ('SGD([{"params": group["params"]} for group in groups], lr=0.1)', ()),
    ],
)
def test_options_are_inherited_with_the_dict(second: str, options: tuple[str, ...]) -> None:
    assert inherited(second) == [options]


def test_what_is_written_by_hand_is_not_inherited() -> None:
    assert inherited("SGD(groups, lr=0.1)", 'groups[0]["lr"] = 0.2') == [()]
