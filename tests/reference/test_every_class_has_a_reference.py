from __future__ import annotations

import inspect
from collections.abc import Iterator
from typing import Any

import pytest

pytest.importorskip("torch", reason="the reference is made of tensors")

import torch
from torch import Tensor
from torch.optim import Optimizer
from update_cases import CASES, Case

from optlint.reference.errors import NoReferenceError
from optlint.reference.optimizer import ReferenceOptimizer
from optlint.reference.update_rule import IMPLEMENTATION_OPTIONS
from optlint.reference.updates import CLOSURE_RULES, RULES

RELATIVE = 1e-12

CLASSES = sorted(
    (
        each
        for each in vars(torch.optim).values()
        if inspect.isclass(each) and issubclass(each, Optimizer) and each is not Optimizer
    ),
    key=lambda each: each.__name__,
)
FULL_CASES = [
    max(
        (case for case in CASES if case.optimizer == name and case.fault("single", torch.bfloat16) is None),
        key=lambda case: len(case.options) + len(case.second),
    )
    for name in sorted(RULES)
]
"""Of each class the one with the most options."""


@pytest.fixture(autouse=True, scope="module")
def _one_thread() -> Iterator[None]:
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(before)


@pytest.fixture(autouse=True)
def _no_checks_of_sparse_invariants() -> Iterator[None]:
    with torch.sparse.check_sparse_tensor_invariants(enable=False):  # type: ignore[no-untyped-call]
        yield


def without_reference(optimizer: type[Optimizer]) -> list[str]:
    """What no rule takes part of: the class, or options of it, each by name."""
    name = optimizer.__name__
    rule = RULES.get(name) or CLOSURE_RULES.get(name)
    if rule is None:
        return [f"the class `{name}` has no reference"]
    build: Any = optimizer
    kept = build([torch.zeros(2, 2, requires_grad=True)]).param_groups[0]
    taken = {*inspect.signature(optimizer).parameters, *kept}
    unknown = sorted(taken - rule.options() - IMPLEMENTATION_OPTIONS)
    return [f"the option `{option}` of `{name}` has no reference" for option in unknown]


def test_the_installed_torch_has_the_classes_that_one_knows_of() -> None:
    assert {"SGD", "Adam", "LBFGS", "Muon"} <= {each.__name__ for each in CLASSES}
    assert len(CLASSES) >= 14


@pytest.mark.parametrize("optimizer", CLASSES, ids=lambda each: each.__name__)
def test_every_class_and_every_option_has_a_reference(optimizer: type[Optimizer]) -> None:
    assert without_reference(optimizer) == []


def test_a_class_or_an_option_without_a_reference_is_named() -> None:
    class Lion(torch.optim.SGD):
        pass

    class SGD(torch.optim.SGD):
        def __init__(self, params: Any, lr: float = 0.1, lookahead: int = 5) -> None:
            super().__init__(params, lr=lr)
            self.param_groups[0]["warmth"] = lookahead

    assert without_reference(Lion) == ["the class `Lion` has no reference"]
    assert without_reference(SGD) == [
        "the option `lookahead` of `SGD` has no reference",
        "the option `warmth` of `SGD` has no reference",
    ]


@pytest.mark.parametrize("name", sorted(RULES))
def test_a_rule_and_its_defaults_are_those_of_the_class_of_that_name(name: str) -> None:
    assert RULES[name].name == name
    build: Any = getattr(torch.optim, name)
    assert RULES[name].read(build([torch.zeros(2, 2, requires_grad=True)]).param_groups[0]) == RULES[name].read({})


@pytest.mark.parametrize("name", sorted(RULES))
def test_there_are_cases_of_every_class_that_turn_every_option(name: str) -> None:
    turned = {option for case in CASES if case.optimizer == name for option in (*case.options, *case.second)}
    offered = set(inspect.signature(getattr(torch.optim, name)).parameters) - IMPLEMENTATION_OPTIONS
    assert offered <= turned


def test_a_class_with_a_step_of_its_own_has_no_reference_and_one_without_has() -> None:
    class Plain(torch.optim.SGD):
        pass

    class Stepping(torch.optim.SGD):
        def step(self, closure: Any = None) -> Any:
            return super().step(closure)

    weight = torch.zeros(2, requires_grad=True)
    assert ReferenceOptimizer(Plain([weight])).rule is RULES["SGD"]
    with pytest.raises(NoReferenceError, match="Stepping` of"):
        ReferenceOptimizer(Stepping([weight]))


