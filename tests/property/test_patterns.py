"""Properties on small programs: paths, guards, loops, unknown code; and the same automaton as a monitor."""

from __future__ import annotations

from pathlib import Path
from textwrap import dedent, indent

import pytest

from optlint.program.events import Act
from optlint.program.lower import lower
from optlint.program.program import Program
from optlint.program.project import Project, parse
from optlint.property.alphabet import OPTIMIZER, SCHEDULER, Binding, backward, clear, step
from optlint.property.automaton import Verdict
from optlint.property.monitor import monitor
from optlint.property.patterns import Existence, Precedence
from optlint.property.roles import bindings

ORDER = Precedence(first=step(OPTIMIZER), then=step(SCHEDULER))
CLEARED = Existence(of=clear(OPTIMIZER), between=step(OPTIMIZER), given=backward(OPTIMIZER))
_HEAD = """\
import torch
from elsewhere import mystery
net = torch.nn.Linear(2, 1)
opt = torch.optim.SGD(net.parameters(), lr=0.1)
sched = torch.optim.lr_scheduler.StepLR(opt, 3)
"""


def _program(tmp_path: Path, body: str) -> Program:
    path = tmp_path / "train.py"
    module = parse(path, (_HEAD + dedent(body)).encode())
    project = Project(lambda _data: True)
    project.add(module)
    return lower(project, module)


def _broken(tmp_path: Path, body: str) -> bool:
    loop = "for epoch in range(9):\n" + indent(dedent(body), "    ")
    return bool(list(ORDER.find(_program(tmp_path, loop))))


@pytest.mark.parametrize(
    "body",
    [
        "sched.step()\nopt.step()",
        "sched.step()\nfor x in data:\n    opt.step()",
        "if warm:\n    sched.step()\n    opt.step()",
        "if warm:\n    sched.step()\nif warm:\n    opt.step()",
        "try:\n    sched.step()\nfinally:\n    opt.step()",
        "with amp():\n    sched.step()\n    opt.step()",
    ],
)
def test_wrong_order_is_found(tmp_path: Path, body: str) -> None:
    assert _broken(tmp_path, body)


@pytest.mark.parametrize(
    "body",
    [
        "opt.step()\nsched.step()",
        "if epoch > 0:\n    sched.step()\nopt.step()",
        "for x in data:\n    opt.step()\nsched.step()",
        "if warm:\n    opt.step()\nif warm:\n    sched.step()",
        "mystery(opt)\nsched.step()\nopt.step()",
        "if mode == 'a':\n    opt.step()\nif mode == 'b':\n    sched.step()",
        "sched.step()",
    ],
)
def test_right_or_unknown_order_is_silent(tmp_path: Path, body: str) -> None:
    assert not _broken(tmp_path, body)


def test_a_variable_that_changes_between_two_tests_does_not_correlate_them(tmp_path: Path) -> None:
    body = """\
        for epoch in range(9):
            flag = mystery()
            if flag:
                opt.step()
            flag = mystery()
            if flag:
                sched.step()
        """
    assert not list(ORDER.find(_program(tmp_path, body)))


def test_monitor_and_search_agree_on_one_trace(tmp_path: Path) -> None:
    """The search flags the loop; the monitor, given two of its iterations as a trace, does as well."""
    body = """\
        for x in data:
            loss = net(x).mean()
            loss.backward()
            opt.step()
        """
    program = _program(tmp_path, body)
    assert [violation.roles["given"].act for violation in CLEARED.find(program)] == [Act.BACKWARD]
    entry = program.entries[0]
    binding: Binding = next(bindings(entry, (CLEARED.between,)))
    iteration = [event for event in entry.events if event.act in (Act.BACKWARD, Act.STEP)]
    verdicts = [verdict for verdict, _, _ in monitor(CLEARED.automaton, iteration * 2, binding)]
    assert verdicts == [Verdict.BAD]


def test_monitor_is_content_with_a_cleared_trace(tmp_path: Path) -> None:
    body = """\
        for x in data:
            opt.zero_grad()
            net(x).mean().backward()
            opt.step()
        """
    entry = _program(tmp_path, body).entries[0]
    binding: Binding = next(bindings(entry, (CLEARED.between,)))
    trace = [event for event in entry.events if event.act in (Act.CLEAR, Act.BACKWARD, Act.STEP)]
    verdicts = [verdict for verdict, _, _ in monitor(CLEARED.automaton, trace * 3, binding)]
    assert verdicts == [Verdict.GOOD, Verdict.GOOD]
