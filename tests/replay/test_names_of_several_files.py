"""Programs whose files mean different things by one name: a replay has the learning rates that Python has."""

from __future__ import annotations

import ast
import runpy
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from textwrap import dedent

import pytest

torch = pytest.importorskip("torch", reason="a replay needs torch")

from torch.optim.optimizer import register_optimizer_step_post_hook  # noqa: E402

from fixture_cases import catalog  # noqa: E402
from optlint.engine import Engine  # noqa: E402
from optlint.program.project import parse  # noqa: E402
from optlint.replay.cases import sliced  # noqa: E402
from optlint.replay.kept import kept_scripts  # noqa: E402
from optlint.replay.pairs import Script, Unsliced  # noqa: E402
from optlint.replay.pool import Pool  # noqa: E402
from optlint.replay.script import ReplayScript  # noqa: E402
from optlint.replay.slicer.observed import observe  # noqa: E402
from optlint.replay.slicer.top_names import TopNames  # noqa: E402
from optlint.replay.trace import Trace  # noqa: E402
from optlint.replay.verdict import FindingVerdict, FixVerdict  # noqa: E402
from optlint.replay.verify import Setting, run, setting_for, verify  # noqa: E402
from replayed_cases import once  # noqa: E402

ONE_UPDATE = """
def update(optimizer, model):
    optimizer.zero_grad()
    model(torch.ones(2, 3)).sum().backward()
    optimizer.step()
"""
HEAD = "import torch\nfrom torch import nn\n"


def files_of(folder: Path, **texts: str) -> Path:
    for name, text in texts.items():
        (folder / f"{name}.py").write_text(HEAD + ONE_UPDATE * (name == "main") + dedent(text), encoding="utf-8")
    return folder / "main.py"


def script_of(path: Path, entry: str = "<module>") -> Script:
    engine = Engine(catalog())
    engine.show(path)
    module = parse(path, path.read_bytes())
    engine.project.add(module)
    with observe(engine.project, module) as seen:
        return sliced(seen, next(each for each in seen.program.entries if each.name == entry))


def replayed_rates(path: Path, pool: Pool) -> list[float]:
    script = script_of(path)
    assert isinstance(script, ReplayScript), script
    [outcome] = run(pool, [script], [()], setting_for(catalog()[0].rule, Setting()))
    assert isinstance(outcome, Trace), outcome
    assert outcome.failure is None, (outcome.failure, script.body)
    return [rate for update in outcome.updates for rate in update.rates]


@contextmanager
def importable_from(folder: Path) -> Iterator[None]:
    before = set(sys.modules)
    sys.path.insert(0, str(folder))
    try:
        yield
    finally:
        sys.path.remove(str(folder))
        for name in set(sys.modules) - before:
            if str(folder) in str(getattr(sys.modules[name], "__file__", "")):
                del sys.modules[name]


def real_rates(path: Path) -> list[float]:
    """The rates of all updates that the program makes when Python runs it."""
    rates: list[float] = []
    hook = register_optimizer_step_post_hook(
        lambda optimizer, args, kwargs: rates.extend(group["lr"] for group in optimizer.param_groups)
    )
    try:
        with importable_from(path.parent):
            runpy.run_path(str(path), run_name="__main__")
    finally:
        hook.remove()
    return rates


