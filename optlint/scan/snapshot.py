"""The Python files of a revision in a folder of their own, and what became of them since."""

from __future__ import annotations

import os
from collections.abc import Iterable
from dataclasses import dataclass, field
from pathlib import Path

from optlint.scan.files import SUFFIXES
from optlint.scan.git import Blob, Repository

_MARKS = frozenset({"pyproject.toml", "setup.py", "setup.cfg", "optlint.toml"})
"""Files that say where a project begins, from which its imports are looked up."""


@dataclass(slots=True)
class Snapshot:
    """The files of a revision below `folder`; names are relative to the top of the repository.

    `renamed` maps names of today to those of then, `touched` holds the names of then of all files that were changed,
    renamed or deleted since, and `today` those of today. `lacking` are messages on submodules whose commit is not
    here.
    """

    folder: Path
    files: set[str] = field(default_factory=set)
    renamed: dict[str, str] = field(default_factory=dict)
    touched: set[str] = field(default_factory=set)
    today: set[str] = field(default_factory=set)
    lacking: list[str] = field(default_factory=list)

    def then(self, name: str) -> str:
        """Return what a file of today was called."""
        return self.renamed.get(name, name)


def take(repository: Repository, commit: str, folder: Path) -> Snapshot:
    """Write the Python files of a commit, and those of its submodules, below a folder.

    Raises:
        GitError: git fails.
    """
    snapshot = Snapshot(folder)
    _take(repository, commit, "", snapshot)
    return snapshot


def _take(repository: Repository, commit: str, prefix: str, snapshot: Snapshot) -> None:
    blobs = [blob for blob in repository.tree(commit) if _is_safe(blob.name)]
    top = snapshot.folder / prefix
    top.mkdir(parents=True, exist_ok=True)
    (top / ".git").touch()  # a project ends where its repository does
    wanted = [blob for blob in blobs if not blob.is_submodule and (_is_python(blob.name) or _is_mark(blob.name))]
    for blob, data in repository.contents(wanted):
        if _written(snapshot.folder, f"{prefix}{blob.name}", blob, data) and _is_python(blob.name):
            snapshot.files.add(f"{prefix}{blob.name}")
    for change in repository.changes(commit):
        before = None if change.before is None else f"{prefix}{change.before}"
        after = None if change.after is None else f"{prefix}{change.after}"
        if before is not None and after is not None and before != after:
            snapshot.renamed[after] = before
        if before is not None and before in snapshot.files:
            snapshot.touched.add(before)
        if after is not None and _is_python(after):
            snapshot.today.add(after)
    _take_submodules(repository, (blob for blob in blobs if blob.is_submodule), prefix, snapshot)


def _take_submodules(repository: Repository, blobs: Iterable[Blob], prefix: str, snapshot: Snapshot) -> None:
    for blob in blobs:
        folder = repository.top / blob.name
        if not os.path.lexists(folder / ".git"):
            continue  # not checked out, so that nothing of it is checked today either
        submodule = Repository(folder)
        if not submodule.says("cat-file", "-e", f"{blob.identity}^{{commit}}"):
            name = f"{prefix}{blob.name}"
            snapshot.lacking.append(
                f"the submodule `{name}` lacks the commit of then, all findings in it count as new: "
                f"`git -C {name} fetch` may bring it"
            )
            continue
        _take(submodule, blob.identity, f"{prefix}{blob.name}/", snapshot)


def _written(folder: Path, name: str, blob: Blob, data: bytes) -> bool:
    """Write one file; a link is made only where it stays in the folder."""
    path = folder / name
    path.parent.mkdir(parents=True, exist_ok=True)
    if not blob.is_link:
        path.write_bytes(data)
        return True
    target = os.path.normpath(path.parent / os.fsdecode(data))
    if not Path(target).is_relative_to(folder):
        return False
    path.symlink_to(os.fsdecode(data))
    return True


def _is_python(name: str) -> bool:
    return name.endswith(SUFFIXES)


def _is_mark(name: str) -> bool:
    return name.rpartition("/")[2] in _MARKS


def _is_safe(name: str) -> bool:
    """Whether a name stays below the top; git itself checks out no other."""
    return not {"..", ".", "", ".git"} & set(name.split("/"))
