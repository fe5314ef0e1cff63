"""A project to check in CI, and a shell that runs the scripts of CI files as GitHub and GitLab do."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

yaml = pytest.importorskip("yaml", reason="the files are YAML; pre-commit brings the reader")

ROOT = Path(__file__).parent.parent
CI = ROOT / "docs" / "ci"
CLEAN = """import torch

model = torch.nn.Linear(3, 1)
optimizer = torch.optim.SGD(model.parameters(), lr=0.1)
"""
BAD = CLEAN.replace("model.parameters()", "model")
NOTED = """import torch
from torch.optim.lr_scheduler import _LRScheduler

def current(scheduler: _LRScheduler) -> float:
    return scheduler.get_last_lr()[0]
"""

with_git = pytest.mark.skipif(shutil.which("git") is None, reason="there is no git")


def read(file: Path) -> Any:
    """Return what a YAML file holds."""
    return yaml.safe_load(file.read_text("utf-8"))


def expressions(text: str) -> list[str]:
    """Return what GitHub puts in before it hands a text on."""
    return [each.strip() for each in re.findall(r"\$\{\{(.*?)\}\}", text, re.DOTALL)]


def scripts(data: Any, key: str = "") -> Iterator[str]:
    """Yield all that a shell is to run."""
    match data:
        case dict():
            for name, each in data.items():
                yield from scripts(each, name)
        case list():
            for each in data:
                yield from scripts(each, key)
        case str() if key in ("run", "script", "before_script"):
            yield data
        case _:
            pass


def run_script(
    folder: Path, script: str, variables: dict[str, str], shell: tuple[str, ...] = ("bash", "-eo", "pipefail")
) -> subprocess.CompletedProcess[str]:
    """Run a script from a file, in a folder, with a few variables alone."""
    file = folder.parent / "script.sh"
    file.write_text(script, "utf-8")
    path = os.pathsep.join((str(Path(sys.executable).parent), os.environ["PATH"]))
    known = {"PATH": path, "HOME": str(folder.parent), "GIT_CONFIG_GLOBAL": os.devnull, **variables}
    return subprocess.run([*shell, str(file)], cwd=folder, env=known, capture_output=True, text=True, timeout=120)


def stub(file: Path, script: str) -> None:
    """Write a program that stands for another."""
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_text(f"#!/usr/bin/env bash\n{script}", "utf-8")
    file.chmod(0o755)


def make_project(folder: Path) -> Path:
    """Make a project with one fault in each of two folders, one of which has a space in its name."""
    for name, text in (("src/train.py", BAD), ("more work/train.py", BAD), ("right.py", CLEAN), ("old.py", NOTED)):
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_text(text, "utf-8")
    return folder
