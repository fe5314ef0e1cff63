"""Parameters that a module keeps without registering them, and keys of groups that no update reads, in traces."""

from __future__ import annotations

import pytest

pytest.importorskip("torch", reason="a replay needs torch")

import torch

from optlint.replay.recorder import Recorder
from optlint.replay.trace import Trace
from optlint.torch_api.group_keys import meant_key


def traced(body: str) -> Trace:
    with Recorder(most_updates=50) as recorder:
        exec(compile(body, "<replay>", "exec"), {"torch": torch})
    return recorder.trace()


_CLASS = """
class Net(torch.nn.Module):
    def __init__(self):
        super().__init__()
        self.head = torch.nn.Linear(2, 1)
        self.kept = {kept}
    def forward(self, x):
        return self.head({use})
net = Net()
optimizer = torch.optim.SGD([*net.parameters(){more}], lr=0.1)
for _ in range(2):
    optimizer.zero_grad()
    net(torch.ones(3, 2)).sum().backward()
    optimizer.step()
"""
_ROW = 6


def astray(kept: str, use: str, more: str = "") -> list[tuple[str, int]]:
    trace = traced(_CLASS.format(kept=kept, use=use, more=more))
    return [(each.name, each.row) for update in trace.updates[-1:] for each in update.astray]


def test_layers_of_a_plain_list_are_astray_by_name_and_row() -> None:
    found = astray("[torch.nn.Linear(2, 2)]", "self.kept[0](x)")
    assert found == [("net.kept.0.bias", _ROW), ("net.kept.0.weight", _ROW)]


def test_layers_of_a_dict_in_a_list_are_too() -> None:
    found = astray("[{'a': torch.nn.Linear(2, 2, bias=False)}]", "self.kept[0]['a'](x)")
    assert found == [("net.kept.0.a.weight", _ROW)]


def test_a_tensor_with_a_gradient_is_and_one_that_is_computed_from_a_parameter_is() -> None:
    assert astray("torch.ones(2, requires_grad=True)", "x * self.kept") == [("net.kept", _ROW)]
    assert astray("torch.nn.Parameter(torch.ones(1, 2)).view(2)", "x * self.kept") == [("net.kept", _ROW)]


@pytest.mark.parametrize(
    ("kept", "use", "more"),
    [
        ("torch.nn.ModuleList([torch.nn.Linear(2, 2)])", "self.kept[0](x)", ""),
        ("[self.head]", "x", ""),
        ("[torch.nn.Linear(2, 2)]", "x", ""),
        ("[torch.nn.Linear(2, 2)]", "self.kept[0](x).detach()", ""),
        ("[torch.nn.Linear(2, 2)]", "self.kept[0](x)", ", *net.kept[0].parameters()"),
        ("torch.ones(2)", "x * self.kept", ""),
    ],
    ids=["registered", "a part of its own", "not used", "without gradient", "given by hand", "constant"],
)
def test_what_is_registered_given_or_not_trained_is_not(kept: str, use: str, more: str) -> None:
    assert astray(kept, use, more) == []


def test_groups_tell_the_keys_that_are_not_read_as_what_they_were_meant_to_be() -> None:
    body = "p = torch.nn.Parameter(torch.ones(2))\ntorch.optim.SGD([{'params': [p], %s}], lr=0.1)"
    first, second = (
        traced(body % each) for each in ("'learning_rate': 0.5, 'wd': 0.25", "'lr': 0.5, 'weight_decay': 0.25")
    )
    [group], [other] = ([each for thing in trace.things for each in thing.groups] for trace in (first, second))
    assert group.unread == ("learning_rate", "wd")
    assert other.unread == ()
    assert (group.options, group.rate) == (other.options, other.rate) == ("weight_decay=0.25", 0.5)


@pytest.mark.parametrize(
    ("key", "meant"),
    [
        ("learning_rate", "lr"),
        ("LR", "lr"),
        ("weight_deacy", "weight_decay"),
        ("weightDecay", "weight_decay"),
        ("momentun", "momentum"),
    ],
)
def test_slips_are_near_a_key(key: str, meant: str) -> None:
    assert meant_key(key, {"lr", "weight_decay", "momentum"}) == meant


@pytest.mark.parametrize(
    "key", ["lr", "name", "lr_scale", "lr_mult", "layer_id", "group_name", "initial_lr", "max_lr", "betas"]
)
def test_keys_of_ones_own_are_near_none(key: str) -> None:
    assert meant_key(key, {"lr", "weight_decay", "momentum", "params"}) == ""
