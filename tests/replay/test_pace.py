"""The pace of a schedule, on traces that are made up: even over the run, or elsewhere."""

from __future__ import annotations

import pytest

pytest.importorskip("torch", reason="a replay needs torch")

from optlint.program.events import Act
from optlint.replay.pace import is_endless, off_pace, paced, without_length
from optlint.replay.trace import Happening, Kind, Thing, Trace, Update


def trace(length: float | None, updates: int, stepped_after: list[int], name: str = "CosineAnnealingLR") -> Trace:
    """A run of one optimizer (1) with one schedule (2), which is stepped after some of the updates."""
    things = (Thing(1, Kind.OPTIMIZER, "SGD"), Thing(2, Kind.SCHEDULER, name, optimizer=1, length=length))
    made = Happening(Act.NEW, 2, (2,), 0)
    steps = tuple(Happening(Act.SCHEDULE, 9, (2,), after) for after in stepped_after)
    done = tuple(Update(number, 1, 8, (0.1,), (0.1,), None, None, (), (), (), 0.0) for number in range(1, updates + 1))
    return Trace(things, (made, *steps), done, None, False, "cpu", "2.13")


@pytest.mark.parametrize(("length", "updates", "every"), [(12, 12, 1), (6, 12, 2), (3, 12, 4), (4, 13, 3)], ids=str)
def test_a_schedule_that_is_spread_over_the_run_keeps_pace(length: int, updates: int, every: int) -> None:
    run = trace(length, updates, list(range(every, updates + 1, every)))
    assert list(off_pace(run, frozenset((1,)))) == []


@pytest.mark.parametrize(("length", "every"), [(24, 6), (4, 1), (10, 1), (100, 4)], ids=str)
def test_a_schedule_of_another_length_does_not(length: int, every: int) -> None:
    [departure] = off_pace(trace(length, 24, list(range(every, 25, every))), frozenset((1,)))
    assert departure.quantity == "schedule"


def test_one_step_more_or_less_is_no_other_pace() -> None:
    assert list(off_pace(trace(11, 12, list(range(1, 13))), frozenset((1,)))) == []


def test_warm_ups_and_schedules_that_are_not_stepped_have_no_pace() -> None:
    assert paced(trace(5, 12, [1, 2], name="LinearLR"), frozenset((1,))) == []
    assert paced(trace(5, 12, []), frozenset((1,))) == []


def test_only_schedules_that_are_stepped_and_have_no_length_are_endless() -> None:
    optimizers = frozenset((1,))
    assert is_endless(trace(None, 12, [4, 8], name="MultiStepLR"), optimizers)
    assert not is_endless(trace(None, 12, [], name="MultiStepLR"), optimizers)
    assert not is_endless(trace(5, 12, [4, 8]), optimizers)
    assert not is_endless(trace(None, 12, [4, 8], name="MultiStepLR"), frozenset((3,)))


def test_options_are_compared_without_the_length() -> None:
    assert without_length("T_max=5, eta_min=0") == "eta_min=0"
    assert without_length("base_lrs=[0.1], total_steps=7, max=3") == "base_lrs=[0.1], max=3"
