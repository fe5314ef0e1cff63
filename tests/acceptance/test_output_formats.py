"""Every output format of the installed command on a real small project, with its verdicts where torch is there."""

from __future__ import annotations

import importlib.util
import json
import re
import shutil
from pathlib import Path
from typing import Any
from xml.etree import ElementTree

import jsonschema
import pytest

from described_fields import GITLAB, RDJSON, faults
from installed import optlint

ROOT = Path(__file__).parents[2]
SARIF = json.loads((ROOT / "tests" / "report" / "schemas" / "sarif-2.1.0-rtm.5.json").read_text("utf-8"))
FILES = {
    "sarif": "out.sarif",
    "gitlab": "code-quality.json",
    "rdjson": "out.rdjson",
    "junit": "junit.xml",
    "json": "out.json",
    "jsonl": "out.jsonl",
    "azure": "azure.txt",
    "pylint": "pylint.txt",
    "grouped": "grouped.txt",
    "concise": "concise.txt",
    "full": "full.txt",
}
needs_torch = pytest.mark.skipif(importlib.util.find_spec("torch") is None, reason="a replay needs torch")


@pytest.fixture
def project(tmp_path: Path) -> Path:
    folder = tmp_path / "my projects é"
    shutil.copytree(ROOT / "demo" / "finetune", folder, ignore=shutil.ignore_patterns("__pycache__"))
    return folder


def targets() -> list[str]:
    return [word for form, file in FILES.items() for word in ("--output-format", form, "--output-file", file)]


def sarif_of(text: str) -> dict[str, Any]:
    log = json.loads(text)
    assert faults(jsonschema.Draft4Validator, SARIF, log) == []
    [run] = log["runs"]
    assert isinstance(run, dict)
    return run


def test_all_formats_of_one_run_agree(project: Path) -> None:
    result = optlint(project, "check", "--isolated", *targets(), "--output-format", "github", environment=NO_CI)
    assert result.returncode == 1, result.stderr
    codes = sorted(re.findall(r"title=(OPT\d+)", result.stdout))
    assert codes == ["OPT102", "OPT102", "OPT205"]
    text = {form: (project / file).read_text("utf-8") for form, file in FILES.items()}
    assert sorted(each["ruleId"] for each in sarif_of(text["sarif"])["results"]) == codes
    assert faults(jsonschema.Draft202012Validator, GITLAB, json.loads(text["gitlab"])) == []
    assert sorted(each["description"][:6] for each in json.loads(text["gitlab"])) == codes
    assert faults(jsonschema.Draft202012Validator, RDJSON, json.loads(text["rdjson"])) == []
    assert sorted(each["code"]["value"] for each in json.loads(text["rdjson"])["diagnostics"]) == codes
    assert sorted(each["code"] for each in json.loads(text["json"])) == codes
    assert [json.loads(line) for line in text["jsonl"].splitlines()] == json.loads(text["json"])
    cases = ElementTree.fromstring(text["junit"].encode()).iter("testcase")
    assert sorted(case.attrib["name"][:6] for case in cases) == codes
    for form in ("azure", "pylint", "grouped", "concise", "full"):
        assert sorted(re.findall(r"(?:code=|\[|error )(OPT\d+)", text[form])) == codes, form
    assert len(list(project.glob(".optlint-*"))) == 0


NO_CI = {"GITHUB_WORKSPACE": "", "CI_PROJECT_DIR": ""}


@needs_torch
def test_the_verdict_stands_in_every_format(project: Path) -> None:
    result = optlint(
        project, "check", "--isolated", "--verify", *targets(), "--output-format", "github", environment=NO_CI
    )
    assert result.returncode == 1, result.stderr
    short = re.compile(r"validated by replay: learning rate equal to the reference for (\d+) updates")
    told = [short.findall((project / file).read_text("utf-8")) for form, file in FILES.items() if form != "full"]
    told.append(short.findall(result.stdout))
    assert all(told)
    assert len({number for found in told for number in found}) == 1
    assert "the fix is validated" in (project / "full.txt").read_text("utf-8")
    [verdict] = {
        each["verdict"]["fix_in_short"]
        for each in json.loads((project / "out.json").read_text())
        if "rate" in each["verdict"]["fix_in_short"]
    }
    assert short.fullmatch(verdict)


@needs_torch
def test_verify_writes_the_same_formats(project: Path) -> None:
    result = optlint(project, "verify", "--isolated", "--output-format", "sarif", "--output-file", "out.sarif")
    assert (result.returncode, result.stdout) == (1, "")
    assert result.stderr.startswith("Findings: 3 confirmed; fixes: 2 validated")
    verdicts = [each["properties"]["verdict"] for each in sarif_of((project / "out.sarif").read_text())["results"]]
    assert [verdict["finding"] for verdict in verdicts] == ["confirmed"] * 3


def test_a_suggestion_taken_over_mends_the_finding(project: Path) -> None:
    result = optlint(project, "check", "--isolated", "--select", "OPT102", "--output-format", "rdjson")
    diagnostics = json.loads(result.stdout)["diagnostics"]
    [diagnostic] = [each for each in diagnostics if "suggestions" in each]
    [suggestion] = diagnostic["suggestions"]
    file = project / diagnostic["location"]["path"]
    lines = file.read_bytes().splitlines(keepends=True)
    start, end = (
        sum(map(len, lines[: place["line"] - 1])) + place["column"] - 1
        for place in (suggestion["range"]["start"], suggestion["range"]["end"])
    )
    data = b"".join(lines)
    file.write_bytes(data[:start] + suggestion["text"].encode() + data[end:])
    assert optlint(project, "check", "--isolated", "--select", "OPT102").returncode == 0


def test_names_that_steer_terminals_and_logs_do_not(tmp_path: Path) -> None:
    text = (ROOT / "demo" / "gan" / "train.py").read_text("utf-8")
    for name in ("a\nb\x1b[31m%0A<script>,:'\".py", "##vso[task.complete];.py"):
        (tmp_path / name).write_text(text, "utf-8")
    for form in ("full", "concise", "grouped", "github", "azure", "pylint", "junit"):
        result = optlint(
            tmp_path, "check", "--isolated", "--select", "OPT103", "--output-format", form, environment=NO_CI
        )
        assert result.returncode == 1, result.stderr
        assert not re.search(r"[\x00-\x09\x0b-\x1f\x7f-\x9f]", result.stdout), form
        assert result.stdout.count("OPT103") >= 2
        assert not any(line.startswith("b\\x1b") for line in result.stdout.splitlines()), form
