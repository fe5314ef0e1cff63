"""`--fix`, `--diff` and what goes with them."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import pytest
from click.testing import Result

from optlint.source.apply import Check, Mended, mend
from optlint.source.text import Source
from optlint.source.write import WriteError, replace_file

Run = Callable[..., Result]
Write = Callable[[str, str], Path]


def test_fix_applies_safe_fixes_and_reports_the_rest(run: Run, write: Write) -> None:
    path = write("a.py", "alpha gamma = 1\n".replace(" ", "; ", 1))
    result = run("check", "--fix")
    assert path.read_text() == "import torch\nbeta; gamma = 1\n"
    assert "TOY102" in result.stdout
    assert "TOY101" not in result.stdout
    assert "Found 2 (1 fixed, 1 remaining): 1 error in 1 file (1 checked)" in result.stdout
    assert result.exit_code == 1


def test_unsafe_fixes_alone_write_nothing_but_count_as_applicable(run: Run, write: Write) -> None:
    path = write("a.py", "gamma\n")
    result = run("check", "--unsafe-fixes", "--output-format", "concise")
    assert path.read_text() == "import torch\ngamma\n"
    assert result.stdout == "a.py:2:1: error TOY102 [*] `gamma` is a bad word\n"


def test_unsafe_fixes_widen_fix(run: Run, write: Write) -> None:
    path = write("a.py", "alpha; gamma; epsilon\n")
    result = run("check", "--fix", "--unsafe-fixes")
    assert path.read_text() == "import torch\nbeta; delta; epsilon\n"
    assert "Found 3 (2 fixed, 1 remaining)" in result.stdout


def test_a_run_that_mends_everything_exits_with_zero_unless_told_otherwise(run: Run, write: Write) -> None:
    path = write("a.py", "alpha\n")
    result = run("check", "--fix")
    assert (result.exit_code, result.stdout) == (0, "Found 1 (1 fixed, 0 remaining) in 1 file checked\n")
    path.write_text("import torch\nalpha\n")
    assert run("check", "--fix", "--exit-non-zero-on-fix").exit_code == 1
    assert run("check", "--fix", "--exit-non-zero-on-fix").exit_code == 0


def test_fixes_that_bring_to_light_another_are_followed_by_it(run: Run, write: Write) -> None:
    path = write("a.py", "beta_twice\n")
    run("check", "--fix")
    assert path.read_text() == "import torch\ngamma_once\n"


def test_files_outside_the_call_are_reported_and_not_written(run: Run, write: Write) -> None:
    helper = write("helper.py", "alpha\n")
    write("main.py", "# call helper\n")
    result = run("check", "--fix", "main.py", "--output-format", "concise")
    assert helper.read_text() == "import torch\nalpha\n"
    assert result.stdout == "helper.py:2:1: error TOY101 [*] `alpha` is a bad word\n"


def test_show_fixes_lists_what_was_done(run: Run, write: Write) -> None:
    write("a.py", "alpha; alpha\n")
    write("b.py", "alpha\n")
    lines = run("check", "--fix", "--show-fixes").stdout.splitlines()
    assert lines[:5] == [
        "Fixes:",
        "  a.py",
        "    2 x TOY101 Write `beta`",
        "  b.py",
        "    1 x TOY101 Write `beta`",
    ]


def test_a_file_that_cannot_be_written_is_named_and_the_others_are_mended(
    run: Run, write: Write, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(path: Path, data: bytes, expected: bytes | None = None) -> None:
        if path.name == "a.py":
            raise WriteError(path, "it is read-only")
        replace_file(path, data, expected)

    monkeypatch.setattr("optlint.cli.fixer.replace_file", refuse)
    write("a.py", "alpha\n")
    mended = write("b.py", "alpha\n")
    result = run("check", "--fix")
    assert result.exit_code == 2
    assert result.stderr == "optlint: a.py is not written: it is read-only\n"
    assert mended.read_text() == "import torch\nbeta\n"


def test_a_file_that_changes_meanwhile_is_not_overwritten(
    run: Run, write: Write, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = write("a.py", "alpha\n")

    def save_meanwhile(source: Source, check: Check) -> Mended:
        path.write_text("alpha, saved by an editor\n")
        return mend(source, check)

    monkeypatch.setattr("optlint.cli.fixer.mend", save_meanwhile)
    assert run("check", "--fix").exit_code == 2
    assert path.read_text() == "alpha, saved by an editor\n"


def test_diff_shows_what_fix_would_do_and_writes_nothing(run: Run, write: Write, words: Path) -> None:
    path = write("a.py", "alpha\ngamma\n")
    result = run("check", "--diff")
    assert result.exit_code == 1
    assert result.stdout == "--- a.py\n+++ a.py\n@@ -1,3 +1,3 @@\n import torch\n-alpha\n+beta\n gamma\n"
    assert result.stderr == "optlint: --fix would mend 1 finding, 1 would remain\n"
    assert path.read_text() == "import torch\nalpha\ngamma\n"
    assert run("check", "--diff", "--select", "TOY102").exit_code == 1
    assert run("check", "--diff", "--select", "TOY2").exit_code == 0


def test_stdin_with_fix_gives_the_mended_text_alone_on_stdout(run: Run, words: Path) -> None:
    result = run("check", "-", "--fix", stdin=b"import torch\r\nalpha; gamma\r\n")
    assert result.stdout_bytes == b"import torch\r\nbeta; gamma\r\n"
    assert "TOY102" in result.stderr
    assert "1 fixed" in result.stderr
    assert result.exit_code == 1


def test_stdin_with_fix_gives_back_what_it_cannot_read(run: Run, words: Path) -> None:
    data = b"x = '\xff' # nothing for the rules\n"
    assert run("check", "-", "--fix", stdin=data).stdout_bytes == data


def test_stdin_with_diff_gives_the_diff_under_its_name(run: Run, words: Path) -> None:
    result = run("check", "-", "--diff", "--stdin-filename", "src/a.py", stdin=b"import torch\nalpha\n")
    assert result.stdout == "--- src/a.py\n+++ src/a.py\n@@ -1,2 +1,2 @@\n import torch\n-alpha\n+beta\n"
    assert result.exit_code == 1


def test_an_unused_comment_of_a_folder_is_deleted(run: Run, write: Write) -> None:
    path = write("a.py", "x = 1  # optlint: ignore[TOY101]\nalpha  # optlint: ignore[TOY101] on purpose\n")
    result = run("check", "--fix")
    assert path.read_text() == "import torch\nx = 1\nalpha  # optlint: ignore[TOY101] on purpose\n"
    assert result.exit_code == 0


def test_an_unused_comment_of_a_file_named_alone_is_kept(run: Run, write: Write) -> None:
    text = "x = 1  # optlint: ignore[TOY101]\n"
    path = write("a.py", text)
    result = run("check", "--fix", "a.py", "--output-format", "concise")
    assert path.read_text() == "import torch\n" + text
    assert result.stdout == "a.py:2:8: note OPT002 [unsafe] the suppression of `TOY101` silences nothing\n"


def test_a_second_run_changes_nothing(run: Run, write: Write) -> None:
    path = write("a.py", "alpha; beta_twice; gamma  # optlint: ignore[TOY201]\n")
    run("check", "--fix", "--unsafe-fixes")
    once = path.read_bytes()
    result = run("check", "--fix", "--unsafe-fixes", "--output-format", "json")
    assert path.read_bytes() == once
    assert json.loads(result.stdout) == []
