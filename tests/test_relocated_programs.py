"""Right programs keep running as they did where the benchmark moves their training loop."""

from __future__ import annotations

import ast
from pathlib import Path

import pytest

pytest.importorskip("torch", reason="the benchmark replays what it moved")

from mutate.campaign import mutants, tried
from mutate.programs import Program
from mutate.relocation import KINDS, relocated
from mutate.scripts import Script, counted
from mutate.tree import Tree
from mutate.trial import Baseline
from optlint.catalog import load_catalog
from optlint.replay.pool import Pool

SCRIPT = """\
import torch
from torch import nn


def penalty(x):
    return x.abs().mean()


model = nn.Sequential(nn.Linear(4, 8), nn.Tanh(), nn.Linear(8, 1))
optimizer = torch.optim.SGD(model.parameters(), lr=0.1, momentum=0.9)
scheduler = torch.optim.lr_scheduler.StepLR(optimizer, 3)
for epoch in range(6):
    for x in torch.randn(24, 4).split(8):
        optimizer.zero_grad()
        loss = penalty(model(x))
        loss.backward()
        optimizer.step()
    scheduler.step()
"""
PLACES = {
    "its loop in a function": "function",
    "its loop in a function of another file": "another file",
    "all in a function": "function",
    "in a class": "method",
    "in a class of another file": "another file",
}


def _script(text: str = SCRIPT) -> Script:
    return Script(Tree(text))


def _written(files: dict[str, str] | None, folder: Path, origin: Program | None = None) -> Program:
    assert files is not None
    for name, text in files.items():
        (folder / name).write_text(text, "utf-8")
    return Program("moved", files, "main.py", folder, origin=origin)


@pytest.mark.parametrize("kind", sorted(KINDS))
def test_a_moved_loop_runs_as_before_and_is_misused_at_its_new_place(kind: str, tmp_path: Path, pool: Pool) -> None:
    origin = Baseline(Program("origin", {"main.py": SCRIPT}, "main.py", Path("/nowhere")), load_catalog(), pool)
    moved = _written(KINDS[kind](_script(), "main.py"), tmp_path)
    assert len(origin.traces["<module>"].updates) > 6
    assert Baseline(moved, load_catalog(), pool).is_run_of(origin)
    assert {mutant.place for mutant in mutants(moved, frozenset(("OPT104",)))} == {PLACES[kind]}


@pytest.mark.parametrize("way", ["by while", "by the command line"])
def test_rounds_that_are_counted_otherwise_are_as_many(way: str, tmp_path: Path, pool: Pool) -> None:
    words, script = counted(_script(), way)
    assert words
    assert script.tree.text != SCRIPT
    origin = Baseline(Program("origin", {"main.py": SCRIPT}, "main.py", Path("/nowhere")), load_catalog(), pool)
    again = _written({"main.py": script.tree.text}, tmp_path)
    assert Baseline(again, load_catalog(), pool).is_run_of(origin)


def test_of_a_move_that_changes_the_run_no_mutant_is_tried(tmp_path: Path) -> None:
    origin = Program("origin", {"main.py": SCRIPT}, "main.py", Path("/nowhere"))
    other = SCRIPT.replace("lr=0.1", "lr=0.2")
    moved = _written({"main.py": other}, tmp_path, origin)
    assert tried((moved, mutants(moved, frozenset(("OPT104",))))) == ([], [])


@pytest.mark.parametrize(
    "text",
    [
        SCRIPT + "print(loss.item())\n",
        SCRIPT.replace("return x.abs()", "return optimizer.param_groups[0]['lr'] * x.abs()"),
    ],
)
def test_what_would_need_more_than_a_move_is_left(text: str) -> None:
    kinds = [kind for kind in sorted(KINDS) if KINDS[kind](_script(text), "main.py") is None]
    assert kinds == (
        ["its loop in a function", "its loop in a function of another file"]
        if "print" in text
        else ["all in a function", "in a class", "in a class of another file", "its loop in a function of another file"]
    )


FALLBACK = """\
try:
    from torch.optim.lr_scheduler import LRScheduler
except ImportError:
    from torch.optim.lr_scheduler import _LRScheduler as LRScheduler
"""


@pytest.mark.parametrize("kind", sorted(KINDS))
def test_imports_of_which_one_is_tried_after_the_other_stay_above_what_needs_them(kind: str) -> None:
    steady = "class Steady(LRScheduler):\n    def get_lr(self):\n        return self.base_lrs\n\n\n"
    head, loop = SCRIPT.split("\n\n", 1)
    files = KINDS[kind](_script(f"{head}\n{FALLBACK}\n\n{steady}{loop}"), "main.py")
    assert files is not None
    [text] = [each for each in files.values() if "class Steady" in each]
    assert text.index(FALLBACK) < text.index("class Steady")


def test_a_program_whose_loop_stands_in_a_function_stays_where_it_is(tmp_path: Path) -> None:
    text = "import torch\n\n\ndef fit(optimizer):\n    for _ in range(3):\n        optimizer.step()\n"
    assert list(relocated(Program("own", {"main.py": text}, "main.py", Path("/nowhere")), tmp_path)) == []
    assert list(tmp_path.iterdir()) == []


def test_a_program_is_moved_to_one_place_always_the_same(tmp_path: Path) -> None:
    program = Program("fixture/ok_loop.py", {"ok_loop.py": SCRIPT}, "ok_loop.py", Path("/nowhere"))
    first, second = (list(relocated(program, tmp_path)) for _ in range(2))
    assert len(first) == 1
    assert first == second
    assert first[0].origin is program
    for name, text in first[0].files.items():
        ast.parse(text)
        assert (first[0].root / name).read_text("utf-8") == text