PROGRAMS = {
    "a class": {
        "one": "class Net(nn.Module):\n    def __init__(self):\n        super().__init__()\n"
        "        self.layer, self.rate = nn.Linear(3, 1), 0.25\n"
        "    def forward(self, x):\n        return self.layer(x)\n",
        "two": "class Net(nn.Module):\n    def __init__(self):\n        super().__init__()\n"
        "        self.layer, self.rate = nn.Linear(3, 1), 0.5\n"
        "    def forward(self, x):\n        return self.layer(x)\n",
        "main": """
            import one, two
            for model in (one.Net(), two.Net()):
                update(torch.optim.SGD(model.parameters(), lr=model.rate), model)
        """,
    },
    "a function": {
        "one": "def build(model):\n    return torch.optim.SGD(model.parameters(), lr=0.25)\n",
        "two": "def build(model):\n    return torch.optim.SGD(model.parameters(), lr=0.5)\n",
        "main": """
            import one
            from two import build
            model = nn.Linear(3, 1)
            update(one.build(model), model)
            update(build(model), model)
        """,
    },
    "a function under another name": {
        "one": "def build(model):\n    return torch.optim.SGD(model.parameters(), lr=0.25)\n",
        "two": "# torch.optim\nfrom one import build as made\ndef build(model):\n    return made(model)\n",
        "main": """
            from one import build as first
            from two import build as second
            def build(model):
                return torch.optim.SGD(model.parameters(), lr=0.5)
            model = nn.Linear(3, 1)
            for make in (first, second, build):
                update(make(model), model)
        """,
    },
    "a constant": {
        "one": "RATE = 0.25\ndef build(model):\n    return torch.optim.SGD(model.parameters(), lr=RATE)\n",
        "main": """
            import one
            RATE = 0.5
            model = nn.Linear(3, 1)
            update(one.build(model), model)
            update(torch.optim.SGD(model.parameters(), lr=RATE), model)
            update(torch.optim.SGD(model.parameters(), lr=one.RATE), model)
        """,
    },
    "a local variable, an attribute and a keyword": {
        "one": """
            rate = 0.25
            class Settings:
                def __init__(self, rate):
                    self.rate = rate
            def build(model, *, rate):
                return torch.optim.SGD(model.parameters(), lr=rate)
            def made(model):
                settings = Settings(rate=rate)
                return build(model, rate=settings.rate)
            def local(model):
                rate = 0.125
                return build(model, rate=rate)
        """,
        "main": """
            from one import made, local
            rate = 0.5
            model = nn.Linear(3, 1)
            update(made(model), model)
            update(local(model), model)
            update(torch.optim.SGD(model.parameters(), lr=rate), model)
        """,
    },
    "names after a star": {
        "one": "rate = 0.25\n_hidden = 3\ndef build(model):\n    return torch.optim.SGD(model.parameters(), lr=rate)\n",
        "two": "from one import *\nfrom one import build as made\n"
        "def other(model):\n    return torch.optim.SGD(model.parameters(), lr=2 * rate)\n",
        "three": "rate = 0.75\ndef build(model):\n    return torch.optim.SGD(model.parameters(), lr=rate)\n",
        "main": """
            from two import *
            import three
            model = nn.Linear(3, 1)
            update(build(model), model)
            update(made(model), model)
            update(other(model), model)
            update(three.build(model), model)
            update(torch.optim.SGD(model.parameters(), lr=rate), model)
        """,
    },
    "names of another package after a star": {
        "one": "import torch.optim as optim\nfrom torch import nn as layers\n",
        "main": """
            from one import *
            class Net(layers.Module):
                def __init__(self):
                    super().__init__()
                    self.inner = layers.Linear(3, 1)
                def forward(self, x):
                    return self.inner(x)
            model = Net()
            update(optim.SGD(model.parameters(), lr=0.25), model)
        """,
    },
    "names that are handed on": {
        "one": "import torch.optim as optim\nfrom torch.optim import SGD\n",
        "main": """
            from one import SGD, optim
            model = nn.Linear(3, 1)
            update(SGD(model.parameters(), lr=0.25), model)
            update(optim.SGD(model.parameters(), lr=0.5), model)
        """,
    },
    "a class and its base": {
        "one": """
            class Net(nn.Module):
                rate = 0.25
                def __init__(self):
                    super().__init__()
                    self.layer = nn.Linear(3, 1)
                def forward(self, x):
                    return self.layer(x)
        """,
        "main": """
            from one import Net
            class Net(Net):
                def double(self):
                    return 2 * self.rate
            model = Net()
            update(torch.optim.SGD(model.parameters(), lr=model.double()), model)
        """,
    },
    "decorators": {
        "one": """
            def scaled(function):
                def inner(model):
                    made = function(model)
                    made.zero_grad()
                    made.param_groups[0]["lr"] *= 2.0
                    return made
                return inner
            @scaled
            def build(model):
                return torch.optim.SGD(model.parameters(), lr=0.25)
        """,
        "main": """
            import one
            def scaled(function):
                def inner(model):
                    made = function(model)
                    made.zero_grad()
                    made.param_groups[0]["lr"] *= 3.0
                    return made
                return inner
            @scaled
            def build(model):
                return torch.optim.SGD(model.parameters(), lr=0.25)
            model = nn.Linear(3, 1)
            update(build(model), model)
            update(one.build(model), model)
        """,
    },
    "defaults and annotations": {
        "one": "rate: float = 0.25\n"
        "def build(model: 'rate', lr: rate = rate) -> rate:\n    return torch.optim.SGD(model.parameters(), lr=lr)\n",
        "main": """
            from one import build
            rate = 0.5
            model = nn.Linear(3, 1)
            update(build(model), model)
            update(build(model, rate), model)
        """,
    },
    "a global statement": {
        "one": """
            rate = 0.25
            def build(model):
                global rate
                rate = rate + 0.125
                return torch.optim.SGD(model.parameters(), lr=rate)
        """,
        "main": """
            from one import build
            rate = 0.5
            model = nn.Linear(3, 1)
            update(build(model), model)
            update(build(model), model)
            update(torch.optim.SGD(model.parameters(), lr=rate), model)
        """,
    },
    "comprehensions and lambdas": {
        "one": """
            rate = 0.25
            def build(model, way):
                rates = [rate * each for each in (1, 2)]
                hidden = [rate for rate in (rate, 3.0)]
                made = [(lambda rate: rate)(0.125), (lambda: rate)()]
                found = [last := rate for each in (1, 2)]
                return torch.optim.SGD(model.parameters(), lr=[*rates, *hidden, *made, *found, last][way])
        """,
        "main": """
            from one import build
            rate = 0.5
            model = nn.Linear(3, 1)
            for way in range(9):
                update(build(model, way), model)
            update(torch.optim.SGD(model.parameters(), lr=rate), model)
        """,
    },
    "functions and classes within functions": {
        "one": """
            rate = 0.25
            class Settings:
                rate = 3 * rate
                def value(self):
                    return rate
            def build(model):
                rate = 0.125
                def inner():
                    return torch.optim.SGD(model.parameters(), lr=rate)
                return inner()
            def plain(model):
                def inner():
                    return torch.optim.SGD(model.parameters(), lr=rate)
                return inner()
            def settled(model):
                return torch.optim.SGD(model.parameters(), lr=Settings.rate * Settings().value())
        """,
        "main": """
            from one import build, plain, settled
            rate = 0.5
            model = nn.Linear(3, 1)
            for make in (build, plain, settled):
                update(make(model), model)
            update(torch.optim.SGD(model.parameters(), lr=rate), model)
        """,
    },
    "a name of Python": {
        "one": "def build(model):\n    return torch.optim.SGD(model.parameters(), lr=min(0.25, 0.5))\n",
        "main": """
            from one import build
            def min(model):
                return torch.optim.SGD(model.parameters(), lr=0.75)
            model = nn.Linear(3, 1)
            update(build(model), model)
            update(min(model), model)
        """,
    },
    "a package and what is in it": {
        "one": "import copy\ndef build(model):\n"
        "    return torch.optim.SGD(model.parameters(), lr=copy.deepcopy([0.25])[0])\n",
        "main": """
            from copy import copy
            from one import build
            model = nn.Linear(3, 1)
            update(build(model), model)
            update(torch.optim.SGD(model.parameters(), lr=copy([0.5])[0]), model)
        """,
    },
    "a package and its parts in one file": {
        "main": """
            from copy import copy, deepcopy
            model = nn.Linear(3, 1)
            update(torch.optim.SGD(model.parameters(), lr=copy([0.5])[0]), model)
            update(torch.optim.SGD(model.parameters(), lr=deepcopy([0.25])[0]), model)
        """,
    },
    "imports that come twice": {
        "one": "import torch\nfrom torch import nn\nfrom copy import copy\nfrom copy import copy\n"
        "def build(model):\n    return torch.optim.SGD(model.parameters(), lr=copy([0.25])[0])\n",
        "main": """
            import torch
            import torch.nn as nn
            from one import build
            model = nn.Linear(3, 1)
            update(build(model), model)
        """,
    },
    "names that no script may have": {
        "one": """
            import os
            __rate__ = 0.25
            with open(os.path.join(os.path.dirname(__file__), "one.py")) as file:
                first = file.readline()
            class Net(nn.Module):
                def __init__(self):
                    super().__init__()
                    self.path = os.path.join(__file__, first)
                    self.layer, self.rate = nn.Linear(3, 1 + 0 * len(first)), __rate__
                def forward(self, x):
                    return self.layer(x)
        """,
        "main": """
            from one import Net
            model = Net()
            update(torch.optim.SGD(model.parameters(), lr=model.rate), model)
        """,
    },
    "a name that has a number already": {
        "one": "rate_2 = 0.125\nrate = 0.25\ndef build(model):\n    rate_3 = 0.0625\n"
        "    return torch.optim.SGD(model.parameters(), lr=rate + rate_2 + rate_3)\n",
        "main": """
            from one import build
            rate = 0.5
            model = nn.Linear(3, 1)
            update(build(model), model)
            update(torch.optim.SGD(model.parameters(), lr=rate), model)
        """,
    },
    "an import within a function": {
        "one": "rate = 0.25\ndef build(model):\n    return torch.optim.SGD(model.parameters(), lr=rate)\n",
        "main": """
            rate = 0.5
            def build(model):
                from one import build, rate
                optimizer = build(model)
                optimizer.param_groups[0]["lr"] += 2 * rate
                return optimizer
            model = nn.Linear(3, 1)
            update(build(model), model)
            update(torch.optim.SGD(model.parameters(), lr=rate), model)
        """,
    },
    "what a class and a function are called": {
        "one": """
            RATES = {"Slow": 0.25, "build": 0.125}
            class Slow:
                pass
            def build(model):
                rate = RATES[type(Slow()).__name__] + RATES[build.__name__]
                return torch.optim.SGD(model.parameters(), lr=rate)
        """,
        "main": """
            import one
            class Slow:
                rate = 0.5
            def build(model):
                return torch.optim.SGD(model.parameters(), lr=Slow.rate)
            model = nn.Linear(3, 1)
            update(one.build(model), model)
            update(build(model), model)
        """,
    },
}


