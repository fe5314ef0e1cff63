"""Lists, dicts and modules that lie in themselves: what they hold is found, and the file is followed to its end."""

from __future__ import annotations

from pathlib import Path
from textwrap import dedent

import pytest

from optlint.catalog import load_catalog
from optlint.engine import Engine

SETUP = """
import copy
import torch
from torch import nn

model = nn.Linear(2, 2)
optimizer = torch.optim.SGD(model.parameters(), lr=0.1)
scaler = torch.amp.GradScaler("cuda")
losses = [model(torch.zeros(2)).sum()]
losses.append(losses)
table = {}
table["all"] = table
table["losses"] = losses
losses.append(table)
"""
LOOP = """
for _ in range(3):
    model(torch.zeros(2)).sum().backward()
    optimizer.step()
"""
USES = {
    "backward": "sum(losses).backward()",
    "backward of all": "torch.autograd.backward(losses)",
    "scaled": "scaler.scale(losses)",
    "scaled and summed": "(scaler.scale(table)['losses'][0] + 1).backward()",
    "filled anew": "losses += losses; losses.extend(losses); table.update(table)",
    "copied": "copy.deepcopy(losses); copy.copy(table)",
    "optimized": "torch.optim.Adam([*losses, *table.values()], lr=1e-3)",
    "groups": "groups = [{}]; groups[0]['params'] = groups; torch.optim.Adam(groups)",
    "clipped": "nn.utils.clip_grad_norm_(losses, 1.0)",
    "frozen": "for p in losses:\n    p.requires_grad = False",
    "modules": "model.me = model; nn.Sequential(*losses); nn.ModuleList(losses)",
}


@pytest.mark.parametrize("use", USES)
def test_a_list_that_holds_itself_is_followed(tmp_path: Path, use: str) -> None:
    path = tmp_path / "train.py"
    data = (dedent(SETUP) + USES[use] + "\n" + dedent(LOOP)).encode()
    codes = [finding.code for finding in Engine(load_catalog()).check(path, data)]
    assert "OPT103" in codes  # the loop at the end
    assert "OPT001" not in codes
