"""Code that steps by way of lists, registries, callbacks and counters is replayed as it runs, or not judged."""

from __future__ import annotations

from pathlib import Path

import pytest

pytest.importorskip("torch", reason="a replay needs torch")

from fixture_cases import catalog
from optlint.engine import Engine
from optlint.program.project import parse
from optlint.replay.cases import sliced
from optlint.replay.judgement import judge
from optlint.replay.pool import Pool
from optlint.replay.script import ReplayScript
from optlint.replay.slicer.observed import observe
from optlint.replay.trace import Trace
from optlint.replay.verdict import FindingVerdict
from optlint.replay.verify import Setting, run, setting_for
from optlint.replay.wire import Outcome

LOOP = """
import functools
import torch
from torch import nn
{before}

def train(loader, epochs):
    model = nn.Linear(4, 1)
    optimizer = torch.optim.SGD(model.parameters(), lr=0.1)
    {setup}
    for epoch in range(epochs):
        for inputs, targets in loader:
            loss = nn.functional.mse_loss(model(inputs), targets)
            loss.backward()
            {step}
"""
UPDATE = """
def update():
    for each in {0}:
        each.step()
        each.zero_grad()
"""
EXECUTED = {
    "a list": ("waiting = []\ndef add(each):\n    waiting.append(each)\n" + UPDATE.format("waiting"), "add(optimizer)"),
    "a list of a name that is bound anew": (
        "waiting = []\ndef add(each):\n    global waiting\n    waiting += [each]\n" + UPDATE.format("waiting"),
        "add(optimizer)",
    ),
    "a list under another name": (
        "waiting = []\ndef add(each, into=None):\n    into = waiting if into is None else into\n    into.append(each)\n"
        + UPDATE.format("waiting"),
        "add(optimizer)",
    ),
    "a method of a list": ("waiting = []\nadd = waiting.append\n" + UPDATE.format("waiting"), "add(optimizer)"),
    "a set": ("waiting = set()\ndef add(each):\n    waiting.add(each)\n" + UPDATE.format("waiting"), "add(optimizer)"),
    "a dict": (
        "known = {}\ndef add(name, each):\n    known[name] = each\n" + UPDATE.format("known.values()"),
        "add('main', optimizer)",
    ),
    "a dict of lists": (
        "known = {}\ndef add(name, each):\n    known.setdefault(name, []).append(each)\n"
        + UPDATE.format("known['main']"),
        "add('main', optimizer)",
    ),
    "a class attribute": (
        "class Known:\n    all = []\n\ndef add(each):\n    Known.all.append(each)\n" + UPDATE.format("Known.all"),
        "add(optimizer)",
    ),
    "a class method": (
        "class Known:\n    all = []\n    @classmethod\n    def add(cls, each):\n        cls.all.append(each)\n"
        + UPDATE.format("Known.all"),
        "Known.add(optimizer)",
    ),
    "an object": (
        "class Known:\n    def __init__(self):\n        self.all = set()\n    def add(self, each):\n"
        "        self.all.add(each)\n        return each\n    def __iter__(self):\n        return iter(self.all)\n"
        "known = Known()\n" + UPDATE.format("known"),
        "known.add(optimizer)",
    ),
    "a default argument": (
        "def known(each=None, all=[]):\n    if each is not None:\n        all.append(each)\n    return all\n"
        + UPDATE.format("known()"),
        "known(optimizer)",
    ),
    "an attribute of a function": (
        UPDATE.format("update.all") + "update.all = []\ndef add(each):\n    update.all.append(each)\n",
        "add(optimizer)",
    ),
    "a global name": (
        "current = None\ndef add(each):\n    global current\n    current = each\n"
        "def update():\n    if current is not None:\n        current.step()\n        current.zero_grad()\n",
        "add(optimizer)",
    ),
    "a closure": (
        "def make():\n    waiting = []\n    def add(each):\n        waiting.append(each)\n    def update():\n"
        "        for each in waiting:\n            each.step()\n            each.zero_grad()\n    return add, update\n"
        "add, update = make()\n",
        "add(optimizer)",
    ),
    "a name set by its text": (
        "class State:\n    pass\nstate = State()\ndef add(name, each):\n    setattr(state, name, each)\n"
        "def update():\n    state.main.step()\n    state.main.zero_grad()\n",
        "add('main', optimizer)",
    ),
    "a list that is an argument": (
        "known = []\ndef add(each, into):\n    into.append(each)\n" + UPDATE.format("known"),
        "add(optimizer, known)",
    ),
    "bound methods": (
        "calls = []\ndef add(*each):\n    calls.extend(each)\ndef update():\n    for call in calls:\n        call()\n",
        "add(optimizer.step, optimizer.zero_grad)",
    ),
    "partial functions": (
        "calls = []\ndef move(each):\n    each.step()\n    each.zero_grad()\ndef add(each):\n"
        "    calls.append(functools.partial(move, each))\ndef update():\n    for call in calls:\n        call()\n",
        "add(optimizer)",
    ),
}
"""What comes before the function, and how that adds its optimizer; it then calls `update()` after each backward."""
OPEN = {
    "a weak set": (
        "import weakref\nwaiting = weakref.WeakSet()\ndef add(each):\n    waiting.add(each)\n"
        + UPDATE.format("waiting"),
        "add(optimizer)",
    ),
    "a heap": (
        "import heapq\nwaiting = []\ndef add(each):\n    heapq.heappush(waiting, (0, each))\n"
        "def update():\n    for _, each in waiting:\n        each.step()\n        each.zero_grad()\n",
        "add(optimizer)",
    ),
    "the dict of an object": (
        "class State:\n    def put(self, name, each):\n        self.__dict__[name] = each\nstate = State()\n"
        "def update():\n    state.main.step()\n    state.main.zero_grad()\n",
        "state.put('main', optimizer)",
    ),
    "another package": ("from elsewhere import engine\nupdate = engine.on_batch_end\n", "engine.attach(optimizer)"),
    "an attribute of another package": (
        "from elsewhere import engine\nupdate = engine.on_batch_end\n",
        "engine.optimizer = optimizer",
    ),
    "a method that another package has": (
        "from elsewhere import engine\nupdate = engine.on_batch_end\n",
        "engine.on('batch', optimizer.step)",
    ),
    "a function that another package has": (
        "from elsewhere import engine\nupdate = engine.on_batch_end\n",
        "@engine.on('batch')\n    def move():\n        optimizer.step()\n        optimizer.zero_grad()\n",
    ),
}
"""The same, where a replay cannot follow: nothing may be said."""
BY_LIST = {
    "functions in a list": (
        "calls = []\ndef move(each):\n    each.step()\ndef clear(each):\n    each.zero_grad()\n"
        "calls.append(move)\ncalls.append(clear)\n",
        "",
        "for call in calls:\n                call(optimizer)",
    ),
    "functions that a decorator puts into a list": (
        "calls = []\ndef called(function):\n    calls.append(function)\n    return function\n"
        "@called\ndef move(each):\n    each.step()\n@called\ndef clear(each):\n    each.zero_grad()\n",
        "",
        "for call in calls:\n                call(optimizer)",
    ),
    "what is cleared in a list": (
        "waiting = []\ndef add(each):\n    waiting.append(each)\ndef clear():\n    for each in waiting:\n"
        "        each.zero_grad()\n",
        "add(optimizer)",
        "optimizer.step()\n            clear()",
    ),
}
COUNTED = {
    "a global counter": ("count = 0\ndef tick():\n    global count\n    count += 1\n", "count"),
    "a counter in a dict": ("state = {'n': 0}\ndef tick():\n    state['n'] += 1\n", "state['n']"),
    "a counter in an object": (
        "class Counter:\n    n = 0\n    def tick(self):\n        self.n += 1\n"
        "counter = Counter()\ntick = counter.tick\n",
        "counter.n",
    ),
}


