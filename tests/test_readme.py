"""What the README says is so, and its Chinese translation says the same."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from click.testing import CliRunner

from optlint.catalog import load_catalog
from optlint.cli.main import optlint as command

ROOT = Path(__file__).parent.parent
README = (ROOT / "README.md").read_text("utf-8")
CHINESE = (ROOT / "README.zh-CN.md").read_text("utf-8")
PAGES = {
    str(page.relative_to(ROOT)): page.read_text("utf-8") for page in [ROOT / "README.md", *ROOT.glob("docs/**/*.md")]
}
_BLOCK = re.compile(r"^```.*?^```$", re.MULTILINE | re.DOTALL)
_LINK = re.compile(r"\]\(([^)]+)\)")
_NUMBER = re.compile(r"\d[\d,.]*\d|\d")
LANGUAGES = {"README.md", "README.zh-CN.md"}
"""Each of the two leads to the other."""


def bundled() -> list[str]:
    """Return the row of the table for every rule of the bundled pack."""
    entries = [entry for entry in load_catalog() if entry.pack == "optlint_rules"]
    rows = []
    for entry in entries:
        fix = "-" if entry.rule.repair is None else entry.rule.repair.applicability.value
        rows.append(f"| {entry.rule.code} | {entry.name} | {entry.rule.level.label} | {fix} |")
    return rows


def headings(text: str) -> list[str]:
    """Return the marks of the headings in order, without their words."""
    return re.findall(r"^(#+) ", _BLOCK.sub("", text), re.MULTILINE)


def links(text: str) -> list[str]:
    """Return what is linked, in order, but for the other language."""
    return [link for link in _LINK.findall(text) if link not in LANGUAGES]


def table_numbers(text: str) -> list[list[str]]:
    """Return the numbers of every row of a table, sorted: languages order them differently."""
    return [sorted(_NUMBER.findall(row)) for row in re.findall(r"^\|.*$", text, re.MULTILINE)]


def test_page_of_rules_lists_exactly_those_of_the_bundled_pack() -> None:
    page = PAGES["docs/rules.md"]
    assert re.findall(r"^\| OPT\d+ .*$", page, re.MULTILINE) == bundled()


def test_readme_knows_how_many_rules_there_are() -> None:
    assert f"all {len(bundled())} rules" in README


def test_example_in_the_readme_is_what_optlint_prints(monkeypatch: pytest.MonkeyPatch) -> None:
    calls = re.findall(r"```console\n\$ optlint (.*)\n([^$]+?)```", README)
    assert len(calls) == 1
    monkeypatch.chdir(ROOT / "demo")
    for arguments, shown in calls:
        result = CliRunner().invoke(command, arguments.split(), prog_name="optlint")
        assert [line.rstrip() for line in result.stdout.splitlines()] == shown.splitlines()


@pytest.mark.parametrize("page", PAGES)
def test_commands_in_a_page_exist(page: str) -> None:
    targets = set(re.findall(r"^([a-z-]+):", (ROOT / "Makefile").read_text("utf-8"), re.MULTILINE))
    named = set(re.findall(r"(?:\$ |`)make ([a-z-]+)", PAGES[page]))
    assert named <= targets


@pytest.mark.parametrize("page", PAGES)
def test_calls_in_a_page_name_commands_and_options_that_exist(page: str) -> None:
    for name, rest in re.findall(r"\$ optlint ([a-z]+)((?: [^\n#|]*)?)", PAGES[page]):
        words = [name, *re.findall(r"^ (write|check|prune|bash|zsh|fish|program)\b", rest)]
        result = CliRunner().invoke(command, [*words, "--help-all" if name == "check" else "--help"])
        assert result.exit_code == 0, words
        for option in re.findall(r"(?<![\w-])--[a-z][a-z-]+", rest):
            assert option in result.output, (words, option)


@pytest.mark.parametrize("page", PAGES)
def test_links_in_a_page_lead_to_files(page: str) -> None:
    for link in _LINK.findall(PAGES[page]):
        if "://" not in link and not link.startswith("#"):
            assert ((ROOT / page).parent / link.partition("#")[0]).exists(), link


def test_translation_has_the_same_headings() -> None:
    assert headings(CHINESE) == headings(README)


def test_translation_has_the_same_code() -> None:
    assert _BLOCK.findall(CHINESE) == _BLOCK.findall(README)


def test_translation_leads_to_the_same_pages() -> None:
    assert links(CHINESE) == links(README)


def test_translation_has_the_same_figures() -> None:
    assert table_numbers(CHINESE) == table_numbers(README)
