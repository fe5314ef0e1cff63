"""The examples in the documentation of the output formats are what optlint prints."""

from __future__ import annotations

import os
import re
from pathlib import Path

import pytest
from click.testing import CliRunner

from optlint.cli.main import optlint as command
from optlint.report.formats import FORMATS

ROOT = Path(__file__).parents[2]
PAGE = (ROOT / "docs" / "output-formats.md").read_text("utf-8")
EXAMPLES = dict(
    re.findall(
        r"```console\n\$ optlint (check --select OPT101 --output-format [a-z]+ image_classifier)\n(.*?)```",
        PAGE,
        re.DOTALL,
    )
)


def test_every_format_is_in_the_table() -> None:
    table = PAGE.partition("| --- |")[2].partition("\n\n")[0]
    named = [name for line in table.splitlines()[1:] for name in re.findall(r"`([a-z]+)`", line.split("|")[1])]
    assert named == list(FORMATS)


def test_there_are_examples() -> None:
    assert len(EXAMPLES) == 7


@pytest.mark.parametrize("call", EXAMPLES)
def test_an_example_is_what_is_printed(call: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(ROOT / "demo")
    for variable in ("GITHUB_WORKSPACE", "FORCE_COLOR"):
        monkeypatch.delenv(variable, raising=False)
    monkeypatch.setenv("CI_PROJECT_DIR", str(ROOT))  # as where the repository is checked out
    printed = CliRunner().invoke(command, [*call.split(), "--isolated"]).stdout
    assert printed.replace(f"{ROOT}{os.sep}", "") == EXAMPLES[call]