def outcomes(text: str, pool: Pool, folder: Path) -> dict[str, tuple[FindingVerdict, list[Outcome]]]:
    """What is said of the function `train`, as if each rule had flagged it; by the rules' codes."""
    path = folder / "training.py"
    path.write_text(text)
    engine = Engine(catalog())
    module = parse(path, path.read_bytes())
    engine.project.add(module)
    with observe(engine.project, module) as seen:
        script = sliced(seen, next(each for each in seen.program.entries if each.name == "train"))
    assert isinstance(script, ReplayScript), script.reason
    runs: dict[Setting, list[Outcome]] = {}
    told = {}
    for each in catalog():
        setting = setting_for(each.rule, Setting())
        if setting not in runs:
            runs[setting] = run(pool, [script], [()], setting)
        told[each.rule.code] = judge(each.rule, runs[setting], None).finding, runs[setting]
    return told


def updates(told: dict[str, tuple[FindingVerdict, list[Outcome]]]) -> int:
    [trace] = told["OPT106"][1]
    assert isinstance(trace, Trace), trace.reason
    assert trace.failure is None
    return len(trace.updates)


def confirmed(told: dict[str, tuple[FindingVerdict, list[Outcome]]]) -> list[str]:
    return [code for code, (finding, _) in told.items() if finding is FindingVerdict.CONFIRMED]


