"""Baseline, `--diff-base` and suppressions, with the installed command, real rules and real git."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import pytest

from git_folder import commit_all, git_in
from installed import CLEAN, LEAKING, optlint

needs_git = pytest.mark.skipif(shutil.which("git") is None, reason="there is no git")
FUNCTION = "import torch\n\n\ndef train():\n" + "".join(
    f"    {line}\n" if line else "\n" for line in LEAKING.splitlines()[2:]
)


def test_a_project_adopts_its_findings_and_new_ones_fail(tmp_path: Path) -> None:
    (tmp_path / "pyproject.toml").write_text('[tool.optlint]\nbaseline = ".optlint-baseline.json"\n')
    (tmp_path / "old.py").write_text(FUNCTION)
    assert optlint(tmp_path, "check").returncode == 2, "the baseline that is named is not there yet"
    assert optlint(tmp_path, "baseline", "write", "--reason", "of old").returncode == 0
    assert optlint(tmp_path, "check").returncode == 0
    (entry,) = json.loads((tmp_path / ".optlint-baseline.json").read_text())["findings"]
    assert (entry["path"], entry["code"], entry["reason"]) == ("old.py", "OPT103", "of old")

    (tmp_path / "old.py").unlink()
    (tmp_path / "renamed.py").write_text("# moved\n\nx = 1\n" + FUNCTION)
    assert optlint(tmp_path, "check").returncode == 0, "moved lines and another file name change nothing"
    (tmp_path / "copy.py").write_text(FUNCTION)
    assert optlint(tmp_path, "check").returncode == 1, "a copy is new"
    (tmp_path / "copy.py").unlink()

    (tmp_path / "renamed.py").write_text(CLEAN)
    checked = optlint(tmp_path, "check")
    assert checked.returncode == 0
    assert "no longer found: `optlint baseline prune` removes that" in checked.stderr
    assert optlint(tmp_path, "baseline", "check").returncode == 1
    assert optlint(tmp_path, "baseline", "prune").returncode == 0
    assert optlint(tmp_path, "baseline", "check").returncode == 0
    assert "no longer found" not in optlint(tmp_path, "check").stderr


def test_a_baseline_of_a_newer_optlint_is_refused(tmp_path: Path) -> None:
    (tmp_path / "known.json").write_text('{"version": 9, "findings": []}')
    (tmp_path / "a.py").write_text("x = 1\n")
    result = optlint(tmp_path, "check", "a.py", "--baseline", "known.json")
    assert (result.returncode, result.stdout) == (2, "")
    assert result.stderr == "optlint: known.json: a newer optlint wrote this baseline (version 9): update optlint\n"


@needs_git
def test_a_pull_request_fails_on_its_own_findings_alone(tmp_path: Path) -> None:
    git = git_in(tmp_path)
    (tmp_path / "src").mkdir()
    (tmp_path / "src" / "old.py").write_text(FUNCTION)
    commit_all(tmp_path)
    git("switch", "--quiet", "--create", "topic")
    (tmp_path / "src" / "pkg").mkdir()
    git("mv", "src/old.py", "src/pkg/renamed.py")
    (tmp_path / "src" / "pkg" / "renamed.py").write_text("# header\n" + FUNCTION)
    commit_all(tmp_path)
    assert optlint(tmp_path, "check").returncode == 1
    result = optlint(tmp_path, "check", "--diff-base", "main")
    assert (result.returncode, result.stdout) == (0, "All clear: 1 file checked\n"), result.stderr
    assert "1 finding not shown: `main` has them" in result.stderr
    (tmp_path / "src" / "new.py").write_text(LEAKING)
    result = optlint(tmp_path, "check", "--diff-base", "main", "--output-format", "concise")
    assert result.returncode == 1
    assert [line.partition(":")[0] for line in result.stdout.splitlines()] == ["src/new.py"]


@needs_git
def test_a_fault_in_a_helper_that_the_base_has_is_found_there_too(tmp_path: Path) -> None:
    head, _, _ = LEAKING.partition("for epoch")
    (tmp_path / "steps.py").write_text(
        "def update(model, optimizer, data):\n    model(data).pow(2).mean().backward()\n    optimizer.step()\n"
    )
    main = head.replace("import torch\n", "import torch\nfrom steps import update\n")
    main += "for epoch in range(5):\n    update(model, optimizer, torch.randn(8, 3))\n"
    (tmp_path / "main.py").write_text(main)
    commit_all(tmp_path)
    (tmp_path / "main.py").write_text("# header\n" + main)
    assert optlint(tmp_path, "check", "main.py").returncode == 1
    result = optlint(tmp_path, "check", "main.py", "--diff-base", "HEAD")
    assert result.returncode == 0, result.stdout + result.stderr


def test_what_is_left_is_silenced_and_unused_comments_go(tmp_path: Path) -> None:
    path = tmp_path / "a.py"
    path.write_bytes(LEAKING.replace("\n", "\r\n").encode())
    assert optlint(tmp_path, "check").returncode == 1
    assert optlint(tmp_path, "check", "--fix", "--add-ignore", "--reason", "to be seen").returncode == 0
    written = path.read_bytes()
    (comment,) = [line for line in written.split(b"\r\n") if b"optlint" in line]
    assert comment == b"    # optlint: ignore[OPT103] to be seen"
    assert written.replace(comment + b"\r\n", b"").decode() == LEAKING.replace("\n", "\r\n")
    assert optlint(tmp_path, "check", "--fail-on", "note").returncode == 0
    path.write_text(
        written.decode().replace("\r\n", "\n").replace("range(5):\n", "range(5):\n    optimizer.zero_grad()\n")
    )
    assert optlint(tmp_path, "check", "--fail-on", "note").returncode == 1
    assert optlint(tmp_path, "check", "--fix", "--fail-on", "note").returncode == 0
    assert path.read_text() == CLEAN
