"""The table of what torch raises is that of the installed torch, and what it says is so."""

from __future__ import annotations

import json
from importlib.resources import files
from typing import Any

import pytest

from fixture_cases import catalog
from optlint.torch_api.raises import (
    CONDITIONS,
    exception_of,
    raised_for_late_group,
    raises,
    refused,
    takes_one_for_each_group,
)
from optlint.torch_api.signatures import scheduler_signature


def test_the_table_is_that_of_the_installed_torch() -> None:
    torch = pytest.importorskip("torch", reason="the table is compared with an installed torch")
    import torch_raises

    held = files("optlint.torch_api").joinpath("raises.json").read_text("utf-8")
    if torch.__version__.partition("+")[0] != json.loads(held)["torch"]:
        pytest.skip("the table is that of another torch")
    assert held == torch_raises.text()


def test_each_argument_of_the_table_is_one_of_its_class() -> None:
    for class_name, parameter in (*raises().arguments, *raises().per_group):
        signature = scheduler_signature(class_name)
        assert signature is not None
        assert signature.formal(parameter) is not None, (class_name, parameter)


def test_each_refusal_is_of_a_known_kind() -> None:
    for refusals in raises().arguments.values():
        for each in refusals:
            assert bool(each.words) is not (each.condition in CONDITIONS)


@pytest.mark.parametrize(
    ("class_name", "parameter", "value", "exception", "at_step"),
    [
        ("OneCycleLR", "total_steps", 10.0, "ValueError", False),
        ("OneCycleLR", "pct_start", 1, "ValueError", False),
        ("StepLR", "step_size", 0, "ZeroDivisionError", True),
        ("ConstantLR", "factor", 0, "ZeroDivisionError", True),
        ("ConstantLR", "factor", 1.5, "ValueError", False),
        ("MultiStepLR", "milestones", 30, "TypeError", False),
        ("ReduceLROnPlateau", "mode", "maximum", "ValueError", False),
    ],
)
def test_a_wrong_value_is_refused(
    class_name: str, parameter: str, value: float | str, exception: str, at_step: bool
) -> None:
    found = refused(class_name, parameter, value)
    assert found is not None
    assert (found.exception, found.at_step) == (exception, at_step)


@pytest.mark.parametrize(
    ("class_name", "parameter", "value"),
    [
        ("OneCycleLR", "total_steps", 10),
        ("OneCycleLR", "pct_start", 1.0),
        ("StepLR", "step_size", 30.0),
        ("LinearLR", "start_factor", 1),
        ("ReduceLROnPlateau", "mode", "max"),
        ("ReduceLROnPlateau", "mode", None),
        ("ConstantLR", "factor", True),
        ("NoSuchLR", "factor", 0),
    ],
)
def test_other_values_are_taken(class_name: str, parameter: str, value: Any) -> None:
    assert refused(class_name, parameter, value) is None


def test_an_argument_may_be_passed_over_beside_another() -> None:
    found = refused("OneCycleLR", "epochs", 0)
    assert found is not None
    assert found.unless == {"total_steps"}


def test_parameters_with_one_value_for_each_group_are_told_from_others() -> None:
    assert takes_one_for_each_group("LambdaLR", "lr_lambda")
    assert takes_one_for_each_group("OneCycleLR", "max_lr")
    assert not takes_one_for_each_group("MultiStepLR", "milestones")


def test_a_kind_of_value_without_a_name_is_an_error() -> None:
    pytest.importorskip("torch", reason="the table is made with torch")
    from torch_raises import UnknownConditionError, _condition

    assert _condition("here", [-1, 0, 1], [-1], []) == "below 0"
    with pytest.raises(UnknownConditionError, match=r"here refuses \[-1, 1\]"):
        _condition("here", [-1, 0, 1], [-1, 1], [])


def test_schedulers_that_a_late_group_breaks_are_told_from_others() -> None:
    assert raised_for_late_group("LambdaLR") == "ValueError"
    assert raised_for_late_group("OneCycleLR") == "KeyError"
    assert raised_for_late_group("StepLR") == ""


@pytest.mark.parametrize(
    ("code", "situation"),
    [("OPT207", "group beside another with the same parameters"), ("OPT303", "optimizer of a computed tensor")],
)
def test_messages_of_rules_quote_torch(code: str, situation: str) -> None:
    [message] = [each.rule.message for each in catalog() if each.rule.code == code]
    raised = raises().situations[situation]
    assert message.startswith(f"{raised.exception}: {raised.message}: ")


def test_situations_have_their_exceptions() -> None:
    assert exception_of("group without params") == "KeyError"
    with pytest.raises(KeyError):
        exception_of("no such situation")
