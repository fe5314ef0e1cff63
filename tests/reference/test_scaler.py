from __future__ import annotations

import math
from typing import Any

import pytest

pytest.importorskip("torch", reason="the reference is made of tensors")

import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import Tensor

from optlint.reference.scaler import ScalerHyperparameters, ScalerState, scaled, unscaled, updated
from optlint.reference.update_rule import UpdateRule
from optlint.reference.updates import RULES

ADAM: UpdateRule[Any, Any] = RULES["Adam"]
CUDA = pytest.param(
    "cuda",
    marks=[pytest.mark.gpu, pytest.mark.skipif(not torch.cuda.is_available(), reason="there is no CUDA device")],
)


def torch_scaler(device: str, state: ScalerState, h: ScalerHyperparameters) -> Any:
    return torch.amp.GradScaler(
        device,
        init_scale=state.scale,
        growth_factor=h.growth_factor,
        backoff_factor=h.backoff_factor,
        growth_interval=h.growth_interval,
    )


def planted(step: int) -> float | None:
    """What is wrong with a gradient of that step: rarely at first, later several times in turn."""
    if step in (17, 60, 61, 62, 150):
        return math.inf
    return math.nan if step in (40, 61, 120, 121) else -math.inf if step == 90 else None


@pytest.mark.parametrize("device", ["cpu", CUDA])
@pytest.mark.parametrize("dtype", [torch.float32, torch.float64, torch.bfloat16])
def test_two_hundred_steps_with_planted_infinities_are_gradscalers(device: str, dtype: torch.dtype) -> None:
    h, state = ScalerHyperparameters(growth_factor=1.9, backoff_factor=0.37, growth_interval=7), ScalerState(1000.0)
    generator = torch.Generator().manual_seed(0)
    parameters = [torch.randn(4, generator=generator).to(device, dtype).requires_grad_() for _ in range(2)]
    optimizer = torch.optim.Adam(parameters, lr=0.01, foreach=False)
    scaler = torch_scaler(device, state, h)
    adam = ADAM.read(optimizer.param_groups[0])
    thetas = [parameter.detach().clone() for parameter in parameters]
    moments = [ADAM.start(theta, adam) for theta in thetas]
    skipped = 0
    for step in range(200):
        inputs = torch.randn(2, 4, generator=generator).to(device, dtype)
        optimizer.zero_grad()
        loss = sum(
            ((p * x).square().sum() for p, x in zip(parameters, inputs, strict=True)), torch.zeros((), device=device)
        )
        torch.autograd.backward(scaler.scale(loss))
        assert torch.equal(scaled(loss, state), scaler.scale(loss))
        wrong = planted(step)
        if wrong is not None and parameters[step % 2].grad is not None:
            parameters[step % 2].grad[1] = wrong  # type: ignore[index]
        gs = [parameter.grad.clone() for parameter in parameters if parameter.grad is not None]
        copies = [g.clone() for g in gs]
        plain, found_inf = unscaled(gs, state)
        scaler.unscale_(optimizer)
        for g, p in zip(plain, parameters, strict=True):
            torch.testing.assert_close(g, p.grad, rtol=0, atol=0, equal_nan=True)
        for g, copy in zip(gs, copies, strict=True):
            torch.testing.assert_close(g, copy, rtol=0, atol=0, equal_nan=True)
        if not found_inf:
            for place, g in enumerate(plain):
                thetas[place], moments[place] = ADAM.update(thetas[place], g, moments[place], adam)
        scaler.step(optimizer)
        scaler.update()
        state = updated(state, found_inf, h)
        assert found_inf is (wrong is not None)
        assert state == ScalerState(scaler.get_scale(), scaler.state_dict()["_growth_tracker"])
        for theta, p in zip(thetas, parameters, strict=True):
            torch.testing.assert_close(theta, p.detach(), rtol=1e-6, atol=0)
        skipped += found_inf
    assert skipped == 9


@settings(derandomize=True, deadline=None, max_examples=60)
@given(
    scale=st.floats(2.0**-120, 2.0**120, width=32),
    growth=st.floats(1.01, 1e6),
    backoff=st.floats(1e-6, 0.99),
    interval=st.integers(1, 4),
    found=st.lists(st.booleans(), min_size=1, max_size=30),
)
def test_any_scale_grows_and_shrinks_as_gradscalers(
    scale: float, growth: float, backoff: float, interval: int, found: list[bool]
) -> None:
    h, state = ScalerHyperparameters(growth, backoff, interval), ScalerState(scale)
    kept, tracker = torch.tensor(scale), torch.tensor(0, dtype=torch.int32)
    for found_inf in found:
        torch._amp_update_scale_(kept, tracker, torch.tensor(float(found_inf)), growth, backoff, interval)
        state = updated(state, found_inf, h)
        assert state == ScalerState(kept.item(), int(tracker.item()))


def test_the_scale_never_becomes_infinite() -> None:
    h, state = ScalerHyperparameters(growth_interval=1), ScalerState(2.0**126)
    states = []
    for _ in range(4):
        state = updated(state, False, h)
        states.append(state)
    assert [each.scale for each in states] == [2.0**127] * 4
    assert all(each.sound == 0 for each in states)


@pytest.mark.parametrize("dtype", [torch.float16, torch.bfloat16, torch.float32, torch.float64])
@pytest.mark.parametrize("shape", [(), (3,)])
def test_a_loss_has_the_dtype_that_gradscaler_gives_it(dtype: torch.dtype, shape: tuple[int, ...]) -> None:
    loss = torch.full(shape, 1.25, dtype=dtype)
    expected = torch_scaler("cpu", ScalerState(512.0), ScalerHyperparameters()).scale(loss)
    assert scaled(loss, ScalerState(512.0)).dtype == expected.dtype
    assert torch.equal(scaled(loss, ScalerState(512.0)), expected)


def test_scaling_keeps_a_gradient_that_float16_has_not() -> None:
    def through_half(state: ScalerState) -> float:
        g = torch.tensor([1e-8]) * state.scale
        (plain,), _ = unscaled([g.half().float()], state)
        return plain.item()

    assert through_half(ScalerState(1.0)) == 0
    assert through_half(ScalerState()) == pytest.approx(1e-8, rel=1e-3)


def test_gradients_of_float16_are_refused_as_gradscaler_does() -> None:
    x = torch.ones(2, dtype=torch.float16, requires_grad=True)
    x.grad = torch.ones_like(x)
    with pytest.raises(TypeError, match="gradients of float16 cannot be unscaled"):
        unscaled([x.grad], ScalerState())
    scaler = torch_scaler("cpu", ScalerState(), ScalerHyperparameters())
    scaler.scale(torch.ones(()))
    with pytest.raises(ValueError, match="FP16"):
        scaler.unscale_(torch.optim.SGD([x], lr=0.1))


def test_a_sparse_gradient_is_unscaled_by_its_values() -> None:
    def sparse(values: list[float]) -> Tensor:
        return torch.sparse_coo_tensor(torch.tensor([[0, 2]]), torch.tensor(values), (4,), check_invariants=True)

    (plain,), found_inf = unscaled([sparse([2.0, 4.0])], ScalerState(2.0))
    assert torch.equal(plain.to_dense(), torch.tensor([1.0, 0.0, 2.0, 0.0]))
    assert not found_inf
    assert unscaled([sparse([2.0, math.nan])], ScalerState(2.0))[1]
