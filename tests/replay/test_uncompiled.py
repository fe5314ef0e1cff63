"""A worker goes without torch's compiler, which takes long to import; a script that wants it is lost."""

from __future__ import annotations

import subprocess
import sys
from textwrap import dedent

import pytest

pytest.importorskip("torch", reason="scripts run with torch")

from optlint.replay.pool import Job, Lost, Outcome, Pool
from optlint.replay.trace import Trace

UPDATES = """
import sys
for kind in (torch.optim.SGD, torch.optim.Adam, torch.optim.Muon):
    weight = torch.nn.Parameter(torch.ones(2, 2))
    optimizer = kind([weight], lr=0.1)
    weight.grad = torch.ones(2, 2)
    optimizer.step()
    optimizer.zero_grad()
raise ValueError([name for name in ("torch._dynamo.config", "sympy") if name in sys.modules])
"""
PARTS = """
import sys
import torch
from optlint.replay.uncompiled import leave_uncompiled
leave_uncompiled()
absent = torch._dynamo
import torch._dynamo.utils as part
assert part is sys.modules["torch._dynamo.utils"] is torch._dynamo.utils
assert torch._dynamo is sys.modules["torch._dynamo"] is not absent
assert absent.config is torch._dynamo.config
assert torch.compile(lambda x: x + 1, backend="eager")(torch.ones(2)).tolist() == [2.0, 2.0]
"""


def ran(pool: Pool, body: str) -> Outcome:
    ((_, outcome),) = pool.run([Job(dedent(body), "cpu", "float64")])
    return outcome


def said(outcome: Outcome) -> str:
    assert isinstance(outcome, Trace), outcome
    assert outcome.failure is not None
    return outcome.failure.message


def test_updates_need_no_compiler() -> None:
    with Pool(seconds=60.0, arguments=["--unguarded"]) as fresh:  # shapes without numbers bring sympy along
        assert said(ran(fresh, UPDATES)) == "[]"


def test_a_script_that_reaches_for_the_compiler_is_lost(unguarded: Pool) -> None:
    outcome = ran(unguarded, "torch._dynamo.config")
    assert isinstance(outcome, Lost)
    assert outcome.reason.startswith("touched the outside")


def test_a_part_of_the_compiler_comes_with_the_whole() -> None:
    subprocess.run([sys.executable, "-W", "ignore", "-c", PARTS], check=True, timeout=120)
