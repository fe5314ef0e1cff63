from __future__ import annotations

import pytest

pytest.importorskip("torch", reason="what is due is computed beside torch")

import torch

from optlint.program.events import Act
from optlint.replay.ledger import ANYONE, Clip, Ledger
from replay_running import run

START = """
weights = torch.ones(3, requires_grad=True)
optimizer = optim.SGD([{"params": [weights]}, {"params": [torch.ones(2, requires_grad=True)], "lr": 0.02}],
    lr=0.1, momentum=0.9)
def update():
    optimizer.zero_grad()
    weights.sum().backward()
    optimizer.step()
"""

SCHEDULERS = {
    "LambdaLR": "LambdaLR(optimizer, lambda t: 0.9**t)",
    "MultiplicativeLR": "MultiplicativeLR(optimizer, lambda t: 0.9)",
    "StepLR": "StepLR(optimizer, 2)",
    "MultiStepLR": "MultiStepLR(optimizer, [1, 3, 3, 6], 0.5)",
    "ConstantLR": "ConstantLR(optimizer, 0.5, 3)",
    "LinearLR": "LinearLR(optimizer, 0.1, 1.0, 5)",
    "ExponentialLR": "ExponentialLR(optimizer, 0.8)",
    "PolynomialLR": "PolynomialLR(optimizer, 9, 2.0)",
    "CosineAnnealingLR": "CosineAnnealingLR(optimizer, 7)",
    "CosineAnnealingWarmRestarts": "CosineAnnealingWarmRestarts(optimizer, 2, 2)",
    "CyclicLR": "CyclicLR(optimizer, 0.01, 0.1, 3, mode='exp_range', gamma=0.9)",
    "OneCycleLR": "OneCycleLR(optimizer, [0.4, 0.2], 30)",
    "SequentialLR": "SequentialLR(optimizer, [lr_scheduler.LinearLR(optimizer, 0.1, total_iters=3),"
    " lr_scheduler.ExponentialLR(optimizer, 0.9)], [3])",
    "ChainedScheduler": "ChainedScheduler([lr_scheduler.ConstantLR(optimizer, 0.1, 3),"
    " lr_scheduler.ExponentialLR(optimizer, 0.9)])",
    "SWALR": "SWALR(optimizer, 0.3, 5)",
    "ReduceLROnPlateau": "ReduceLROnPlateau(optimizer, patience=1, factor=0.5)",
}
WITH_METRIC = "ReduceLROnPlateau"


def rates_of(name: str, loop: str) -> tuple[list[tuple[float, ...]], list[tuple[float, ...]]]:
    """The rates and the due rates of some updates, with a scheduler."""
    metric = "1.0" if name == WITH_METRIC else ""
    made = f"scheduler = (torch.optim.swa_utils if {name == 'SWALR'} else lr_scheduler).{SCHEDULERS[name]}"
    trace = run("\n".join((START, made, loop.replace("STEP", f"scheduler.step({metric})"))))
    assert trace.failure is None, trace.failure
    assert trace.updates
    return [each.rates for each in trace.updates], [each.due_rates for each in trace.updates]


def close(first: list[tuple[float, ...]], second: list[tuple[float, ...]]) -> bool:
    pairs = zip(first, second, strict=True)
    return all(one == pytest.approx(two, rel=1e-12, abs=1e-16) for one, two in pairs)


PER_EPOCH = """
for epoch in range(8):
    update()
    update()
    STEP
"""


@pytest.mark.parametrize("name", SCHEDULERS)
def test_right_code_departs_nowhere(name: str) -> None:
    for loop in (PER_EPOCH, "for batch in range(12):\n    update()\n    STEP"):
        rates, due = rates_of(name, loop)
        assert close(rates, due)
        assert len(set(rates)) > 1


@pytest.mark.parametrize("name", SCHEDULERS)
def test_a_second_step_does_not_count(name: str) -> None:
    right, _ = rates_of(name, PER_EPOCH)
    rates, due = rates_of(name, PER_EPOCH + "    STEP\n")
    assert close(due, right)
    assert not close(rates, due)


