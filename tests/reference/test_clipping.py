from __future__ import annotations

import math
from typing import Any

import pytest

pytest.importorskip("torch", reason="the reference is made of tensors")

import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import Tensor
from torch.nn.utils import clip_grad_norm_, clip_grad_value_

from optlint.reference.accumulation import accumulated, weights_divided, weights_of_the_whole, weights_undivided
from optlint.reference.clipping import NonFiniteNormError, clip_by_norm, clip_by_value, total_norm

SHAPES = ((5,), (2, 3), (2, 1, 3, 2), ())
ORDERS = (2.0, 1.0, math.inf, 3.0, 0.5, 0.0, -math.inf)
TYPES_AND_ORDERS = [
    (dtype, p)
    for dtype in (torch.float64, torch.float32, torch.bfloat16, torch.complex128)
    for p in ORDERS
    if not (dtype.is_complex and p == 0)  # torch warns that it counts real parts alone
]
CUDA = pytest.param(
    "cuda",
    marks=[pytest.mark.gpu, pytest.mark.skipif(not torch.cuda.is_available(), reason="there is no CUDA device")],
)


def gradients(dtype: torch.dtype = torch.float64, device: str = "cpu", seed: int = 0) -> list[Tensor]:
    generator = torch.Generator().manual_seed(seed)
    wide = torch.complex128 if dtype.is_complex else torch.float64
    return [torch.randn(shape, generator=generator, dtype=wide).to(device, dtype) for shape in SHAPES]


def parameters_of(gs: list[Tensor]) -> list[Tensor]:
    """Parameters with copies of these gradients, and among them one that has none."""
    made = [torch.zeros_like(g, requires_grad=True) for g in gs]
    for parameter, g in zip(made, gs, strict=True):
        parameter.grad = g.clone()
    return [made[0], torch.zeros(3, requires_grad=True), *made[1:]]


def kept_gradients(parameters: list[Tensor]) -> list[Tensor]:
    return [parameter.grad for parameter in parameters if parameter.grad is not None]


def assert_equal(one: Tensor, other: Tensor) -> None:
    torch.testing.assert_close(one, other, rtol=0, atol=0, equal_nan=True)


@pytest.mark.parametrize("device", ["cpu", CUDA])
@pytest.mark.parametrize(("dtype", "p"), TYPES_AND_ORDERS)
@pytest.mark.parametrize("max_norm", [0.1, 1.0, 1e3, 0.0])
def test_the_norm_is_clipped_as_torch_does(device: str, dtype: torch.dtype, p: float, max_norm: float) -> None:
    gs = gradients(dtype, device)
    parameters = parameters_of(gs)
    expected = clip_grad_norm_(parameters, max_norm, p, foreach=False)
    before = [g.clone() for g in gs]
    clipped, norm = clip_by_norm(gs, max_norm, p)
    assert_equal(norm, expected)
    for one, other in zip(clipped, kept_gradients(parameters), strict=True):
        assert_equal(one, other)
    assert all(torch.equal(*pair) for pair in zip(before, gs, strict=True))


@pytest.mark.parametrize("p", ORDERS)
def test_the_norm_is_clipped_as_torchs_foreach_path_does(p: float) -> None:
    gs = gradients()
    parameters = parameters_of(gs)
    expected = clip_grad_norm_(parameters, 0.7, p, foreach=True)
    clipped, norm = clip_by_norm(gs, 0.7, p)
    torch.testing.assert_close(norm, expected, rtol=1e-14, atol=0)
    for one, other in zip(clipped, kept_gradients(parameters), strict=True):
        torch.testing.assert_close(one, other, rtol=1e-14, atol=0)


def test_the_norm_is_that_of_all_gradients_as_one_vector() -> None:
    gs = gradients()
    flat = torch.cat([g.reshape(-1) for g in gs])
    for p in (2.0, 1.0, math.inf, 3.0):
        torch.testing.assert_close(total_norm(gs, p), torch.linalg.vector_norm(flat, p), rtol=1e-14, atol=0)


def test_clipped_gradients_have_the_norm_and_the_direction() -> None:
    gs = gradients()
    clipped, norm = clip_by_norm(gs, 0.5)
    assert norm > 0.5
    assert total_norm(clipped).item() == pytest.approx(0.5, rel=1e-5)
    assert total_norm(clipped) < 0.5
    ratios = torch.cat([(one / other).reshape(-1) for one, other in zip(clipped, gs, strict=True)])
    torch.testing.assert_close(ratios, ratios[0].expand_as(ratios))


def test_short_gradients_stay_as_they_are_and_zero_ones_too() -> None:
    clipped, _ = clip_by_norm(gradients(), 1e9)
    assert all(torch.equal(*pair) for pair in zip(clipped, gradients(), strict=True))
    zeros, norm = clip_by_norm([torch.zeros(3)], 1.0)
    assert torch.equal(zeros[0], torch.zeros(3))
    assert norm == 0


def test_without_gradients_the_norm_is_zero() -> None:
    clipped, norm = clip_by_norm([], 1.0)
    assert clipped == []
    assert torch.equal(norm, clip_grad_norm_([torch.zeros(2, requires_grad=True)], 1.0))


