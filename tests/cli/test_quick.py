"""The short way for files without torch: as the long way in all that it prints, and without its imports."""

from __future__ import annotations

import importlib
import os
import subprocess
import sys
from collections.abc import Callable, Sequence
from pathlib import Path

import pytest
from click.testing import CliRunner

from optlint.cli.main import optlint as command
from optlint.quick import is_clean

HEAVY = {
    "click",
    "libcst",
    "torch",
    "rich",
    "pathspec",
    "tomllib",
    "ast",
    "dataclasses",
    "importlib.metadata",
    "optlint.rule",
}
IMPORT_REPORT = """
import sys
from optlint.__main__ import main
sys.argv = ["optlint", *sys.argv[1:]]
code = main()
print(*sorted(sys.modules), file=sys.stderr)
sys.exit(code)
"""

Setup = Callable[[Path], Sequence[str]]


def plain(folder: Path) -> Sequence[str]:
    (folder / "a.py").write_text("x = 1\n")
    return ["a.py"]


def several_and_one_twice(folder: Path) -> Sequence[str]:
    for name in ("a.py", "b.py", "notes.txt"):
        (folder / name).write_text("x = 1\n")
    (folder / "link.py").symlink_to("a.py")
    return ["b.py", "a.py", "./a.py", "link.py", "notes.txt"]


def empty(folder: Path) -> Sequence[str]:
    (folder / "a.py").touch()
    return ["a.py"]


def no_python(folder: Path) -> Sequence[str]:
    (folder / "a.py").write_bytes(b"\0\xff(((")
    return ["a.py"]


def excluded(folder: Path) -> Sequence[str]:
    (folder / "optlint.toml").write_text('exclude = ["a.py"]\nfail-on = "note"\n')
    return plain(folder)


def configuration_of_others(folder: Path) -> Sequence[str]:
    (folder / "pyproject.toml").write_text("[tool.other]\nbroken")
    return plain(folder)


def with_harmless_options(folder: Path) -> Sequence[str]:
    return ["--fix", "--unsafe-fixes", "--show-fixes", "--exit-non-zero-on-fix", "--exit-zero", *plain(folder)]


def quiet(folder: Path) -> Sequence[str]:
    return ["-q", *plain(folder)]


def missing(folder: Path) -> Sequence[str]:
    return [*plain(folder), "gone.py"]


def folder_too(folder: Path) -> Sequence[str]:
    (folder / "src").mkdir()
    return [*plain(folder), "src"]


def relevant(folder: Path) -> Sequence[str]:
    (folder / "b.py").write_text("import torch\n")
    return [*plain(folder), "b.py"]


def comment_for_optlint(folder: Path) -> Sequence[str]:
    (folder / "a.py").write_text("x = 1  # optlint: ignore[TOY101]\n")
    return ["a.py"]


def broken_configuration(folder: Path) -> Sequence[str]:
    (folder / "pyproject.toml").write_text("[tool.optlint]\nselekt = []\n")
    return plain(folder)


def configuration_with_rules(folder: Path) -> Sequence[str]:
    (folder / "optlint.toml").write_text('select = ["TOY999"]\n')
    return plain(folder)


def unknown_option(folder: Path) -> Sequence[str]:
    return ["--fixx", *plain(folder)]


def no_path(folder: Path) -> Sequence[str]:
    plain(folder)
    return []


def standard_input(folder: Path) -> Sequence[str]:
    return ["-"]


SHORT = [
    plain,
    several_and_one_twice,
    empty,
    no_python,
    excluded,
    configuration_of_others,
    configuration_with_rules,
    with_harmless_options,
    quiet,
]
LONG = [
    missing,
    folder_too,
    relevant,
    comment_for_optlint,
    broken_configuration,
    unknown_option,
    no_path,
    standard_input,
]


@pytest.fixture
def bundled(monkeypatch: pytest.MonkeyPatch, words: Path) -> Path:
    importlib.import_module("pathspec")  # the long way imports it, and an empty path has nothing to import
    monkeypatch.setattr(sys, "path", [])
    return words