@pytest.mark.parametrize("name", [name for name in SCHEDULERS if name != WITH_METRIC])
def test_a_step_before_the_first_update_does_not_count(name: str) -> None:
    right, _ = rates_of(name, PER_EPOCH)
    rates, due = rates_of(name, "for epoch in range(8):\n    STEP\n    update()\n    update()\n")
    assert close(due, right)
    assert close(rates[:-2], right[2:])
    assert not close(rates, due)


def test_a_plateau_has_no_first_rate_to_lose() -> None:
    rates, due = rates_of(WITH_METRIC, "for epoch in range(8):\n    STEP\n    update()\n")
    assert close(rates, due)


@pytest.mark.parametrize("name", [name for name in SCHEDULERS if name != WITH_METRIC])
def test_a_schedule_may_be_wound_forward(name: str) -> None:
    rates, due = rates_of(name, "for _ in range(3): STEP\n" + PER_EPOCH)
    assert close(rates, due)


def test_one_step_before_the_loop_is_no_winding() -> None:
    rates, due = rates_of("ExponentialLR", "STEP\n" + PER_EPOCH)
    assert not close(rates, due)


def test_steps_with_backwards_between_are_no_winding() -> None:
    loop = "for _ in range(3):\n    weights.sum().backward()\n    STEP\n" + PER_EPOCH
    rates, due = rates_of("ExponentialLR", loop)
    assert not close(rates, due)
    right, _ = rates_of("ExponentialLR", PER_EPOCH)
    assert close(due, right)


@pytest.mark.parametrize("name", ["StepLR", "ExponentialLR", "CosineAnnealingLR", "LambdaLR", "PolynomialLR"])
def test_an_epoch_by_number_is_what_it_asks_for(name: str) -> None:
    right, _ = rates_of(name, "for epoch in range(8):\n    update()\n    STEP\n")
    rates, due = rates_of(name, "for epoch in range(8):\n    scheduler.step(epoch)\n    update()\n")
    assert close(rates, due)
    assert close(rates, right)


def test_rates_by_hand_are_adopted() -> None:
    loop = """
for epoch in range(6):
    update()
    scheduler.step()
    if epoch == 2:
        optimizer.param_groups[1]["lr"] = 5.0
"""
    rates, due = rates_of("ExponentialLR", loop)
    assert close(rates, due)
    assert rates[3][1] == 5.0


def test_a_count_by_hand_is_adopted() -> None:
    rates, due = rates_of("LambdaLR", PER_EPOCH + "    if epoch == 2: scheduler.last_epoch = 10\n")
    assert close(rates, due)
    assert rates[6][0] == pytest.approx(0.1 * 0.9**11) or rates[8][0] == pytest.approx(0.1 * 0.9**11)


def test_loaded_states_are_adopted() -> None:
    loop = """
kept = scheduler.state_dict(), optimizer.state_dict()
import copy
kept = copy.deepcopy(kept)
for epoch in range(6):
    update()
    scheduler.step()
    if epoch == 2:
        scheduler.load_state_dict(kept[0])
        optimizer.load_state_dict(kept[1])
"""
    rates, due = rates_of("LambdaLR", loop)
    assert close(rates, due)
    assert rates[3] == rates[0]


def test_two_schedulers_share_the_rates() -> None:
    made = "warm = lr_scheduler.LinearLR(optimizer, 0.1, total_iters=4)\n"
    loop = "for epoch in range(5):\n    for batch in range(2):\n        update()\n        {}\n    STEP\n"
    rates, due = rates_of("ExponentialLR", made + loop.format("warm.step()"))
    assert close(rates, due)
    wrong, still_due = rates_of("ExponentialLR", made + loop.format("warm.step(); warm.step()"))
    assert close(still_due, due)
    assert not close(wrong, due)


def test_a_child_stepped_beside_its_composite_does_not_count() -> None:
    made = """
first, second = lr_scheduler.ExponentialLR(optimizer, 0.9), lr_scheduler.ExponentialLR(optimizer, 0.5)
scheduler = lr_scheduler.SequentialLR(optimizer, [first, second], [3])
"""
    right, _ = rates_of("ExponentialLR", made + PER_EPOCH)
    rates, due = rates_of("ExponentialLR", made + PER_EPOCH + "    first.step()\n")
    assert close(due, right)
    assert not close(rates, due)