@pytest.mark.parametrize("program", PROGRAMS)
def test_rates_of_programs_whose_files_have_one_name_for_two_things(program: str, pool: Pool, tmp_path: Path) -> None:
    path = files_of(tmp_path, **PROGRAMS[program])
    expected = real_rates(path)
    assert len(expected) >= 1
    assert replayed_rates(path, pool) == pytest.approx(expected)


WRONG = """
def fit(model, loader):
    optimizer = torch.optim.SGD(model.parameters(), lr=rate())
    scheduler = torch.optim.lr_scheduler.StepLR(optimizer, {steps})
    for epoch in range(8):
        scheduler.step()
        for x, y in loader:
            optimizer.zero_grad()
            (model(x) - y).square().mean().backward()
            optimizer.step()


def rate():
    return {rate}
"""


def test_findings_in_files_that_define_the_same_names_are_confirmed_and_their_fixes_validated(
    pool: Pool, tmp_path: Path
) -> None:
    path = files_of(
        tmp_path,
        one=WRONG.format(steps=2, rate=0.25),
        two=WRONG.format(steps=3, rate=0.5),
        main="""
            import one, two
            from data import batches
            rate = 0.125
            model = nn.Linear(3, 1)
            one.fit(model, batches)
            two.fit(model, batches)
        """,
    )
    found = list(once([path], "OPT101"))
    rows = WRONG.splitlines().index("        scheduler.step()") + 3
    assert [(case.finding.location.path.name, case.finding.location.start.row) for case in found] == [
        ("one.py", rows),
        ("two.py", rows),
    ]
    for case in found:
        verified = verify(case, pool, Setting())
        assert verified.verdict.finding is FindingVerdict.CONFIRMED, verified.verdict.sentence
        assert verified.verdict.fix is FixVerdict.VALIDATED, verified.verdict.fix_sentence
        bodies = [
            script.body for script in (verified.pair.original, verified.pair.fixed) if isinstance(script, ReplayScript)
        ]
        assert [body.count("def fit_2(model, loader):") for body in bodies] == [1, 1]


