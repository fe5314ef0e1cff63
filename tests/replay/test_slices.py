"""Scripts that are made from parts of a file: the flagged place alone, the function around it, what they keep."""

from __future__ import annotations

from pathlib import Path
from textwrap import dedent

import pytest

from fixture_cases import catalog
from optlint.engine import Engine
from optlint.program.project import parse
from optlint.replay.cases import Case, sliced
from optlint.replay.pairs import Pair, Unsliced, unlike
from optlint.replay.script import ReplayScript
from optlint.replay.slicer.observed import observe
from replayed_cases import once

IMPORTS = "import torch\nfrom torch.optim.lr_scheduler import _LRScheduler, StepLR\n"


def case_of(text: str, code: str, folder: Path) -> Case:
    path = folder / "train.py"
    path.write_text(IMPORTS + dedent(text), encoding="utf-8")
    return next(once([path], code))


def alone(text: str, code: str, folder: Path) -> Pair:
    case = case_of(text, code, folder)
    assert case.alone is not None
    return case.alone()


def rows(script: object) -> list[str]:
    """What a script does after it has its names from torch."""
    assert isinstance(script, ReplayScript), script
    return [row for row in script.body.splitlines() if "= torch.optim.lr_scheduler." not in row]


SCHEDULER = "scheduler = standin.scheduler(standin.optimizer(standin.model()))"
OPTIMIZER = "optimizer = standin.optimizer(standin.model())"


@pytest.mark.parametrize(
    ("code", "text", "written", "fixed"),
    [
        (
            "OPT418",
            "def go(scheduler):\n    if isinstance(scheduler, _LRScheduler):\n        scheduler.step()\n",
            [SCHEDULER, "standin.told(isinstance(scheduler, _LRScheduler))"],
            [SCHEDULER, "standin.told(isinstance(scheduler, LRScheduler))"],
        ),
        (
            "OPT418",
            "def go(scheduler):\n    if issubclass(type(scheduler), _LRScheduler):\n        scheduler.step()\n",
            [SCHEDULER, "standin.told(isinstance(scheduler, _LRScheduler))"],
            [SCHEDULER, "standin.told(isinstance(scheduler, LRScheduler))"],
        ),
        (
            "OPT418",
            "def go(scheduler: _LRScheduler):\n    return 3\n",
            ["standin.told(_LRScheduler)"],
            ["standin.told(LRScheduler)"],
        ),
        (
            "OPT418",
            "def go(_LRScheduler: _LRScheduler):\n    return 3\n",
            ["standin.told(_LRScheduler)"],
            ["standin.told(LRScheduler)"],
        ),
        (
            "OPT418",
            "class Warm(_LRScheduler):\n    def get_lr(self):\n        return [0.1]\n",
            ["standin.told(_LRScheduler)"],
            ["standin.told(LRScheduler)"],
        ),
        (
            "OPT418",
            "def go(optimizer, args):\n    scheduler = StepLR(optimizer, args.steps, verbose=True)\n",
            ["args = standin.unknown('args')", OPTIMIZER, "scheduler = StepLR(optimizer, args.steps, verbose=True)"],
            ["args = standin.unknown('args')", OPTIMIZER, "scheduler = StepLR(optimizer, args.steps)"],
        ),
        (
            "OPT418",
            "def go(optimizer):\n    return StepLR(optimizer, 2, verbose=True)\n",
            [OPTIMIZER, "standin.told(StepLR(optimizer, 2, verbose=True))"],
            [OPTIMIZER, "standin.told(StepLR(optimizer, 2))"],
        ),
        (
            "OPT209",
            "def go():\n    net = torch.nn.Linear(2, 2)\n    optimizer = torch.optim.SGD(net, lr=0.1)\n",
            [
                "net = standin.model('net')",
                "optimizer = torch.optim.SGD(net, lr=0.1)",
                "standin.trained(optimizer, net)",
            ],
            [
                "net = standin.model('net')",
                "optimizer = torch.optim.SGD(net.parameters(), lr=0.1)",
                "standin.trained(optimizer, net)",
            ],
        ),
        (
            "OPT204",
            """
            def go():
                net = torch.nn.Sequential()
                net.fc = torch.nn.Linear(2, 2)
                net.fc.requires_grad = False
                optimizer = torch.optim.SGD(net.parameters(), lr=0.1)
                for batch in range(3):
                    optimizer.zero_grad()
                    net(torch.ones(2)).sum().backward()
                    optimizer.step()
            """,
            ["net = standin.model('net', 'fc')", "net.fc.requires_grad = False", "standin.exercise(net)"],
            ["net = standin.model('net', 'fc')", "net.fc.requires_grad_(False)", "standin.exercise(net)"],
        ),
    ],
)
def test_a_flagged_place_runs_alone(code: str, text: str, written: list[str], fixed: list[str], tmp_path: Path) -> None:
    pair = alone(text, code, tmp_path)
    assert rows(pair.original) == written
    assert rows(pair.fixed) == fixed
    assert isinstance(pair.original, ReplayScript)
    assert any(origin is not None for origin in pair.original.origins)