@pytest.mark.parametrize("planted", [math.inf, -math.inf, math.nan])
@pytest.mark.parametrize("p", [2.0, math.inf])
def test_a_norm_that_is_not_finite(planted: float, p: float) -> None:
    gs = gradients()
    gs[1][0, 1] = planted
    parameters = parameters_of(gs)
    expected = clip_grad_norm_(parameters, 1.0, p, foreach=False)
    clipped, norm = clip_by_norm(gs, 1.0, p)
    assert_equal(norm, expected)
    for one, other in zip(clipped, kept_gradients(parameters), strict=True):
        assert_equal(one, other)
    with pytest.raises(NonFiniteNormError, match=f"the total norm of order {p:g} is (inf|nan)"):
        clip_by_norm(gs, 1.0, p, error_if_nonfinite=True)
    with pytest.raises(RuntimeError):
        clip_grad_norm_(parameters, 1.0, p, error_if_nonfinite=True)


@settings(derandomize=True, deadline=None, max_examples=100)
@given(
    seed=st.integers(0, 10**6),
    p=st.sampled_from(ORDERS) | st.floats(0.25, 8),
    max_norm=st.floats(0, 100),
    n=st.integers(1, 4),
)
def test_any_bound_and_order_give_what_torch_gives(seed: int, p: float, max_norm: float, n: int) -> None:
    gs = gradients(seed=seed)[:n]
    parameters = parameters_of(gs)
    expected = clip_grad_norm_(parameters, max_norm, p, foreach=False)
    clipped, norm = clip_by_norm(gs, max_norm, p)
    assert_equal(norm, expected)
    for one, other in zip(clipped, kept_gradients(parameters), strict=True):
        assert_equal(one, other)


@pytest.mark.parametrize("device", ["cpu", CUDA])
@pytest.mark.parametrize("dtype", [torch.float64, torch.float32, torch.bfloat16])
@pytest.mark.parametrize("foreach", [False, True])
@pytest.mark.parametrize("limit", [0.3, 1e3, 0.0])
def test_values_are_clipped_as_torch_does(device: str, dtype: torch.dtype, foreach: bool, limit: float) -> None:
    gs = gradients(dtype, device)
    gs[0][:3] = torch.tensor([math.inf, -math.inf, math.nan], device=device, dtype=dtype)
    parameters = parameters_of(gs)
    clip_grad_value_(parameters, limit, foreach=foreach)
    for one, other in zip(clip_by_value(gs, limit), kept_gradients(parameters), strict=True):
        assert_equal(one, other)


def micro_batches(sizes: list[int], factors: list[float]) -> tuple[Tensor, Tensor, list[Tensor | None]]:
    """What autograd has for the whole batch, what it accumulates, and each micro batch's own gradient."""
    generator = torch.Generator().manual_seed(7)
    inputs = torch.randn(sum(sizes), 3, generator=generator, dtype=torch.float64)
    targets = torch.randn(sum(sizes), generator=generator, dtype=torch.float64)
    weight = torch.randn(3, generator=generator, dtype=torch.float64, requires_grad=True)

    def loss(part: slice) -> Tensor:
        return ((inputs[part] @ weight).tanh() - targets[part]).square().mean()

    (whole,) = torch.autograd.grad(loss(slice(None)), weight)
    ends = [sum(sizes[: place + 1]) for place in range(len(sizes))]
    parts = [slice(end - size, end) for end, size in zip(ends, sizes, strict=True)]
    own: list[Tensor | None] = [torch.autograd.grad(loss(part), weight)[0] for part in parts]
    for part, factor in zip(parts, factors, strict=True):
        torch.autograd.backward(loss(part) * factor)
    assert weight.grad is not None
    return whole, weight.grad, own


@pytest.mark.parametrize("sizes", [[4, 4, 4], [4, 4, 1], [5], [1, 2, 3, 4]])
@pytest.mark.parametrize("weights", [weights_of_the_whole, weights_divided, weights_undivided])
def test_what_autograd_accumulates(sizes: list[int], weights: Any) -> None:
    whole, grad, own = micro_batches(sizes, weights(sizes))
    total = accumulated(own, weights(sizes))
    assert total is not None
    torch.testing.assert_close(total, grad, rtol=1e-14, atol=1e-15)
    is_whole = weights is weights_of_the_whole or (weights is weights_divided and len(set(sizes)) == 1) or sizes == [5]
    assert torch.allclose(total, whole, rtol=1e-12, atol=1e-14) is is_whole


def test_an_undivided_loss_gives_so_many_times_the_gradient() -> None:
    _, undivided, _ = micro_batches([3, 3, 3, 3], weights_undivided([3] * 4))
    whole, _, _ = micro_batches([3, 3, 3, 3], weights_divided([3] * 4))
    torch.testing.assert_close(undivided, 4 * whole)


def test_a_short_last_batch_counts_too_much_when_divided_by_the_number_of_batches() -> None:
    sizes = [4, 4, 1]
    excess = [
        divided / right for divided, right in zip(weights_divided(sizes), weights_of_the_whole(sizes), strict=True)
    ]
    assert excess == pytest.approx([9 / (3 * size) for size in sizes])
    assert excess == pytest.approx([0.75, 0.75, 3.0])


def test_a_parameter_without_part_in_a_micro_batch() -> None:
    g = torch.ones(2)
    total = accumulated([None, g, None, g], weights_divided([1] * 4))
    assert total is not None
    assert torch.equal(total, torch.full((2,), 0.5))
    assert accumulated([None, None], [1.0, 1.0]) is None
    assert torch.equal(g, torch.ones(2))
