"""Events of modes, of sharding, and of backwards from leaves."""

from __future__ import annotations

from pathlib import Path

import pytest

from optlint.program.dump import dump_file

_HEAD = """
import torch
from torch import nn
from torch.distributed.fsdp import FullyShardedDataParallel as FSDP, fully_shard

model = nn.Linear(2, 1)
optimizer = torch.optim.SGD(model.parameters(), lr=0.1)
"""


def shown(text: str) -> list[str]:
    lines = dump_file(Path("train.py"), (_HEAD + text).encode()).splitlines()
    return [line.strip().partition("  @")[0] for line in lines if line.partition("  @")[2] and "optimizer" not in line]


@pytest.mark.parametrize(
    ("text", "line"),
    [
        ("model.eval()", "eval model"),
        ("model.train()", "train model"),
        ("model.train(False)", "eval model"),
        ("model.train(mode=False)", "eval model"),
        ("model.train(flag)", "train model (and others)"),
        ("model = fully_shard(model)", "shard model [fully_shard]"),
        ("model = FSDP(model)", "shard model [FullyShardedDataParallel]"),
        ("loss = torch.tensor(model(x).item(), requires_grad=True)\nloss.backward()", "call loss [backward]"),
    ],
)
def test_a_call_is_an_event(text: str, line: str) -> None:
    assert line in shown(text)


@pytest.mark.parametrize("flag", ["True", "args.original"])
def test_sharding_that_may_keep_the_parameters_is_no_event(flag: str) -> None:
    assert not [line for line in shown(f"model = FSDP(model, use_orig_params={flag})") if line.startswith("shard")]


def test_a_loss_that_wants_gradients_is_no_module() -> None:
    lines = shown("loss = model(x).sum()\nloss.requires_grad_()\nloss.requires_grad = True\nloss.backward()")
    assert not [line for line in lines if line.startswith(("unfreeze", "set-attribute"))]
    assert "backward model" in lines
