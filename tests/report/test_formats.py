"""The formats of CI systems and editors: their fields, the verdict in each, and what is imported for them."""

from __future__ import annotations

import json
import subprocess
import sys
from dataclasses import replace
from pathlib import Path
from xml.etree import ElementTree

import jsonschema
import pytest

from described_fields import GITLAB, JUNIT, RDJSON, faults
from optlint.finding import Finding, Level
from optlint.report.formats import FORMATS
from optlint.source.edits import Fix
from optlint.source.text import Source
from reports_made import (
    CONFIRMED,
    REFUTED,
    SHORT,
    TRAIN,
    UNDECIDED,
    early_step,
    place,
    report_of,
    source_of,
    written,
)

OUTLINES = {"full", "json", "jsonl", "sarif"}
"""These say it in more words, or as data beside the sentence."""


@pytest.fixture(autouse=True)
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    for variable in ("GITHUB_WORKSPACE", "CI_PROJECT_DIR"):
        monkeypatch.delenv(variable, raising=False)
    return tmp_path


@pytest.fixture
def source(folder: Path) -> Source:
    return source_of(folder / "src" / "train.py")


def text_of(report: str) -> str:
    """Return a report on one line, as if nobody had wrapped or escaped it."""
    return " ".join(report.replace("%0A", " ").replace("\\n", " ").split())


@pytest.mark.parametrize("form", [form for form in FORMATS if form != "full"])
def test_the_verdict_stands_in_every_format(source: Source, form: str) -> None:
    text = text_of(written(form, report_of([early_step(source)], source, verdict=CONFIRMED)))
    assert "confirmed on torch 2.13.0 on cpu: update 2 uses the rate 0.05 where 0.1 is due" in text
    assert SHORT in text


def test_the_full_report_has_the_verdict_below_the_finding(source: Source) -> None:
    text = text_of(written("full", report_of([early_step(source)], source, verdict=CONFIRMED)))
    assert "verdict confirmed on torch 2.13.0 on cpu: update 2 uses the rate 0.05" in text
    assert "the fix is validated: nothing departs" in text


@pytest.mark.parametrize("form", FORMATS)
def test_without_a_replay_there_is_no_word_of_a_verdict(source: Source, form: str) -> None:
    assert "verdict" not in written(form, report_of([early_step(source)], source))


@pytest.mark.parametrize("form", ["json", "jsonl", "sarif", "rdjson"])
def test_a_refuted_fix_is_offered_by_no_format(source: Source, form: str) -> None:
    offered = "Step the scheduler after the optimizer"
    assert offered in written(form, report_of([early_step(source)], source, verdict=CONFIRMED))
    text = written(form, report_of([early_step(source)], source, verdict=REFUTED))
    assert offered not in text
    assert "update 3 uses the rate 0.2 where 0.1 is due" in text


def test_people_see_a_refuted_fix_with_a_warning_and_no_mark(source: Source) -> None:
    text = written("full", report_of([early_step(source)], source, verdict=REFUTED))
    assert "(refuted by its replay: do not take it over)" in text
    for form in ("full", "concise", "grouped"):
        assert "[unsafe]" not in written(form, report_of([early_step(source)], source, verdict=REFUTED))


def test_an_open_verdict_claims_nothing(source: Source) -> None:
    text = written("concise", report_of([early_step(source)], source, verdict=UNDECIDED))
    assert "fix not validated, its replay is inconclusive (timed out)" in text


def test_github_gets_a_command_with_title_place_and_message(source: Source) -> None:
    text = written("github", report_of([early_step(source, "it is bad")], source, verdict=CONFIRMED))
    assert text == (
        "::error title=OPT101 (scheduler-step-before-optimizer-step),file=src/train.py,line=4,endLine=4,col=5,"
        "endColumn=21::it is bad%0Averdict: confirmed on torch 2.13.0 on cpu: update 2 uses the rate 0.05 where "
        f"0.1 is due%0Afix {SHORT}\n"
    )


@pytest.mark.parametrize(
    ("level", "github", "azure", "gitlab", "rdjson"),
    [
        (Level.ERROR, "error", "error", "critical", "ERROR"),
        (Level.WARNING, "warning", "warning", "major", "WARNING"),
        (Level.NOTE, "notice", "warning", "info", "INFO"),
    ],
)
def test_levels_have_the_names_of_each_system(
    source: Source, level: Level, github: str, azure: str, gitlab: str, rdjson: str
) -> None:
    report = report_of([early_step(source, level=level)], source)
    assert written("github", report).startswith(f"::{github} ")
    assert written("azure", report).startswith(f"##vso[task.logissue type={azure};")
    assert json.loads(written("gitlab", report))[0]["severity"] == gitlab
    assert json.loads(written("rdjson", report))["diagnostics"][0]["severity"] == rdjson