def test_a_scheduler_built_in_each_epoch_starts_from_what_is_due() -> None:
    loop = "for epoch in range(4):\n    scheduler = lr_scheduler.LinearLR(optimizer, 0.5)\n    update()\n    STEP\n"
    rates, due = rates_of("ExponentialLR", loop)
    assert close(rates, due)


def test_after_a_departure_a_new_scheduler_does_not_hide_it() -> None:
    loop = "scheduler.step()\nupdate()\nwarm = lr_scheduler.ConstantLR(optimizer, 0.5)\nupdate()\n"
    rates, due = rates_of("ExponentialLR", loop)
    assert [each[0] for each in due] == pytest.approx([0.1, 0.05])
    assert [each[0] for each in rates] == pytest.approx([0.08, 0.04])


def test_a_group_that_comes_later_has_its_rate() -> None:
    loop = PER_EPOCH + (
        "    if epoch == 2: optimizer.add_param_group({'params': [torch.ones(1, requires_grad=True)], 'lr': 0.7})\n"
    )
    rates, due = rates_of("ExponentialLR", loop)
    assert close(rates, due)
    assert [len(each) for each in due] == [2] * 6 + [3] * 10


def test_a_rate_of_zero_may_be_left_at_once() -> None:
    made = "scheduler = lr_scheduler.LambdaLR(optimizer, lambda t: t / 5)\n"
    rates, due = rates_of("ExponentialLR", made + "for batch in range(5):\n    STEP\n    update()\n")
    assert close(rates, due)


def test_an_update_that_a_scaler_leaves_out_counts() -> None:
    loop = """
scaler = torch.amp.GradScaler("cpu", init_scale=2.0)
for epoch in range(4):
    optimizer.zero_grad()
    scaler.scale(weights.sum() * (float("nan") if epoch == 1 else 1.0)).backward()
    scaler.step(optimizer)
    scaler.update()
    scheduler.step()
"""
    rates, due = rates_of("ExponentialLR", loop)
    assert len(rates) == 3
    assert close(rates, due)


def test_a_step_of_another_optimizer_does_not_count() -> None:
    body = (
        START
        + """
other = optim.SGD([torch.ones(1, requires_grad=True)], lr=0.1)
scheduler = lr_scheduler.ExponentialLR(optimizer, 0.5)
for epoch in range(3):
    other.step()
    scheduler.step()
update()
"""
    )
    assert run(body).updates[-1].due_rates[0] == 0.1


def test_winding_and_arguments_are_told() -> None:
    body = (
        START
        + """
scheduler = lr_scheduler.ExponentialLR(optimizer, 0.5)
for _ in range(2): scheduler.step()
update()
scheduler.step()
scheduler.step(7)
"""
    )
    steps = [each.detail for each in run(body).happenings if each.act is Act.SCHEDULE]
    assert steps == ["wound", "wound", "", "argument"]


# -- gradients ----------------------------------------------------------------------------------------------------

ONE, TWO = 1, 2


def vector(*values: float) -> torch.Tensor:
    return torch.tensor(values, dtype=torch.float64)


def due(ledger: Ledger, owner: int = ONE, parameter: int = 7) -> list[float] | None:
    found = ledger.due(parameter, owner)
    return None if found is None else found.tolist()


def test_backwards_add_up_until_the_update() -> None:
    ledger = Ledger()
    ledger.add(7, (ONE,), vector(1.0), 1)
    ledger.add(7, (ONE,), vector(2.0), 2)
    assert due(ledger) == [3.0]
    assert ledger.updated([7], ONE) == (2, 0)
    assert due(ledger) is None


def test_what_is_cleared_and_not_renewed_is_still_due() -> None:
    ledger = Ledger()
    ledger.add(7, (ONE,), vector(1.0), 1)
    ledger.clear(7)
    assert due(ledger) == [1.0]
    ledger.add(7, (ONE,), vector(5.0), 2)
    assert due(ledger) == [5.0]
    ledger.add(7, (ONE,), vector(1.0), 3)
    assert due(ledger) == [6.0]
    assert ledger.updated([7], ONE) == (2, 0)


def test_clearing_for_one_owner_keeps_the_others() -> None:
    ledger = Ledger()
    ledger.add(7, (ONE, TWO), vector(1.0), 1)
    ledger.clear(7, TWO)
    ledger.add(7, (ONE, TWO), vector(1.0), 2)
    assert (due(ledger, ONE), due(ledger, TWO)) == ([2.0], [1.0])


