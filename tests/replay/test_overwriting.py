from __future__ import annotations

import pytest

pytest.importorskip("torch", reason="schedules are stepped")

from optlint.program.events import Act
from optlint.replay.overwritten import is_shared, undone
from optlint.replay.trace import Trace
from replay_running import run

START = """
weights = torch.ones(3, requires_grad=True)
optimizer = optim.SGD([weights], lr=0.1)
def update():
    optimizer.zero_grad()
    weights.sum().backward()
    optimizer.step()
warmup = lr_scheduler.LambdaLR(optimizer, lambda t: min(1.0, (t + 1) / 4))
restarts = lr_scheduler.CosineAnnealingWarmRestarts(optimizer, 50)
decay = lr_scheduler.StepLR(optimizer, 3, 0.1)
shrinking = lr_scheduler.ExponentialLR(optimizer, 0.9)
ramp = lr_scheduler.LinearLR(optimizer, 0.5, total_iters=4)
cosine = lr_scheduler.CosineAnnealingLR(optimizer, 4, eta_min=0.01)
plateau = lr_scheduler.ReduceLROnPlateau(optimizer, patience=1)
for group in optimizer.param_groups:
    group["lr"] = 0.1
for epoch in range(9):
    update()
"""


def stepped(*steps: str) -> Trace:
    return run(START + "".join(f"    {each}\n" for each in steps))


def optimizers(trace: Trace) -> frozenset[int]:
    return frozenset(each.number for each in trace.things)


@pytest.mark.parametrize(
    "steps",
    [
        ("decay.step()", "warmup.step()"),
        ("warmup.step()", "decay.step()"),
        ("warmup.step()", "plateau.step(1.0)"),
        ("warmup.step()", "shrinking.step()"),
        ("decay.step()", "restarts.step()"),
        ("warmup.step()", "restarts.step()"),
    ],
)
def test_what_is_computed_anew_loses_what_others_did(steps: tuple[str, ...]) -> None:
    trace = stepped(*steps)
    assert next(undone(trace, optimizers(trace)), None) is not None


@pytest.mark.parametrize(
    "steps",
    [
        ("decay.step()", "shrinking.step()"),
        ("ramp.step()", "cosine.step()", "plateau.step(1.0)"),
        ("(warmup if epoch < 3 else shrinking).step()",),
        ("(ramp if epoch < 2 else restarts).step()",),
    ],
)
def test_nothing_is_lost_of_schedules_that_multiply_or_take_turns(steps: tuple[str, ...]) -> None:
    trace = stepped(*steps)
    assert list(undone(trace, optimizers(trace))) == []


def test_the_factor_that_is_lost_is_told_with_the_update_that_goes_without_it() -> None:
    trace = stepped("decay.step()", "warmup.step()")
    departure = next(undone(trace, optimizers(trace)))
    assert (departure.update, departure.quantity) == (4, "learning rate")
    assert "`LambdaLR`" in departure.words
    assert "0.1, is lost" in departure.words


def test_a_rate_written_by_hand_is_no_other_schedule() -> None:
    trace = stepped('optimizer.param_groups[0]["lr"] *= 0.5', "warmup.step()")
    assert list(undone(trace, optimizers(trace))) == []
    assert not is_shared(trace, optimizers(trace))


def test_a_schedule_alone_shares_its_rate_with_none() -> None:
    trace = stepped("warmup.step()")
    assert not is_shared(trace, optimizers(trace))
    assert all(each.lost == () for each in trace.happenings if each.act is Act.SCHEDULE)
