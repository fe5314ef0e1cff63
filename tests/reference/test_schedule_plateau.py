from __future__ import annotations

import math
import random
from typing import Any

import pytest

pytest.importorskip("torch", reason="the schedules are compared with torch's")

import torch
from hypothesis import example, given, settings
from hypothesis import strategies as st

from optlint.reference.schedules.plateau import ReduceLROnPlateau

EXAMPLES = settings(max_examples=30, derandomize=True, deadline=None, database=None)
LEVELS = [0.0, 0.3, 0.30000001, 0.5, 0.9, 1.0, 1.00009, 1.0001, -0.5, -0.50001, -2.0, math.nan, math.inf]
"""Metrics beside one another by less and by more than a threshold, of both signs, and what is no number."""


def walk_plateau(arguments: dict[str, Any], rates: list[float], metrics: list[float]) -> list[list[float]]:
    """The rate of each group after each metric."""
    optimizer = torch.optim.SGD([{"params": [torch.nn.Parameter(torch.zeros(1))], "lr": rate} for rate in rates])
    scheduler = torch.optim.lr_scheduler.ReduceLROnPlateau(optimizer, **arguments)
    walked = []
    for metric in metrics:
        scheduler.step(metric)
        walked.append([group["lr"] for group in optimizer.param_groups])
    return [list(each) for each in zip(*walked, strict=True)]


def noisy(seed: int, steps: int = 500) -> list[float]:
    """A metric that improves for a while, ever more slowly, and wavers."""
    drawn = random.Random(seed)
    return [1 / (1 + 0.02 * t) + drawn.gauss(0, 0.02) for t in range(steps)]


PLATEAUS: list[dict[str, Any]] = [
    {},
    {"patience": 0, "eps": 0.0},
    {"mode": "max", "patience": 30, "factor": 0.5},
    {"patience": 3, "cooldown": 7, "factor": 0.9},
    {"patience": 3, "cooldown": 7, "factor": 0.9, "min_lr": 0.03},
    {"patience": 2, "threshold": 0.05, "threshold_mode": "abs", "factor": 0.7},
    {"mode": "max", "patience": 2, "threshold": 0.05, "threshold_mode": "abs", "factor": 0.7},
    {"mode": "max", "patience": 2, "threshold": 0.05, "factor": 0.7},
    {"patience": 2, "threshold": 0.3, "factor": 0.7, "eps": 1e-3},
    {"patience": 1, "factor": 0.0, "eps": 1.0},
    {"patience": 1, "factor": 0.5, "eps": 0.05},
    {"patience": 1, "min_lr": 0.4},
    {"patience": 1, "threshold": 0.0},
    {"patience": 1, "threshold": 0.0, "mode": "max", "threshold_mode": "abs"},
]


@pytest.mark.parametrize("arguments", PLATEAUS, ids=str)
@pytest.mark.parametrize("sign", [1, -1])
def test_the_fold_and_the_closed_description_are_torch(arguments: dict[str, Any], sign: int) -> None:
    metrics = [sign * each for each in noisy(5)]
    agree(arguments, 0.1, metrics)


@EXAMPLES
@given(
    arguments=st.fixed_dictionaries(
        {},
        optional={
            "mode": st.sampled_from(["min", "max"]),
            "factor": st.floats(0, 0.99),
            "patience": st.integers(0, 8),
            "threshold": st.floats(0, 1),
            "threshold_mode": st.sampled_from(["rel", "abs"]),
            "cooldown": st.integers(0, 8),
            "min_lr": st.floats(0, 0.2),
            "eps": st.sampled_from([0.0, 1e-8, 1e-3]),
        },
    ),
    rate=st.floats(1e-3, 1),
    metrics=st.lists(st.sampled_from(LEVELS), min_size=1, max_size=80),
)
@example(arguments={"patience": 0, "cooldown": 2}, rate=0.1, metrics=[math.nan] * 9)
def test_any_metrics_agree(arguments: dict[str, Any], rate: float, metrics: list[float]) -> None:
    agree(arguments, rate, metrics)


def agree(arguments: dict[str, Any], rate: float, metrics: list[float]) -> None:
    schedule = ReduceLROnPlateau(**arguments)
    walked = walk_plateau(arguments, [rate], metrics)[0]
    assert schedule.fold(rate, metrics) == walked
    cuts = schedule.cuts(metrics)
    closed = [schedule.closed_form(rate, sum(cut <= t for cut in cuts)) for t in range(1, len(metrics) + 1)]
    assert closed == pytest.approx(walked, rel=1e-12, abs=0)


def test_each_group_has_its_own_lower_bound() -> None:
    metrics = noisy(7)
    bounds = [0.05, 0.0, 0.4]
    walked = walk_plateau({"min_lr": bounds, "patience": 4, "factor": 0.8}, [0.1, 0.2, 0.3], metrics)
    for rate, bound, rates in zip([0.1, 0.2, 0.3], bounds, walked, strict=True):
        assert ReduceLROnPlateau(min_lr=bound, patience=4, factor=0.8).fold(rate, metrics) == rates
    assert len(set(walked[0])) > 3
    assert set(walked[2]) == {0.3}  # below its bound already


def test_cuts_are_at_the_steps_after_the_patience_and_the_cooldown() -> None:
    schedule = ReduceLROnPlateau(patience=2, cooldown=3)
    assert schedule.cuts([1.0] * 20) == [4, 10, 16]
    assert ReduceLROnPlateau(patience=0).cuts([1.0, 1.0, 0.5, 0.5, 0.4]) == [2, 4]


def test_a_little_worse_improves_below_zero() -> None:
    assert ReduceLROnPlateau(threshold=0.1).improves(-0.95, -1.0)
    assert not ReduceLROnPlateau(threshold=0.1).improves(0.95, 1.0)


def test_the_rate_stays_where_a_cut_would_change_it_too_little() -> None:
    schedule = ReduceLROnPlateau(factor=0.1, patience=0, eps=1e-3)
    assert [schedule.closed_form(0.1, cuts) for cuts in range(5)] == pytest.approx([0.1, 0.01, 0.001, 0.001, 0.001])
