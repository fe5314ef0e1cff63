"""Schedules that come to nothing: what that does to the rates."""

from __future__ import annotations

import pytest

pytest.importorskip("torch", reason="a replay needs torch")

from optlint.replay.trace import Kind, Trace
from optlint.replay.unscheduled import stepped_elsewhere, unscheduled
from replay_running import run

START = """
weights = torch.ones(3, requires_grad=True)
optimizer = optim.SGD([weights], lr=0.1, momentum=0.9)
"""
LOOP = """
for epoch in range(4):
    optimizer.zero_grad()
    weights.sum().backward()
    optimizer.step()
    {end}
"""


def traced(made: str, end: str) -> Trace:
    trace = run(START + made + LOOP.format(end=end))
    assert trace.failure is None, trace.failure
    return trace


def words(trace: Trace) -> list[str]:
    optimizers = frozenset(each.number for each in trace.things if each.kind is Kind.OPTIMIZER)
    return [each.words for each in unscheduled(trace, optimizers, 1e-12)]


@pytest.mark.parametrize(
    ("made", "rate"),
    [
        ("LinearLR(optimizer, 0.1)", "0.01"),
        ("OneCycleLR(optimizer, 0.5, 20)", "0.02"),
        ("ConstantLR(optimizer, 0.5)", "0.05"),
    ],
)
def test_what_a_construction_sets_stays_where_no_step_follows(made: str, rate: str) -> None:
    [found] = words(traced(f"scheduler = lr_scheduler.{made}", "pass"))
    assert f"uses the rate {rate} where the optimizer was built with 0.1" in found


@pytest.mark.parametrize(
    ("made", "end"),
    [
        ("StepLR(optimizer, 1)", "pass"),
        ("LinearLR(optimizer, 0.1)", "scheduler.step()"),
        ("StepLR(optimizer, 1)", "scheduler.step()"),
    ],
)
def test_dead_and_living_schedules_change_nothing(made: str, end: str) -> None:
    assert words(traced(f"scheduler = lr_scheduler.{made}", end)) == []


def test_a_schedule_of_an_optimizer_that_makes_no_update_is_missed_by_the_other() -> None:
    made = "scheduler = lr_scheduler.StepLR(optimizer, 1, 0.5)\noptimizer = optim.SGD([weights], lr=0.1)"
    [found] = words(traced(made, "scheduler.step()"))
    assert found == "update 2 uses the rate 0.1, and the schedule is at 0.05, for an optimizer that makes no update"


def test_a_step_after_other_updates_is_told() -> None:
    made = "scheduler = lr_scheduler.StepLR(optimizer, 1)"
    often, seldom = traced(made, "scheduler.step()"), traced(made, "if epoch % 2: scheduler.step()")
    match = {each.number: each.number for each in often.things}
    assert len(list(stepped_elsewhere(often, seldom, match))) == 1
    assert list(stepped_elsewhere(often, often, match)) == []
