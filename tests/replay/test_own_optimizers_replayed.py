"""Optimizers of the code's own, whose groups have no `lr`, or have it as a tensor, or only now and then."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path
from textwrap import dedent

import pytest

pytest.importorskip("torch", reason="a replay needs torch")

import torch

from fixture_cases import catalog
from optlint.program.events import Act
from optlint.replay.group_rates import present_rates, rates_of
from optlint.replay.judgement import judge
from optlint.replay.kept import kept_scripts
from optlint.replay.pool import Pool
from optlint.replay.trace import Trace
from optlint.replay.verdict import FindingVerdict, FixVerdict, Verdict
from optlint.replay.verify import Setting, verify
from replay_running import run
from replayed_cases import once, verdict_of_text

SIGNS = """
class SignDescent(torch.optim.Optimizer):
    def __init__(self, params, step_size=1e-3, decay=0.0):
        super().__init__(params, dict(step_size=step_size, decay=decay))

    @torch.no_grad()
    def step(self):
        for group in self.param_groups:
            for p in group["params"]:
                if p.grad is not None:
                    p.mul_(1 - group["step_size"] * group["decay"])
                    p.add_(p.grad.sign(), alpha=-group["step_size"])
"""
WITHOUT_OPTIONS = """
class Plain(torch.optim.Optimizer):
    def __init__(self, params, rate):
        super().__init__(params, dict())
        self.rate = rate

    @torch.no_grad()
    def step(self):
        for group in self.param_groups:
            for p in group["params"]:
                if p.grad is not None:
                    p -= self.rate * p.grad
"""
LEFT_OPEN = """
class Relative(torch.optim.Optimizer):
    def __init__(self, params, lr=None, betas=None, momentum=None):
        super().__init__(params, dict(lr=lr, betas=betas, momentum=momentum))

    @torch.no_grad()
    def step(self):
        for group in self.param_groups:
            for p in group["params"]:
                if p.grad is not None:
                    state = self.state[p]
                    state["step"] = state.get("step", 0) + 1
                    p.add_(p.grad, alpha=-(group["lr"] or 0.01 / state["step"]))
"""
RENAMED = """
class RenamedSGD(torch.optim.SGD):
    def __init__(self, params, eta=0.1):
        super().__init__(params, lr=eta)
        for group in self.param_groups:
            group["eta"] = group.pop("lr")

    @torch.no_grad()
    def step(self):
        for group in self.param_groups:
            for p in group["params"]:
                if p.grad is not None:
                    p.add_(p.grad, alpha=-group["eta"])
"""
NOW_AND_THEN = """
class Paced(torch.optim.Adam):
    def __init__(self, params, pace):
        super().__init__(params)
        self.pace, self.made = pace, 0
        for group in self.param_groups:
            del group["lr"]
        del self.defaults["lr"]

    def step(self):
        for group in self.param_groups:
            group["lr"] = self.pace(self.made)
        super().step()
        self.made += 1
        for group in self.param_groups:
            del group["lr"]
"""
ONE_OF_TWO_GROUPS = """
class Split(torch.optim.Optimizer):
    def __init__(self, matrices, vectors):
        super().__init__([{"params": matrices, "step_size": 0.01}, {"params": vectors, "lr": 0.1}], {})

    @torch.no_grad()
    def step(self):
        for group in self.param_groups:
            for p in group["params"]:
                if p.grad is not None:
                    if "lr" in group:
                        p.add_(p.grad, alpha=-group["lr"])
                    else:
                        p.add_(p.grad.sign(), alpha=-group["step_size"])
"""
OWN = {
    "another name": (SIGNS, "SignDescent(model.parameters(), step_size=0.01)"),
    "no options": (WITHOUT_OPTIONS, "Plain(model.parameters(), 0.1)"),
    "left open": (LEFT_OPEN, "Relative(model.parameters())"),
    "renamed": (RENAMED, "RenamedSGD(model.parameters(), eta=0.05)"),
    "now and then": (NOW_AND_THEN, "Paced(model.parameters(), lambda k: 1e-2 / (k + 1))"),
    "one of two groups": (ONE_OF_TWO_GROUPS, "Split([model.weight], [model.bias])"),
}
TRAINING = """
import torch
from torch import nn

{own}

model = nn.Linear(4, 1)
optimizer = {made}
batches = [(torch.rand(8, 4), torch.rand(8, 1)) for _ in range(10)]
for epoch in range(4):
    for inputs, targets in batches:
        {clears}
        loss = nn.functional.mse_loss(model(inputs), targets)
        loss.backward()
        optimizer.step()
