"""The action for GitHub: its scripts run in a real shell, with the variables that they are given there."""

from __future__ import annotations

import json
import re
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from ci_scripts import BAD, CI, ROOT, expressions, make_project, read, run_script, scripts, stub, with_git
from git_folder import commit_all

ACTION = ROOT / "action.yml"

pytestmark = [
    pytest.mark.skipif(shutil.which("bash") is None, reason="there is no bash"),
    pytest.mark.skipif(not ACTION.is_file(), reason="the action is not beside these tests"),
]


@pytest.fixture
def project(tmp_path: Path) -> Path:
    """A project with two faults."""
    return make_project(tmp_path / "project")


def _steps() -> dict[str, dict[str, Any]]:
    return {step["id"]: step for step in read(ACTION)["runs"]["steps"] if "id" in step}


def _run_step(
    name: str, folder: Path, known: dict[str, str]
) -> tuple[subprocess.CompletedProcess[str], dict[str, str]]:
    """Run a step of the action; `known` are the values of expressions, where an input does not have its default."""
    action, step = read(ACTION), _steps()[name]
    defaults = {f"inputs.{key}": each.get("default", "") for key, each in action["inputs"].items()}
    values = {**defaults, **known}
    variables = {
        key: re.sub(r"\$\{\{\s*(.*?)\s*\}\}", lambda match: values[match[1]], text) for key, text in step["env"].items()
    }
    output = folder.parent / "output"
    output.write_text("")
    done = run_script(folder, step["run"], {**variables, "GITHUB_OUTPUT": str(output)})
    return done, dict(line.split("=", 1) for line in output.read_text("utf-8").splitlines())


def _check(folder: Path, **inputs: str) -> tuple[subprocess.CompletedProcess[str], dict[str, str]]:
    named = {f"inputs.{name.replace('_', '-')}": value for name, value in inputs.items()}
    return _run_step("check", folder, {"steps.install.outputs.python": sys.executable, **named})


def test_the_action_reports_at_the_lines_and_fails(project: Path) -> None:
    done, outputs = _check(project)
    assert done.returncode == 1
    assert outputs == {"exit-code": "1"}
    assert done.stdout.count("::error ") == 2
    assert "file=src/train.py,line=4," in done.stdout
    assert "OPT209" in done.stdout


def test_the_action_passes_where_there_is_nothing(project: Path) -> None:
    done, outputs = _check(project, paths="right.py")
    assert (done.returncode, outputs) == (0, {"exit-code": "0"})
    assert "::error" not in done.stdout


def test_the_action_takes_one_path_and_one_option_a_line(project: Path) -> None:
    done, _ = _check(project, paths="more work\nright.py\n")
    assert done.returncode == 1
    assert done.stdout.count("::error ") == 1
    assert "more work/train.py" in done.stdout
    done, _ = _check(project, args="--ignore=OPT209\n--ignore=OPT418\n")
    assert done.returncode == 0, done.stdout + done.stderr


HARMFUL = """x$(touch ran)`touch ran`; touch ran "; touch ran; " '; touch ran; ' && touch ran | touch ran"""


@pytest.mark.parametrize("name", ["paths", "args", "fail_on", "diff_base", "sarif_file"])
def test_nothing_that_the_action_is_given_runs(project: Path, name: str) -> None:
    assert _check(project, **{name: HARMFUL})[0].returncode in (1, 2)
    assert not list(project.rglob("ran"))


def test_the_action_heeds_its_gate(project: Path) -> None:
    assert _check(project, paths="old.py")[0].returncode == 0
    assert _check(project, paths="old.py", fail_on="note")[0].returncode == 1
    done, outputs = _check(project, fail_on="never")
    assert (done.returncode, outputs) == (0, {"exit-code": "0"})
    done, outputs = _check(project, fail_on="sometimes")
    assert (done.returncode, outputs) == (2, {"exit-code": "2"})


def test_the_action_writes_sarif_as_well(project: Path) -> None:
    done, _ = _check(project, sarif_file="the findings.sarif")
    assert done.returncode == 1
    assert done.stdout.count("::error ") == 2
    [run] = json.loads((project / "the findings.sarif").read_text("utf-8"))["runs"]
    assert sum(result["ruleId"] == "OPT209" for result in run["results"]) == 2


@with_git
def test_the_action_reports_what_a_revision_does_not_have(project: Path) -> None:
    commit_all(project)
    done, _ = _check(project, diff_base="HEAD")
    assert (done.returncode, "::error" in done.stdout) == (0, False), done.stdout + done.stderr
    (project / "right.py").write_text(BAD, "utf-8")
    done, _ = _check(project, diff_base="HEAD")
    assert done.returncode == 1
    assert done.stdout.count("::error ") == 1
    assert "right.py" in done.stdout


def test_code_of_the_project_does_not_run_in_the_place_of_the_checker(project: Path) -> None:
    (project / "optlint.py").write_text("open('ran', 'w')\n")
    (project / "click.py").write_text("open('ran', 'w')\n")
    assert _check(project, paths="src")[0].returncode == 1
    assert not (project / "ran").exists()


@pytest.mark.parametrize("version", ["", "0.1.0", "0.1.0 --pre; touch ran"])
def test_the_action_installs_itself_or_a_version(project: Path, tmp_path: Path, version: str) -> None:
    """An interpreter that only writes down its arguments stands for Python: what it is told to install is looked at."""
    calls, python = tmp_path / "calls", tmp_path / "python"
    place = tmp_path / "temp" / "optlint" / "bin"
    copied = f'if [ "$3" = venv ]; then mkdir -p "{place}"; cp "$0" "{place}/python"; fi\n'
    stub(python, f'printf "%s\\n" "$@" "---" >> "{calls}"\n{copied}')
    known = {
        "steps.python.outputs.python-path": str(python),
        "github.action_path": "/the action",
        "runner.temp": str(tmp_path / "temp"),
        "inputs.version": version,
    }
    done, outputs = _run_step("install", project, known)
    assert done.returncode == 0, done.stderr
    assert outputs == {"python": str(place / "python")}
    made, installed = (call.splitlines() for call in calls.read_text("utf-8").split("---\n")[:2])
    assert made == ["-I", "-m", "venv", str(tmp_path / "temp" / "optlint")]
    assert installed[-1] == (f"optlint=={version}" if version else "/the action")
    assert not (project / "ran").exists()


def test_the_action_asks_for_what_it_declares_and_the_other_way_round() -> None:
    action, text = read(ACTION), ACTION.read_text("utf-8")
    asked = {name for each in expressions(text) for name in re.findall(r"inputs\.([\w-]+)", each)}
    assert asked == set(action["inputs"])
    ids = {step["id"] for step in action["runs"]["steps"] if "id" in step}
    assert {name for each in expressions(text) for name in re.findall(r"steps\.([\w-]+)", each)} <= ids
    assert all(each["description"] and "default" in each for each in action["inputs"].values())


def test_an_example_gives_the_action_what_it_knows() -> None:
    steps = read(CI / "github-check.yml")["jobs"]["optlint"]["steps"]
    [given] = [step["with"] for step in steps if "optlint@" in step.get("uses", "")]
    assert set(given) <= set(read(ACTION)["inputs"])
    assert any(step.get("with", {}).get("fetch-depth") == 0 for step in steps)


def test_no_expression_stands_in_the_text_of_a_script() -> None:
    found = list(scripts(read(ACTION)))
    assert found
    assert not [each for script in found for each in expressions(script)]
