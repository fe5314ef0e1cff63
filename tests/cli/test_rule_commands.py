"""`optlint rule`, `optlint rules`, `optlint debug` and the group itself."""

from __future__ import annotations

import json
import sys
from collections.abc import Callable
from pathlib import Path
from types import ModuleType

import pytest
from click.testing import Result

import optlint as package
from optlint.builtin import BUILTINS
from optlint.source.text import SourceError

Run = Callable[..., Result]


@pytest.mark.parametrize("called", ["TOY101", "toy101", "safe-word"])
def test_a_rule_is_explained_by_code_and_by_name(run: Run, called: str) -> None:
    result = run("rule", called)
    assert result.exit_code == 0
    assert result.stdout == "# safe-word (TOY101)\n\nLevel: error.\n\nThe word is alpha.\n\nMore.\n"


@pytest.mark.parametrize("builtin", BUILTINS, ids=lambda builtin: builtin.code)
def test_codes_that_are_no_rules_are_explained(run: Run, builtin: object) -> None:
    assert run("rule", builtin.code).stdout.startswith(f"# {builtin.name} ({builtin.code})")  # type: ignore[attr-defined]


def test_an_unknown_rule_is_an_error_with_the_nearest_name(run: Run) -> None:
    result = run("rule", "save-word")
    assert result.exit_code == 2
    assert "no rule is called `save-word`: did you mean `safe-word`?" in result.stderr


def test_the_list_of_rules_has_a_line_for_each(run: Run) -> None:
    lines = run("rules").stdout.splitlines()
    assert lines[0].split() == ["code", "name", "level", "fix"]
    assert lines[1].split() == ["OPT001", "unreadable-file", "warning", "-"]
    assert [line.split()[0] for line in lines[4:]] == ["TOY101", "TOY102", "TOY103", "TOY201", "TOY202"]


def test_the_list_of_rules_as_json(run: Run) -> None:
    rows = json.loads(run("rules", "--output-format", "json").stdout)
    assert rows[3] == {
        "code": "TOY101",
        "name": "safe-word",
        "level": "error",
        "fix": None,
        "pack": "toy_rules",
        "family": "words",
        "summary": "The word is alpha.",
    }


@pytest.fixture
def dump(monkeypatch: pytest.MonkeyPatch) -> None:
    def dump_file(path: Path, data: bytes) -> str:
        if b"(" in data:
            raise SourceError("this is no Python", 3, 4)
        return f"{path.name}: {len(data)} bytes\n"

    module = ModuleType("optlint.program.dump")
    module.dump_file = dump_file  # type: ignore[attr-defined]
    monkeypatch.setitem(sys.modules, "optlint.program.dump", module)


@pytest.mark.usefixtures("dump")
def test_the_program_of_a_file_is_printed(run: Run, words: Path) -> None:
    (words / "a.py").write_text("x = 1\n")
    assert run("debug", "program", "a.py").stdout == "a.py: 6 bytes\n"


@pytest.mark.usefixtures("dump")
def test_a_file_without_a_program_is_an_error(run: Run, words: Path) -> None:
    (words / "a.py").write_text("(\n")
    result = run("debug", "program", "a.py")
    assert (result.exit_code, result.stderr) == (2, "optlint: a.py:3:4: this is no Python\n")


def test_help_names_all_commands_and_the_exit_codes(run: Run) -> None:
    help_text = run("--help").stdout
    assert all(f"  {name}  " in help_text for name in ("check", "rule ", "rules", "debug"))
    assert "Exit codes: 0 clean, 1 findings, 2" in help_text


def test_help_of_check_shows_examples(run: Run) -> None:
    assert "optlint check --fix --unsafe-fixes    mend all that has a fix" in run("check", "-h").stdout


def test_the_version_is_printed(run: Run) -> None:
    assert run("--version").stdout == f"optlint {package.__version__}\n"


def test_an_unknown_command_is_an_error_with_the_nearest_name(run: Run) -> None:
    result = run("chek")
    assert result.exit_code == 2
    assert "there is no command `chek`: did you mean `check`?" in result.stderr