@pytest.mark.parametrize(("before", "setup"), EXECUTED.values(), ids=list(EXECUTED))
def test_what_was_put_somewhere_is_stepped_from_there(before: str, setup: str, pool: Pool, tmp_path: Path) -> None:
    told = outcomes(LOOP.format(before=before, setup=setup, step="update()"), pool, tmp_path)
    assert updates(told) == 12
    assert confirmed(told) == []


@pytest.mark.parametrize(("before", "setup", "step"), BY_LIST.values(), ids=list(BY_LIST))
def test_what_is_called_from_a_list_is_run(before: str, setup: str, step: str, pool: Pool, tmp_path: Path) -> None:
    told = outcomes(LOOP.format(before=before, setup=setup, step=step), pool, tmp_path)
    assert updates(told) == 12
    assert confirmed(told) == []


@pytest.mark.parametrize(("before", "setup"), OPEN.values(), ids=list(OPEN))
def test_of_what_other_code_may_step_nothing_is_said(before: str, setup: str, pool: Pool, tmp_path: Path) -> None:
    told = outcomes(LOOP.format(before=before, setup=setup, step="update()"), pool, tmp_path)
    assert confirmed(told) == []


def test_of_what_other_code_may_clear_nothing_is_said(pool: Pool, tmp_path: Path) -> None:
    before, setup = OPEN["a weak set"]
    told = outcomes(
        LOOP.format(before=before.replace("        each.step()\n", ""), setup=setup, step="optimizer.step(); update()"),
        pool,
        tmp_path,
    )
    assert updates(told) == 12
    assert confirmed(told) == []


@pytest.mark.parametrize(("before", "count"), COUNTED.values(), ids=list(COUNTED))
def test_what_a_helper_counts_decides_as_it_does_in_the_code(
    before: str, count: str, pool: Pool, tmp_path: Path
) -> None:
    step = f"tick()\n            if {count} % 3 == 0:\n                optimizer.step(); optimizer.zero_grad()"
    told = outcomes(LOOP.format(before=before, setup="", step=step), pool, tmp_path)
    assert updates(told) == 12  # of 36 batches


@pytest.mark.parametrize("name", ["a list", "a dict", "an object", "a global name"])
def test_what_is_put_somewhere_and_never_stepped_from_there_is_still_convicted(
    name: str, pool: Pool, tmp_path: Path
) -> None:
    before, setup = EXECUTED[name]
    told = outcomes(LOOP.format(before=before, setup=setup, step="pass"), pool, tmp_path)
    assert updates(told) == 0
    assert told["OPT106"][0] is FindingVerdict.CONFIRMED


def test_what_a_function_returns_may_be_stepped_by_those_that_call_it(pool: Pool, tmp_path: Path) -> None:
    text = LOOP.format(before="", setup="", step="pass") + "    return optimizer\n"
    told = outcomes(text, pool, tmp_path)
    assert told["OPT106"][0] is FindingVerdict.INCONCLUSIVE
