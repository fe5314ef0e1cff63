"""Which files a call stands for."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from optlint.scan.files import discover
from optlint.scan.globs import Globs


@pytest.fixture
def tree(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Return the root of a repository, the current folder."""
    root = tmp_path / "repository"
    (root / ".git").mkdir(parents=True)
    monkeypatch.chdir(root)
    return root


def touch(root: Path, *names: str) -> None:
    for name in names:
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        (root / name).touch()


def found(*paths: str, exclude: tuple[str, ...] = (), gitignore: bool = True) -> list[str]:
    discovered = discover(paths or (".",), Globs(Path.cwd(), exclude), gitignore)
    assert discovered.unreadable == ()
    return [os.path.relpath(path).replace(os.sep, "/") for path in discovered.files]


def test_python_files_are_found_sorted_and_nothing_else(tree: Path) -> None:
    touch(tree, "b.py", "a.py", "pkg/z.py", "pkg/a.py", "data.json", "x.pyi", "book.ipynb", "py")
    assert found() == ["a.py", "b.py", "book.ipynb", "pkg/a.py", "pkg/z.py"]


def test_folders_of_tools_and_of_other_people_are_skipped(tree: Path) -> None:
    skipped = (".hidden", "__pycache__", "node_modules", "build", "dist", "lib/site-packages")
    touch(tree, "a.py", *(f"{folder}/x.py" for folder in skipped))
    touch(tree, "env/pyvenv.cfg", "env/x.py", "conda/conda-meta/history", "conda/x.py")
    assert found() == ["a.py"]


def test_a_skipped_folder_that_is_named_is_checked(tree: Path) -> None:
    touch(tree, "build/a.py", ".hidden/a.py", "env/pyvenv.cfg", "env/a.py")
    assert found("build", ".hidden", "env") == [".hidden/a.py", "build/a.py", "env/a.py"]


def test_a_named_file_is_read_whatever_it_is_called_and_wherever_it_lies(tree: Path) -> None:
    touch(tree, "script", "build/a.py", "ignored.py")
    (tree / ".gitignore").write_text("ignored.py\n")
    assert found("script", "build/a.py", "ignored.py", exclude=("script",)) == ["build/a.py", "ignored.py", "script"]


def test_named_files_are_told_from_found_ones(tree: Path) -> None:
    touch(tree, "a.py", "pkg/b.py")
    discovered = discover(["a.py", "pkg"], Globs(tree, ()))
    assert discovered.named == {tree / "a.py"}


def test_ignore_files_hold_below_their_folder_and_the_nearest_decides(tree: Path) -> None:
    touch(tree, "a_gen.py", "pkg/b_gen.py", "pkg/keep_gen.py", "pkg/deep/keep_gen.py", "out/a.py", "pkg/out/a.py")
    (tree / ".gitignore").write_text("# generated\n*_gen.py\n/out/\n")
    (tree / "pkg" / ".gitignore").write_text("!keep_gen.py\n")
    assert found() == ["pkg/deep/keep_gen.py", "pkg/keep_gen.py", "pkg/out/a.py"]
    assert len(found(gitignore=False)) == 6


def test_nothing_in_an_ignored_folder_comes_back(tree: Path) -> None:
    touch(tree, "out/keep.py")
    (tree / ".gitignore").write_text("out/\n")
    (tree / "out" / ".gitignore").write_text("!keep.py\n")
    assert found() == []


def test_ignore_files_above_hold_up_to_the_root_of_the_repository(tree: Path) -> None:
    touch(tree, "pkg/a.py", "pkg/a_gen.py", "pkg/only/x.py")
    (tree / ".gitignore").write_text("*_gen.py\n/pkg/only/\n")
    (tree.parent / ".gitignore").write_text("*.py\n")
    assert found("pkg") == ["pkg/a.py"]


def test_an_ignored_folder_that_is_named_is_checked(tree: Path) -> None:
    touch(tree, ".corpus/pkg/a.py")
    (tree / ".gitignore").write_text(".corpus/\n")
    assert found(".corpus") == [".corpus/pkg/a.py"]
    assert found(".corpus/pkg") == [".corpus/pkg/a.py"]


def test_excluded_files_and_folders_are_passed_over(tree: Path) -> None:
    touch(tree, "a.py", "old/a.py", "src/old/a.py", "tests/a.py", "tests/deep/b.py")
    assert found(exclude=("/old", "tests/**/*.py")) == ["a.py", "src/old/a.py"]
    assert found("src", exclude=("old/",)) == []


def test_a_file_with_several_names_is_found_once_under_its_own(tree: Path) -> None:
    touch(tree, "z.py")
    (tree / "a_link.py").symlink_to("z.py")
    assert found() == ["z.py"]
    assert found(".", "z.py", "./z.py") == ["z.py"]
    assert found("a_link.py", ".") == ["a_link.py"]


def test_links_to_folders_are_not_followed_unless_they_are_named(tree: Path) -> None:
    touch(tree.parent, "data/huge.py")
    (tree / "data").symlink_to(tree.parent / "data")
    assert found() == []
    assert found("data") == ["data/huge.py"]


def test_loops_of_links_and_links_to_nothing_are_passed_over(tree: Path) -> None:
    touch(tree, "pkg/a.py")
    (tree / "pkg" / "again").symlink_to(tree)
    (tree / "loop.py").symlink_to("loop.py")
    (tree / "gone.py").symlink_to("nothing.py")
    (tree / "folder.py").mkdir()
    assert found() == ["pkg/a.py"]


@pytest.mark.skipif(os.name != "posix" or os.geteuid() == 0, reason="the superuser may read every folder")
def test_a_folder_without_rights_is_reported_by_name(tree: Path) -> None:
    touch(tree, "a.py", "locked/b.py")
    (tree / "locked").chmod(0)
    try:
        discovered = discover(["."], Globs(tree, ()))
    finally:
        (tree / "locked").chmod(0o700)
    assert discovered.files == (tree / "a.py",)
    assert discovered.unreadable == ("locked: Permission denied: allow reading this folder, or exclude it",)
