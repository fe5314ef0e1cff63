"""`optlint check --add-ignore`: what is left is silenced by comments."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest
from click.testing import Result

Run = Callable[..., Result]
Write = Callable[[str, str], Path]


def test_what_is_left_is_silenced_and_the_next_check_is_clean(run: Run, write: Write) -> None:
    path = write("a.py", "alpha\nf(gamma,\n  eta)\n")
    result = run("check", "--add-ignore", "--reason", "of old")
    assert (result.exit_code, result.stdout) == (0, "All clear: 1 file checked\n")
    assert "3 findings silenced in 1 file" in result.stderr
    assert path.read_text() == (
        "import torch\nalpha  # optlint: ignore[TOY101] of old\n"
        "f(gamma,  # optlint: ignore[TOY102] of old\n  eta)  # optlint: ignore[TOY201] of old\n"
    )
    assert run("check", "--fail-on", "note").stdout == "All clear: 1 file checked\n"


def test_fixes_come_first(run: Run, write: Write) -> None:
    path = write("a.py", "alpha\ngamma\n")
    assert run("check", "--fix", "--add-ignore").exit_code == 0
    assert path.read_text() == "import torch\nbeta\ngamma  # optlint: ignore[TOY102]\n"


def test_the_selection_and_the_baseline_count(run: Run, write: Write) -> None:
    path = write("a.py", "alpha\n")
    run("baseline", "write")
    path.write_text("import torch\nalpha\ngamma\nepsilon\n")
    run("check", "--add-ignore", "--select", "TOY1", "--ignore", "TOY103", "--baseline", ".optlint-baseline.json")
    assert path.read_text() == "import torch\nalpha\ngamma  # optlint: ignore[TOY102]\nepsilon\n"


def test_a_file_that_was_not_named_is_left(run: Run, write: Write) -> None:
    write("main.py", "# call helper\n")
    helper = write("helper.py", "alpha\n")
    result = run("check", "--add-ignore", "main.py")
    assert result.exit_code == 1
    assert "helper.py:2: TOY101 is not silenced: the file was not named" in result.stderr
    assert helper.read_text() == "import torch\nalpha\n"


def test_unused_comments_are_for_fix_to_delete(run: Run, write: Write) -> None:
    path = write("a.py", "x = 1  # optlint: ignore[TOY101] of old\nalpha\n")
    assert "OPT002 is not silenced: `--fix` deletes such comments" in run("check", "--add-ignore").stderr
    run("check", "--fix", "--ignore", "TOY101")
    assert (
        path.read_text() == "import torch\nx = 1  # optlint: ignore[TOY101] of old\nalpha  # optlint: ignore[TOY101]\n"
    )
    run("check", "--fix")
    assert path.read_text() == "import torch\nx = 1\nalpha  # optlint: ignore[TOY101]\n"


def test_a_file_that_cannot_be_written_is_an_error(run: Run, write: Write) -> None:
    path = write("a.py", "alpha\n")
    path.chmod(0o444)
    result = run("check", "--add-ignore")
    assert result.exit_code == 2
    assert "a.py is not written: it is read-only" in result.stderr


def test_hooks_can_fail_on_a_change(run: Run, write: Write) -> None:
    write("a.py", "alpha\n")
    assert run("check", "--add-ignore", "--exit-non-zero-on-fix").exit_code == 1
    assert run("check", "--add-ignore", "--exit-non-zero-on-fix").exit_code == 0


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["--add-ignore", "--diff"], "name files, without `--diff`"),
        (["--add-ignore", "-"], "`--add-ignore` writes comments into files"),
        (["--reason", "why"], "add `--add-ignore`"),
        (["--baseline", "x.json", "--no-baseline"], "take one of them"),
        (["--watch", "--fix"], "mend them in another call"),
    ],
)
def test_what_does_not_go_together(run: Run, write: Write, arguments: list[str], said: str) -> None:
    write("a.py", "alpha\n")
    result = run("check", *arguments)
    assert result.exit_code == 2
    assert said in result.stderr
