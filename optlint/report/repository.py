"""The git repository around the current folder, read from its files: no process is started for a report."""

from __future__ import annotations

import os
import re
from dataclasses import dataclass
from pathlib import Path

_SECTION = re.compile(r'\s*\[remote\s+"origin"\]\s*')
_URL = re.compile(r"\s*url\s*=\s*(.*\S)\s*")
_WEB = re.compile(r"(https?|ssh|git)://(?:[^/@]*@)?([^\s\"\\]+)")
_SCP = re.compile(r"(?:[\w.-]+@)?([\w.-]+):(?!/)([^\s\"\\]+)")
_REVISION = re.compile(r"[0-9a-f]{40,64}")


@dataclass(frozen=True, slots=True)
class Revision:
    """What is checked out; `branch` is empty on no branch.

    `url` is that of the remote `origin`, without the name of a user or a password.
    """

    url: str
    identifier: str
    branch: str


def repository_root() -> str:
    """Return the folder of the repository around the current folder, or the current folder where there is none."""
    here = Path.cwd()
    return str(next((folder for folder in (here, *here.parents) if (folder / ".git").exists()), here))


def revision(root: str) -> Revision | None:
    """Return what a repository has checked out, or None where its files do not say, or where it has no remote."""
    try:
        private = _private_folder(Path(root) / ".git")
        shared = _shared_folder(private)
        url = _origin(_text(shared / "config"))
        head = _text(private / "HEAD").strip()
        if url and not head.startswith("ref:"):
            return Revision(url, head, "") if _REVISION.fullmatch(head) else None
        name = head.removeprefix("ref:").strip()
        identifier = _commit(shared, name)
    except OSError:
        return None
    return Revision(url, identifier, name.removeprefix("refs/heads/")) if url and identifier else None


def _private_folder(git: Path) -> Path:
    """Return the folder of a work tree: `.git`, or that which the file of this name leads to."""
    return git.parent / _text(git).removeprefix("gitdir:").strip() if git.is_file() else git


def _shared_folder(private: Path) -> Path:
    common = private / "commondir"
    return private / _text(common).strip() if common.is_file() else private


def _commit(folder: Path, name: str) -> str:
    loose = folder / name
    if loose.is_file():
        return _text(loose).strip()
    packed = folder / "packed-refs"
    rows = _text(packed).splitlines() if packed.is_file() else []
    return next((row.split()[0] for row in rows if row.endswith(f" {name}")), "")


def _origin(config: str) -> str:
    """Return the address of `origin` as a URI, or "" for none and for a folder."""
    inside = False
    for row in config.splitlines():
        if row.lstrip().startswith("["):
            inside = _SECTION.fullmatch(row) is not None
        elif inside and (found := _URL.fullmatch(row)):
            if web := _WEB.fullmatch(found[1]):
                return f"{web[1]}://{web[2]}"
            scp = _SCP.fullmatch(found[1])
            return f"ssh://{scp[1]}/{scp[2]}" if scp and os.sep not in scp[1] else ""
    return ""


def _text(file: Path) -> str:
    return file.read_text("utf-8", "replace")
