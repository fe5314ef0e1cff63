"""The example workflows and the GitLab template: their scripts run in a real shell, with their own variables."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
from pathlib import Path
from typing import Any

import pytest

from ci_scripts import BAD, CI, expressions, make_project, read, run_script, scripts, stub, with_git
from git_folder import commit_all
from optlint import __version__

pytestmark = pytest.mark.skipif(shutil.which("bash") is None, reason="there is no bash")


@pytest.fixture
def project(tmp_path: Path) -> Path:
    """A project with two faults."""
    return make_project(tmp_path / "project")


@pytest.mark.parametrize("name", ["github-check.yml", "github-suggestions.yml", "optlint.gitlab-ci.yml"])
def test_no_expression_stands_in_the_text_of_a_script(name: str) -> None:
    assert not [each for script in scripts(read(CI / name)) for each in expressions(script)]


def _suggesting(name: str) -> dict[str, Any]:
    steps = read(CI / "github-suggestions.yml")["jobs"]["suggest"]["steps"]
    found: dict[str, Any] = next(step for step in steps if step.get("name") == name)
    return found


@with_git
def test_suggestions_are_of_what_a_pull_request_adds(project: Path) -> None:
    commit_all(project)
    (project / "right.py").write_text(BAD, "utf-8")
    done = run_script(project, _suggesting("Find what the pull request adds")["run"], {"BASE": "HEAD"})
    assert done.returncode == 0, done.stderr
    [found] = json.loads((project / "optlint.rdjson").read_text("utf-8"))["diagnostics"]
    assert found["location"]["path"] == "right.py"
    assert [each["text"] for each in found["suggestions"]] == [".parameters()"]


def test_suggestions_are_handed_to_the_poster(project: Path, tmp_path: Path) -> None:
    """A program that only writes down what it is given stands for reviewdog."""
    told = f'printf "%s\\n" "$@" > "{tmp_path}/call"\ncat > "{tmp_path}/given"\n'
    stub(tmp_path / "bin" / "reviewdog", told)
    (project / "optlint.rdjson").write_text('{"diagnostics": []}')
    path = os.pathsep.join((str(tmp_path / "bin"), os.environ["PATH"]))
    done = run_script(project, _suggesting("Post the fixes")["run"], {"PATH": path})
    assert done.returncode == 0, done.stderr
    assert (tmp_path / "given").read_text() == '{"diagnostics": []}'
    assert "-f=rdjson" in (tmp_path / "call").read_text().splitlines()


def _gitlab(project: Path, **variables: str) -> subprocess.CompletedProcess[str]:
    job = read(CI / "optlint.gitlab-ci.yml")["optlint"]
    [script] = job["script"]
    known = {key: value for key, value in job["variables"].items() if key.startswith("OPTLINT")}
    return run_script(project, script, {**known, **variables}, shell=("sh", "-e"))


def test_the_gitlab_job_fails_and_leaves_its_report(project: Path) -> None:
    done = _gitlab(project)
    assert done.returncode == 1
    assert "src/train.py:4:13: error OPT209" in done.stdout
    report = json.loads((project / "gl-code-quality-report.json").read_text("utf-8"))
    found = sorted(each["location"]["path"] for each in report if each["check_name"] == "model-instead-of-parameters")
    assert found == ["more work/train.py", "src/train.py"]
    assert read(CI / "optlint.gitlab-ci.yml")["optlint"]["artifacts"] == {
        "when": "always",
        "reports": {"codequality": "gl-code-quality-report.json"},
    }


def test_the_gitlab_job_heeds_its_variables(project: Path) -> None:
    assert _gitlab(project, OPTLINT_PATHS="right.py").returncode == 0
    assert _gitlab(project, OPTLINT_PATHS="right.py src", OPTLINT_ARGS="--ignore OPT209 --quiet").returncode == 0


@with_git
def test_the_gitlab_job_passes_where_a_merge_request_adds_nothing(project: Path) -> None:
    commit_all(project)
    done = _gitlab(project, CI_MERGE_REQUEST_DIFF_BASE_SHA="HEAD")
    assert done.returncode == 0, done.stdout + done.stderr


@pytest.mark.parametrize(("version", "wanted"), [("", "optlint"), (__version__, f"optlint=={__version__}")])
def test_the_gitlab_job_installs_a_version(project: Path, tmp_path: Path, version: str, wanted: str) -> None:
    stub(tmp_path / "bin" / "python", f'printf "%s\\n" "$@" > "{tmp_path}/call"\n')
    install, _ = read(CI / "optlint.gitlab-ci.yml")["optlint"]["before_script"]
    path = os.pathsep.join((str(tmp_path / "bin"), os.environ["PATH"]))
    done = run_script(project, install, {"PATH": path, "OPTLINT_VERSION": version}, shell=("sh", "-e"))
    assert done.returncode == 0, done.stderr
    assert (tmp_path / "call").read_text().splitlines()[-1] == wanted
