"""`optlint check --diff-base REV` on real git histories."""

from __future__ import annotations

import os
import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest
from click.testing import Result

from git_folder import Git, commit_all, git_in

Run = Callable[..., Result]
Write = Callable[[str, str], Path]


@pytest.fixture
def git(words: Path) -> Git:
    return git_in(words)


@pytest.fixture(autouse=True)
def _plain_git(monkeypatch: pytest.MonkeyPatch) -> None:
    for variable in [name for name in os.environ if name.startswith("GIT_")]:
        monkeypatch.delenv(variable)
    monkeypatch.setenv("GIT_CONFIG_GLOBAL", os.devnull)


def news(run: Run, *arguments: str, base: str = "main") -> list[str]:
    result = run("check", "--output-format", "concise", "--diff-base", base, *arguments)
    assert result.exit_code == int(bool(result.stdout)), result.stderr
    return [line.partition(" ")[0] + line.split(" ")[2] for line in result.stdout.splitlines()]


def test_what_the_base_has_is_not_reported_and_what_is_new_is(run: Run, write: Write, words: Path, git: Git) -> None:
    write("a.py", "alpha\n")
    commit_all(words)
    git("switch", "--quiet", "--create", "topic")
    write("a.py", "x = 1\n\nalpha\n")
    assert news(run) == []
    assert "1 finding not shown: `main` has them" in run("check", "--diff-base", "main").stderr
    write("a.py", "x = 1\nalpha\nalpha\n")
    assert news(run) == ["a.py:4:1:TOY101"]
    commit_all(words)
    assert news(run) == ["a.py:4:1:TOY101"]


def test_the_merge_base_counts_and_not_the_tip_of_the_branch(run: Run, write: Write, words: Path, git: Git) -> None:
    write("a.py", "alpha\n")
    commit_all(words)
    git("switch", "--quiet", "--create", "topic")
    write("b.py", "x = 1\n")
    commit_all(words)
    git("switch", "--quiet", "main")
    write("a.py", "x = 1\n")
    commit_all(words, "mended meanwhile")
    git("switch", "--quiet", "topic")
    assert news(run) == []


@pytest.mark.parametrize("added", [True, False])
def test_renamed_files_and_moved_code_are_no_news(run: Run, write: Write, words: Path, git: Git, added: bool) -> None:
    path = write("a.py", "alpha\ngamma\n" + "".join(f"x{number} = {number}\n" for number in range(20)))
    write("c.py", "epsilon\n")
    commit_all(words)
    (words / "deep").mkdir()
    path.rename(words / "deep" / "b.py")
    write("c.py", "x = 1\n")
    write("d.py", "epsilon\n")
    if added:
        git("add", "--all")
    assert news(run) == []
    assert news(run, "deep/b.py") == []
    assert news(run, "d.py") == []


def test_a_copy_is_news_even_if_it_is_checked_alone(run: Run, write: Write, words: Path) -> None:
    write("a.py", "alpha\n")
    commit_all(words)
    write("b.py", "alpha\n")
    assert news(run) == ["b.py:2:1:TOY101"]
    assert news(run, "b.py") == ["b.py:2:1:TOY101"]
    write("a.py", "alpha\nx = 1\n")  # touched, and still there
    assert news(run, "b.py") == ["b.py:2:1:TOY101"]


def test_a_fault_that_was_mended_and_comes_back_is_news(run: Run, write: Write, words: Path) -> None:
    write("a.py", "alpha\n")
    commit_all(words)
    write("a.py", "x = 1\n")
    commit_all(words)
    write("a.py", "alpha\n")
    assert news(run, base="HEAD") == ["a.py:2:1:TOY101"]
    assert news(run, base="HEAD~1") == []


def test_helpers_are_resolved_in_the_base_as_well(run: Run, write: Write, words: Path) -> None:
    write("lib/helper.py", "alpha\n")
    write("lib/main.py", "# call helper\n")
    commit_all(words)
    write("lib/main.py", "x = 1\n# call helper\n")
    assert news(run, "lib/main.py") == []


@pytest.mark.parametrize("name", ["a b.py", "ü.py", "new\nline.py", "tab\t'\"quote.py", "-dash.py", "*.py"])
def test_names_of_any_kind(run: Run, write: Write, words: Path, name: str) -> None:
    path = write(f"dir {name[0]}/{name}", "alpha\n")
    commit_all(words)
    path.write_text("import torch\n\nalpha\n")
    assert news(run) == []
    path.write_text("import torch\nalpha\nalpha\n")
    assert run("check", "--diff-base", "main").exit_code == 1


