from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Any

import pytest

pytest.importorskip("torch", reason="the reference is made of tensors")

import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import Tensor, nn
from torch.optim import swa_utils

from optlint.reference.averaging import (
    Average,
    equal_average,
    equal_average_interpolated,
    exponential_average,
    exponential_average_interpolated,
)

CUDA = pytest.param(
    "cuda",
    marks=[pytest.mark.gpu, pytest.mark.skipif(not torch.cuda.is_available(), reason="there is no CUDA device")],
)
UTILS: Any = swa_utils
FORMS: dict[str, tuple[dict[str, Any], Callable[[Average, Tensor], Average]]] = {
    "get_swa_avg_fn": ({"avg_fn": UTILS.get_swa_avg_fn()}, equal_average),
    "get_swa_multi_avg_fn": ({"multi_avg_fn": UTILS.get_swa_multi_avg_fn()}, equal_average_interpolated),
    "get_ema_avg_fn": ({"avg_fn": UTILS.get_ema_avg_fn(0.9)}, partial(exponential_average, decay=0.9)),
    "get_ema_multi_avg_fn": (
        {"multi_avg_fn": UTILS.get_ema_multi_avg_fn(0.9)},
        partial(exponential_average_interpolated, decay=0.9),
    ),
}


def own_of(form: str, device: str) -> tuple[dict[str, Any], Callable[[Average, Tensor], Average]]:
    if form == "AveragedModel's own":
        return {}, equal_average if device == "cpu" else equal_average_interpolated
    return FORMS[form]


def values(steps: int, dtype: torch.dtype = torch.float64, seed: int = 0) -> list[Tensor]:
    generator = torch.Generator().manual_seed(seed)
    wide = torch.complex128 if dtype.is_complex else torch.float64
    return [torch.randn(3, 2, generator=generator, dtype=wide).to(dtype) for _ in range(steps)]


def model_with(value: Tensor) -> Any:
    model: Any = nn.Module()
    model.weight = nn.Parameter(value.clone())
    model.register_buffer("seen", torch.tensor(7))
    return model


@pytest.mark.parametrize("device", ["cpu", CUDA])
@pytest.mark.parametrize("form", ["AveragedModel's own", *FORMS])
@pytest.mark.parametrize("dtype", [torch.float64, torch.float32, torch.bfloat16, torch.complex128])
def test_two_hundred_updates_are_averagedmodels_bit_for_bit(form: str, dtype: torch.dtype, device: str) -> None:
    how, own = own_of(form, device)
    thetas = [theta.to(device) for theta in values(200, dtype)]
    model = model_with(thetas[0])
    averaged = UTILS.AveragedModel(model, **how)
    average = Average(0, torch.zeros_like(thetas[0]))
    for theta in thetas:
        model.weight.data.copy_(theta)
        averaged.update_parameters(model)
        before = (average.value.clone(), theta.clone())
        held = average.value
        average = own(average, theta)
        assert torch.equal(held, before[0])
        assert torch.equal(theta, before[1])
        assert torch.equal(average.value, averaged.module.weight.detach())
        assert average.n == averaged.n_averaged
    assert not torch.equal(average.value, thetas[-1])


@pytest.mark.parametrize("form", ["get_swa_avg_fn", "get_ema_avg_fn"])
def test_a_buffer_of_integers_is_rounded_towards_zero_as_torch_does(form: str) -> None:
    how, own = FORMS[form]
    model = model_with(torch.zeros(1))
    averaged = UTILS.AveragedModel(model, **how, use_buffers=True)
    average = Average(0, torch.tensor(0))
    for seen in (5, -8, 40, 41, -100, 3):
        model.seen.fill_(seen)
        averaged.update_parameters(model)
        average = own(average, torch.tensor(seen))
        assert average.value.dtype == torch.int64
        assert torch.equal(average.value, averaged.module.seen)


def test_the_equal_average_is_the_mean() -> None:
    for own, rtol in ((equal_average, 1e-13), (equal_average_interpolated, 1e-7)):
        average = Average(0, torch.full((3, 2), torch.nan, dtype=torch.float64))
        for theta in values(300):
            average = own(average, theta)
        torch.testing.assert_close(average.value, torch.stack(values(300)).mean(0), rtol=rtol, atol=rtol)


@settings(derandomize=True, deadline=None, max_examples=50)
@given(decay=st.floats(0, 1), steps=st.integers(1, 30), seed=st.integers(0, 1000))
def test_the_exponential_average_is_its_closed_form(decay: float, steps: int, seed: int) -> None:
    thetas = values(steps, seed=seed)
    weights = [decay ** (steps - 1), *((1 - decay) * decay ** (steps - 1 - i) for i in range(1, steps))]
    closed = sum((weight * theta for weight, theta in zip(weights, thetas, strict=True)), torch.zeros(3, 2))
    for own in (exponential_average, exponential_average_interpolated):
        average = Average(0, torch.full((3, 2), torch.nan, dtype=torch.float64))
        for theta in thetas:
            average = own(average, theta, decay)
        torch.testing.assert_close(average.value, closed, rtol=1e-12, atol=1e-13)
