"""The tables of torch are those of the installed torch."""

from __future__ import annotations

import ast
import json

import pytest

from optlint.torch_api.signatures import Signature, optimizer_signature, scheduler_signature, signatures
from optlint.torch_api.tables import tables


def _call(text: str) -> ast.Call:
    node = ast.parse(text, mode="eval").body
    assert isinstance(node, ast.Call)
    return node


def _known(name: str) -> Signature:
    found = scheduler_signature(name) or optimizer_signature(name)
    assert found is not None
    return found


def test_table_is_that_of_the_installed_torch() -> None:
    torch = pytest.importorskip("torch", reason="the table is compared with an installed torch")
    from torch_tables import TABLE, text

    held = TABLE.read_text("utf-8")
    if torch.__version__.partition("+")[0] != json.loads(held)["torch"]:
        pytest.skip("the table is that of another torch")
    assert held == text()


def test_every_class_of_the_facts_has_a_signature_and_the_other_way_round() -> None:
    optimizers = {name.rpartition(".")[2] for name, each in signatures().items() if each.group_keys}
    assert optimizers == tables().optimizers
    modules = ("torch.optim.lr_scheduler", "torch.optim.swa_utils")
    schedulers = {name.rpartition(".")[2] for name in signatures() if name.rpartition(".")[0] in modules}
    assert schedulers == set(tables().schedulers)


def test_state_on_init_agrees_with_the_facts() -> None:
    allocating = {name.rpartition(".")[2] for name, each in signatures().items() if each.state_on_init}
    assert allocating == tables().state_on_init


def test_closures_that_are_required_agree_with_the_facts() -> None:
    required = {
        name.rpartition(".")[2]
        for name, each in signatures().items()
        if each.group_keys and any(formal.name == "closure" and formal.required for formal in each.step)
    }
    assert required == tables().closure_required


def test_arguments_are_bound_by_place_and_by_name() -> None:
    bound = _known("StepLR").bind(_call("StepLR(optimizer, 30, gamma=0.5)"))
    assert bound is not None
    assert {name: ast.unparse(value) for name, value in bound.items()} == {
        "optimizer": "optimizer",
        "step_size": "30",
        "gamma": "0.5",
    }


def test_an_unknown_keyword_stands_under_its_own_name() -> None:
    bound = _known("StepLR").bind(_call("StepLR(optimizer, 30, verbose=True)"))
    assert bound is not None
    assert "verbose" in bound


@pytest.mark.parametrize("text", ["StepLR(*given)", "StepLR(optimizer, **options)", "StepLR(optimizer, 1, 2, 3, 4)"])
def test_nothing_is_bound_where_places_are_hidden(text: str) -> None:
    assert _known("StepLR").bind(_call(text)) is None


def test_keyword_only_parameters_take_no_place() -> None:
    bound = _known("Adam").bind(_call("Adam(params, 0.1, (0.9, 0.99), 1e-8, 0, False, True)"))
    assert bound is None
    assert _known("Adam").formal("foreach") is not None
