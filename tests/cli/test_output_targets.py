"""`--output-format` and `--output-file`: which report goes where, and what is refused."""

from __future__ import annotations

import json
import os
from collections.abc import Callable
from pathlib import Path

import pytest
from click.testing import Result

Run = Callable[..., Result]
Write = Callable[[str, str], Path]

SUMMARY = "1 error in 1 file (1 checked); 1 fixable with --fix\n"
LINE = "a.py:2:1: error TOY101 [*] `alpha` is a bad word\n"


@pytest.fixture(autouse=True)
def bad_file(write: Write) -> None:
    write("a.py", "alpha\n")


def test_a_file_is_that_of_the_format_before_it(run: Run, words: Path) -> None:
    result = run(
        "check",
        *("--output-format", "json", "--output-file", "out.json"),
        *("--output-format", "concise"),
        *("--output-format=pylint", "--output-file=out.txt"),
    )
    assert (result.exit_code, result.stdout, result.stderr) == (1, LINE, SUMMARY)
    assert [each["code"] for each in json.loads((words / "out.json").read_text())] == ["TOY101"]
    assert (words / "out.txt").read_text() == "a.py:2: [TOY101] `alpha` is a bad word\n"


def test_other_options_may_stand_between_the_two(run: Run, words: Path) -> None:
    result = run("check", "--output-format", "pylint", "--select", "TOY1", "a.py", "--output-file", "out.txt")
    assert (result.exit_code, result.stdout) == (1, "")
    assert (words / "out.txt").exists()


def test_a_run_with_files_alone_has_its_summary_on_stderr(run: Run, words: Path) -> None:
    for form in ("sarif", "full", "concise"):
        result = run("check", "--output-format", form, "--output-file", "out")
        assert (result.stdout, result.stderr) == ("", SUMMARY)
    assert run("check", "-q", "--output-format", "sarif", "--output-file", "out").output == ""


def test_a_file_for_people_has_the_summary_and_no_colour(run: Run, words: Path) -> None:
    run("check", "--output-format", "grouped", "--output-file", "out.txt", env={"FORCE_COLOR": "1"})
    text = (words / "out.txt").read_text()
    assert text.endswith(f"\n{SUMMARY}")
    assert "\x1b" not in text


def test_a_dash_is_the_standard_output(run: Run) -> None:
    assert run("check", "--output-format", "concise", "--output-file", "-").stdout == LINE


@pytest.mark.parametrize("form", ["json", "gitlab", "sarif", "rdjson", "junit"])
def test_a_document_is_written_for_a_clean_run_too(run: Run, words: Path, form: str) -> None:
    result = run("check", "--ignore", "TOY", "--output-format", form, "--output-file", "out")
    assert (result.exit_code, result.stderr) == (0, "All clear: 1 file checked\n")
    assert (words / "out").read_text().strip()


@pytest.mark.parametrize("form", ["jsonl", "github", "azure", "pylint", "concise"])
def test_lines_are_none_for_a_clean_run(run: Run, words: Path, form: str) -> None:
    run("check", "--ignore", "TOY", "--output-format", form, "--output-file", "out")
    assert (words / "out").read_text() == ""


def test_a_program_that_reads_both_streams_gets_nothing_but_the_document(run: Run) -> None:
    result = run("check", "--output-format", "json")
    json.loads(result.stdout)
    assert result.stderr == ""


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (
            ["--output-format", "full", "--output-format", "json"],
            "`--output-format full` and `--output-format json` both go",
        ),
        (
            ["--output-file", "out"],
            "`--output-file out` has no format: write it behind one, as in `--output-format sarif",
        ),
        (["--output-file", "out", "--output-format", "json"], "`--output-file out` has no format"),
        (["--output-format", "json", "--output-file", "a", "--output-file", "b"], "`--output-file b` has no format"),
        (
            ["--output-format", "json", "--output-file", "o", "--output-format", "sarif", "--output-file", "./o"],
            "both go to `o`",
        ),
        (["--output-format", "json", "--output-file", "no/where"], "there is no folder `no`"),
        (["--output-format", "json", "--output-file", "a.py"], "`a.py` is source text"),
        (["--output-format", "json", "--output-file", "."], "is a folder"),
        (["--output-format", "sarif", "--statistics"], "the format `sarif` has no place for counts: take `full`"),
        (["--output-format", "github", "--diff"], "`--diff` prints a diff and no report"),
    ],
)
def test_contradictions_are_refused_before_anything_is_checked(run: Run, arguments: list[str], said: str) -> None:
    result = run("check", *arguments)
    assert result.exit_code == 2
    assert said in " ".join(result.stderr.split())
    assert result.stdout == ""