"""


def training(kind: str, *, clears: str = "optimizer.zero_grad()") -> str:
    own, made = OWN[kind]
    return TRAINING.format(own=own, made=made, clears=clears)


def never_cleared(kind: str) -> str:
    return training(kind, clears="inputs = inputs + 0.1")


@pytest.mark.parametrize("kind", OWN)
def test_nobody_convicts_a_class_for_the_rates_that_it_has_not(kind: str) -> None:
    trace = run(training(kind))
    assert isinstance(trace, Trace)
    assert trace.failure is None
    assert len(trace.updates) == 40
    for each in catalog():
        assert judge(each.rule, [trace], None).finding is not FindingVerdict.CONFIRMED, each.rule.code


@pytest.mark.parametrize("kind", OWN)
def test_what_is_wrong_with_its_gradients_is_seen_all_the_same(kind: str) -> None:
    trace = run(never_cleared(kind))
    [rule] = [each.rule for each in catalog() if each.rule.code == "OPT103"]
    assert judge(rule, [trace], None).finding is FindingVerdict.CONFIRMED


@pytest.mark.parametrize("kind", ["another name", "no options", "left open", "renamed", "one of two groups"])
def test_the_fix_of_a_loop_without_rates_is_validated(kind: str, pool: Pool, tmp_path: Path) -> None:
    assert_confirmed_and_validated(verdict_of_text(never_cleared(kind), "OPT103", tmp_path, pool))


def test_gradients_that_are_cleared_before_an_own_step_move_nothing(pool: Pool, tmp_path: Path) -> None:
    late = training("no options", clears="inputs = inputs + 0.1")
    late = late.replace("loss.backward()", "loss.backward()\n        optimizer.zero_grad()")
    assert_confirmed_and_validated(verdict_of_text(late, "OPT104", tmp_path, pool))


def assert_confirmed_and_validated(verdict: Verdict) -> None:
    assert verdict.finding is FindingVerdict.CONFIRMED, verdict.sentence
    assert verdict.fix is FixVerdict.VALIDATED, verdict.fix_sentence


def test_rates_in_tensors_are_compared_as_others_are(pool: Pool, tmp_path: Path) -> None:
    text = """
        import torch
        from torch import nn

        model = nn.Linear(4, 1)
        optimizer = torch.optim.SGD(
            [{"params": model.weight, "lr": torch.tensor(1e-3)}, {"params": model.bias}], lr=torch.tensor([1e-2])
        )
        scheduler = torch.optim.lr_scheduler.StepLR(optimizer, step_size=2, gamma=0.1)
        batches = [(torch.rand(8, 4), torch.rand(8, 1)) for _ in range(10)]
        for epoch in range(4):
            scheduler.step()
            for inputs, targets in batches:
                optimizer.zero_grad()
                loss = nn.functional.mse_loss(model(inputs), targets)
                loss.backward()
                optimizer.step()
        """
    verdict = verdict_of_text(text, "OPT101", tmp_path, pool)
    assert_confirmed_and_validated(verdict)
    assert "uses the rate 0.0001 where 0.001 is due (group 0)" in verdict.sentence


def test_a_rate_written_by_hand_beside_a_group_without_one_is_noticed() -> None:
    trace = run(
        training("one of two groups").replace(
            "for epoch in range(4):\n", "for epoch in range(4):\n    optimizer.param_groups[1]['lr'] *= 0.5\n"
        )
    )
    assert [update.rates for update in trace.updates[::10]] == [(0.05,), (0.025,), (0.0125,), (0.00625,)]
    assert all(update.rates == update.due_rates for update in trace.updates)
    assert sum(each.act is Act.SET_RATE for each in trace.happenings) == 4


def test_the_kept_script_of_a_loop_without_rates_runs(pool: Pool, tmp_path: Path) -> None:
    path = tmp_path / "train.py"
    path.write_text(dedent(never_cleared("another name")), encoding="utf-8")
    [case] = once([path], "OPT103")
    [(_, text), _] = kept_scripts(verify(case, pool, Setting()))
    done = subprocess.run([sys.executable, "-c", text], capture_output=True, text=True, check=True, timeout=120)
    assert done.stdout.startswith("update 1: SignDescent, rates [None]\n")


@pytest.mark.parametrize(
    ("options", "rates"),
    [
        ({"lr": 0.1, "betas": (0.9, 0.99)}, [(0.1, 0.9)]),
        ({"lr": torch.tensor(0.5), "momentum": torch.tensor([0.25])}, [(0.5, 0.25)]),
        ({"lr": 1, "betas": ()}, [(1.0, None)]),
        ({"lr": 0.1, "betas": None, "momentum": 0.3}, [(0.1, 0.3)]),
        ({"lr": None}, []),
        ({"lr": torch.tensor([0.1, 0.2])}, []),
        ({"lr": torch.empty((), device="meta")}, []),
        ({"step_size": 0.1}, []),
    ],
)
def test_the_rates_of_groups(options: dict[str, object], rates: list[tuple[float, float | None]]) -> None:
    optimizer = torch.optim.SGD([torch.zeros(2, requires_grad=True)], lr=0.1)
    group = optimizer.param_groups[0]
    for key in ("lr", "momentum"):
        del group[key]
    group.update(options)
    assert [(each.lr, each.momentum) for each in present_rates(optimizer)] == rates
    assert rates_of(optimizer) == tuple(rate for rate, _ in rates)


SUMS = """
class Summing(torch.optim.Optimizer):
    def __init__(self, params, every):
        super().__init__(params, {{}})
        self.every, self.calls = every, 0
        self.sums = [torch.zeros_like(each) for each in self.param_groups[0]["params"]]

    @torch.no_grad()
    def take(self):
        for total, parameter in zip(self.sums, self.param_groups[0]["params"]):
            total += parameter.grad

    @torch.no_grad()
    def step(self):
        self.calls += 1
        if self.calls % self.every == 0:
            for total, parameter in zip(self.sums, self.param_groups[0]["params"]):
                {moves}
                total.zero_()
            {inner}