@pytest.mark.parametrize(
    ("code", "text", "reason"),
    [
        (
            "OPT204",
            """
            net = torch.nn.Linear(2, 2)
            for p in net.parameters():
                p.require_grad = False
            optimizer = torch.optim.SGD(net.parameters(), lr=0.1)
            net(torch.ones(2)).sum().backward()
            optimizer.step()
            """,
            "which parameter is meant depends on what comes before",
        ),
        (
            "OPT418",
            """
            class Warm(_LRScheduler):
                def __init__(self, optimizer):
                    super().__init__(optimizer, verbose=True)
            """,
            "the flagged place does not run alone",
        ),
    ],
)
def test_what_depends_on_more_does_not_run_alone(code: str, text: str, reason: str, tmp_path: Path) -> None:
    case = next(
        case
        for case in [*once([written(text, tmp_path)], code)]
        if case.alone is not None and isinstance(case.alone().original, Unsliced)
    )
    assert case.alone is not None
    original = case.alone().original
    assert isinstance(original, Unsliced)
    assert original.reason == reason


def written(text: str, folder: Path) -> Path:
    path = folder / "train.py"
    path.write_text(IMPORTS + dedent(text), encoding="utf-8")
    return path


def test_rules_about_an_order_have_no_place_that_runs_alone(tmp_path: Path) -> None:
    text = """
    net = torch.nn.Linear(2, 2)
    optimizer = torch.optim.SGD(net.parameters(), lr=0.1)
    scheduler = StepLR(optimizer, 2)
    for epoch in range(4):
        scheduler.step()
        optimizer.zero_grad()
        net(torch.ones(2)).sum().backward()
        optimizer.step()
    """
    assert [case.alone for case in once([written(text, tmp_path)])] == [None]


def test_a_fix_that_does_not_reach_a_part_of_a_file_is_not_judged_by_it() -> None:
    script, other = ReplayScript("a = 1\n", (None,), ()), ReplayScript("a = 2\n", (None,), ())
    assert unlike(script, other) is other
    assert isinstance(unlike(script, ReplayScript("a = 1\n", (None,), ())), Unsliced)


def test_the_function_around_all_that_is_flagged_is_called_with_stand_ins(tmp_path: Path) -> None:
    text = """
    def train(net, loader, epochs):
        optimizer = torch.optim.SGD(net.parameters(), lr=0.1)
        scheduler = StepLR(optimizer, 2)
        for epoch in range(epochs):
            for batch in loader:
                scheduler.step()
                optimizer.zero_grad()
                net(batch).sum().backward()
                optimizer.step()

    train(torch.nn.Linear(2, 2), [torch.ones(2)], 4)
    """
    [case] = once([written(text, tmp_path)])
    assert case.entry == "<module>"
    assert case.function is not None
    script = case.function().original
    assert isinstance(script, ReplayScript)
    assert script.body.splitlines()[-1] == "standin.outlives(train(net, loader, epochs))"
    assert "epochs = standin.unknown('epochs')" in script.body
    assert "torch.nn.Linear(2, 2)" not in script.body


def test_nothing_is_called_alone_that_does_not_hold_all_that_is_flagged(tmp_path: Path) -> None:
    text = """
    def go(scheduler):
        scheduler.step()

    net = torch.nn.Linear(2, 2)
    optimizer = torch.optim.SGD(net.parameters(), lr=0.1)
    scheduler = StepLR(optimizer, 2)
    for epoch in range(4):
        optimizer.zero_grad()
        net(torch.ones(2)).sum().backward()
        go(scheduler)
        optimizer.step()
    """
    assert [case.function for case in once([written(text, tmp_path)])] == [None]


# -- texts ----------------------------------------------------------------------------------------------------------

TRAINING = """
{before}
net = torch.nn.Linear(2, 2)
optimizer = torch.optim.SGD(net.parameters(), lr=0.1)
for epoch in range(4):
    optimizer.zero_grad()
    net(torch.ones(2)).sum().backward()
    {inside}
    optimizer.step()
"""


def script_of(text: str, folder: Path, entry: str = "<module>", others: tuple[str, ...] = ()) -> str:
    """The script of a way into a file, beside which others lie."""
    for number, other in enumerate(others):
        (folder / f"other{number}.py").write_text(dedent(other), encoding="utf-8")
    path = written(text, folder)
    engine = Engine(catalog())
    engine.show(path)
    module = parse(path, path.read_bytes())
    engine.project.add(module)
    with observe(engine.project, module) as seen:
        found = next(each for each in seen.program.entries if each.name == entry)
        script = sliced(seen, found)
    assert isinstance(script, ReplayScript), script
    return script.body


PARSED = """
import argparse
parser = argparse.ArgumentParser()
parser.add_argument("--label", default="x")
parser.add_argument("--resume", default=None)
parser.add_argument("--log-interval", default=100)
parser.add_argument("--every", default=4)
parser.add_argument("--evaluate", action="store_true")
args = parser.parse_args()
"""