@pytest.mark.skipif(os.name != "posix", reason="rights of folders are those of POSIX")
def test_a_file_that_cannot_be_written_is_one_line_and_exit_code_2(run: Run, words: Path) -> None:
    (words / "out").mkdir()
    (words / "out" / "r.json").write_text("old")
    (words / "out" / "r.json").chmod(0o444)
    result = run("check", "--output-format", "json", "--output-file", "out/r.json", "--output-format", "concise")
    assert result.exit_code == 2
    assert result.stdout == LINE
    [line, _] = result.stderr.splitlines()
    assert line.startswith("optlint: `out/r.json` is not written: it is read-only")
    assert (words / "out" / "r.json").read_text() == "old"


def test_a_sarif_log_holds_what_was_silenced_and_the_exit_code(run: Run, words: Path, write: Write) -> None:
    write("a.py", "alpha  # optlint: ignore[TOY101]\n# optlint: ignore[TOY102]\ngamma\nepsilon\n")
    (words / "optlint.toml").write_text('[per-file-ignores]\n"a.py" = ["TOY103"]\n')
    result = run("check", "--output-format", "sarif")
    assert result.exit_code == 0
    [run_log] = json.loads(result.stdout)["runs"]
    told = [(each["ruleId"], [one["kind"] for one in each["suppressions"]]) for each in run_log["results"]]
    assert told == [("TOY101", ["inSource"]), ("TOY102", ["inSource"]), ("TOY103", ["external"])]
    assert run_log["results"][2]["suppressions"][0]["justification"] == "`per-file-ignores` of optlint.toml"
    assert run_log["invocations"] == [{"executionSuccessful": True, "exitCode": 0}]
    assert [rule["id"] for rule in run_log["tool"]["driver"]["rules"]] == ["TOY101", "TOY102", "TOY103"]
    for form in ("json", "gitlab", "rdjson"):
        assert "TOY" not in run("check", "--output-format", form).stdout


def test_mended_findings_are_in_no_report_and_the_rest_is(run: Run, words: Path, write: Write) -> None:
    write("a.py", "alpha\ngamma\n")
    result = run("check", "--fix", "--output-format", "sarif", "--output-file", "out.sarif")
    assert result.exit_code == 1
    assert result.stderr.startswith("Found 2 (1 fixed, 1 remaining)")
    [run_log] = json.loads((words / "out.sarif").read_text())["runs"]
    assert [each["ruleId"] for each in run_log["results"]] == ["TOY102"]
    assert run_log["invocations"][0]["exitCode"] == 1


def test_the_text_of_stdin_and_its_report_do_not_mix(run: Run) -> None:
    result = run("check", "-", "--fix", "--output-format", "json", stdin=b"import torch\nalpha\ngamma\n")
    assert result.stdout == "import torch\nbeta\ngamma\n"
    assert [each["code"] for each in json.loads(result.stderr)] == ["TOY102"]


def test_help_says_how_the_two_options_pair(run: Run) -> None:
    text = " ".join(run("check", "--help").stdout.split())
    assert "full, concise, grouped, json, jsonl, github, gitlab, sarif, rdjson, junit, azure or pylint." in text
    assert "Where the format before it goes, if not to stdout." in text


def test_names_in_complaints_steer_no_terminal(run: Run, words: Path) -> None:
    result = run("check", "--output-format", "json", "--output-file", "no\x1b[31m\nwhere/out")
    assert result.exit_code == 2
    assert "\x1b" not in result.stderr
