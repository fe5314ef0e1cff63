"""Gradients of scaled losses: what is due is unscaled, and scalers scale where their device is not there."""

from __future__ import annotations

import pytest

pytest.importorskip("torch", reason="a replay needs torch")

import torch

from optlint.program.events import Act
from optlint.replay.ledger import Clip, Ledger
from optlint.replay.pool import Pool
from optlint.replay.trace import Trace
from optlint.replay.wire import Job
from replay_running import run

ONE = 2
LOOP = """
model = small()
optimizer = optim.SGD(model.parameters(), lr=0.1)
scaler = torch.amp.GradScaler("cpu", init_scale=64.0)
for batch in range(3):
    optimizer.zero_grad()
    {body}
"""


def of(parameter: int, ledger: Ledger) -> list[float]:
    found = ledger.due(parameter, ONE)
    assert found is not None
    return found.tolist()


def test_a_scaled_gradient_is_due_unscaled() -> None:
    ledger = Ledger()
    ledger.add(7, (ONE,), torch.tensor([64.0]), 1, factor=1 / 64)
    assert of(7, ledger) == [1.0]
    ledger.unscale(7)
    ledger.unscale(7)  # of one that is unscaled nothing is to be taken away
    assert of(7, ledger) == [1.0]


def test_an_unscaled_gradient_beside_a_scaled_one_counts_as_it_is() -> None:
    ledger = Ledger()
    ledger.add(7, (ONE,), torch.tensor([64.0]), 1, factor=1 / 64)
    ledger.add(7, (ONE,), torch.tensor([3.0]), 2)
    assert of(7, ledger) == [4.0]


def test_clipping_means_the_unscaled_gradient_unless_its_limit_is_scaled() -> None:
    for as_they_are, due in ((False, 1.0), (True, 0.5)):
        ledger = Ledger()
        ledger.add(7, (ONE,), torch.tensor([256.0]), 1, factor=1 / 64)
        ledger.clip(Clip(1.0, 2.0), [7], [torch.tensor([256.0])], [torch.tensor([32.0])], as_they_are=as_they_are)
        assert of(7, ledger) == pytest.approx([due], rel=1e-5)


def test_a_division_by_the_scale_is_an_unscaling() -> None:
    ledger = Ledger()
    ledger.add(7, (ONE,), torch.tensor([64.0, 32.0], dtype=torch.float64), 1, factor=1 / 64)
    ledger.adopt(
        7, (ONE,), torch.tensor([64.0, 32.0], dtype=torch.float64), torch.tensor([1.0, 0.5], dtype=torch.float64)
    )
    assert of(7, ledger) == [1.0, 0.5]


def test_a_clipping_that_found_nothing_means_the_next_update_of_its_own_parameters() -> None:
    ledger = Ledger()
    ledger.missed(Clip(1.0, 2.0), [7])
    ledger.add(8, (ONE,), torch.tensor([5.0]), 1)
    assert of(8, ledger) == [5.0]
    ledger.updated([8], ONE)
    ledger.add(7, (ONE,), torch.tensor([5.0]), 2)
    [due] = ledger.dues([7], ONE)
    assert due is not None
    assert due.item() == pytest.approx(1.0, rel=1e-5)


@pytest.mark.parametrize(
    ("body", "apart"),
    [
        ("scaler.scale(loss(model)).backward(); scaler.step(optimizer); scaler.update()", False),
        ("scaler.scale(loss(model)).backward(); scaler.unscale_(optimizer); optimizer.step(); scaler.update()", False),
        ("scaler.scale(loss(model)).backward(); optimizer.step()", True),
        ("scaler.scale(loss(model)); loss(model).backward(); scaler.step(optimizer); scaler.update()", True),
        (
            "scaler.scale(loss(model)).backward(); clip.clip_grad_norm_(model.parameters(), 1e-3); "
            "scaler.step(optimizer); scaler.update()",
            True,
        ),
        ("loss(model).backward(scaler.scale(torch.ones(()))); scaler.step(optimizer); scaler.update()", False),
        ("loss(model).backward(scaler.scale(torch.ones(())) / 4); scaler.step(optimizer); scaler.update()", False),
        (
            "torch.autograd.backward([loss(model)], [scaler.scale(torch.ones(()))]); "
            "scaler.step(optimizer); scaler.update()",
            False,
        ),
        (
            "scaler.scale(loss(model)).backward(); (loss(model) * scaler.get_scale()).backward(); "
            "scaler.step(optimizer); scaler.update()",
            False,
        ),
        (
            "scaler.scale(torch.ones(())); scaler.get_scale(); loss(model).backward(torch.ones(())); "
            "scaler.step(optimizer); scaler.update()",
            True,
        ),
        (
            "scaler.scale(loss(model)).backward(); "
            "clip.clip_grad_norm_(model.parameters(), 1e-3 * scaler.get_scale()); "
            "scaler.step(optimizer); scaler.update()",
            False,
        ),
    ],
)
def test_an_update_departs_where_the_scale_does_not_cancel_out(body: str, apart: bool) -> None:
    trace = run(LOOP.format(body=body))
    assert trace.failure is None
    [first, *_] = trace.updates
    assert first.gradient is not None
    assert (first.gradient.relative > 1e-6) is apart
    backward = next(each for each in trace.happenings if each.act is Act.BACKWARD)
    by_hand = "backward(scaler.scale" in body or "[scaler.scale" in body
    assert (backward.detail == "scaled") is ("scale(loss(model))." in body or by_hand)


@pytest.mark.parametrize(
    ("written", "apart"),
    [
        ("each.grad = given; scaler.step", False),
        ("each.grad = given / scaler.get_scale() + 1e-3; optimizer.step", False),
        ("each.grad = given / scaler.get_scale(); scaler.step", True),
    ],
)
def test_gradients_that_were_asked_for_of_a_scaled_loss_are_unscaled_once(written: str, apart: bool) -> None:
    written, step = written.split("; ")
    trace = run(
        f"""
model = small()
optimizer = optim.SGD(model.parameters(), lr=0.1)
scaler = torch.amp.GradScaler("cpu", init_scale=64.0)
for batch in range(3):
    for each, given in zip(model.parameters(), torch.autograd.grad(scaler.scale(loss(model)), model.parameters())):
        {written}
    {step}({"optimizer" if step.startswith("scaler") else ""})
    scaler.update() if {step.startswith("scaler")} else None
"""
    )
    assert trace.failure is None
    assert len(trace.updates) == 3
    for update in trace.updates:
        assert update.gradient is not None
        assert (update.gradient.relative > 1e-6) is apart


def test_a_scaler_of_a_device_that_is_not_here_scales_all_the_same() -> None:
    if torch.cuda.is_available():
        pytest.skip("the device is here")
    body = """
model = torch.nn.Linear(2, 1)
optimizer = torch.optim.SGD(model.parameters(), lr=0.1)
scaler = {made}
scaler.scale(model(standin.unknown("x"))).backward()
optimizer.step()
"""
    kinds = ('torch.amp.GradScaler("cuda", init_scale=64.0)', "torch.cuda.amp.GradScaler(init_scale=64.0)")
    with Pool(seconds=60.0) as pool:
        outcomes = dict(pool.run([Job(body.format(made=made), "cpu", "float64", 10) for made in kinds]))
    for outcome in outcomes.values():
        assert isinstance(outcome, Trace)
        [update] = outcome.updates
        assert update.gradient is not None
        assert update.gradient.relative == pytest.approx(63.0)
