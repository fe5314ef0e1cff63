"""What is made again and again in one row is one object, and its rates those of a schedule that goes on."""

from __future__ import annotations

import pytest

pytest.importorskip("torch", reason="a replay needs torch")

from optlint.replay.remaking import first_of, in_line, states_lost
from optlint.replay.trace import Kind, Trace
from replay_running import run

START = """
weights = torch.ones(3, requires_grad=True)
def update(optimizer):
    optimizer.zero_grad()
    weights.sum().backward()
    optimizer.step()
"""
REMADE = START + "for epoch in range(4):\n    optimizer = {made}\n    update(optimizer)\n    update(optimizer)\n"


def lost(body: str) -> list[int]:
    trace = run(body)
    assert trace.failure is None, trace.failure
    optimizers = frozenset(each.number for each in trace.things if each.kind is Kind.OPTIMIZER)
    rows = sorted({each.row for each in trace.happenings})
    assert list(states_lost(trace, optimizers, ())) == []
    return [each.update for each in states_lost(trace, optimizers, rows)]


@pytest.mark.parametrize("made", ["optim.Adam([weights])", "optim.SGD([weights], lr=0.1, momentum=0.9)"])
def test_a_state_is_lost_with_each_optimizer_that_is_made_anew(made: str) -> None:
    assert lost(REMADE.format(made=made)) == [3, 5, 7]


@pytest.mark.parametrize(
    "made",
    [
        "optim.SGD([weights], lr=0.1, weight_decay=0.1)",
        "optim.Adam([weights], lr=0.1 / (epoch + 1))",
        "optim.Adam([weights.detach().clone().requires_grad_()])",
    ],
    ids=["nothing to keep", "another rate", "other parameters"],
)
def test_no_state_is_lost_where_there_is_none_that_would_fit(made: str) -> None:
    assert lost(REMADE.format(made=made)) == []


def test_no_state_is_lost_with_weights_that_are_loaded() -> None:
    loaded = (
        "model = nn.Linear(2, 1)\nfirst = {k: v.clone() for k, v in model.state_dict().items()}\n"
        "for task in range(3):\n    model.load_state_dict(first)\n    optimizer = optim.Adam(model.parameters())\n"
        "    model(torch.ones(1, 2)).sum().backward()\n    optimizer.step()\n"
    )
    assert lost(loaded) == []


def scheduled(made: str) -> Trace:
    trace = run(
        START + "optimizer = optim.SGD([weights], lr=0.1)\n"
        f"for epoch in range(6):\n    scheduler = lr_scheduler.{made}\n    update(optimizer)\n    scheduler.step()\n"
    )
    assert trace.failure is None, trace.failure
    return trace


@pytest.mark.parametrize(
    ("made", "kept"),
    [
        ("StepLR(optimizer, 2, 0.5)", [0.1, 0.1, 0.05, 0.05, 0.025, 0.025]),
        ("LinearLR(optimizer, 0.5, 1.0, 2)", [0.05, 0.075, 0.1, 0.1, 0.1, 0.1]),
        ("ExponentialLR(optimizer, 0.5)", [0.1, 0.05, 0.025, 0.0125, 0.00625, 0.003125]),
    ],
)
def test_kept_rates_are_those_of_one_scheduler(made: str, kept: list[float]) -> None:
    assert [each.kept_rates[0] for each in scheduled(made).updates] == pytest.approx(kept)


def test_a_rate_that_is_set_by_hand_begins_a_new_curve() -> None:
    trace = run(
        START + "optimizer = optim.SGD([weights], lr=0.1)\nfor epoch in range(3):\n"
        "    for group in optimizer.param_groups:\n        group['lr'] = group['initial_lr'] = 0.1 + epoch\n"
        "    scheduler = lr_scheduler.StepLR(optimizer, 1, 0.5)\n    update(optimizer)\n    scheduler.step()\n"
    )
    assert [each.kept_rates for each in trace.updates] == [each.rates for each in trace.updates]


def test_all_in_a_line_are_the_first_one() -> None:
    trace = scheduled("StepLR(optimizer, 2)")
    schedulers = [each.number for each in trace.things if each.kind is Kind.SCHEDULER]
    assert {first_of(trace, number) for number in schedulers} == {schedulers[0]}
    inner = {number for each in in_line(trace).happenings for number in each.things}
    assert inner.intersection(schedulers) == {schedulers[0]}
