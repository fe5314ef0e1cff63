"""What the steps of schedulers are given: epochs that lag, metrics in the place of epochs, and the other way round."""

from __future__ import annotations

import pytest

pytest.importorskip("torch", reason="a replay needs torch")

from optlint.program.events import Act
from optlint.program.metrics import metric_direction
from optlint.replay.counted import UPSIDE_DOWN, counts_for_metrics
from optlint.replay.late_groups import has_late_groups, is_of_more_groups
from optlint.replay.trace import Kind, Trace
from replay_running import run

START = """
weights = torch.ones(3, requires_grad=True)
optimizer = optim.SGD([weights], lr=0.1)
def update():
    optimizer.zero_grad()
    weights.sum().backward()
    optimizer.step()
"""
AT_END = "for e in range(8):\n    update()\n    scheduler.step(%s)\n"
AT_TOP = "for e in range(8):\n    scheduler.step(%s)\n    update()\n"
CLASSES = (
    "StepLR(optimizer, 2)",
    "ExponentialLR(optimizer, 0.8)",
    "CosineAnnealingLR(optimizer, 7)",
    "LambdaLR(optimizer, lambda t: 0.9**t)",
    "CosineAnnealingWarmRestarts(optimizer, 3)",
)


def traced(scheduler: str, loop: str) -> Trace:
    return run(f"{START}scheduler = lr_scheduler.{scheduler}\n{loop}")


def departs(trace: Trace) -> bool:
    return any(each.rates != pytest.approx(each.due_rates, rel=1e-12, abs=1e-15) for each in trace.updates)


@pytest.mark.parametrize("scheduler", CLASSES)
def test_the_number_of_the_epoch_that_is_over_lags(scheduler: str) -> None:
    plain = [each.rates for each in traced(scheduler, AT_END % "").updates]
    lagging = traced(scheduler, AT_END % "e")
    assert departs(lagging)
    assert [each.due_rates[0] for each in lagging.updates][2:] == pytest.approx([rate for (rate,) in plain][2:])


@pytest.mark.parametrize("scheduler", CLASSES)
@pytest.mark.parametrize("loop", [AT_END % "e + 1", AT_TOP % "e"])
def test_the_number_of_the_epoch_that_comes_is_right(scheduler: str, loop: str) -> None:
    assert not departs(traced(scheduler, loop))


def test_the_same_number_for_each_batch_does_not_lag() -> None:
    loop = "for e in range(4):\n    for _ in range(3):\n        update()\n        scheduler.step(e)\n"
    assert not departs(traced("ExponentialLR(optimizer, 0.8)", loop))


def test_a_class_that_counts_its_calls_is_early_at_the_top() -> None:
    made = "MultiplicativeLR(optimizer, lambda t: 0.9)"
    assert departs(traced(made, AT_TOP % "e"))
    assert not departs(traced(made, AT_END % "e"))


@pytest.mark.parametrize("metric", ["weights.sum().detach()", "val_loss"])
def test_a_metric_is_no_epoch(metric: str) -> None:
    loop = f"for e in range(6):\n    update()\n    val_loss = 0.7 - 0.1 * e\n    scheduler.step({metric})\n"
    trace = traced("StepLR(optimizer, 2)", loop)
    assert departs(trace)
    assert [each.due_rates[0] for each in trace.updates] == pytest.approx([0.1, 0.1, 0.01, 0.01, 0.001, 0.001])


def test_a_plateau_that_waits_for_the_wrong_direction_is_told() -> None:
    loop = "for e in range(6):\n    update()\n    accuracy = 0.1 * e + 0.1\n    scheduler.step(%s)\n"
    wrong = traced("ReduceLROnPlateau(optimizer, patience=1)", loop % "accuracy")
    assert departs(wrong)
    assert {each.detail for each in wrong.happenings if each.act is Act.SCHEDULE} == {UPSIDE_DOWN}
    for right in (
        traced("ReduceLROnPlateau(optimizer, 'max', patience=1)", loop % "accuracy"),
        traced("ReduceLROnPlateau(optimizer, patience=1)", loop % "1 - accuracy"),
    ):
        assert not departs(right)
        assert UPSIDE_DOWN not in {each.detail for each in right.happenings}


def test_the_numbers_of_epochs_are_no_metric() -> None:
    trace = traced("ReduceLROnPlateau(optimizer, patience=1)", AT_END % "e")
    rows = tuple(each.row for each in trace.happenings if each.act is Act.SCHEDULE)
    assert counts_for_metrics(trace, rows)
    assert not counts_for_metrics(trace, ())
    falling = traced("ReduceLROnPlateau(optimizer, patience=1)", AT_END % "8 - e")
    assert not counts_for_metrics(falling, rows)


def test_a_group_that_comes_during_the_warm_up_is_to_come_to_its_own_rate() -> None:
    late = "optimizer.add_param_group({'params': [torch.ones(2, requires_grad=True)], 'lr': 0.5})\n"
    trace = traced("LinearLR(optimizer, 0.5, total_iters=2)", late + AT_END % "")
    assert [each.due_rates[1] for each in trace.updates][:3] == pytest.approx([0.25, 0.375, 0.5])
    [scheduler] = [each for each in trace.things if each.kind is Kind.SCHEDULER]
    assert has_late_groups(trace, scheduler)


def test_further_groups_are_the_same_options() -> None:
    assert is_of_more_groups("base_lrs=[0.1], gamma=0.5", "base_lrs=[0.1, 0.2], gamma=0.5")
    assert not is_of_more_groups("base_lrs=[0.1], gamma=0.5", "base_lrs=[0.2, 0.1], gamma=0.5")
    assert not is_of_more_groups("base_lrs=[0.1], gamma=0.5", "base_lrs=[0.1, 0.2], gamma=0.1")


def test_names_tell_which_way_a_metric_gets_better() -> None:
    told = {
        name: metric_direction(name) for name in ("val_loss", "acc1", "mAP", "testMIoU", "epoch", "score", "neg_acc")
    }
    assert told == {
        "val_loss": -1, "acc1": 1, "mAP": 1, "testMIoU": 1, "epoch": None, "score": 0, "neg_acc": 0
    }  # fmt: skip
    assert metric_direction("num_errors") is None
    assert metric_direction("accuracy_loss") == -1
