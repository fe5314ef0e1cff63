"""Writing a file that may not be there yet: at once or not at all."""

from __future__ import annotations

import os
import stat
import threading
from pathlib import Path

import pytest

from optlint.source.write import WriteError, put_file


def test_a_new_file_has_the_bytes_and_the_usual_rights(tmp_path: Path) -> None:
    former = os.umask(0o027)
    try:
        put_file(tmp_path / "new", b"bytes\r\n")
    finally:
        os.umask(former)
    assert (tmp_path / "new").read_bytes() == b"bytes\r\n"
    if os.name == "posix":
        assert stat.S_IMODE((tmp_path / "new").stat().st_mode) == 0o640
    assert [each.name for each in tmp_path.iterdir()] == ["new"]


def test_a_file_that_is_there_is_replaced_and_keeps_its_rights(tmp_path: Path) -> None:
    (tmp_path / "old").write_bytes(b"long long ago")
    (tmp_path / "old").chmod(0o600)
    put_file(tmp_path / "old", b"new")
    assert (tmp_path / "old").read_bytes() == b"new"
    assert stat.S_IMODE((tmp_path / "old").stat().st_mode) == 0o600


@pytest.mark.parametrize(
    ("name", "said"),
    [("folder", "it is a folder"), ("no/where", "there is no folder"), ("dangling", "a link to nothing")],
)
def test_what_cannot_be_written_is_named_and_leaves_nothing(tmp_path: Path, name: str, said: str) -> None:
    (tmp_path / "folder").mkdir()
    (tmp_path / "dangling").symlink_to("nothing")
    with pytest.raises(WriteError, match=said):
        put_file(tmp_path / name, b"x")
    assert sorted(each.name for each in tmp_path.iterdir()) == ["dangling", "folder"]


def test_a_write_that_fails_on_the_way_leaves_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(*_: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(WriteError, match="No space left on device"):
        put_file(tmp_path / "new", b"x")
    assert list(tmp_path.iterdir()) == []


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="there are no named pipes here")
def test_a_pipe_is_written_to_and_stays_a_pipe(tmp_path: Path) -> None:
    pipe = tmp_path / "pipe"
    os.mkfifo(pipe)
    read: list[bytes] = []
    reader = threading.Thread(target=lambda: read.append(pipe.read_bytes()))
    reader.start()
    put_file(pipe, b"through")
    reader.join(timeout=10)
    assert read == [b"through"]
    assert pipe.is_fifo()