def test_from_a_folder_of_the_repository(run: Run, write: Write, words: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    write("deep/a.py", "alpha\n")
    commit_all(words)
    write("deep/a.py", "x = 1\nalpha\ngamma\n")
    monkeypatch.chdir(words / "deep")
    assert news(run) == ["a.py:4:1:TOY102"]
    assert news(run, "a.py") == ["a.py:4:1:TOY102"]


def test_the_configuration_of_now_holds_for_the_base(run: Run, write: Write, words: Path) -> None:
    write("tests/a.py", "alpha gamma\n")
    (words / "optlint.toml").write_text('ignore = ["TOY101"]\n')
    commit_all(words)
    (words / "optlint.toml").write_text('[per-file-ignores]\n"tests/*" = ["TOY102"]\n')
    assert news(run) == []


def test_deleted_files_and_untracked_ones(run: Run, write: Write, words: Path) -> None:
    path = write("a.py", "alpha\n")
    commit_all(words)
    path.unlink()
    write("b.py", "gamma\n")
    assert news(run) == ["b.py:2:1:TOY102"]


def test_submodules_are_looked_into(
    run: Run, write: Write, words: Path, git: Git, tmp_path_factory: pytest.TempPathFactory
) -> None:
    other = tmp_path_factory.mktemp("other")
    (other / "lib.py").write_text("import torch\nalpha\n")
    commit_all(other)
    write("a.py", "x = 1\n")
    commit_all(words)
    git("submodule", "--quiet", "add", str(other), "vendor")
    commit_all(words)
    (words / "vendor" / "lib.py").write_text("import torch\nx = 1\nalpha\ngamma\n")
    assert news(run) == ["vendor/lib.py:4:1:TOY102"]
    assert news(run, base="HEAD~1") == ["vendor/lib.py:3:1:TOY101", "vendor/lib.py:4:1:TOY102"]


def test_a_sparse_checkout_has_no_deleted_files(run: Run, write: Write, words: Path, git: Git) -> None:
    write("a/one.py", "alpha\n")
    write("b/two.py", "gamma\n")
    commit_all(words)
    git("sparse-checkout", "set", "a")
    assert not (words / "b").exists()
    write("a/one.py", "x = 1\nalpha\nepsilon\n")
    assert news(run) == ["a/one.py:4:1:TOY103"]


def test_hooks_and_their_environment(
    run: Run, write: Write, words: Path, git: Git, monkeypatch: pytest.MonkeyPatch
) -> None:
    write("deep/a.py", "alpha\n")
    commit_all(words)
    monkeypatch.setenv("GIT_DIR", ".git")
    monkeypatch.setenv("GIT_INDEX_FILE", ".git/index.lock")
    monkeypatch.chdir(words / "deep")
    assert news(run) == []


def test_a_working_tree_apart_from_its_repository(
    run: Run, write: Write, words: Path, monkeypatch: pytest.MonkeyPatch, tmp_path_factory: pytest.TempPathFactory
) -> None:
    write("a.py", "alpha\n")
    commit_all(words)
    apart = tmp_path_factory.mktemp("apart") / "repository"
    (words / ".git").rename(apart)
    monkeypatch.setenv("GIT_DIR", str(apart))
    monkeypatch.setenv("GIT_WORK_TREE", str(words))
    assert news(run) == []


def test_fix_mends_what_is_new_and_leaves_the_rest(run: Run, write: Write, words: Path) -> None:
    path = write("a.py", "alpha\n")
    commit_all(words)
    path.write_text("import torch\nalpha\nx = 1\nalpha\n")
    assert run("check", "--fix", "--diff-base", "main").exit_code == 0
    assert path.read_text() == "import torch\nalpha\nx = 1\nbeta\n"


def test_a_baseline_takes_its_own_first(run: Run, write: Write, words: Path) -> None:
    """One of two equal findings is adopted, and the base has this one: the other is new."""
    write("a.py", "alpha\n")
    run("baseline", "write")
    commit_all(words)
    write("a.py", "alpha\nalpha\n")
    assert news(run, "--baseline", ".optlint-baseline.json") == ["a.py:3:1:TOY101"]


def test_without_findings_git_is_not_called(run: Run, write: Write, monkeypatch: pytest.MonkeyPatch) -> None:
    write("a.py", "x = 1\n")
    monkeypatch.setenv("PATH", "")
    assert run("check", "--diff-base", "no such revision").exit_code == 0


def failure(run: Run, base: str) -> str:
    result = run("check", "--diff-base", base)
    assert result.exit_code == 2
    assert result.stdout == ""
    assert result.stderr.count("\n") == 1
    return result.stderr


def test_errors_name_the_remedy(run: Run, write: Write, words: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    write("a.py", "alpha\n")
    assert "not a git repository" in failure(run, "main")
    commit_all(words)
    assert "there is no revision `mian`: did you mean `main`?" in failure(run, "mian")
    assert "`git fetch` may bring it" in failure(run, "0" * 40)
    assert "there is no revision `--all`" in failure(run, "--all")
    git = git_in(words)
    git("update-ref", "refs/remotes/origin/develop", "HEAD")
    assert "there is no revision `develop`: did you mean `origin/develop`?" in failure(run, "develop")
    git("switch", "--quiet", "--orphan", "apart")
    write("a.py", "alpha\n")
    assert "HEAD has no commit yet" in failure(run, "main")
    commit_all(words, "another root")
    assert "`main` and HEAD have no commit in common: name a revision of the same history" in failure(run, "main")
    monkeypatch.setenv("PATH", "")
    assert "git is not installed, or its folder is not in PATH" in failure(run, "main")


def test_a_shallow_clone_says_what_to_fetch(
    run: Run,
    write: Write,
    words: Path,
    git: Git,
    tmp_path_factory: pytest.TempPathFactory,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    write("a.py", "alpha\n")
    commit_all(words)
    git("switch", "--quiet", "--create", "topic")
    commit_all(words)
    clone = tmp_path_factory.mktemp("clone") / "shallow"
    subprocess.run(["git", "clone", "--quiet", "--depth", "1", f"file://{words}", str(clone)], check=True)
    monkeypatch.chdir(clone)
    assert "`git fetch origin main` may bring it, this clone is shallow" in failure(run, "main")
    git_in(clone)("fetch", "--quiet", "--depth", "1", "origin", "main:main")
    assert "in this shallow clone: `git fetch --unshallow` brings the rest" in failure(run, "main")
    git_in(clone)("fetch", "--quiet", "--unshallow")
    assert news(run) == []
