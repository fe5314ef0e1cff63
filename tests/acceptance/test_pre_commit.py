"""The hooks as people have them: the real pre-commit, real git repositories, an environment made from the source."""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

pytest.importorskip("pre_commit", reason="the hooks are tried with pre-commit")

from filelock import FileLock  # pre-commit comes with it

from hook_environment import MEBIBYTE, SOURCES, python_of, sizes
from hooked_project import Hooks, Project, hooked_project, make_hooks

ROOT = Path(__file__).parent.parent.parent

pytestmark = [
    pytest.mark.skipif(shutil.which("git") is None, reason="there is no git"),
    pytest.mark.skipif(
        not all((ROOT / name).exists() for name in SOURCES),
        reason="pre-commit makes the hooks from the source, which is not beside these tests",
    ),
]

CLEAN = """import torch

model = torch.nn.Linear(3, 1)
optimizer = torch.optim.SGD(model.parameters(), lr=0.1)
for epoch in range(5):
    optimizer.zero_grad()
    model(torch.randn(8, 3)).pow(2).mean().backward()
    optimizer.step()
"""
BAD = CLEAN.replace("SGD(model.parameters(),", "SGD(model,")
"""Has one fault, OPT209, whose fix is safe."""
CALLING = """import torch

from steps import update

model = torch.nn.Linear(3, 1)
optimizer = torch.optim.SGD(model.parameters(), lr=0.1)
for batch in torch.randn(20, 8, 3):
    loss = model(batch).pow(2).mean()
    loss.backward()
    update(optimizer)
"""
STEPS = "def update(optimizer):\n    optimizer.step()\n    optimizer.zero_grad()\n"


def notebook(text: str) -> str:
    """Return a notebook with one cell."""
    cell: dict[str, object] = {
        "cell_type": "code",
        "execution_count": None,
        "metadata": {},
        "outputs": [],
        "source": text.splitlines(keepends=True),
    }
    return json.dumps({"cells": [cell], "metadata": {}, "nbformat": 4, "nbformat_minor": 5}, indent=1) + "\n"


@pytest.fixture(scope="session")
def hooks(tmp_path_factory: pytest.TempPathFactory, request: pytest.FixtureRequest) -> Hooks:
    """Make the environment of the hooks, once for all workers."""
    shared = tmp_path_factory.getbasetemp()
    if hasattr(request.config, "workerinput"):
        shared = shared.parent
    folder = shared / "hooks"
    with FileLock(shared / "hooks.lock"):
        told = folder / "told.json"
        if not told.is_file():
            told.parent.mkdir()
            told.write_text(json.dumps(make_hooks(folder)))
    data = json.loads(told.read_text())
    if "without" in data:
        pytest.skip(f"the environment of the hooks could not be made: {data['without']}")
    return Hooks(folder / "hooks", data["commit"], Path(data["environment"]), data["variables"])


@pytest.fixture
def checked(tmp_path: Path, hooks: Hooks) -> Project:
    """A repository with the hook that checks."""
    return hooked_project(tmp_path, hooks, "optlint-check")


@pytest.fixture
def mended(tmp_path: Path, hooks: Hooks) -> Project:
    """A repository with the hook that mends."""
    return hooked_project(tmp_path, hooks, "optlint-fix")


def test_a_bad_file_blocks_the_commit_and_says_why(checked: Project) -> None:
    checked.write("train.py", BAD)
    code, told = checked.commit()
    assert code == 1
    assert checked.commits() == 0
    assert "optlint check" in told
    assert "Failed" in told
    assert "train.py:4:13: error OPT209" in told
    assert "the optimizer is given a module instead of parameters" in told
    assert "1 error in 1 file" in told


def test_a_clean_commit_passes(checked: Project) -> None:
    checked.write("train.py", CLEAN)
    checked.write("stubs.pyi", "import torch\n\ndef build(model: torch.nn.Module) -> torch.optim.Optimizer: ...\n")
    code, told = checked.commit()
    assert code == 0, told
    assert "Passed" in told
    assert checked.commits() == 1


def test_a_bad_notebook_blocks_the_commit(checked: Project) -> None:
    checked.write("notes.ipynb", notebook(BAD))
    code, told = checked.commit()
    assert code == 1
    assert "notes.ipynb:cell 1:4:13: error OPT209" in told


