"""What updates are made of in a loop that accumulates: cleared too early, in uneven windows, or summed up."""

from __future__ import annotations

from importlib import import_module

import pytest

pytest.importorskip("torch", reason="replays run torch")

import torch
from torch import Tensor

from optlint.replay.judgement import judge
from optlint.replay.verdict import FindingVerdict, FixVerdict, Verdict
from optlint.replay.weights import weight_of
from optlint.rule import Rule
from replay_running import flag_of, run

LOOP = """
model = small()
optimizer = optim.SGD(model.parameters(), lr=0.1)
seen = 0
for epoch in range(2):
    {start}
    for i in range(8):
        {first}
        ({loss}).backward()  # flag
        {after}
        if {guard}:
            optimizer.step()  # flag
            {cleared}
"""
RIGHT = {
    "start": "pass",
    "first": "pass",
    "loss": "loss(model) / 4",
    "after": "pass",
    "guard": "(i + 1) % 4 == 0",
    "cleared": "optimizer.zero_grad()",
}
EARLY = {"first": "optimizer.zero_grad()  # flag", "cleared": "pass"}


def loop(**parts: str) -> str:
    return LOOP.format(**{**RIGHT, **parts})


def verdict_of(name: str, bad: str, fixed: str | None = None) -> Verdict:
    rule: Rule = import_module(f"optlint_rules.gradients.{name}").RULE
    flag = flag_of(bad, fixed) if fixed is not None else flag_of(bad)
    return judge(rule, [run(bad)], None if fixed is None else [run(fixed)], flag)


@pytest.mark.parametrize(
    ("name", "bad", "said"),
    [
        ("accumulation_cleared_every_micro_batch", loop(**EARLY), "uses 1 of 4 backwards"),
        ("accumulation_guard_off_by_one", loop(guard="i % 4 == 0"), "update 1 uses 1 of the 4 backwards"),
        ("accumulation_guard_off_by_one", loop(guard="(i + 1) % 4"), "uses 1 backward, as most do"),
        ("accumulation_guard_off_by_one", loop(after="seen += 1", guard="seen == 4"), "12 backwards come after"),
        ("accumulation_loss_not_divided", loop(loss="loss(model)"), "update 1 weigh 4 together"),
        ("accumulation_loss_not_divided", loop(loss="loss(model) * 0.5"), "update 1 weigh 2 together"),
    ],
)
def test_faults_show(name: str, bad: str, said: str) -> None:
    verdict = verdict_of(name, bad)
    assert verdict.finding is FindingVerdict.CONFIRMED
    assert said in verdict.sentence


@pytest.mark.parametrize(
    "right",
    [
        loop(),
        loop(guard="(i + 1) % 3 == 0 or i == 7"),
        loop(guard="(i + 1) % 3 == 0"),
        loop(guard="(i + 1) % 3 == 0", start="optimizer.zero_grad()"),
        loop(guard="(i + 1) % 6 == 0"),
        loop(guard="i % 2"),
    ],
)
@pytest.mark.parametrize("name", ["accumulation_cleared_every_micro_batch", "accumulation_guard_off_by_one"])
def test_tails_and_what_they_leave_are_no_faults(name: str, right: str) -> None:
    assert verdict_of(name, right).finding is not FindingVerdict.CONFIRMED


@pytest.mark.parametrize(
    ("name", "bad", "fixed", "verdict"),
    [
        ("accumulation_cleared_every_micro_batch", loop(**EARLY), loop(), FixVerdict.VALIDATED),
        ("accumulation_cleared_every_micro_batch", loop(**EARLY), loop(cleared="pass"), FixVerdict.REFUTED),
        ("accumulation_cleared_every_micro_batch", loop(**EARLY), loop(guard="True"), FixVerdict.REFUTED),
        ("accumulation_guard_off_by_one", loop(guard="i % 4 == 0"), loop(), FixVerdict.VALIDATED),
        ("accumulation_guard_off_by_one", loop(guard="i % 4 == 0"), loop(guard="(i + 1) % 2 == 0"), FixVerdict.REFUTED),
        ("accumulation_guard_off_by_one", loop(guard="i % 4 == 0"), loop(guard="True"), FixVerdict.REFUTED),
        ("accumulation_guard_off_by_one", loop(guard="(i + 1) % 4"), loop(), FixVerdict.VALIDATED),
        ("accumulation_guard_off_by_one", loop(guard="(i + 1) % 4"), loop(guard="True"), FixVerdict.REFUTED),
        ("accumulation_loss_not_divided", loop(loss="loss(model)"), loop(), FixVerdict.VALIDATED),
        (
            "accumulation_loss_not_divided",
            loop(loss="10 * loss(model)"),
            loop(loss="10 * loss(model)"),
            FixVerdict.REFUTED,
        ),
        ("accumulation_loss_not_divided", loop(loss="loss(model)"), loop(loss="loss(model) / 8"), FixVerdict.REFUTED),
    ],
)
def test_repairs_are_told_apart(name: str, bad: str, fixed: str, verdict: FixVerdict) -> None:
    assert verdict_of(name, bad, fixed).fix is verdict


def _losses() -> dict[str, tuple[Tensor, float]]:
    x = torch.ones(3, requires_grad=True)
    loss = x.square().mean()
    return {
        "plain": (loss, 1.0),
        "divided": (loss / 4, 0.25),
        "multiplied": (0.5 * loss * 3, 1.5),
        "in place": (loss.clone().div_(4), 0.25),
        "each part": (loss / 4 + x.sum() / 4, 0.25),
        "one part": (loss / 4 + x.sum(), 1.0),
        "by a tensor with a graph": (loss * x.sum(), 1.0),
        "in the mean": ((x / 4).mean(), 1.0),
        "leaf": (torch.ones((), requires_grad=True), 1.0),
    }


@pytest.mark.parametrize("what", _losses())
def test_a_loss_weighs_what_it_was_multiplied_by_last(what: str) -> None:
    loss, weight = _losses()[what]
    assert weight_of(loss) == weight
    assert weight_of([loss]) == weight