def test_the_kept_scripts_of_files_that_define_the_same_names_run(pool: Pool, tmp_path: Path) -> None:
    path = files_of(
        tmp_path,
        one=WRONG.format(steps=2, rate=0.25),
        main="""
            import one
            from data import batches
            def fit():
                return nn.Linear(3, 1)
            one.fit(fit(), batches)
        """,
    )
    [case] = once([path], "OPT101")
    [(_, text), _] = kept_scripts(verify(case, pool, Setting()))
    assert "@standin.named('fit')\ndef fit_2(model, loader):" in text
    done = subprocess.run([sys.executable, "-c", text], capture_output=True, text=True, check=True, timeout=120)
    assert done.stdout.startswith("update 1: SGD, rates [0.25]\n")


def test_what_a_script_enters_with_takes_no_name_of_another_file(tmp_path: Path) -> None:
    path = files_of(
        tmp_path,
        one="def trainer(model):\n    return torch.optim.SGD(model.parameters(), lr=0.25)\n"
        "def model(trainer):\n    return torch.optim.SGD(trainer.parameters(), lr=0.5)\n",
        main="""
            import one
            class Trainer:
                def __init__(self, model):
                    self.model = model
                def fit(self, x):
                    for make in (one.trainer, one.model):
                        optimizer = make(self.model)
                        self.model(x).sum().backward()
                        optimizer.step()
        """,
    )
    script = script_of(path, "Trainer.fit")
    assert isinstance(script, ReplayScript), script
    assert "one = standin.namespace(model=model_2, trainer=trainer_2)" in script.body
    assert "\nmodel = standin.model('model')\ntrainer = Trainer(model)\n" in script.body


