from __future__ import annotations

import inspect
from collections.abc import Iterator, Mapping
from typing import Any

import pytest

pytest.importorskip("torch", reason="the reference is made of tensors")

import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from update_cases import Case

from optlint.reference.optimizer import ReferenceOptimizer
from optlint.reference.update_rule import IMPLEMENTATION_OPTIONS

STEPS = 20
DENSE = ((5,), (3, 4))
SPARSE = ((4, 3), (6,))

Strategies = Mapping[str, st.SearchStrategy[Any]]

BETAS = st.tuples(st.floats(0, 0.99), st.floats(0.001, 0.9999))
MAYBE = st.booleans()
DECAYS = st.sampled_from([0.0]) | st.floats(1e-4, 0.5)
EPSILONS = st.floats(1e-12, 0.1)
FRACTIONS = st.floats(0, 0.99)
RATES = st.floats(1e-5, 0.3)
TENSORS = RATES.map(lambda rate: torch.tensor(rate, dtype=torch.float64))

ADAM: Strategies = {
    "lr": RATES | TENSORS,
    "betas": BETAS,
    "eps": EPSILONS,
    "weight_decay": DECAYS,
    "amsgrad": MAYBE,
    "maximize": MAYBE,
}

OPTIONS: dict[str, Strategies] = {
    "ASGD": {
        "lr": RATES | TENSORS,
        "lambd": st.floats(0, 0.5),
        "alpha": st.floats(0, 2),
        "t0": st.floats(0, 30),
        "weight_decay": DECAYS,
        "maximize": MAYBE,
    },
    "Adadelta": {
        "lr": st.floats(1e-3, 3) | TENSORS,
        "rho": st.floats(0, 1),
        "eps": EPSILONS,
        "weight_decay": DECAYS,
        "maximize": MAYBE,
    },
    "Adafactor": {
        "lr": RATES | TENSORS,
        "beta2_decay": st.floats(-2, 0),
        "eps": st.tuples(st.none() | EPSILONS, st.floats(1e-6, 1)),
        "d": st.floats(1, 5),
        "weight_decay": DECAYS,
        "maximize": MAYBE,
    },
    "Adagrad": {
        "lr": RATES | TENSORS,
        "lr_decay": st.floats(0, 1),
        "weight_decay": DECAYS,
        "initial_accumulator_value": st.floats(0, 2),
        "eps": EPSILONS,
        "maximize": MAYBE,
    },
    "Adam": {**ADAM, "decoupled_weight_decay": MAYBE},
    "AdamW": ADAM,
    "Adamax": {name: ADAM[name] for name in ("lr", "betas", "eps", "weight_decay", "maximize")},
    "Muon": {
        "lr": RATES | TENSORS,
        "weight_decay": DECAYS,
        "momentum": st.floats(0, 1),
        "nesterov": MAYBE,
        "ns_coefficients": st.tuples(st.floats(1, 4), st.floats(-5, 0), st.floats(0, 2)),
        "eps": EPSILONS,
        "ns_steps": st.integers(0, 6),
        "adjust_lr_fn": st.sampled_from([None, "original", "match_rms_adamw"]),
    },
    "NAdam": {
        **{name: ADAM[name] for name in ("lr", "betas", "eps", "weight_decay", "maximize")},
        "momentum_decay": st.floats(0, 1),
        "decoupled_weight_decay": MAYBE,
    },
    "RAdam": {
        **{name: ADAM[name] for name in ("lr", "betas", "eps", "weight_decay", "maximize")},
        "decoupled_weight_decay": MAYBE,
    },
    "RMSprop": {
        "lr": RATES | TENSORS,
        "alpha": FRACTIONS,
        "eps": EPSILONS,
        "weight_decay": DECAYS,
        "momentum": st.just(0.0) | FRACTIONS,
        "centered": MAYBE,
        "maximize": MAYBE,
    },
    "Rprop": {
        "lr": RATES | TENSORS,
        "etas": st.tuples(st.floats(0.05, 0.95), st.floats(1.05, 2)),
        "step_sizes": st.tuples(st.floats(1e-8, 1e-3), st.floats(1e-2, 50)),
        "maximize": MAYBE,
    },
    "SGD": {
        "lr": RATES | TENSORS,
        "momentum": st.just(0.0) | FRACTIONS,
        "dampening": st.just(0.0) | FRACTIONS,
        "weight_decay": DECAYS,
        "nesterov": MAYBE,
        "maximize": MAYBE,
    },
    "SparseAdam": {name: ADAM[name] for name in ("lr", "betas", "eps", "maximize")},
}
"""What each option of each class is drawn from."""

NOT_BY_GROUP = frozenset({"initial_accumulator_value"})
"""What torch takes from the constructor's arguments alone."""

RELATIVE = 1e-12


@pytest.fixture(autouse=True, scope="module")
def _one_thread() -> Iterator[None]:
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(before)


@pytest.mark.parametrize("name", sorted(OPTIONS))
def test_every_option_of_the_constructor_is_drawn(name: str) -> None:
    taken = set(inspect.signature(getattr(torch.optim, name)).parameters) - IMPLEMENTATION_OPTIONS
    assert set(OPTIONS[name]) == taken


@pytest.mark.parametrize("name", sorted(OPTIONS))
def test_whatever_the_options_the_updates_are_those_of_torch(name: str) -> None:
    @settings(max_examples=25, deadline=None, derandomize=True, database=None)
    @given(
        st.fixed_dictionaries({}, optional=dict(OPTIONS[name])),
        st.fixed_dictionaries(
            {}, optional={key: OPTIONS[name][key] for key in OPTIONS[name] if key not in NOT_BY_GROUP}
        ),
        st.integers(0, 2**16),
        st.booleans(),
    )
    def follows(options: dict[str, Any], second: dict[str, Any], seed: int, sparse: bool) -> None:
        case = Case(name, _possible(name, options), second, *_gradients(name, options, second, sparse))
        parameters = [each.requires_grad_() for each in case.parameters(torch.float64, "cpu", seed)]
        optimizer = case.build(parameters, "single")
        reference = ReferenceOptimizer(optimizer)
        for gradients in case.gradients(torch.float64, "cpu", STEPS, seed + 1):
            for parameter, gradient in zip(parameters, gradients, strict=True):
                parameter.grad = gradient
            reference.step()
            optimizer.step()
        assert reference.steps == STEPS
        assert (parted := reference.divergence(relative=RELATIVE)) is None, str(parted)

    with torch.sparse.check_sparse_tensor_invariants(enable=False):  # type: ignore[no-untyped-call]
        follows()


def _possible(name: str, options: Mapping[str, Any]) -> Mapping[str, Any]:
    """The options without those that torch forbids together."""
    if name == "SGD" and options.get("nesterov", False):
        return {**options, "momentum": options.get("momentum", 0.0) or 0.9, "dampening": 0.0}
    return options


def _gradients(
    name: str, options: Mapping[str, Any], second: Mapping[str, Any], sparse: bool
) -> tuple[tuple[tuple[int, ...], ...], bool]:
    """The shapes of the parameters, and whether the gradients are sparse: where that is possible, and if so drawn."""
    if name == "Muon":
        return ((3, 4), (5, 2)), False
    decays = any(each.get("weight_decay", 0.0) != 0 for each in (options, second))
    if name == "SparseAdam" or (sparse and name in {"SGD", "Adagrad"} and not decays):
        return SPARSE, True
    return DENSE, False
