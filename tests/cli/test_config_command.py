"""`optlint config`: settings and where they come from."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import pytest
from click.testing import Result

Run = Callable[..., Result]


def settings(run: Run, *arguments: str) -> dict[str, list[tuple[object, str, object]]]:
    found: dict[str, list[tuple[object, str, object]]] = {}
    for each in json.loads(run("config", "--output-format", "json", *arguments).stdout)["settings"]:
        found.setdefault(each["key"], []).append((each["value"], each["origin"], each["row"]))
    return found


def test_without_a_file_the_defaults_are_shown(run: Run) -> None:
    found = settings(run)
    assert found["select"] == [(["ALL"], "default", None)]
    assert found["fail-on"] == [("warning", "default", None)]
    assert found["baseline"] == [(None, "default", None)]


def test_values_of_a_file_have_its_name_and_their_row(run: Run, words: Path) -> None:
    (words / "pyproject.toml").write_text(
        '[project]\nname = "optlint-user"\n\n[tool.optlint]\nselect = [\n  "TOY1",\n]\n# why\nfail-on = "note"\n\n'
        '[tool.optlint.per-file-ignores]\n"tests/*" = ["TOY101"]\n'
    )
    found = settings(run)
    assert found["select"] == [(["TOY1"], "file", 5)]
    assert found["fail-on"] == [("note", "file", 9)]
    assert found["per-file-ignores"] == [({"tests/*": ["TOY101"]}, "file", 11)]
    assert found["exclude"] == [([], "default", None)]
    lines = run("config").stdout.splitlines()
    assert "file: pyproject.toml" in lines
    assert [line.split() for line in lines if line.startswith("fail-on")] == [["fail-on", '"note"', "pyproject.toml:9"]]


def test_the_command_line_overrules_or_adds(run: Run, words: Path) -> None:
    (words / "optlint.toml").write_text('select = ["TOY1"]\nignore = ["TOY101"]\n')
    found = settings(run, "--select", "TOY2", "--ignore", "TOY202,TOY103", "--fail-on", "error")
    assert found["select"] == [(["TOY2"], "command line", None)]
    assert found["ignore"] == [(["TOY101"], "file", 2), (["TOY202", "TOY103"], "command line", None)]
    assert found["fail-on"] == [("error", "command line", None)]


def test_the_codes_that_are_reported_are_listed(run: Run, words: Path) -> None:
    (words / "optlint.toml").write_text('select = ["TOY1"]\n')
    document = json.loads(run("config", "--ignore", "TOY103", "--output-format", "json").stdout)
    assert document["rules"] == ["OPT001", "OPT003", "TOY101", "TOY102"]
    assert document["file"] == str(words / "optlint.toml")
    assert "2 of TOY1xx" in run("config", "--ignore", "TOY103").stdout


def test_the_path_decides_which_file_holds(run: Run, words: Path) -> None:
    (words / "sub").mkdir()
    (words / "sub" / "optlint.toml").write_text('fail-on = "never"\n')
    assert settings(run)["fail-on"] == [("warning", "default", None)]
    assert settings(run, "sub")["fail-on"] == [("never", "file", 1)]


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("a = 1\nb = = 2\n", "optlint: optlint.toml:2: this is no TOML: Invalid value: mend this line\n"),
        ("\nselekt = []\n", "optlint: optlint.toml:2: unknown key `selekt`: did you mean `select`?\n"),
        (
            "\nselect = ['TOY999']\n",
            "optlint: no rule is called `TOY999` (from optlint.toml:2); `optlint rules` lists them all\n",
        ),
    ],
)
@pytest.mark.parametrize("command", ["config", "check"])
def test_errors_name_file_row_and_remedy(run: Run, words: Path, command: str, text: str, said: str) -> None:
    (words / "optlint.toml").write_text(text)
    (words / "a.py").write_text("import torch\nalpha\n")
    result = run(command)
    assert result.exit_code == 2
    assert result.stderr == said
