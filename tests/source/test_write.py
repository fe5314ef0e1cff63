"""Replacing files: at once or not at all."""

from __future__ import annotations

import errno
import os
import stat
from pathlib import Path

import pytest

from optlint.source.write import WriteError, replace_file


@pytest.fixture
def file(tmp_path: Path) -> Path:
    path = tmp_path / "train.py"
    path.write_bytes(b"old")
    return path


def names(folder: Path) -> list[str]:
    return sorted(entry.name for entry in folder.iterdir())


def assert_untouched(file: Path) -> None:
    assert file.read_bytes() == b"old"
    assert names(file.parent) == [file.name]


def test_the_bytes_are_replaced_and_nothing_is_left_beside_them(file: Path) -> None:
    replace_file(file, b"new\r\n\xff")
    assert file.read_bytes() == b"new\r\n\xff"
    assert names(file.parent) == ["train.py"]


def test_a_relative_path_is_found(file: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(file.parent)
    replace_file(Path("train.py"), b"new")
    assert file.read_bytes() == b"new"


@pytest.mark.parametrize("mode", [0o600, 0o644, 0o755, 0o4711])
def test_the_mode_is_kept(file: Path, mode: int) -> None:
    file.chmod(mode)
    replace_file(file, b"new")
    assert stat.S_IMODE(file.stat().st_mode) == mode


@pytest.mark.skipif(os.name != "posix" or os.geteuid() != 0, reason="only the superuser may give files away")
def test_the_owner_is_kept(file: Path) -> None:
    os.chown(file, 1234, 2345)
    file.chmod(0o644)
    replace_file(file, b"new")
    assert (file.stat().st_uid, file.stat().st_gid) == (1234, 2345)


def test_an_owner_that_cannot_be_kept_does_not_stop_the_write(file: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*_: object) -> None:
        raise PermissionError(errno.EPERM, "not the superuser")

    monkeypatch.setattr(os, "chown", refuse)
    foreign = os.stat_result((*file.stat()[:4], 1234, 2345, *file.stat()[6:]))
    real = Path.stat
    monkeypatch.setattr(Path, "stat", lambda self, **kw: foreign if self == file else real(self, **kw))
    replace_file(file, b"new")
    assert file.read_bytes() == b"new"


def test_a_link_stays_a_link_and_its_target_is_replaced(file: Path, tmp_path: Path) -> None:
    folder = tmp_path / "links"
    folder.mkdir()
    (folder / "one.py").symlink_to("two.py")
    (folder / "two.py").symlink_to(file)
    replace_file(folder / "one.py", b"new")
    assert (folder / "one.py").readlink() == Path("two.py")
    assert (folder / "two.py").is_symlink()
    assert file.read_bytes() == b"new"
    assert names(folder) == ["one.py", "two.py"]


def test_a_file_with_the_same_bytes_is_not_touched(file: Path) -> None:
    before = file.stat()
    replace_file(file, b"old", expected=b"old")
    assert (file.stat().st_ino, file.stat().st_mtime_ns) == (before.st_ino, before.st_mtime_ns)


@pytest.mark.parametrize("mode", [0o444, 0o555, 0o464])
def test_a_read_only_file_is_left_even_for_the_superuser(file: Path, mode: int) -> None:
    file.chmod(mode)
    with pytest.raises(WriteError, match=r"train\.py` is not written: it is read-only; .*chmod u\+w"):
        replace_file(file, b"new")
    assert_untouched(file)
    assert stat.S_IMODE(file.stat().st_mode) == mode


def test_a_file_in_a_read_only_folder_is_left(file: Path) -> None:
    file.parent.chmod(0o555)
    try:
        with pytest.raises(WriteError, match=r"its folder `.*` is read-only; allow writing there"):
            replace_file(file, b"new")
        assert_untouched(file)
    finally:
        file.parent.chmod(0o755)


def test_a_file_that_is_gone_is_an_error(tmp_path: Path) -> None:
    with pytest.raises(WriteError, match="gone"):
        replace_file(tmp_path / "train.py", b"new")
    assert names(tmp_path) == []


def test_a_link_to_nothing_and_a_loop_of_links_are_errors(tmp_path: Path) -> None:
    (tmp_path / "nothing.py").symlink_to("gone.py")
    (tmp_path / "loop.py").symlink_to("loop.py")
    for name in ("nothing.py", "loop.py"):
        with pytest.raises(WriteError, match=name):
            replace_file(tmp_path / name, b"new")
    assert names(tmp_path) == ["loop.py", "nothing.py"]


def test_a_folder_is_no_file(tmp_path: Path) -> None:
    with pytest.raises(WriteError, match="no regular file"):
        replace_file(tmp_path, b"new")


def test_a_file_that_changed_since_it_was_read_is_left(file: Path) -> None:
    with pytest.raises(WriteError, match="changed since it was read; run again"):
        replace_file(file, b"new", expected=b"older")
    assert_untouched(file)


def test_a_file_that_is_saved_by_another_while_it_is_written_is_left(
    file: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(os, "fsync", lambda _: file.write_bytes(b"others"))
    with pytest.raises(WriteError, match="changed since it was read"):
        replace_file(file, b"new", expected=b"old")
    assert file.read_bytes() == b"others"
    assert names(file.parent) == ["train.py"]


@pytest.mark.parametrize("step", ["fsync", "replace"])
def test_a_failure_on_the_way_leaves_the_file_and_names_it(
    file: Path, monkeypatch: pytest.MonkeyPatch, step: str
) -> None:
    def fail(*_: object) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(os if step == "fsync" else Path, step, fail)
    with pytest.raises(WriteError, match=r"train\.py` is not written: No space left on device; mend") as caught:
        replace_file(file, b"new")
    assert "\n" not in str(caught.value)
    assert_untouched(file)


def test_an_interrupt_on_the_way_leaves_the_file(file: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def interrupt(*_: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(os, "fsync", interrupt)
    with pytest.raises(KeyboardInterrupt):
        replace_file(file, b"new")
    assert_untouched(file)
