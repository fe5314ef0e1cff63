"""Backwards that start at a tensor without a graph."""

from __future__ import annotations

import pytest

pytest.importorskip("torch", reason="a replay needs torch")

import torch
from torch import nn

from optlint.replay.leaves import starts_at_a_leaf

_MODEL = nn.Linear(3, 1)
_HELD = {id(parameter) for parameter in _MODEL.parameters()}


def _loss() -> torch.Tensor:
    output: torch.Tensor = _MODEL(torch.ones(2, 3))
    return output.mean()


@pytest.mark.parametrize(
    "root",
    [
        torch.tensor(1.0, requires_grad=True),
        torch.tensor([1.0], requires_grad=True),
        torch.tensor(1.0, requires_grad=True) * 1024.0,
        _loss().detach().requires_grad_(),
        [torch.tensor(1.0, requires_grad=True), torch.tensor(2.0, requires_grad=True) / 4],
    ],
    ids=range(5),
)
def test_a_number_made_a_tensor_is_seen(root: torch.Tensor | list[torch.Tensor]) -> None:
    assert starts_at_a_leaf(root, _HELD)


@pytest.mark.parametrize(
    "root",
    [
        _loss(),
        _loss() + torch.tensor(0.0, requires_grad=True),
        [torch.tensor(1.0, requires_grad=True), _loss()],
        torch.ones(3, requires_grad=True).sum(),
        _MODEL.bias.sum(),
        torch.tensor(1.0),
        [],
        None,
    ],
    ids=range(8),
)
def test_a_loss_with_a_graph_is_not(root: torch.Tensor | list[torch.Tensor] | None) -> None:
    assert not starts_at_a_leaf(root, _HELD)