@pytest.mark.parametrize("case", FULL_CASES, ids=str)
@pytest.mark.parametrize("dtype", [torch.float64, torch.bfloat16], ids=str)
def test_a_resumed_optimizer_is_followed(case: Case, dtype: torch.dtype) -> None:
    parameters, optimizer = _built(case, dtype)
    gradients = list(case.gradients(dtype, "cpu", 40))
    for step in range(20):
        _give(parameters, gradients[step])
        optimizer.step()
    resumed_parameters = [each.detach().clone().requires_grad_() for each in parameters]
    resumed = case.build(resumed_parameters, "single")
    resumed.load_state_dict(optimizer.state_dict())
    reference = ReferenceOptimizer(resumed)
    assert reference.divergence(relative=0) is None
    for step in range(20, 40):
        _give(resumed_parameters, gradients[step])
        reference.step()
        resumed.step()
        assert (parted := reference.divergence(relative=RELATIVE)) is None, str(parted)
    assert reference.steps == 20


@pytest.mark.parametrize("case", FULL_CASES, ids=str)
def test_parameters_that_come_later_are_followed(case: Case) -> None:
    parameters, optimizer = _built(case, torch.float64)
    reference = ReferenceOptimizer(optimizer)
    gradients = case.gradients(torch.float64, "cpu", 20)
    for step, drawn in enumerate(gradients):
        if step == 10:
            late = parameters[-1].detach().clone().requires_grad_()
            optimizer.add_param_group({"params": [late], "lr": 0.003})
            parameters.append(late)
        _give(parameters, [*drawn, drawn[-1]][: len(parameters)])
        reference.step()
        optimizer.step()
        assert (parted := reference.divergence(relative=RELATIVE)) is None, str(parted)
    assert not torch.equal(parameters[-1], parameters[-2])


@pytest.mark.parametrize("case", FULL_CASES, ids=str)
def test_what_was_not_changed_does_not_part(case: Case) -> None:
    _, _, reference = _walked(case)
    assert reference.divergence(relative=RELATIVE) is None


@pytest.mark.parametrize("case", FULL_CASES, ids=str)
def test_a_changed_parameter_is_named_with_its_step(case: Case) -> None:
    parameters, _, reference = _walked(case)
    with torch.no_grad():
        parameters[3].view(-1)[1] += 1e-6
    parted = reference.divergence(relative=RELATIVE)
    assert parted is not None
    assert (parted.step, parted.parameter, parted.quantity) == (7, "group 1, parameter 1", "parameter")
    assert parted.distance.absolute == pytest.approx(1e-6, rel=1e-6)
    assert str(parted).startswith(
        "`parameter` of group 1, parameter 1 leaves the reference at step 7: by 1e-06 absolute"
    )


@pytest.mark.parametrize("case", FULL_CASES, ids=str)
def test_every_changed_quantity_of_a_state_is_named(case: Case) -> None:
    parameters, optimizer, reference = _walked(case)
    state = optimizer.state[parameters[2]]
    kept = set(RULES[case.optimizer].torch_state.values()) & set(state)
    assert kept == set(state)
    for quantity in sorted(kept):
        before = state[quantity]
        state[quantity] = before + 1e-3
        parted = reference.divergence(relative=RELATIVE)
        assert parted is not None
        assert (parted.step, parted.parameter, parted.quantity) == (7, "group 1, parameter 0", quantity)
        del state[quantity]
        gone = reference.divergence(relative=RELATIVE)
        assert gone is not None
        assert gone.quantity == quantity
        state[quantity] = before
    assert reference.divergence(relative=RELATIVE) is None


def test_after_a_divergence_the_reference_adopts_what_is() -> None:
    parameters, _, reference = _walked(FULL_CASES[0])
    with torch.no_grad():
        parameters[0] += 1
    assert reference.divergence(relative=0.01) is not None
    reference.adopt()
    assert reference.divergence(relative=0) is None


def test_adagrad_takes_its_first_accumulator_from_the_constructor_and_not_from_a_group() -> None:
    weight = torch.zeros(2, requires_grad=True)
    build: Any = torch.optim.Adagrad
    optimizer: Optimizer = build([{"params": [weight], "initial_accumulator_value": 0.5}])
    assert optimizer.state[weight]["sum"].tolist() == [0.0, 0.0]
    weight.grad = torch.ones(2)
    reference = ReferenceOptimizer(optimizer)
    reference.step()
    optimizer.step()
    assert reference.divergence(relative=1e-6) is None


def _built(case: Case, dtype: torch.dtype) -> tuple[list[Tensor], Optimizer]:
    parameters = [each.requires_grad_() for each in case.parameters(dtype, "cpu")]
    return parameters, case.build(parameters, "single")


def _walked(case: Case) -> tuple[list[Tensor], Optimizer, ReferenceOptimizer]:
    """After seven steps."""
    parameters, optimizer = _built(case, torch.float64)
    reference = ReferenceOptimizer(optimizer)
    for gradients in case.gradients(torch.float64, "cpu", 7):
        _give(parameters, gradients)
        reference.step()
        optimizer.step()
    return parameters, optimizer, reference


def _give(parameters: list[Tensor], gradients: list[Tensor | None]) -> None:
    for parameter, gradient in zip(parameters, gradients, strict=True):
        parameter.grad = gradient
