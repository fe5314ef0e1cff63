"""The verifier as a person calls it: on copies of the demo projects, in processes of their own."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

pytest.importorskip("torch", reason="a replay needs torch")

DEMO = Path(__file__).parents[2] / "demo"
OPTLINT = Path(sys.executable).with_name("optlint")


def optlint(folder: Path, *arguments: str, **environment: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [OPTLINT, *arguments],
        cwd=folder,
        capture_output=True,
        text=True,
        check=False,
        env={**os.environ, "NO_COLOR": "1", **environment},
    )


@pytest.fixture
def project(tmp_path: Path) -> Path:
    shutil.copytree(DEMO / "finetune", tmp_path / "finetune", ignore=shutil.ignore_patterns("__pycache__"))
    return tmp_path / "finetune"


def test_each_finding_comes_with_its_verdict(project: Path) -> None:
    result = optlint(project, "verify", "--output-format", "json", "--isolated")
    assert result.returncode == 1, result.stderr
    verdicts = [(each["code"], each["verdict"]) for each in json.loads(result.stdout)]
    told = [(code, verdict["finding"], verdict["fix"]) for code, verdict in verdicts]
    assert sorted(told, key=str) == [
        ("OPT102", "confirmed", "validated"),
        ("OPT102", "confirmed", None),
        ("OPT205", "confirmed", "validated"),
    ]
    [verdict, _] = [verdict for code, verdict in verdicts if code == "OPT102"]
    assert verdict["quantity"] == "learning rate"
    assert verdict["first_divergence"]["update"] >= 1
    assert verdict["magnitude"] > 0
    assert verdict["torch"]


def test_a_replay_gives_the_same_digits_each_time(project: Path) -> None:
    runs = [optlint(project, "verify", "--output-format", "json", "--isolated").stdout for _ in range(3)]
    assert runs[0]
    assert runs == runs[:1] * 3


def test_kept_scripts_run_alone_and_show_both_rates(project: Path, tmp_path: Path) -> None:
    kept = tmp_path / "kept"
    optlint(project, "verify", "--isolated", "--select", "OPT102", "--keep-scripts", str(kept))
    names = sorted(path.name for path in kept.iterdir())
    names = [name for name in names if name.replace("_as_written", "_as_fixed") in names and "_as_" in name][:2]
    assert [name.rpartition("_as_")[2] for name in names] == ["fixed.py", "written.py"]
    shown = [
        subprocess.run(
            [sys.executable, "-I", "-W", "ignore", kept / name], capture_output=True, text=True, check=True
        ).stdout.splitlines()
        for name in names
    ]
    assert all(lines[0].startswith("update 1: ") for lines in shown)
    assert shown[0] != shown[1]


def test_fixing_with_proof_mends_unsafe_fixes_too_and_leaves_nothing(project: Path) -> None:
    result = optlint(project, "check", "--isolated", "--fix", "--verified", "--show-fixes")
    assert result.returncode == 0, result.stdout + result.stderr
    assert "1 x OPT102 Step the scheduler once" in result.stdout
    assert optlint(project, "check", "--isolated", "--select", "ALL").returncode == 0


def test_check_shows_verdicts_where_it_is_asked_to(project: Path) -> None:
    result = optlint(project, "check", "--isolated", "--verify")
    assert result.returncode == 1
    assert "verdict confirmed on torch" in " ".join(result.stdout.split())
    assert "the fix is validated" in result.stdout
    assert result.stdout.rstrip().splitlines()[-1].startswith("Findings: 3 confirmed; fixes: 2 validated")


def test_a_clean_folder_starts_no_replay(tmp_path: Path) -> None:
    (tmp_path / "a.py").write_text("x = 1\n", encoding="utf-8")
    result = optlint(tmp_path, "verify", "--isolated")
    assert (result.returncode, result.stdout) == (0, "Nothing to replay: 1 file checked\n")


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("check", "--verified"), "add `--fix`"),
        (("check", "--verify", "--fix"), "`--fix --verified`"),
        (("check", "-", "--verify"), "name files and not the standard input"),
        (("verify", "nowhere.py"), "no such file or folder"),
    ],
)
def test_what_does_not_go_together_is_said_in_a_line(tmp_path: Path, arguments: tuple[str, ...], message: str) -> None:
    result = optlint(tmp_path, *arguments)
    assert result.returncode == 2
    assert message in result.stderr


def test_without_torch_it_says_what_to_install(project: Path, tmp_path: Path) -> None:
    hidden = tmp_path / "hidden"
    hidden.mkdir()
    (hidden / "sitecustomize.py").write_text(
        "import importlib.util\n"
        "_find = importlib.util.find_spec\n"
        "importlib.util.find_spec = lambda name, package=None: None if name == 'torch' else _find(name, package)\n",
        encoding="utf-8",
    )
    result = optlint(project, "verify", "--isolated", PYTHONPATH=str(hidden))
    assert result.returncode == 2
    assert "pip install 'optlint[verify]'" in result.stderr
    assert "Traceback" not in result.stderr