def test_an_object_takes_no_name_of_its_own_class(tmp_path: Path) -> None:
    path = files_of(
        tmp_path,
        main="""
            class trainer:
                def fit(self, model, x):
                    optimizer = torch.optim.SGD(model.parameters(), lr=0.1)
                    model(x).sum().backward()
                    optimizer.step()
        """,
    )
    script = script_of(path, "trainer.fit")
    assert isinstance(script, ReplayScript), script
    assert "\nmade_trainer = trainer()\n" in script.body


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        (
            """
            rate = 0.25
            class Settings:
                if rate:
                    rate = rate + 1
                def build(self, model):
                    return torch.optim.SGD(model.parameters(), lr=rate * self.rate)
            """,
            "two files define `rate`, and a class that reads it may have one itself",
        ),
        (
            """
            class rate:
                high = 0.25
            class Settings:
                def build(self, model):
                    optimizer = torch.optim.SGD(model.parameters(), lr=rate.high)
                    match optimizer.param_groups[0]["lr"]:
                        case rate.high:
                            optimizer.zero_grad()
                    return optimizer
            """,
            "two files define `rate`, which stands in a pattern of `match`",
        ),
    ],
)
def test_names_that_nobody_can_tell_apart_are_a_reason(text: str, reason: str, tmp_path: Path) -> None:
    path = files_of(
        tmp_path,
        one=text,
        main="""
            from one import Settings
            def rate():
                return 0.5
            model = nn.Linear(3, 1)
            update(Settings().build(model), model)
            update(torch.optim.SGD(model.parameters(), lr=rate()), model)
        """,
    )
    assert script_of(path) == Unsliced(reason)


@pytest.mark.parametrize(
    ("text", "rows"),
    [
        ("x\ndef f(a=x, *x, y: x = 1) -> x:\n    return x\n", [1, 2, 2, 2]),
        ("def f():\n    x = 1\n    def g():\n        nonlocal x\n        x = 2\n        return x\n", []),
        ("def f():\n    x = 1\n    def g():\n        global x\n        return lambda: x\n    return x\n", [4, 5]),
        ("class A:\n    y = x\n    x = x\n    z = x\n    def f(self):\n        return x\n", [2, 3, 6]),
        ("class A(x):\n    @x\n    def x(self): pass\n    @x.setter\n    def x(self): x\n", [1, 2, 5]),
        ("class A:\n    global x\n    x = 1\n    y = [x for _ in x]\n", [2, 3, 4, 4]),
        ("class A:\n    x = 1\n    y = [x for _ in x]\n", [3]),
        ("[x for x in x]\n{x: 1 for y in z for x in y}\n", [1]),
        ("def f():\n    return [x := 1 for _ in y], x\n", []),
        ("try:\n    import x.y\nexcept x as x:\n    from a import b as x\n", [2, 3, 3, 4]),
        ("def f(y):\n    match y:\n        case [x, *_]:\n            return x\n    return y.x, dict(x=1)\n", []),
        ("match y:\n    case {'a': x, **rest}:\n        del x\n", [2, 3]),
        ("def f():\n    del x\n    for x in x: pass\n    with x as (x, y): pass\n", []),
        ("async def f():\n    async for x in y: pass\n    import x\n    x\n", []),
    ],
)
def test_names_of_the_top_level_are_those_that_python_looks_for_there(text: str, rows: list[int]) -> None:
    found = [getattr(node, "lineno", 0) for node, name in TopNames(ast.parse(text)).uses if name == "x"]
    assert sorted(found) == rows
