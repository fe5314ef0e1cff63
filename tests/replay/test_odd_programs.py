"""Programs as people write them: settings in dataclasses, loops in generators, options that are left out."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path
from textwrap import dedent

import pytest

pytest.importorskip("torch", reason="a replay needs torch")

from fixture_cases import catalog
from optlint.engine import Engine
from optlint.program.project import parse
from optlint.replay.cases import Case, sliced
from optlint.replay.judgement import judge
from optlint.replay.kept import kept_scripts
from optlint.replay.lines import Lines, lines_by_text
from optlint.replay.pairs import Pair, Script
from optlint.replay.pool import Pool
from optlint.replay.script import ReplayScript
from optlint.replay.slicer.observed import observe
from optlint.replay.trace import Trace
from optlint.replay.verdict import FindingVerdict, FixVerdict, Verdict
from optlint.replay.verify import Setting, run, setting_for, verdict_of, verify
from replayed_cases import once, verdict_of_text


def assert_confirmed_and_validated(verdict: Verdict) -> None:
    assert verdict.finding is FindingVerdict.CONFIRMED, verdict.sentence
    assert verdict.fix is FixVerdict.VALIDATED, verdict.fix_sentence


def repaired(case: Case, fixed: str, pool: Pool) -> Verdict:
    """The verdict on a case whose text some repair has made another one."""
    path = case.finding.location.path
    text = path.read_text(encoding="utf-8")
    path.write_text(fixed, encoding="utf-8")
    script = script_of(path, case.entry)
    lines = lines_by_text(text, fixed)
    changed = frozenset((path, at) for at, line in enumerate(lines, 1) if line.row is None)
    pair = Pair(case.pair.original, script, changed, after=Lines({path: lines}))
    return verdict_of(case, pair, pool, Setting()).verdict


def script_of(path: Path, entry: str) -> Script:
    project = Engine(catalog()).fresh_project()
    module = parse(path, path.read_bytes())
    project.add(module)
    with observe(project, module) as seen:
        return sliced(seen, next(each for each in seen.program.entries if each.name == entry))


def traces_of(text: str, folder: Path, pool: Pool) -> list[Trace]:
    """The runs of all ways into a text."""
    path = folder / "train.py"
    path.write_text(dedent(text), encoding="utf-8")
    project = Engine(catalog()).fresh_project()
    module = parse(path, path.read_bytes())
    project.add(module)
    with observe(project, module) as seen:
        made = [sliced(seen, each) for each in seen.program.entries]
    scripts = [each for each in made if isinstance(each, ReplayScript)]
    outcomes = run(pool, scripts, [()], setting_for(catalog()[0].rule, Setting()))
    assert all(isinstance(each, Trace) for each in outcomes), outcomes
    return [each for each in outcomes if isinstance(each, Trace)]


SETTINGS = """
import argparse
import dataclasses
from dataclasses import dataclass, field
from typing import ClassVar

import torch
from torch import nn


@dataclass
class Momentum:
    value: float = 0.9


@dataclasses.dataclass(frozen=True)
class Settings:
    kind: ClassVar[str] = "plain"
    unread: str
    lr: float
    epochs: int = 3
    momentum: Momentum = field(default_factory=Momentum)

    def build(self, model):
        return torch.optim.SGD(model.parameters(), lr=self.lr, momentum=self.momentum.value)


def train(settings):
    model = nn.Linear(4, 1)
    optimizer = settings.build(model)
    for epoch in range(settings.epochs):
        for _ in range(5):
            loss = nn.functional.mse_loss(model(torch.rand(8, 4)), torch.rand(8, 1))
            loss.backward()
            optimizer.step()