@pytest.mark.parametrize("setup", SHORT)
def test_the_short_way_says_what_the_long_way_says(
    bundled: Path, capsys: pytest.CaptureFixture[str], setup: Setup
) -> None:
    arguments = ["check", *setup(bundled)]
    assert is_clean(arguments)
    short = capsys.readouterr()
    long = CliRunner().invoke(command, arguments)
    assert (short.out, short.err, 0) == (long.stdout, long.stderr, long.exit_code)


@pytest.mark.parametrize("setup", LONG)
def test_what_is_not_plainly_harmless_goes_the_long_way(
    bundled: Path, capsys: pytest.CaptureFixture[str], setup: Setup
) -> None:
    assert not is_clean(["check", *setup(bundled)])
    assert capsys.readouterr() == ("", "")


@pytest.mark.parametrize("arguments", [[], ["rules"], ["--version"], ["check"], ["check", "--help"]])
def test_other_calls_go_the_long_way(bundled: Path, arguments: list[str]) -> None:
    assert not is_clean(arguments)


def test_with_a_pack_of_others_the_rules_are_asked(bundled: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    record = bundled / "site" / "acme-1.0.dist-info"
    record.mkdir(parents=True)
    (record / "entry_points.txt").write_text("[optlint.rules]\nacme = acme_rules\n")
    monkeypatch.setattr(sys, "path", [str(bundled / "site")])
    assert not is_clean(["check", *plain(bundled)])


def call(folder: Path, *arguments: str, bundled_pack: bool = True) -> tuple[subprocess.CompletedProcess[str], set[str]]:
    """Run optlint in a process of its own; return it and the modules that it had imported at its end."""
    record = folder / "site" / "optlint-0.dist-info"
    record.mkdir(parents=True, exist_ok=True)
    (record / "entry_points.txt").write_text("[optlint.rules]\noptlint = optlint_rules\n")
    path = os.pathsep.join((str(folder / "site"), *sys.path))
    process = subprocess.run(
        [sys.executable, "-S", "-c", IMPORT_REPORT, "check", *arguments],
        cwd=folder,
        env={**os.environ, "PYTHONPATH": path},
        capture_output=True,
        text=True,
        check=False,
    )
    return process, set(process.stderr.splitlines()[-1].split())


def test_a_file_without_torch_imports_next_to_nothing(tmp_path: Path) -> None:
    (tmp_path / "a.py").write_text("x = 1\n")
    process, modules = call(tmp_path, "a.py")
    assert (process.returncode, process.stdout) == (0, "All clear: 1 file checked\n")
    assert not HEAVY & modules
    assert {name for name in modules if name.partition(".")[0] == "optlint"} == {
        "optlint",
        "optlint.__main__",
        "optlint.config_file",
        "optlint.packs",
        "optlint.quick",
        "optlint.scan",
        "optlint.scan.screen",
    }


def test_a_folder_without_torch_imports_no_rule(tmp_path: Path) -> None:
    (tmp_path / "a.py").write_text("x = 1\n")
    process, modules = call(tmp_path, ".")
    assert process.returncode == 0
    assert not {"libcst", "torch", "rich", "pathspec", "tomllib", "optlint.engine", "optlint.api"} & modules


def test_a_clean_training_script_imports_neither_libcst_nor_torch_nor_rich(tmp_path: Path) -> None:
    (tmp_path / "train.py").write_text(
        "import torch\n\n\ndef train(model, batches):\n"
        "    optimizer = torch.optim.SGD(model.parameters(), lr=0.1)\n"
        "    for batch in batches:\n        optimizer.zero_grad()\n        model(batch).backward()\n"
        "        optimizer.step()\n"
    )
    process, modules = call(tmp_path, "train.py")
    assert (process.returncode, process.stdout) == (0, "All clear: 1 file checked\n")
    assert "optlint.engine" in modules
    assert not {"libcst", "torch", "rich", "optlint.report.full"} & modules


def test_a_reader_that_has_gone_is_no_error(tmp_path: Path) -> None:
    (tmp_path / "a.py").write_text("x = 1\n")
    read, write = os.pipe()
    os.close(read)
    process = subprocess.run(
        [sys.executable, "-m", "optlint", "check", "a.py"],
        cwd=tmp_path,
        env={**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)},
        stdout=write,
        stderr=subprocess.PIPE,
        text=True,
        check=False,
    )
    os.close(write)
    assert (process.returncode, process.stderr) == (1, "")
