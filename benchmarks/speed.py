"""Measure optlint beside TorchFix, Fixit and ruff, in one run, taking turns; write `results.json` and `results.md`.

Run `python benchmarks/speed.py CORPUS`. Everything is measured on copies outside any repository, so that no tool
finds a configuration or an ignore file. Ratios of one run are what counts: seconds depend on the machine.
"""

from __future__ import annotations

import json
import os
import platform
import shutil
import sys
import tempfile
from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

from contestants import REQUIREMENTS, Tool, bare_python, optlint_on, set_up, tools
from measure import Usage, best, measure
from speed_tables import markdown

TORCH_HEAVY = ("catalyst-21.5", "pytorch-ignite-0.5.5", "skorch-1.4.0", "stable-baselines3-2.9.2")
ROUNDS, SLOW_ROUNDS, STARTS = 3, 1, 20
RESULTS = Path(__file__).with_name("results.json")

UNRELATED = """
def mean(values):
    return sum(values) / len(values)
"""
CLEAN = """
import torch
from torch import nn, optim


def train(model, loader, epochs):
    optimizer = optim.SGD(model.parameters(), lr=0.1, momentum=0.9)
    scheduler = optim.lr_scheduler.StepLR(optimizer, step_size=30)
    for epoch in range(epochs):
        for inputs, labels in loader:
            optimizer.zero_grad()
            nn.functional.cross_entropy(model(inputs), labels).backward()
            optimizer.step()
        scheduler.step()
"""
FAULTY = CLEAN.replace("        scheduler.step()\n", "").replace(
    "range(epochs):\n", "range(epochs):\n        scheduler.step()\n"
)
ONE_FILE = {"without torch": UNRELATED, "with torch, clean": CLEAN, "with a finding": FAULTY}


def take_turns(contestants: Sequence[Tool], path: Path) -> dict[str, Any]:
    """Return what each tool takes for one folder; they run one after another, round by round."""
    for tool in contestants:  # so that no tool pays for reading its own code from the disk
        with tempfile.TemporaryDirectory() as folder:
            Path(folder, "one.py").write_text(CLEAN, encoding="utf-8")
            measure(tool.command("."), Path(folder))
    runs: dict[str, list[Usage]] = {tool.name: [] for tool in contestants}
    for turn in range(max(tool.rounds for tool in contestants)):
        for tool in contestants:
            if turn < tool.rounds:
                usage = measure(tool.command("."), path)
                runs[tool.name].append(usage)
                print(f"  {tool.name}: {usage.wall:.2f} s wall, {usage.cpu:.2f} s processor", flush=True)
    return {
        tool.name: {
            "version": tool.version,
            "call": f"{tool.shown} .",
            "rounds": len(runs[tool.name]),
            **asdict(best(runs[tool.name])),
        }
        for tool in contestants
    }


def start_up() -> dict[str, Any]:
    """Return what bare Python takes to start, and optlint on one file of each kind."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        commands = {"python -c pass": bare_python()}
        for number, (kind, text) in enumerate(ONE_FILE.items()):
            folder.joinpath(f"file{number}.py").write_text(text, encoding="utf-8")
            commands[kind] = optlint_on(f"file{number}.py")
        runs: dict[str, list[Usage]] = {kind: [] for kind in commands}
        for _ in range(STARTS + 1):
            for kind, command in commands.items():
                runs[kind].append(measure(command, folder))
    return {kind: {"rounds": STARTS, **asdict(best(usages[1:]))} for kind, usages in runs.items()}


def extent(folder: Path) -> dict[str, int]:
    """Return the number of Python files below a folder and of lines in them."""
    lines = [path.read_bytes().count(b"\n") for path in folder.rglob("*.py") if path.is_file()]
    return {"files": len(lines), "lines": sum(lines)}


def main(arguments: list[str]) -> int:
    if len(arguments) != 1:
        print("usage: speed.py CORPUS", file=sys.stderr)
        return 2
    corpus = Path(arguments[0])
    set_up()
    contestants = tools(ROUNDS, SLOW_ROUNDS)
    with tempfile.TemporaryDirectory() as name:
        scratch = Path(name)
        for package in TORCH_HEAVY:
            shutil.copytree(corpus / package, scratch / "heavy" / package)
        print(f"Torch-heavy packages: {', '.join(TORCH_HEAVY)}", flush=True)
        heavy: dict[str, Any] = {"packages": TORCH_HEAVY, **extent(scratch / "heavy")}
        heavy["tools"] = take_turns(contestants, scratch / "heavy")
        shutil.copytree(corpus, scratch / "whole")
        print("The whole corpus", flush=True)
        whole: dict[str, Any] = extent(scratch / "whole") | {"packages": len(list(corpus.iterdir()))}
        whole["tools"] = take_turns(contestants[:2], scratch / "whole")
    print("Start-up", flush=True)
    results = {
        "python": platform.python_version(),
        "cores": os.cpu_count(),
        "compared": REQUIREMENTS,
        "heavy": heavy,
        "whole": whole,
        "start": start_up(),
    }
    RESULTS.write_text(json.dumps(results, indent=2) + "\n", encoding="utf-8")
    text = markdown(results)
    RESULTS.with_suffix(".md").write_text(text, encoding="utf-8")
    print(f"\n{text}")
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