def test_a_parameter_brings_to_its_optimizer_what_came_since_the_last_update() -> None:
    ledger = Ledger()
    ledger.add(7, (), vector(1.0), 1)
    ledger.updated([8], TWO)
    ledger.add(7, (), vector(2.0), 2)
    ledger.join(7, ONE)
    assert due(ledger) == [2.0]
    ledger.leave(7, ())
    assert due(ledger) is None
    assert due(ledger, ANYONE) == [2.0]


def test_clipping_and_unscaling_are_done_to_what_is_due() -> None:
    ledger = Ledger()
    ledger.add(7, (ONE,), vector(30.0, 40.0), 1)
    ledger.multiply(7, 0.1)
    assert due(ledger) == [3.0, 4.0]
    ledger.clip(Clip(1.0, 2.0), [7], [vector(3.0, 4.0)], [vector(0.6, 0.8)])
    assert due(ledger) == [0.6, 0.8]
    ledger.clip(Clip(0.7, None), [7], [vector(9.0, 9.0)], [vector(0.7, 0.7)])  # another gradient than the due one
    assert due(ledger) == [0.6, 0.7]
    ledger.clip(Clip(0.1, 2.0), [7], [vector(9.0, 9.0)], [vector(0.7, 0.7)])
    assert torch.linalg.vector_norm(vector(*due(ledger) or ())).item() == pytest.approx(0.1, rel=1e-4)


def test_a_clipping_that_missed_is_done_to_all_parameters_of_the_next_update() -> None:
    ledger = Ledger()
    ledger.add(7, (ONE,), vector(3.0), 1)
    ledger.add(8, (ONE,), vector(4.0), 1)
    ledger.missed(Clip(1.0, 2.0))
    first, second, third = ledger.dues([7, 8, 9], ONE)
    assert third is None
    assert first is not None
    assert second is not None
    assert (first.item(), second.item()) == pytest.approx((0.6, 0.8), rel=1e-6)
    ledger.updated([7, 8], ONE)
    ledger.add(7, (ONE,), vector(3.0), 2)
    (first,) = ledger.dues([7], ONE)
    assert first is not None
    assert first.item() == 3.0


@pytest.mark.parametrize(
    ("old", "new", "expected"),
    [
        (vector(2.0, 4.0), vector(1.0, 2.0), [5.0, 5.0]),  # halved
        (vector(2.0, 4.0), vector(3.0, 4.0), [11.0, 10.0]),  # one more
        (None, vector(3.0, 4.0), [3.0, 4.0]),  # written anew
    ],
)
def test_what_is_done_by_hand_is_done_to_what_is_due(
    old: torch.Tensor | None, new: torch.Tensor, expected: list[float]
) -> None:
    ledger = Ledger()
    ledger.add(7, (ONE,), vector(10.0, 10.0), 1)
    ledger.adopt(7, (ONE,), old, new)
    assert due(ledger) == expected


def test_what_was_due_and_is_changed_by_hand_is_due_as_it_is() -> None:
    ledger = Ledger()
    ledger.add(7, (ONE,), vector(1.0, 2.0), 1)
    ledger.adopt(7, (ONE,), vector(1.0, 2.0), vector(0.5, 7.0))
    assert due(ledger) == [0.5, 7.0]


def test_gradients_of_another_loss_are_borrowed() -> None:
    ledger = Ledger()
    ledger.add(7, (ONE, TWO), vector(1.0), 1, row=4)
    assert ledger.updated([7], TWO) == (1, 0)
    ledger.add(7, (ONE,), vector(1.0), 2, row=9)
    assert ledger.updated([7], ONE) == (1, 1)
    ledger.add(7, (ONE, TWO), vector(1.0), 3, row=4)
    assert ledger.updated([7], TWO) == (1, 0)
    assert ledger.updated([7], ONE) == (0, 0)  # one loss of both
    ledger.add(7, (ONE, TWO), vector(1.0), 4, row=4)
    ledger.updated([7], TWO)
    ledger.add(7, (ONE, TWO), vector(1.0), 5, row=4)
    assert ledger.updated([7], ONE) == (1, 0)  # of the same loss, at another pace
