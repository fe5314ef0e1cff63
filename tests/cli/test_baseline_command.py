"""`optlint baseline`, and `optlint check` where there is one."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import pytest
from click.testing import Result

Run = Callable[..., Result]
Write = Callable[[str, str], Path]

NAME = ".optlint-baseline.json"
CONFIGURED = f'baseline = "{NAME}"\n'


def entries(folder: Path, name: str = NAME) -> list[dict[str, str]]:
    found: list[dict[str, str]] = json.loads((folder / name).read_text())["findings"]
    return found


def found(run: Run, *arguments: str) -> list[str]:
    lines = run("check", "--output-format", "concise", *arguments).stdout.splitlines()
    return [line.partition(" ")[0] + line.split(" ")[2] for line in lines]


@pytest.fixture
def configured(words: Path) -> Path:
    (words / "optlint.toml").write_text(CONFIGURED)
    return words


def test_adopted_findings_are_not_reported_and_new_ones_are(run: Run, write: Write, configured: Path) -> None:
    write("a.py", "alpha\ngamma\n")
    written = run("baseline", "write")
    assert (written.exit_code, written.stdout) == (0, f"{NAME}: 2 findings, 2 new, 0 removed\n")
    clean = run("check")
    assert (clean.exit_code, clean.stdout) == (0, "All clear: 1 file checked\n")
    assert f"2 findings not shown: {NAME} has them" in clean.stderr
    write("a.py", "eta\n\nalpha\nepsilon\ngamma\n")
    assert found(run) == ["a.py:2:1:TOY201", "a.py:5:1:TOY103"]
    assert run("check").exit_code == 1


def test_without_a_name_in_the_configuration_the_option_names_it(run: Run, write: Write, words: Path) -> None:
    write("a.py", "alpha\n")
    written = run("baseline", "write", "--baseline", "known.json")
    assert 'write `baseline = "known.json"` into `[tool.optlint]`' in written.stderr
    assert run("check").exit_code == 1
    assert run("check", "--baseline", "known.json").exit_code == 0


def test_without_a_baseline_nothing_is_fingerprinted(
    run: Run, write: Write, words: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    write("a.py", "alpha\n")
    monkeypatch.setattr("optlint.fingerprint.fingerprints", None)
    assert run("check").exit_code == 1


def test_no_baseline_shows_all(run: Run, write: Write, configured: Path) -> None:
    write("a.py", "alpha\n")
    run("baseline", "write")
    assert found(run, "--no-baseline") == ["a.py:2:1:TOY101"]


def test_one_more_equal_finding_is_new(run: Run, write: Write, configured: Path) -> None:
    write("a.py", "alpha\n")
    run("baseline", "write")
    write("a.py", "alpha\nalpha\n")
    assert len(found(run)) == 1


def test_a_renamed_file_and_moved_code_change_nothing(run: Run, write: Write, configured: Path) -> None:
    path = write("a.py", "alpha\ngamma\n")
    run("baseline", "write")
    path.rename(configured / "b.py")
    assert found(run) == []
    assert found(run, "b.py") == []
    write("b.py", "alpha\n")
    write("c.py", "gamma\n")
    assert found(run) == []


def test_a_copy_in_a_second_file_is_new_even_if_it_is_checked_alone(run: Run, write: Write, configured: Path) -> None:
    write("a.py", "alpha\n")
    run("baseline", "write")
    write("b.py", "alpha\n")
    assert found(run) == ["b.py:2:1:TOY101"]
    assert found(run, "b.py") == ["b.py:2:1:TOY101"]
    assert found(run, "a.py") == []


def test_what_is_mended_is_a_note_and_no_failure(run: Run, write: Write, configured: Path) -> None:
    write("a.py", "alpha\ngamma\n")
    run("baseline", "write")
    write("a.py", "gamma\n")
    result = run("check")
    assert result.exit_code == 0
    assert "1 finding of .optlint-baseline.json no longer found: `optlint baseline prune` removes that" in result.stderr
    assert run("check", "--quiet").stderr == ""


@pytest.mark.parametrize("arguments", [["b.py"], ["sub"], ["--select", "TOY2"], ["--ignore", "TOY101"]])
def test_what_was_not_checked_is_not_called_mended(
    run: Run, write: Write, configured: Path, arguments: list[str]
) -> None:
    path = write("a.py", "alpha\n")
    write("b.py", "x\n")
    write("sub/c.py", "x\n")
    run("baseline", "write")
    path.write_text("import torch\n")
    assert "no longer found" not in run("check", *arguments).stderr
    assert "no longer found" in run("check").stderr


def test_check_tells_new_from_gone_and_exits_with_one(run: Run, write: Write, configured: Path) -> None:
    write("a.py", "alpha\n")
    run("baseline", "write")
    assert run("baseline", "check").exit_code == 0
    write("a.py", "gamma\n")
    result = run("baseline", "check")
    assert (result.exit_code, result.stdout.splitlines()) == (
        1,
        ["new: a.py: TOY102 `gamma` is a bad word", "gone: a.py: TOY101 `alpha` is a bad word"],
    )


def test_prune_removes_what_is_gone_and_adopts_nothing(run: Run, write: Write, configured: Path) -> None:
    write("a.py", "alpha\ngamma\n")
    run("baseline", "write")
    write("a.py", "gamma\nepsilon\n")
    assert run("baseline", "prune").stdout == f"{NAME}: 1 removed, 1 left\n"
    assert [each["code"] for each in entries(configured)] == ["TOY102"]
    before = (configured / NAME).stat().st_mtime_ns
    assert run("baseline", "prune").stdout == f"{NAME}: 0 removed, 1 left\n"
    assert (configured / NAME).stat().st_mtime_ns == before


def test_prune_removes_entries_of_files_that_are_gone(run: Run, write: Write, configured: Path) -> None:
    write("a.py", "alpha\n")
    gone = write("sub/b.py", "gamma\n")
    run("baseline", "write")
    gone.unlink()
    assert run("baseline", "prune", "a.py").stdout == f"{NAME}: 0 removed, 2 left\n"
    assert run("baseline", "prune", "sub").stdout == f"{NAME}: 1 removed, 1 left\n"


def test_prune_of_one_file_leaves_the_others_and_what_a_caller_brings_to_light(
    run: Run, write: Write, configured: Path
) -> None:
    write("helper.py", "alpha\n")
    write("main.py", "# call helper\ngamma\n")
    run("baseline", "write")
    write("main.py", "# call helper\n")
    assert run("baseline", "prune", "helper.py").stdout == f"{NAME}: 0 removed, 2 left\n"
    assert run("baseline", "prune", "main.py").stdout == f"{NAME}: 1 removed, 1 left\n"


def test_write_keeps_reasons_and_leaves_other_files_alone(run: Run, write: Write, configured: Path) -> None:
    write("a.py", "alpha\n")
    write("b.py", "gamma\n")
    run("baseline", "write", "--reason", "of old")
    write("a.py", "x\nalpha\nepsilon\n")
    write("b.py", "x\n")
    assert run("baseline", "write", "a.py", "--reason", "a loan").stdout == f"{NAME}: 3 findings, 1 new, 0 removed\n"
    assert [(each["path"], each["code"], each["reason"]) for each in entries(configured)] == [
        ("a.py", "TOY101", "of old"),
        ("a.py", "TOY103", "a loan"),
        ("b.py", "TOY102", "of old"),
    ]
    assert run("baseline", "write").stdout == f"{NAME}: 2 findings, 0 new, 1 removed\n"


def test_a_renamed_file_has_its_new_name_once_written(run: Run, write: Write, configured: Path) -> None:
    path = write("a.py", "alpha\n")
    run("baseline", "write", "--reason", "of old")
    path.rename(configured / "b.py")
    run("baseline", "write")
    assert [(each["path"], each["reason"]) for each in entries(configured)] == [("b.py", "of old")]


def test_the_baseline_of_the_project_holds_in_its_folders(
    run: Run, write: Write, configured: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    write("sub/a.py", "alpha\n")
    monkeypatch.chdir(configured / "sub")
    assert run("baseline", "write").exit_code == 0
    assert entries(configured)[0]["path"] == "sub/a.py"
    assert found(run) == []
    assert found(run, str(configured)) == []


def test_fix_mends_what_is_reported_and_leaves_what_is_adopted(run: Run, write: Write, configured: Path) -> None:
    path = write("a.py", "alpha\n")
    run("baseline", "write")
    path.write_text("import torch\nalpha\nx = 1\nalpha\n")
    assert run("check", "--fix").exit_code == 0
    assert path.read_text() == "import torch\nalpha\nx = 1\nbeta\n"
    assert run("check", "--fix", "--no-baseline").exit_code == 0
    assert path.read_text() == "import torch\nbeta\nx = 1\nbeta\n"


def test_stdin_is_known_by_its_name(run: Run, write: Write, configured: Path) -> None:
    path = write("a.py", "alpha\n")
    run("baseline", "write")
    assert run("check", "-", "--stdin-filename", "a.py", stdin=path.read_bytes()).exit_code == 0
    assert run("check", "-", stdin=path.read_bytes()).exit_code == 1


def test_a_defect_of_optlint_is_not_adopted(run: Run, write: Write, configured: Path) -> None:
    write("a.py", "explode\n")
    result = run("baseline", "write")
    assert result.exit_code == 2
    assert "ZeroDivisionError" in result.stderr
    assert entries(configured) == []


@pytest.mark.parametrize("arguments", [["check"], ["check", "a.py"], ["baseline", "check"], ["baseline", "prune"]])
def test_a_missing_baseline_is_one_line_and_exit_code_two(
    run: Run, write: Write, configured: Path, arguments: list[str]
) -> None:
    write("a.py", "x\n")
    result = run(*arguments)
    assert result.exit_code == 2
    assert result.stderr == (
        f"optlint: {NAME}: there is no such baseline: `optlint baseline write` makes it, `--no-baseline` goes without\n"
    )


def test_write_refuses_to_replace_what_is_no_baseline(run: Run, write: Write, words: Path) -> None:
    path = write("a.py", "alpha\n")
    before = path.read_bytes()
    result = run("baseline", "write", "--baseline", "a.py")
    assert result.exit_code == 2
    assert "this is no JSON" in result.stderr
    assert path.read_bytes() == before
