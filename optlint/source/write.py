"""Replacing a file on disk: at once or not at all, with its rights, and through symbolic links."""

from __future__ import annotations

import contextlib
import os
import stat
import tempfile
from pathlib import Path


class WriteError(Exception):
    """The file was left as it was; the message is one line that names the file and the remedy."""

    def __init__(self, path: Path, reason: str) -> None:
        super().__init__(f"`{path}` is not written: {reason}")
        self.path = path
        self.reason = reason


def replace_file(path: Path, data: bytes, expected: bytes | None = None) -> None:
    """Replace the bytes of a file by `data`.

    Readers see the old bytes or the new ones and never a part of them. Mode and, as far as the process may, owner
    are kept; a symbolic link stays and its target is replaced; of a file with several hard links only this name is.
    A file that holds `data` already is not touched.

    With `expected`, the bytes that were read before, a file that holds others by now is refused.

    Raises:
        WriteError: the file cannot be replaced; it is unchanged and nothing is left beside it.
    """
    try:
        target = path.resolve(strict=True)
        before = target.stat()
        _refuse_unwritable(path, target, before)
        current = target.read_bytes()
        _refuse_changed(path, current, expected)
        if current != data:
            _replace(path, target, before, data, current)
    except FileNotFoundError:
        raise WriteError(path, "it is gone or a link to nothing; check it again") from None
    except (OSError, RuntimeError) as error:
        # Python 3.11 reports a loop of links as RuntimeError.
        reason = error.strerror if isinstance(error, OSError) and error.strerror else str(error)
        raise WriteError(path, f"{reason}; mend that and run again") from None


def put_file(path: Path, data: bytes) -> None:
    """Write a file whether it is there or not, at once as `replace_file` does; a pipe or a device is written to.

    Raises:
        WriteError: the file cannot be written; it is as it was.
    """
    try:
        status = path.stat()
    except FileNotFoundError:
        _create(path, data)
    except OSError as error:
        raise WriteError(path, f"{error.strerror}; name another file") from None
    else:
        if stat.S_ISDIR(status.st_mode):
            raise WriteError(path, "it is a folder; name a file")
        if stat.S_ISREG(status.st_mode):
            replace_file(path, data)
        else:
            _pour(path, data)


def _create(path: Path, data: bytes) -> None:
    """Create a file with the rights that the process gives to new ones."""
    if path.is_symlink():
        raise WriteError(path, "it is a link to nothing; delete it")
    temporary = path.with_name(f".optlint-{os.getpid()}-{os.urandom(4).hex()}.tmp")
    try:
        try:
            with temporary.open("xb") as stream:
                stream.write(data)
                stream.flush()
                os.fsync(stream.fileno())
            temporary.replace(path)
        except BaseException:
            temporary.unlink(missing_ok=True)
            raise
    except FileNotFoundError:
        raise WriteError(path, f"there is no folder `{path.parent}`; create it") from None
    except OSError as error:
        raise WriteError(path, f"{error.strerror}; name another file") from None
    _persist(path.parent)


def _pour(path: Path, data: bytes) -> None:
    try:
        path.write_bytes(data)
    except OSError as error:
        raise WriteError(path, f"{error.strerror}; name another file") from None


def _refuse_unwritable(path: Path, target: Path, status: os.stat_result) -> None:
    if not stat.S_ISREG(status.st_mode):
        raise WriteError(path, "it is no regular file; name one")
    # The superuser may write everything, but a file without the right to write is one that its owner protects.
    if not status.st_mode & stat.S_IWUSR or not os.access(target, os.W_OK):
        raise WriteError(path, "it is read-only; allow writing it (`chmod u+w`) or exclude it")
    folder = target.parent
    if not folder.stat().st_mode & stat.S_IWUSR or not os.access(folder, os.W_OK | os.X_OK):
        raise WriteError(path, f"its folder `{folder}` is read-only; allow writing there (`chmod u+w`)")


def _refuse_changed(path: Path, current: bytes, expected: bytes | None) -> None:
    if expected is not None and current != expected:
        raise WriteError(path, "it changed since it was read; run again")


def _replace(path: Path, target: Path, before: os.stat_result, data: bytes, current: bytes) -> None:
    descriptor, name = tempfile.mkstemp(prefix=".optlint-", suffix=".tmp", dir=target.parent)
    temporary = Path(name)
    try:
        with os.fdopen(descriptor, "wb") as stream:
            stream.write(data)
            stream.flush()
            _keep_rights(temporary, before)
            os.fsync(stream.fileno())
        # Whoever saved the file while it was checked wins.
        _refuse_changed(path, target.read_bytes(), current)
        temporary.replace(target)
    except BaseException:
        temporary.unlink(missing_ok=True)
        raise
    _persist(target.parent)


def _keep_rights(temporary: Path, before: os.stat_result) -> None:
    created = temporary.stat()
    if os.name == "posix" and (created.st_uid, created.st_gid) != (before.st_uid, before.st_gid):
        # Only the superuser may give a file away; the group alone is often possible.
        try:
            os.chown(temporary, before.st_uid, before.st_gid)
        except PermissionError:
            with contextlib.suppress(PermissionError):
                os.chown(temporary, -1, before.st_gid)
    # After the owner, since changing that clears bits of the mode.
    temporary.chmod(stat.S_IMODE(before.st_mode))


def _persist(folder: Path) -> None:
    """Bring the new name to the disk, on systems that open folders; the file is replaced either way."""
    if os.name != "posix":
        return
    with contextlib.suppress(OSError):
        descriptor = os.open(folder, os.O_RDONLY)
        try:
            os.fsync(descriptor)
        finally:
            os.close(descriptor)
