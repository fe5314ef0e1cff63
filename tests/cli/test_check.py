"""`optlint check`: what is reported, and the exit code."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import pytest
from click.testing import Result

from optlint.cli.main import run as run_main

Run = Callable[..., Result]
Write = Callable[[str, str], Path]


def codes(result: Result) -> list[str]:
    return [finding["code"] for finding in json.loads(result.stdout)]


def test_a_clean_folder_gives_exit_code_zero(run: Run, write: Write) -> None:
    write("a.py", "x = 1\n")
    result = run("check")
    assert (result.exit_code, result.stdout) == (0, "All clear: 1 file checked\n")


def test_findings_are_listed_by_file_and_place(run: Run, write: Write) -> None:
    write("b.py", "gamma\nalpha gamma\n")
    write("a.py", "alpha\n")
    result = run("check", "--output-format", "concise")
    assert result.stdout.splitlines() == [
        "a.py:2:1: error TOY101 [*] `alpha` is a bad word",
        "b.py:2:1: error TOY102 [unsafe] `gamma` is a bad word",
        "b.py:3:1: error TOY101 [*] `alpha` is a bad word",
        "b.py:3:7: error TOY102 [unsafe] `gamma` is a bad word",
    ]
    assert result.stderr == "4 errors in 2 files (2 checked); 2 fixable with --fix, 2 more with --fix --unsafe-fixes\n"
    assert result.exit_code == 1


def test_a_finding_that_two_files_lead_to_is_reported_once(run: Run, write: Write) -> None:
    write("lib/helper.py", "alpha\n")
    write("lib/a.py", "# call helper\n")
    write("lib/b.py", "# call helper\n")
    assert codes(run("check", "--output-format", "json")) == ["TOY101"]


@pytest.mark.parametrize(
    ("text", "options", "expected"),
    [
        ("eta", [], 0),
        ("eta", ["--fail-on", "note"], 1),
        ("epsilon", [], 1),
        ("epsilon", ["--fail-on", "error"], 0),
        ("alpha", ["--fail-on", "error"], 1),
        ("alpha", ["--fail-on", "never"], 0),
        ("alpha", ["--exit-zero"], 0),
        ("alpha", ["--ignore", "TOY101"], 0),
        ("explode", ["--fail-on", "never"], 2),
        ("explode", ["--exit-zero"], 2),
        ("explode", ["--ignore", "OPT003"], 0),
    ],
)
def test_the_gate_decides_on_the_exit_code(
    run: Run, write: Write, text: str, options: list[str], expected: int
) -> None:
    write("a.py", text + "\n")
    assert run("check", *options).exit_code == expected


@pytest.mark.parametrize(
    ("options", "expected"),
    [
        (["--select", "TOY1"], ["TOY101", "TOY102", "TOY103"]),
        (["--select", "TOY1", "--ignore", "TOY102"], ["TOY101", "TOY103"]),
        (["--select", "TOY101,TOY201"], ["TOY101", "TOY201"]),
        (["--select", "TOY101", "--select", "wasteful-word"], ["TOY101", "TOY201"]),
        (["--ignore", "TOY", "--extend-select", "safe-word"], ["TOY101"]),
        (["--ignore", "toy1"], ["TOY201"]),
        (["--select", "ALL", "--ignore", "TOY2"], ["TOY101", "TOY102", "TOY103"]),
    ],
)
def test_rules_are_chosen_by_code_prefix_and_name(
    run: Run, write: Write, options: list[str], expected: list[str]
) -> None:
    write("a.py", "alpha gamma epsilon eta\n")
    assert codes(run("check", "--output-format", "json", *options)) == expected


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["--select", "TOY1O1"], "no rule is called `TOY1O1` (from the command line): did you mean `TOY101`?"),
        (["--ignore", "safe-wurd"], "did you mean `safe-word`?"),
        (["traim.py"], "`traim.py`: no such file or folder: did you mean `train.py`?"),
        (["-", "train.py"], "`-` stands alone"),
        (["--stdin-filename", "x.py"], "add the path `-`"),
        (["--fix", "--diff"], "take one of them"),
        (["--isolated", "--config", "x.toml"], "take one of them"),
        (["--config", "none.toml"], "none.toml: there is no such file"),
        (["--output-format", "xml"], "'xml' is not one of"),
        (["--colour"], "No such option"),
    ],
)
def test_wrong_usage_is_one_error_with_a_remedy(run: Run, write: Write, arguments: list[str], said: str) -> None:
    write("train.py", "x = 1\n")
    result = run("check", *arguments)
    assert result.exit_code == 2
    assert said in result.stderr
    assert result.stdout == ""


def test_a_mistyped_selector_is_reported_even_if_no_file_matters(run: Run, words: Path) -> None:
    (words / "a.py").write_text("x = 1\n")
    assert run("check", "--select", "TOY9", "a.py").exit_code == 2


def test_an_exception_in_the_engine_is_a_finding_against_optlint_and_the_rest_is_checked(
    run: Run, write: Write
) -> None:
    write("a.py", "explode\n")
    write("b.py", "alpha\n")
    result = run("check", "--output-format", "concise")
    assert result.exit_code == 2
    first, second = result.stdout.splitlines()
    assert first.startswith("a.py:1:1: error OPT003 optlint failed on this file, ZeroDivisionError: a rule divides")
    assert second.startswith("b.py:2:1: error TOY101")


def test_a_file_that_cannot_be_read_is_a_warning_with_a_remedy(
    run: Run, write: Write, monkeypatch: pytest.MonkeyPatch
) -> None:
    locked = write("a.py", "alpha\n")
    read_bytes = Path.read_bytes

    def refuse(path: Path) -> bytes:
        if path == locked:
            raise PermissionError(13, "Permission denied")
        return read_bytes(path)

    monkeypatch.setattr(Path, "read_bytes", refuse)
    result = run("check", "--output-format", "concise")
    assert result.stdout == (
        "a.py:1:1: warning OPT001 the file cannot be read: Permission denied: allow reading it, or exclude it\n"
    )
    assert result.exit_code == 1


def test_a_selection_does_not_hide_files_that_could_not_be_read(run: Run, words: Path) -> None:
    (words / "a.py").mkdir()
    (words / "gone.py").symlink_to("nowhere.py")
    assert codes(run("check", "--select", "TOY1", "--output-format", "json", "gone.py")) == ["OPT001"]
    assert codes(run("check", "--select", "TOY1", "--ignore", "OPT001", "--output-format", "json", "gone.py")) == []


def test_a_folder_without_rights_is_named_and_the_rest_is_checked(
    run: Run, write: Write, monkeypatch: pytest.MonkeyPatch
) -> None:
    import os

    write("a.py", "alpha\n")
    write("locked/b.py", "alpha\n")
    scandir = os.scandir

    def refuse(path: str) -> object:
        if str(path).endswith("locked"):
            raise PermissionError(13, "Permission denied")
        return scandir(path)

    monkeypatch.setattr(os, "scandir", refuse)
    result = run("check", "--output-format", "concise", "--exit-zero")
    assert result.exit_code == 2
    assert "optlint: locked: Permission denied: allow reading this folder, or exclude it\n" in result.stderr
    assert result.stdout.startswith("a.py:2:1: error TOY101")


def test_a_folder_without_python_says_so(run: Run) -> None:
    result = run("check")
    assert result.exit_code == 0
    assert "there are no Python files here" in result.stderr


def test_quiet_prints_findings_and_no_summary(run: Run, write: Write) -> None:
    write("a.py", "alpha\n")
    assert "checked" not in run("check", "--quiet").output
    assert run("check", "--quiet", "--ignore", "TOY").output == ""


def test_statistics_count_by_rule(run: Run, write: Write) -> None:
    write("a.py", "gamma gamma alpha eta\n")
    result = run("check", "--statistics")
    assert result.stdout.splitlines()[:3] == [
        "2  TOY102  [unsafe]  risky-word",
        "1  TOY101  [*]       safe-word",
        "1  TOY201            wasteful-word",
    ]
    rows = json.loads(run("check", "--statistics", "--output-format", "json").stdout)
    assert rows[0] == {"code": "TOY102", "name": "risky-word", "count": 2, "fixable": 0}


def test_the_configuration_counts_and_the_command_line_overrules_it(run: Run, write: Write, words: Path) -> None:
    write("a.py", "alpha gamma epsilon\n")
    (words / "pyproject.toml").write_text('[tool.optlint]\nselect = ["TOY101", "TOY103"]\nfail-on = "never"\n')
    assert codes(run("check", "--output-format", "json")) == ["TOY101", "TOY103"]
    assert run("check").exit_code == 0
    assert codes(run("check", "--output-format", "json", "--ignore", "TOY103")) == ["TOY101"]
    assert codes(run("check", "--output-format", "json", "--select", "TOY102")) == ["TOY102"]
    assert codes(run("check", "--output-format", "json", "--isolated")) == ["TOY101", "TOY102", "TOY103"]
    assert run("check", "--fail-on", "error").exit_code == 1


def test_a_selector_of_the_configuration_is_checked(run: Run, write: Write, words: Path) -> None:
    write("a.py", "alpha\n")
    (words / "optlint.toml").write_text('[per-file-ignores]\n"tests/**" = ["TOY999"]\n')
    result = run("check")
    assert result.exit_code == 2
    assert result.stderr.startswith("optlint: no rule is called `TOY999` (from `per-file-ignores` of optlint.toml:1)")


def test_rules_are_ignored_by_glob(run: Run, write: Write, words: Path) -> None:
    for name in ("a.py", "tests/a.py", "tests/deep/a.py"):
        write(name, "alpha gamma\n")
    (words / "optlint.toml").write_text('[per-file-ignores]\n"tests/**" = ["safe-word"]\n"a.py" = ["TOY102"]\n')
    result = run("check", "--output-format", "concise")
    assert [line.partition(" [")[0] for line in result.stdout.splitlines()] == ["a.py:2:1: error TOY101"]


def test_excluded_files_are_passed_over_unless_they_are_named(run: Run, write: Write, words: Path) -> None:
    write("old/a.py", "alpha\n")
    write("new/a.py", "x\n")
    (words / "optlint.toml").write_text('exclude = ["old/"]\n')
    assert run("check").exit_code == 0
    assert run("check", "old/a.py").exit_code == 1


def test_stdin_is_checked_under_its_name(run: Run, words: Path) -> None:
    data = b"import torch\nalpha\n"
    assert run("check", "-", "--output-format", "concise", stdin=data).stdout.startswith("-:2:1: error TOY101")
    named = run("check", "-", "--stdin-filename", "src/a.py", "--output-format", "concise", stdin=data)
    assert named.stdout.startswith("src/a.py:2:1: error TOY101")
    assert named.exit_code == 1


def test_stdin_takes_the_configuration_of_its_name(run: Run, words: Path) -> None:
    (words / "src").mkdir()
    (words / "src" / "optlint.toml").write_text('ignore = ["TOY101"]\n')
    assert run("check", "-", "--stdin-filename", "src/a.py", stdin=b"import torch\nalpha\n").exit_code == 0


def test_ctrl_c_ends_the_run_with_130_and_without_a_traceback(
    run: Run, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def interrupt(*_: object, **__: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr("optlint.cli.check.check", interrupt)
    monkeypatch.setattr("sys.argv", ["optlint", "check"])
    assert run_main() == 130
    assert "Traceback" not in capsys.readouterr().err


def test_characters_that_the_terminal_lacks_do_not_end_the_run(run: Run, write: Write) -> None:
    from click.testing import CliRunner

    from optlint.cli.main import optlint as command

    write("a.py", "alpha  # \u2603\n")
    result = CliRunner(charset="ascii").invoke(command, ["check", "a.py"])
    assert result.exit_code == 1
    assert "\\u2603" in result.stdout


def test_named_file_is_checked_though_it_is_excluded_unless_exclusion_is_forced(
    run: Run, write: Write, words: Path
) -> None:
    (words / "optlint.toml").write_text('exclude = ["vendored/"]\n')
    write("vendored/deep/a.py", "alpha\n")
    write("b.py", "gamma\n")
    named = ("check", "--output-format", "json", "vendored/deep/a.py", "b.py")
    assert codes(run(*named)) == ["TOY102", "TOY101"]
    assert codes(run(*named, "--force-exclude")) == ["TOY102"]
    assert codes(run("check", "--output-format", "json", "--force-exclude", "vendored")) == []


def test_nothing_is_said_of_a_call_that_names_only_what_is_excluded(run: Run, write: Write, words: Path) -> None:
    (words / "optlint.toml").write_text('exclude = ["vendored/"]\n')
    write("vendored/a.py", "alpha\n")
    result = run("check", "--quiet", "--force-exclude", "vendored/a.py")
    assert (result.exit_code, result.output) == (0, "")
