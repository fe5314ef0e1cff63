"""Real notebooks: the kernel runs them before and after a fix, and what it shows is wrong before and right after."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from installed import optlint
from notebook_documents import code, document, dumped, markdown

pytest.importorskip("torch", reason="the notebooks train with torch")
pytest.importorskip("nbclient", reason="the notebooks are run with nbclient")
pytest.importorskip("ipykernel", reason="the notebooks are run by the kernel of Python")
nbformat = pytest.importorskip("nbformat", reason="the notebooks are validated with nbformat")

_EXECUTE = """\
import sys, nbclient, nbformat
notebook = nbformat.read(sys.argv[1], 4)
nbclient.NotebookClient(notebook, timeout=300, kernel_name="python3").execute()
nbformat.write(notebook, sys.argv[2])
"""
_SETUP = """\
%precision 3
!echo ready
import torch
from torch import nn

torch.manual_seed(0)
steps = !echo 3"""
_BUILD = """\
model = nn.Linear(2, 1)
optimizer = torch.optim.SGD(model.parameters(), lr=0.1)
scheduler = torch.optim.lr_scheduler.StepLR(optimizer, 2, gamma=0.5)
batches = [(torch.randn(4, 2), torch.randn(4, 1)) for _ in range(int(steps[0]))]
used = []"""
_EARLY = """\
%%time
for epoch in range(4):
    scheduler.step()
    for x, y in batches:
        optimizer.zero_grad()
        loss = nn.functional.mse_loss(model(x), y)
        loss.backward()
        optimizer.step()
        used.append(optimizer.param_groups[0]["lr"])"""
_LOST = """\
frozen = nn.Linear(2, 1)
before = frozen.weight.clone()
second = torch.optim.SGD(frozen.parameters(), lr=0.1)
for x, y in batches:
    second.zero_grad()
    nn.functional.mse_loss(frozen(x), y).backward()
    second.step"""


def _notebook(early: str, lost: str) -> dict[str, Any]:
    cells = [
        markdown("# A model"),
        code(_SETUP),
        code(_BUILD),
        code(early),
        code("print(used)"),
        code("%%bash\necho not Python"),
        code(lost),
        code("print(torch.equal(before, frozen.weight))\nscheduler?"),
        code("await __import__('asyncio').sleep(0)\nprint(await __import__('asyncio').sleep(0, 'awaited'))"),
    ]
    identified = [{**cell, "id": f"cell-{number}"} for number, cell in enumerate(cells)]
    kernel = {"display_name": "Python 3", "language": "python", "name": "python3"}
    metadata = {"kernelspec": kernel, "language_info": {"name": "python"}}
    return {**document(*identified, metadata=metadata), "nbformat_minor": 5}


@pytest.fixture
def executed(tmp_path: Path) -> Callable[[Path], dict[int, str]]:
    def execute(path: Path) -> dict[int, str]:
        """Run a notebook; return what its cells print, by their numbers."""
        target = tmp_path / "executed.ipynb"
        done = subprocess.run(
            [sys.executable, "-W", "ignore", "-c", _EXECUTE, path, target],
            capture_output=True,
            text=True,
            cwd=tmp_path,
            check=False,
        )
        assert done.returncode == 0, done.stderr
        cells = json.loads(target.read_text("utf-8"))["cells"]
        return {
            number: "".join("".join(output["text"]) for output in cell["outputs"] if output.get("name") == "stdout")
            for number, cell in enumerate(cells, 1)
            if cell["cell_type"] == "code"
        }

    return execute


def test_the_kernel_shows_the_faults_before_a_fix_and_none_after(
    tmp_path: Path, executed: Callable[[Path], dict[int, str]]
) -> None:
    path = tmp_path / "model.ipynb"
    data = dumped(_notebook(_EARLY, _LOST))
    path.write_bytes(data)
    nbformat.validate(nbformat.reads(data.decode(), 4))

    before = executed(path)
    assert json.loads(before[5]) == [0.1] * 3 + [0.05] * 6 + [0.025] * 3  # the second epoch is an early one
    assert before[8].startswith("True")  # nothing moved

    found = optlint(tmp_path, "check", "--isolated", "--output-format", "concise", path.name)
    assert found.returncode == 1
    places = [line.partition(": ")[0] for line in found.stdout.splitlines()]
    assert places == ["model.ipynb:cell 4:3:5", "model.ipynb:cell 7:7:5"]
    fixed = optlint(tmp_path, "check", "--isolated", "--fix", "--unsafe-fixes", path.name)
    assert fixed.returncode == 0, fixed.stdout + fixed.stderr

    late = _EARLY.replace("    scheduler.step()\n", "") + "\n    scheduler.step()"
    assert path.read_bytes() == dumped(_notebook(late, f"{_LOST}()"))
    nbformat.validate(nbformat.read(path, 4))

    after = executed(path)
    assert json.loads(after[5]) == [0.1] * 6 + [0.05] * 6
    assert after[8].startswith("False")
    assert (after[6], after[9]) == ("not Python\n", "awaited\n")
    assert optlint(tmp_path, "check", "--isolated", path.name).returncode == 0