"""
GATHERS = {
    "moved by the sums themselves": ("parameter.sub_(total, alpha=0.1)", "pass", "Summing(model.parameters(), 3)"),
    "gradients written for another step": (
        "parameter.grad = total / self.every",
        "self.inner.step()",
        "Summing(model.parameters(), 3)\noptimizer.inner = torch.optim.SGD(model.parameters(), lr=0.1)",
    ),
}


def gathering(kind: str, *, takes: str = "optimizer.take()") -> str:
    moves, inner, made = GATHERS[kind]
    own = SUMS.format(moves=moves, inner=inner)
    text = TRAINING.format(own=own, made=made, clears="inputs = inputs + 0.1")
    return text.replace("loss.backward()", f"loss.backward()\n        {takes}\n        optimizer.zero_grad()")


@pytest.mark.parametrize("kind", GATHERS)
def test_a_step_may_go_by_gradients_that_were_taken_before_they_were_cleared(kind: str) -> None:
    trace = run(gathering(kind))
    assert trace.failure is None
    [gatherer] = {update.optimizer for update in trace.updates} - {
        thing.number for thing in trace.things if thing.name == "SGD"
    }
    assert all(update.gradient is None for update in trace.updates if update.optimizer == gatherer)
    for each in catalog():
        assert judge(each.rule, [trace], None).finding is not FindingVerdict.CONFIRMED, each.rule.code


def test_a_step_that_gathers_and_is_given_nothing_is_convicted() -> None:
    trace = run(gathering("moved by the sums themselves", takes="pass"))
    [rule] = [each.rule for each in catalog() if each.rule.code == "OPT104"]
    assert judge(rule, [trace], None).finding is FindingVerdict.CONFIRMED


def test_a_parameter_whose_gradient_is_always_zero_is_not_called_idle() -> None:
    trace = run(
        """
        model = nn.Linear(3, 1)
        optimizer = optim.Adam(model.parameters(), lr=0.1)
        for _ in range(3):
            optimizer.zero_grad()
            (model(torch.ones(2, 3)).mean() - model(torch.zeros(2, 3)).mean()).backward()
            optimizer.step()
        """
    )
    assert {name for update in trace.updates for name in update.moved} == {"model.weight"}
    assert not any(update.idle for update in trace.updates)


UNFROZEN = """
model = standin.model("model", "encoder", "decoder")
for p in model.parameters():
    p.requires_grad = False
optimizer = optim.SGD({given}, lr=0.1)
for epoch in range(4):
    for p in model.parameters():
        p.requires_grad = True
    optimizer.zero_grad()
    model(torch.ones(2)).mean().backward()
    optimizer.step()
"""


@pytest.mark.parametrize(
    ("given", "idle"),
    [
        ('[{"params": model.encoder.parameters()}, {"params": model.decoder.parameters()}]', set()),
        (
            "model.decoder.parameters()",
            {"model.bias", "model.weight", "model.encoder.bias", "model.encoder.weight"},
        ),
    ],
)
def test_what_only_a_stand_in_supposes_beside_several_parts_is_no_evidence(given: str, idle: set[str]) -> None:
    trace = run(UNFROZEN.format(given=given))
    assert trace.failure is None
    assert {name for update in trace.updates for name in update.idle} == idle
