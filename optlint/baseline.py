"""The baseline: a file of findings that a project has adopted, so that new ones alone are reported."""

from __future__ import annotations

import contextlib
import json
import os
import tempfile
from collections import defaultdict, deque
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TypeAlias

from optlint.paths import shown
from optlint.source.write import WriteError, replace_file

FILE_NAME = ".optlint-baseline.json"
"""What a baseline is called where nothing else is said."""
_VERSION = 1
_KEYS = ("code", "path", "fingerprint", "message")

Key: TypeAlias = tuple[str, str]
"""The file and the fingerprint of a finding."""


class BaselineError(Exception):
    """The baseline cannot be used; the message is one line with file, reason and remedy."""

    def __init__(self, file: Path, reason: str, row: int | None = None) -> None:
        super().__init__(f"{shown(file)}{'' if row is None else f':{row}'}: {reason}")


@dataclass(frozen=True, slots=True, order=True)
class Entry:
    """One adopted finding; `path` is relative to the folder of the baseline, with forward slashes.

    `message` is there for people, and no part of what a finding is known by.
    """

    path: str
    code: str
    message: str
    fingerprint: str
    reason: str = ""

    @property
    def key(self) -> Key:
        """What a finding is compared with."""
        return self.path, self.fingerprint


def matched(
    found: Sequence[Key], known: Sequence[Key], may_have_moved: Callable[[str], bool]
) -> tuple[dict[int, int], list[int]]:
    """Pair findings with known ones, each with one at most: those of the same file first, then those that moved.

    A known finding can have moved out of its file only where `may_have_moved` says so of the file, and where the
    file itself has no such finding left. Returns the index of the known finding by the index of the finding, and the
    indices of the known findings that nothing was paired with.
    """
    pairs: dict[int, int] = {}
    here: dict[Key, deque[int]] = defaultdict(deque)
    for index, key in enumerate(known):
        here[key].append(index)
    for number, key in enumerate(found):
        if here.get(key):
            pairs[number] = here[key].popleft()
    left = sorted(index for indices in here.values() for index in indices)
    elsewhere: dict[str, deque[int]] = defaultdict(deque)
    for index in left:
        if may_have_moved(known[index][0]):
            elsewhere[known[index][1]].append(index)
    for number, (_, fingerprint) in enumerate(found):
        if number not in pairs and elsewhere.get(fingerprint):
            pairs[number] = elsewhere[fingerprint].popleft()
    taken = set(pairs.values())
    return pairs, [index for index in left if index not in taken]


def read(file: Path) -> tuple[Entry, ...]:
    """Return the entries of a baseline.

    Raises:
        BaselineError: it is missing, broken, or of a newer optlint.
    """
    try:
        data = file.read_bytes()
    except FileNotFoundError:
        raise BaselineError(
            file, "there is no such baseline: `optlint baseline write` makes it, `--no-baseline` goes without"
        ) from None
    except OSError as error:
        raise BaselineError(file, f"{error.strerror}: make the baseline readable, or use `--no-baseline`") from None
    try:
        document = json.loads(data.decode("utf-8"))
    except UnicodeDecodeError:
        raise BaselineError(file, "the bytes are not UTF-8: delete the file and write it anew") from None
    except json.JSONDecodeError as error:
        merge = "settle the merge, then " if b"<<<<<<<" in data else ""
        remedy = f"{merge}mend this line, or delete the file and write it anew (`optlint baseline write`)"
        raise BaselineError(file, f"this is no JSON: {error.msg}: {remedy}", error.lineno) from None
    except RecursionError:
        raise BaselineError(file, "this is no baseline: name another file") from None
    return _entries(file, document)


def _entries(file: Path, document: object) -> tuple[Entry, ...]:
    version = document.get("version") if isinstance(document, dict) else None
    if not isinstance(document, dict) or not isinstance(version, int):
        raise BaselineError(file, "this is no baseline, it has no `version`: name another file")
    if version > _VERSION:
        raise BaselineError(file, f"a newer optlint wrote this baseline (version {version}): update optlint")
    findings = document.get("findings")
    if not isinstance(findings, list):
        raise BaselineError(file, "`findings` must be a list: write the baseline anew (`optlint baseline write`)")
    return tuple(_entry(file, number, finding) for number, finding in enumerate(findings, 1))


def _entry(file: Path, number: int, finding: object) -> Entry:
    if isinstance(finding, dict):
        values = {key: str(finding[key]) for key in _KEYS if isinstance(finding.get(key), str)}
        reason = finding.get("reason", "")
        if len(values) == len(_KEYS) and isinstance(reason, str):
            return Entry(**values, reason=reason)
    keys = ", ".join(f"`{key}`" for key in _KEYS)
    raise BaselineError(file, f"finding {number} must have the strings {keys}: mend it, or write the baseline anew")


def write(file: Path, entries: Iterable[Entry]) -> None:
    """Write a baseline at once or not at all, sorted, one finding a line so that two people's changes merge.

    Raises:
        BaselineError: the file cannot be written.
    """
    lines = ",\n".join(f"    {_line(entry)}" for entry in sorted(entries))
    data = f'{{\n  "version": {_VERSION},\n  "findings": [{f"{chr(10)}{lines}{chr(10)}  " if lines else ""}]\n}}\n'
    try:
        if file.exists():
            replace_file(file, data.encode())
        else:
            _create(file, data.encode())
    except WriteError as error:
        raise BaselineError(file, f"the baseline is not written: {error.reason}") from None
    except OSError as error:
        raise BaselineError(file, f"{error.strerror}: the baseline is not written: name another file") from None


def _line(entry: Entry) -> str:
    item = {key: getattr(entry, key) for key in _KEYS} | ({"reason": entry.reason} if entry.reason else {})
    text = json.dumps(item, ensure_ascii=False)
    try:
        text.encode()
    except UnicodeEncodeError:  # a file name that is no Unicode
        return json.dumps(item)
    return text


def _create(file: Path, data: bytes) -> None:
    descriptor, name = tempfile.mkstemp(prefix=".optlint-", suffix=".tmp", dir=file.parent)
    try:
        with os.fdopen(descriptor, "wb") as stream:
            stream.write(data)
        mask = os.umask(0)
        os.umask(mask)
        Path(name).chmod(0o666 & ~mask)
        Path(name).replace(file)
    except BaseException:
        with contextlib.suppress(FileNotFoundError):
            Path(name).unlink()
        raise


class Names:
    """How a baseline writes the paths of source files: from its own folder, with forward slashes, links resolved."""

    def __init__(self, folder: Path) -> None:
        self.folder = Path(os.path.realpath(folder))
        self._real: dict[Path, str] = {}

    def of(self, path: Path) -> str:
        """Return the name of a file, which need not exist; a link is no other file than itself."""
        parent = path.parent
        if parent not in self._real:
            self._real[parent] = os.path.realpath(parent)
        whole = os.path.join(self._real[parent], path.name)  # noqa: PTH118 (runs for every file)
        return os.path.relpath(whole, self.folder).replace(os.sep, "/")

    def path(self, name: str) -> Path:
        """Return the file that a name stands for."""
        return Path(os.path.normpath(self.folder / name))