@pytest.mark.parametrize(
    ("before", "inside", "row"),
    [
        (
            "from data import mask",
            "optimizer.param_groups[0]['lr'] = 1 if mask is None else 2",
            "standin.is_none(mask)",
        ),
        (
            "from data import mask",
            "optimizer.param_groups[0]['lr'] = 1 if mask is not None else 2",
            "not standin.is_none",
        ),
        ("", "optimizer.param_groups[0]['lr'] = 1 if net is None else 2", "1 if net is None else 2"),
        ("", "optimizer.param_groups[0]['lr'] = 1 if net.__class__ == 3 else 2", "type(net) == 3"),
        ("from data import rates, at", "optimizer.param_groups[0]['lr'] = rates[at]", "standin.item(rates, at)"),
        ("from data import rates", "optimizer.param_groups[0]['lr'] = rates[5]", "standin.item(rates, 5)"),
        (
            "",
            "torch.nn.utils.clip_grad_norm_(net.parameters(), 1) if torch.tensor([1.0]) else 0",
            "standin.tensor(torch",
        ),
        (PARSED, "optimizer.param_groups[0]['lr'] = args.resume", "resume=standin.unset('args.resume')"),
        (PARSED, "optimizer.param_groups[0]['lr'] = args.label", "label='x'"),
        (PARSED, "optimizer.param_groups[0]['lr'] = args.evaluate", "evaluate=standin.unset('args.evaluate')"),
        (PARSED, "if epoch % args.log_interval == 0: optimizer.param_groups[0]['lr'] = 1", "log_interval=2"),
        (PARSED, "if epoch % args.every == 0: optimizer.param_groups[0]['lr'] = 1", "every=4"),
        (PARSED, "optimizer.param_groups[0]['lr'] = args.log_interval", "log_interval=100"),
    ],
)
def test_expressions_that_depend_on_the_unknown(before: str, inside: str, row: str, tmp_path: Path) -> None:
    assert row in script_of(TRAINING.format(before=before, inside=inside), tmp_path)


def test_arguments_that_two_files_define_come_from_the_one_that_runs(tmp_path: Path) -> None:
    other = (
        PARSED.replace("every", "lr").replace("4", "0.5")
        + "\nimport torch\ndef build(net):\n    return torch.optim.SGD(net.parameters(), lr=args.lr)\n"
    )
    before = f"from other0 import build\n{PARSED.replace('every', 'lr').replace('4', '0.25')}"
    body = script_of(
        TRAINING.format(before=before, inside="optimizer = build(net); optimizer.param_groups[0]['lr'] = args.lr"),
        tmp_path,
        others=(other,),
    )
    assert "def build(net):" in body
    assert "lr=0.25" in body
    compile(body, "script", "exec")


def test_a_loop_covers_the_schedules_that_are_kept_and_no_others(tmp_path: Path) -> None:
    text = """
    from data import epochs
    def unused(optimizer):
        return StepLR(optimizer, 300)

    net = torch.nn.Linear(2, 2)
    optimizer = torch.optim.SGD(net.parameters(), lr=0.1)
    scheduler = StepLR(optimizer, {steps})
    for epoch in range(epochs):
        optimizer.zero_grad()
        net(torch.ones(2)).sum().backward()
        optimizer.step()
        scheduler.step()
    """
    assert script_of(text.format(steps=40), tmp_path).startswith("standin.cover(42)\n")


def test_a_property_of_another_file_is_no_statement_of_this_one(tmp_path: Path) -> None:
    other = """
    class Holder:
        def __init__(self, model, optimizer):
            self.optimizer = optimizer

        @property
        def each(self):
            yield self.optimizer
    """
    text = "from other0 import Holder\n" + TRAINING.format(
        before="", inside="holder = Holder(net, optimizer); each = holder.each"
    )
    assert "optimizer.step()" in script_of(text, tmp_path, others=(other,))


def test_what_an_optimizer_of_ones_own_is_told_between_its_steps_is_kept(tmp_path: Path) -> None:
    text = """
        class Summing(torch.optim.SGD):
            def take(self):
                for group in self.param_groups:
                    for p in group["params"]:
                        self.state[p]["sum"] = p.grad + self.state[p].get("sum", 0.0)

        model = torch.nn.Linear(2, 1)
        optimizer = Summing(model.parameters(), lr=0.1)
        for _ in range(3):
            model(torch.ones(1, 2)).mean().backward()
            optimizer.take()
            optimizer.zero_grad()
            optimizer.step()
        """
    path = tmp_path / "train.py"
    path.write_text(IMPORTS + dedent(text), encoding="utf-8")
    module = parse(path, path.read_bytes())
    project = Engine(catalog()).fresh_project()
    project.add(module)
    with observe(project, module) as seen:
        script = sliced(seen, next(each for each in seen.program.entries if each.name == "<module>"))
    assert "    optimizer.take()" in rows(script)
