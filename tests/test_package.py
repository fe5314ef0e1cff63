"""The package as it is handed out: metadata, files and hooks, and what the README says of it."""

from __future__ import annotations

import re
import tomllib
from importlib.metadata import distribution, entry_points
from pathlib import Path

import pytest
from click.testing import CliRunner

import optlint
import optlint_rules
from optlint.catalog import load_catalog
from optlint.cli.main import optlint as command

ROOT = Path(__file__).parent.parent
README = (ROOT / "README.md").read_text("utf-8")
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))["project"]


def bundled() -> list[str]:
    """Return the README's row for every rule of the bundled pack."""
    entries = [entry for entry in load_catalog() if entry.pack == "optlint_rules"]
    rows = []
    for entry in entries:
        fix = "-" if entry.rule.repair is None else entry.rule.repair.applicability.value
        rows.append(f"| {entry.rule.code} | {entry.name} | {entry.rule.level.label} | {fix} |")
    return rows


def test_readme_lists_exactly_the_rules_of_the_bundled_pack() -> None:
    assert re.findall(r"^\| OPT\d+ .*$", README, re.MULTILINE) == bundled()


def test_example_in_the_readme_is_what_optlint_prints(monkeypatch: pytest.MonkeyPatch) -> None:
    calls = re.findall(r"```console\n\$ optlint (.*)\n([^$]*?)```", README)
    assert len(calls) == 1
    monkeypatch.chdir(ROOT / "demo")
    for arguments, shown in calls:
        result = CliRunner().invoke(command, arguments.split(), prog_name="optlint")
        assert [line.rstrip() for line in result.stdout.splitlines()] == shown.splitlines()


def test_commands_in_the_readme_exist() -> None:
    targets = set(re.findall(r"^([a-z-]+):", (ROOT / "Makefile").read_text("utf-8"), re.MULTILINE))
    named = set(re.findall(r"\bmake ([a-z-]+)", README))
    assert named
    assert named <= targets


def test_options_in_the_readme_exist() -> None:
    text = "".join(CliRunner().invoke(command, [name, "--help"]).stdout for name in ("check", "verify", "schedule"))
    for option in set(re.findall(r"(?<![\w-])--[a-z][a-z-]+", README)):
        assert option in text, option


def test_links_in_the_readme_lead_to_files() -> None:
    links = [link for link in re.findall(r"\]\(([^)]+)\)", README) if "://" not in link]
    assert links
    for link in links:
        assert (ROOT / link).exists(), link


def test_version_is_the_same_in_the_code_and_the_metadata() -> None:
    assert optlint.__version__ == PROJECT["version"] == distribution("optlint").version


def test_torch_is_no_requirement_of_checking() -> None:
    needed = [line for line in distribution("optlint").requires or [] if "extra ==" not in line]
    assert sorted(re.split(r"[^\w-]", line)[0] for line in needed) == sorted(
        re.split(r"[^\w-]", line)[0] for line in PROJECT["dependencies"]
    )
    assert not any(line.startswith("torch") for line in needed)


def test_rules_and_command_are_found_by_their_entry_points() -> None:
    packs = entry_points(group="optlint.rules")
    assert packs["optlint"].load() is optlint_rules
    assert callable(entry_points(group="console_scripts")["optlint"].load())


@pytest.mark.parametrize("package", [optlint, optlint_rules], ids=lambda package: package.__name__)
def test_packages_are_typed(package: object) -> None:
    file = getattr(package, "__file__", None)
    assert file is not None
    assert Path(file).with_name("py.typed").is_file()


def test_tables_about_torch_are_in_the_package() -> None:
    assert list((Path(optlint.__file__).parent / "torch_api").glob("*.toml"))


def test_hooks_call_commands_that_exist() -> None:
    hooks = (ROOT / ".pre-commit-hooks.yaml").read_text("utf-8")
    calls = re.findall(r"^  entry: optlint (.+)$", hooks, re.MULTILINE)
    assert calls == ["check", "check --fix"]
    for call in calls:
        assert CliRunner().invoke(command, [*call.split(), "--help"]).exit_code == 0
