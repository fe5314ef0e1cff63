"""The package as it is handed out: metadata, files and hooks."""

from __future__ import annotations

import re
import tomllib
from importlib.metadata import distribution, entry_points
from pathlib import Path

import pytest
from click.testing import CliRunner

import optlint
import optlint_rules
from optlint.cli.main import optlint as command

ROOT = Path(__file__).parent.parent
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))["project"]


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
    assert calls == ["check --force-exclude", "check --fix --force-exclude"]
    for call in calls:
        assert CliRunner().invoke(command, [*call.split(), "--help"]).exit_code == 0