def test_a_notebook_is_mended(mended: Project) -> None:
    mended.write("notes.ipynb", notebook(BAD))
    assert mended.commit()[0] == 1
    assert (mended.folder / "notes.ipynb").read_text("utf-8") == notebook(CLEAN)
    assert mended.commit()[0] == 0


def test_files_of_another_kind_are_not_looked_at(checked: Project) -> None:
    checked.write("notes.md", BAD)
    code, told = checked.commit("notes.md")
    assert code == 0, told
    assert "Skipped" in told


def test_the_fixing_hook_mends_and_fails_once(mended: Project) -> None:
    mended.write("train.py", BAD)
    code, told = mended.commit()
    assert code == 1
    assert "files were modified by this hook" in told
    assert mended.commits() == 0
    assert (mended.folder / "train.py").read_text("utf-8") == CLEAN
    code, told = mended.commit()
    assert code == 0, told
    assert mended.commits() == 1


def test_helpers_in_files_that_are_not_passed_are_followed(checked: Project) -> None:
    checked.write("steps.py", STEPS)
    checked.write("leaking.py", STEPS.replace("optimizer.zero_grad()", "pass"))
    assert checked.commit()[0] == 0
    checked.write("train.py", CALLING)
    code, told = checked.commit("train.py")
    assert code == 0, told
    checked.write("train.py", CALLING.replace("from steps", "from leaking"))
    code, told = checked.commit("train.py")
    assert code == 1
    assert "error OPT103" in told


def test_helpers_across_folders_are_followed(checked: Project) -> None:
    checked.write("pyproject.toml", '[project]\nname = "trainer"\nversion = "1"\n')
    checked.write("src/trainer/__init__.py", "")
    checked.write("src/trainer/steps.py", STEPS)
    assert checked.commit()[0] == 0
    checked.write("src/trainer/runs/__init__.py", "")
    checked.write("src/trainer/runs/train.py", CALLING.replace("from steps", "from trainer.steps"))
    code, told = checked.commit()
    assert code == 0, told


def test_one_bad_file_is_found_among_many(checked: Project) -> None:
    for number in range(400):
        checked.write(f"package_{number % 20:02}/module_{number:03}.py", CLEAN if number % 50 == 0 else "VALUE = 1\n")
    checked.write("package_07/bad.py", BAD)
    code, told = checked.commit()
    assert code == 1
    assert told.count("error OPT209") == 1
    assert "package_07/bad.py:4:13: error OPT209" in told


NAMES = ("my models/the trainer.py", "modèles/entraîneur 训练.py", "it's [1] $HOME & more;.py")


def test_unusual_names_of_files_are_taken_as_they_are(checked: Project) -> None:
    for name in NAMES:
        checked.write(name, BAD)
    code, told = checked.commit()
    assert code == 1
    for name in NAMES:
        assert f"{name}:4:13: error OPT209" in told


def test_files_with_unusual_names_are_mended_too(mended: Project) -> None:
    for name in NAMES:
        mended.write(name, BAD)
    assert mended.commit()[0] == 1
    assert [(mended.folder / name).read_text("utf-8") for name in NAMES] == [CLEAN] * len(NAMES)


def test_the_environment_of_the_hooks_holds_no_torch_and_is_small(hooks: Hooks) -> None:
    tried = subprocess.run([python_of(hooks.environment), "-c", "import torch"], capture_output=True, text=True)
    assert tried.returncode == 1
    assert "No module named 'torch'" in tried.stderr
    assert sizes(hooks.environment)["total"] < 64 * MEBIBYTE


def test_the_hooks_can_be_tried_without_being_installed(tmp_path: Path, hooks: Hooks) -> None:
    project = Project(tmp_path / "project", hooks.variables)
    project.write("train.py", BAD)
    project.run("git", "init", "--quiet")
    project.run("git", "add", "--all")
    code, told = project.run(
        sys.executable, "-m", "pre_commit", "try-repo", str(hooks.repository), "--ref", hooks.commit, "--all-files"
    )
    assert code == 1
    assert "train.py:4:13: error OPT209" in told
    assert "hook id: optlint-check" in told
    assert "hook id: optlint-fix" in told
    assert "files were modified by this hook" in told
    assert (project.folder / "train.py").read_text("utf-8") == CLEAN