def test_github_gets_no_columns_of_a_range_over_several_lines(source: Source) -> None:
    finding = replace(early_step(source), location=place(source, "for batch in loader:\n    scheduler"))
    text = written("github", report_of([finding], source))
    assert "line=3,endLine=4::" in text
    assert "col=" not in text


def test_names_are_those_from_the_folder_that_the_system_checked_out(
    source: Source, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    report = report_of([early_step(source)], source)
    monkeypatch.chdir(source.path.parent.parent)
    (folder / ".git").mkdir()
    (folder / "src").mkdir()
    monkeypatch.chdir(folder / "src")
    assert json.loads(written("gitlab", report))[0]["location"]["path"] == "src/train.py"
    assert "file=train.py," in written("github", report)
    monkeypatch.setenv("GITHUB_WORKSPACE", str(folder))
    assert "file=src/train.py," in written("github", report)
    monkeypatch.setenv("CI_PROJECT_DIR", str(folder / "src"))
    assert json.loads(written("gitlab", report))[0]["location"]["path"] == "train.py"


def test_azure_gets_the_full_name(source: Source) -> None:
    text = written("azure", report_of([early_step(source, "it is bad")], source))
    assert text == (
        f"##vso[task.logissue type=error;sourcepath={source.path};linenumber=4;columnnumber=5;code=OPT101]it is bad\n"
    )


def test_pylint_lines_are_what_its_readers_look_for(source: Source) -> None:
    assert written("pylint", report_of([early_step(source, "it is bad")], source)) == (
        "src/train.py:4: [OPT101] it is bad\n"
    )


def test_grouped_lines_stand_below_their_file(source: Source, folder: Path) -> None:
    other = source_of(folder / "a.py")
    findings = [early_step(other, "one"), early_step(source, "two"), replace(early_step(source, "three"), fix=None)]
    assert written("grouped", report_of(findings, source, other)).splitlines() == [
        "a.py:",
        "  4:5  error OPT101 [unsafe] one",
        "",
        "src/train.py:",
        "  4:5  error OPT101 [unsafe] two",
        "  4:5  error OPT101 three",
        "",
    ]


def test_a_code_quality_report_has_its_fields_and_no_fingerprint_twice(source: Source, folder: Path) -> None:
    twin = source_of(folder / "twin.py")
    report = report_of([early_step(source), early_step(twin)], source, twin, verdict=CONFIRMED)
    issues = json.loads(written("gitlab", report))
    assert faults(jsonschema.Draft202012Validator, GITLAB, issues) == []
    assert issues[0]["location"] == {"path": "src/train.py", "lines": {"begin": 4, "end": 4}}
    assert len({issue["fingerprint"] for issue in issues}) == 2
    assert faults(jsonschema.Draft202012Validator, GITLAB, [{"description": "x"}])


def test_a_suggestion_is_the_whole_fix_in_columns_of_bytes(folder: Path) -> None:
    source = source_of(folder / "é.py")
    [diagnostic] = json.loads(written("rdjson", report_of([early_step(source)], source)))["diagnostics"]
    [suggestion] = diagnostic["suggestions"]
    lines = source.text.encode().splitlines(keepends=True)
    start, end = (offset(lines, **suggestion["range"][which]) for which in ("start", "end"))
    data = b"".join(lines)
    mended = (data[:start] + suggestion["text"].encode() + data[end:]).decode()
    assert mended.endswith("for batch in loader:\n    optimizer.step()\n    scheduler.step()\n")
    assert mended.startswith("import torch\né = '中'; early(é)\n")


def offset(lines: list[bytes], line: int, column: int) -> int:
    return sum(map(len, lines[: line - 1])) + column - 1


def test_columns_of_a_diagnostic_are_bytes(source: Source) -> None:
    finding = replace(early_step(source), location=place(source, "early(é)"))
    report = json.loads(written("rdjson", report_of([finding], source, verdict=CONFIRMED)))
    assert faults(jsonschema.Draft202012Validator, RDJSON, report) == []
    [diagnostic] = report["diagnostics"]
    assert diagnostic["location"]["range"] == {"start": {"line": 2, "column": 13}, "end": {"line": 2, "column": 22}}
    assert diagnostic["message"].endswith("(unsafe: it changes what the program computes, on purpose)")
    assert [each["message"] for each in diagnostic["related_locations"]] == ["the loop begins", "it moves on"]
    assert faults(jsonschema.Draft202012Validator, RDJSON, {"source": {"name": "x"}, "diagnostics": [{}]})


def test_a_fix_of_another_file_is_no_suggestion(source: Source, folder: Path) -> None:
    other = source_of(folder / "other.py")
    finding = early_step(source)
    assert finding.fix is not None
    elsewhere = replace(finding, fix=Fix("Mend it", finding.fix.applicability, other.path, finding.fix.edits))
    [diagnostic] = json.loads(written("rdjson", report_of([elsewhere], source, other)))["diagnostics"]
    assert "suggestions" not in diagnostic


def test_junit_counts_what_it_holds(source: Source, folder: Path) -> None:
    defect = Finding("OPT003", "internal-error", Level.ERROR, "optlint failed", place(source, ""))
    other = source_of(folder / "z.py")
    findings = [defect, early_step(source), early_step(source, "a note", Level.NOTE), early_step(other)]
    root = ElementTree.fromstring(written("junit", report_of(findings, source, other, verdict=CONFIRMED)).encode())
    assert root.attrib == {"name": "optlint", "tests": "4", "failures": "2", "errors": "1", "skipped": "1"}
    first, second = root
    assert first.attrib == {"name": "src/train.py", "tests": "3", "failures": "1", "errors": "1", "skipped": "1"}
    assert [case[0].tag for case in (*first, *second)] == ["error", "failure", "skipped", "failure"]
    assert SHORT in (first[1][0].text or "")
    for element in root.iter():
        attributes, children = JUNIT[element.tag]
        assert element.attrib.keys() == attributes
        assert {child.tag for child in element} <= children


def test_junit_without_findings_has_one_case_that_passed() -> None:
    root = ElementTree.fromstring(written("junit", report_of([])).encode())
    assert root.attrib["tests"] == "1"
    [[case]] = root
    assert len(case) == 0


@pytest.fixture
def notebook(folder: Path) -> Source:
    """Return a notebook of two cells, of which the second has the loop."""
    first, second = TRAIN.partition("for ")[0], "for " + TRAIN.partition("for ")[2]
    cells = [
        {"cell_type": "code", "source": cell.rstrip("\n").splitlines(keepends=True), "metadata": {}}
        for cell in (first, second)
    ]
    return source_of(folder / "nb.ipynb", json.dumps({"cells": cells, "nbformat": 4, "metadata": {}}, indent=1))


@pytest.mark.parametrize(
    ("form", "told"),
    [
        ("full", "nb.ipynb:cell 2:2:5: error OPT101"),
        ("concise", "nb.ipynb:cell 2:2:5: error OPT101"),
        ("grouped", "  cell 2:2:5  error OPT101"),
        ("github", "line=15,endLine=15,col=5,endColumn=29::cell 2, line 2: the schedule"),
        ("azure", "linenumber=15;columnnumber=5;code=OPT101]cell 2, line 2: the schedule"),
        ("pylint", "nb.ipynb:15: [OPT101] cell 2, line 2: the schedule"),
        ("gitlab", "OPT101: cell 2, line 2: the schedule"),
        ("sarif", '"text": "cell 2, line 2: the schedule'),
        ("rdjson", '"message": "cell 2, line 2: the schedule'),
        ("junit", 'name="OPT101 scheduler-step-before-optimizer-step at cell 2:2:5"'),
        ("json", '"cell": 2'),
        ("jsonl", '"cell": 2'),
    ],
)
def test_a_notebook_is_named_by_cell(notebook: Source, form: str, told: str) -> None:
    assert told in written(form, report_of([early_step(notebook)], notebook))


def test_the_frame_of_a_cell_keeps_to_it_and_to_its_numbers(notebook: Source) -> None:
    lines = written("full", report_of([early_step(notebook)], notebook)).splitlines()
    assert lines[1:5] == [
        "  1 | for batch in loader:",
        "  2 |     scheduler.step()",
        "    |     ^^^^^^^^^^^^^^^^",
        "  3 |     optimizer.step()",
    ]
    assert "    1. nb.ipynb:cell 2:1  the loop begins" in lines
    assert "       | for batch in loader:" in lines


@pytest.mark.parametrize("form", ["sarif", "rdjson"])
def test_no_edit_of_a_cell_is_offered_as_one_of_the_file(notebook: Source, form: str) -> None:
    text = written(form, report_of([early_step(notebook)], notebook))
    assert '"suggestions"' not in text
    assert '"fixes"' not in text


@pytest.mark.parametrize("form", FORMATS)
def test_a_format_imports_itself_and_nothing_of_the_replay(form: str) -> None:
    script = (
        "import sys\n"
        "from optlint.report.formats import FORMATS\n"
        "from optlint.report.report import Report\n"
        "from optlint.report.style import Style\n"
        f"list(FORMATS[{form!r}].lines(Report((), lambda path: None, 0), Style()))\n"
        "print(*sorted(sys.modules))\n"
    )
    process = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True)
    modules = set(process.stdout.splitlines()[-1].split())
    assert not {"jsonschema", "rich", "click", "torch", "libcst", "plotly"} & modules
    assert not {name for name in modules if name.startswith("optlint.replay")}
    others = {each.module for each in FORMATS.values()} - {FORMATS[form].module}
    needs = {"full": {"concise"}, "grouped": {"concise"}, "jsonl": {"json"}}.get(form, set())
    assert others & modules == {f"optlint.report.{name}" for name in needs}