parser = argparse.ArgumentParser()
train({made})
"""
"""`unread` is of no use to the replay, and yet the first argument of the constructor."""


@pytest.mark.parametrize(
    ("made", "rate"),
    [
        ('Settings("name", 0.25)', 0.25),
        ("Settings(**vars(parser.parse_args()))", 0.1),
        ("Settings(parser.parse_args().name, lr=0.5, epochs=2)", 0.5),
    ],
)
def test_settings_in_a_dataclass_build_their_optimizer(made: str, rate: float, pool: Pool, tmp_path: Path) -> None:
    text = SETTINGS.format(made=made)
    assert_confirmed_and_validated(verdict_of_text(text, "OPT103", tmp_path, pool))
    [trace] = [each for each in traces_of(text, tmp_path, pool) if each.updates]
    assert {update.rates for update in trace.updates} == {(rate,)}


def test_the_kept_script_of_a_dataclass_runs(pool: Pool, tmp_path: Path) -> None:
    path = tmp_path / "train.py"
    path.write_text(SETTINGS.format(made='Settings("name", 0.25)'), encoding="utf-8")
    [case] = once([path], "OPT103")
    [(_, text), _] = kept_scripts(verify(case, pool, Setting()))
    done = subprocess.run([sys.executable, "-c", text], capture_output=True, text=True, check=True, timeout=120)
    assert done.stdout.startswith("update 1: SGD, rates [0.25]\n")


def test_a_loop_in_a_generator_keeps_its_losses(pool: Pool, tmp_path: Path) -> None:
    text = """
        import torch
        from torch import nn

        def training(model, optimizer, epochs):
            for epoch in range(epochs):
                for step in range(4):
                    inputs = torch.rand(8, 3)
                    optimizer.zero_grad()
                    loss = nn.functional.mse_loss(model(inputs), inputs.sum(dim=1, keepdim=True))
                    loss.backward()
                    optimizer.step()
                    yield loss.detach()

        model = nn.Linear(3, 1)
        optimizer = torch.optim.RMSprop(model.parameters(), lr=0.01)
        losses = [float(loss) for loss in training(model, optimizer, epochs=3)]
        """
    [trace] = [each for each in traces_of(text, tmp_path, pool) if each.updates]
    assert len(trace.updates) == 12
    assert all(update.moved for update in trace.updates)
    for each in catalog():
        assert judge(each.rule, [trace], None).finding is not FindingVerdict.CONFIRMED, each.rule.code


OPTIONS = """
    import torch
    from torch import nn

    class Trainer:
        def __init__(self, model, optimizer, fp16=False, max_norm=None):
            self.model, self.optimizer, self.max_norm = model, optimizer, max_norm
            self.scaler = torch.amp.GradScaler("cuda") if fp16 else None

        def fit(self, loader, epochs):
            for epoch in range(epochs):
                for inputs, labels in loader:
                    self.optimizer.zero_grad()
                    loss = nn.functional.cross_entropy(self.model(inputs), labels)
                    if self.scaler is not None:
                        self.scaler.scale(loss).backward()
                    else:
                        loss.backward()
                    nn.utils.clip_grad_norm_(self.model.parameters(), self.max_norm)
                    if self.scaler is not None:
                        self.scaler.step(self.optimizer)
                        self.scaler.update()
                    else:
                        self.optimizer.step()

    model = nn.Linear(8, 4)
    trainer = Trainer(model, torch.optim.AdamW(model.parameters(), lr=3e-4), max_norm=1.0{fp16})
    trainer.fit([(torch.randn(4, 8), torch.randint(0, 4, (4,))) for _ in range(6)], 3)
    """


def test_what_needs_an_option_that_is_left_out_is_not_called_harmless(pool: Pool, tmp_path: Path) -> None:
    path = tmp_path / "train.py"
    path.write_text(dedent(OPTIONS.format(fp16="")), encoding="utf-8")
    [case] = once([path], "OPT502")
    verdict = verify(case, pool, Setting()).verdict
    assert verdict.finding is FindingVerdict.INCONCLUSIVE, verdict.sentence
    assert "goes all the way" in verdict.sentence


def test_a_fix_that_asks_something_of_an_option_that_is_left_out_is_refuted(pool: Pool, tmp_path: Path) -> None:
    path = tmp_path / "train.py"
    path.write_text(dedent(OPTIONS.format(fp16="")), encoding="utf-8")
    text = path.read_text(encoding="utf-8")
    wrong = text.replace(
        "            nn.utils.clip", "            self.scaler.unscale_(self.optimizer)\n                nn.utils.clip"
    )
    assert wrong != text
    [case] = once([path], "OPT502")
    verdict = repaired(case, wrong, pool)
    assert verdict.fix is FixVerdict.REFUTED, verdict.fix_sentence
    assert "'NoneType' object has no attribute 'unscale_'" in verdict.fix_sentence


def test_gradients_of_an_input_are_asked_for_beside_those_of_the_model(pool: Pool, tmp_path: Path) -> None:
    text = """
        import torch
        from torch import nn

        def residual(net, t):
            t = t.clone().requires_grad_(True)
            u = net(t)
            slope = torch.autograd.grad(u, t, torch.ones_like(u), create_graph=True)[0]
            return (slope + u).pow(2).mean() + (net(torch.zeros(1, 1)) - 1).pow(2).mean()

        net = nn.Sequential(nn.Linear(1, 8), nn.Tanh(), nn.Linear(8, 1))
        t = torch.linspace(0, 2, 20).unsqueeze(1)
        optimizer = torch.optim.Adam(net.parameters(), lr=1e-3)
        for _ in range(10):
            loss = residual(net, t)
            loss.backward()
            optimizer.step()
        """
    assert_confirmed_and_validated(verdict_of_text(text, "OPT103", tmp_path, pool))


def test_a_schedule_that_is_over_before_its_second_step_in_a_row_acquits_nobody(pool: Pool, tmp_path: Path) -> None:
    text = """
        import torch
        from torch import nn

        model = nn.Linear(4, 1)
        optimizer = torch.optim.SGD(model.parameters(), lr=0.1)
        scheduler = torch.optim.lr_scheduler.MultiStepLR(optimizer, [1, 2], gamma=0.1)
        batches = [(torch.rand(8, 4), torch.rand(8, 1)) for _ in range(4)]
        for epoch in range(5):
            for inputs, targets in batches:
                optimizer.zero_grad()
                nn.functional.mse_loss(model(inputs), targets).backward()
                optimizer.step()
                scheduler.step()
            scheduler.step()
        """
    verdict = verdict_of_text(text, "OPT102", tmp_path, pool)
    assert verdict.finding is FindingVerdict.INCONCLUSIVE, verdict.sentence
    assert "whichever of the two is meant" in verdict.sentence
    assert verdict.fix is not FixVerdict.REFUTED, verdict.fix_sentence


def test_a_step_that_is_chosen_by_name_trains_the_model_that_it_is_given(pool: Pool, tmp_path: Path) -> None:
    text = """
        import torch
        from torch import nn

        STEPS = {}

        def register(function):
            STEPS[function.__name__] = function
            return function

        @register
        def plain(net, optimizer, batch):
            inputs, targets = batch
            loss = nn.functional.mse_loss(net(inputs), targets)
            loss.backward()
            optimizer.zero_grad()
            optimizer.step()
            return loss.item()
        """
    assert_confirmed_and_validated(verdict_of_text(text, "OPT104", tmp_path, pool))


def test_an_endless_loop_ends_where_the_code_leaves_it(pool: Pool, tmp_path: Path) -> None:
    text = """
        import itertools

        import torch
        from torch import nn

        model = nn.Linear(3, 1)
        optimizer = torch.optim.SGD(model.parameters(), lr=0.1)
        scheduler = torch.optim.lr_scheduler.LambdaLR(optimizer, lambda step: (1 - step / 7) ** 0.9)
        for step in itertools.count():
            optimizer.zero_grad()
            loss = model(torch.ones(2, 3)).sum()
            loss.backward()
            optimizer.step()
            scheduler.step()
            if step + 1 >= 7 or loss.isnan():
                break
        """
    [trace] = traces_of(text, tmp_path, pool)
    assert trace.failure is None
    assert len(trace.updates) == 7


def test_an_autocast_on_a_device_that_is_not_known_is_begun(tmp_path: Path, pool: Pool) -> None:
    text = """
        import torch
        from torch import nn
        from settings import load

        config = load()
        model = nn.Linear(4, 1)
        optimizer = torch.optim.SGD(model.parameters(), lr=0.1)
        scaler = torch.amp.GradScaler("cuda")
        for _ in range(10):
            x, y = torch.randn(8, 4), torch.randn(8, 1)
            optimizer.zero_grad()
            with torch.autocast(config["device"].type, config["dtype"], enabled=config["amp"]):
                loss = nn.functional.mse_loss(model(x), y)
            scaler.scale(loss).backward()
            torch.nn.utils.clip_grad_norm_(model.parameters(), 1.0)
            scaler.step(optimizer)
            scaler.update()
    """
    assert_confirmed_and_validated(verdict_of_text(text, "OPT502", tmp_path, pool))
