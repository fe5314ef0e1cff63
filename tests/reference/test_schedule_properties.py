from __future__ import annotations

from collections.abc import Mapping
from functools import partial
from typing import Any

import pytest

pytest.importorskip("torch", reason="the schedules are compared with torch's")

from hypothesis import assume, given, settings
from hypothesis import strategies as st
from schedule_cases import (
    STEPS,
    Case,
    Spec,
    apart,
    fading,
    half,
    shrink,
    slowly,
    third,
    walk_closed_form,
    walk_recursion,
    walk_torch,
)

Drawn = st.SearchStrategy[Any]

EXAMPLES = settings(max_examples=30, derandomize=True, deadline=None, database=None)


def numbers(low: float, high: float) -> st.SearchStrategy[float]:
    return st.floats(low, high, allow_nan=False, allow_subnormal=False)


def whole(low: int, high: int = 600) -> st.SearchStrategy[int]:
    return st.integers(low, high)


def spec(name: str, optional: Mapping[str, Drawn] | None = None, **arguments: Drawn) -> st.SearchStrategy[Spec]:
    return st.fixed_dictionaries(arguments, optional=optional or {}).map(lambda drawn: Spec(name, drawn))


RATES = numbers(1e-6, 10)
MOMENTA = numbers(0, 1)

FACTORS = {
    "MultiplicativeLR": spec("MultiplicativeLR", lr_lambda=st.sampled_from([shrink, fading, lambda t: 0.98])),
    "StepLR": spec("StepLR", {"gamma": numbers(0.5, 1.05)}, step_size=whole(1)),
    "MultiStepLR": spec("MultiStepLR", {"gamma": numbers(0.1, 1.5)}, milestones=st.lists(whole(0), max_size=12)),
    "ConstantLR": spec("ConstantLR", {"factor": numbers(0.01, 1), "total_iters": whole(1)}),
    "LinearLR": spec(
        "LinearLR", {"start_factor": numbers(1e-3, 1), "end_factor": numbers(0, 1), "total_iters": whole(1)}
    ),
    "ExponentialLR": spec("ExponentialLR", gamma=numbers(0.5, 1.05)),
    "PolynomialLR": spec("PolynomialLR", {"power": numbers(0.1, 4)}, total_iters=whole(1)),
}
OTHERS = {
    "LambdaLR": spec("LambdaLR", lr_lambda=st.sampled_from([third, slowly, shrink, fading])),
    "CosineAnnealingLR": spec("CosineAnnealingLR", {"eta_min": numbers(0, 0.1)}, T_max=whole(1)),
    "CosineAnnealingWarmRestarts": spec(
        "CosineAnnealingWarmRestarts", {"T_mult": whole(1, 5), "eta_min": numbers(0, 0.1)}, T_0=whole(1, 100)
    ),
    "SWALR": spec(
        "SWALR", {"anneal_epochs": whole(0), "anneal_strategy": st.sampled_from(["cos", "linear"])}, swa_lr=RATES
    ),
}
CYCLIC = spec(
    "CyclicLR",
    {
        "step_size_down": st.none() | whole(1, 100),
        "mode": st.sampled_from(["triangular", "triangular2", "exp_range"]),
        "gamma": numbers(0.9, 1),
        "scale_fn": st.sampled_from([None, half, fading]),
        "scale_mode": st.sampled_from(["cycle", "iterations"]),
        "cycle_momentum": st.booleans(),
        "base_momentum": MOMENTA,
        "max_momentum": MOMENTA,
    },
    base_lr=numbers(0, 1),
    max_lr=RATES,
    step_size_up=whole(1, 100),
)
ONE_CYCLE = spec(
    "OneCycleLR",
    {
        "pct_start": numbers(0, 1),
        "anneal_strategy": st.sampled_from(["cos", "linear"]),
        "cycle_momentum": st.booleans(),
        "base_momentum": MOMENTA,
        "max_momentum": MOMENTA,
        "div_factor": numbers(1, 100),
        "final_div_factor": numbers(1, 1e5),
        "three_phase": st.booleans(),
    },
    max_lr=RATES,
    total_steps=whole(2, STEPS),
)
LEAVES = FACTORS | OTHERS


@st.composite
def sequences(draw: st.DrawFn) -> Spec:
    first = draw(st.one_of(*LEAVES.values()))
    rest = draw(st.lists(st.one_of(*LEAVES.values(), CYCLIC), min_size=1, max_size=3))
    milestones = draw(st.lists(whole(1, 450), min_size=len(rest), max_size=len(rest), unique=True).map(sorted))
    return Spec("SequentialLR", {"schedulers": [first, *rest], "milestones": milestones})


def chains(links: dict[str, st.SearchStrategy[Spec]]) -> st.SearchStrategy[Spec]:
    return st.lists(st.one_of(*links.values()), min_size=1, max_size=4).map(
        lambda drawn: Spec("ChainedScheduler", {"schedulers": drawn})
    )


def once(name: str, spec: Spec) -> bool:
    return [each.name for each in spec.all()].count(name) <= 1


def agree(case: Case) -> None:
    walked = walk_torch(case)[0]
    schedule = case.spec.reference()
    assert walk_recursion(case, 0, schedule) == walked
    if case.closed:
        assert apart(walk_closed_form(case, 0, schedule), walked, case.against(walked)) <= case.tolerance


@pytest.mark.parametrize("name", LEAVES)
def test_closed_form_recursion_and_torch_agree(name: str) -> None:
    @EXAMPLES
    @given(spec=LEAVES[name], rate=RATES)
    def check(spec: Spec, rate: float) -> None:
        agree(Case(spec, (rate,)))

    check()


@EXAMPLES
@given(spec=CYCLIC)
def test_cycles_agree(spec: Spec) -> None:
    agree(Case(spec))


@EXAMPLES
@given(spec=ONE_CYCLE)
def test_one_cycles_agree(spec: Spec) -> None:
    case = Case(spec, steps=spec.arguments["total_steps"])
    try:
        walk_torch(case)
    except ZeroDivisionError:  # a phase of no length, as the first of `pct_start * total_steps == 1`
        with pytest.raises(ZeroDivisionError):
            walk_recursion(case, 0, spec.reference())
        with pytest.raises(ZeroDivisionError):
            walk_closed_form(case, 0, spec.reference())
    else:
        agree(case)


@EXAMPLES
@given(spec=sequences().filter(partial(once, "SWALR")), rate=RATES)  # two have one target, the group's
def test_sequences_agree(spec: Spec, rate: float) -> None:
    agree(Case(spec, (rate,)))


@EXAMPLES
@given(spec=chains(FACTORS), rate=RATES)
def test_chains_of_factors_agree(spec: Spec, rate: float) -> None:
    agree(Case(spec, (rate,)))


@EXAMPLES
@given(spec=chains(LEAVES).filter(partial(once, "SWALR")), rate=RATES)
def test_chains_of_anything_run_as_torch_does(spec: Spec, rate: float) -> None:
    assume(any(each.name in OTHERS for each in spec.all()))
    agree(Case(spec, (rate,), closed=False))
