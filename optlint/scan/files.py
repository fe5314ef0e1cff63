"""Which files a call checks: named files always, and the Python files and notebooks of named folders."""

# Importing pathlib costs as much as a whole start:
# ruff: noqa: PTH110, PTH112, PTH113, PTH114, PTH118

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path

from optlint.scan.globs import Globs
from optlint.scan.ignore_files import IgnoreFiles

SUFFIXES = (".py", ".ipynb")
SKIPPED_FOLDERS = frozenset({"__pycache__", "node_modules", "build", "dist", "site-packages"})
"""Folders of other people's or generated code; hidden folders and virtual environments are skipped as well."""
_ENVIRONMENT_MARKS = ("pyvenv.cfg", "conda-meta")


@dataclass(frozen=True, slots=True)
class Discovered:
    """The files to check, absolute, sorted and each once, and the folders that could not be read.

    `named` holds those that the call names itself; the others were found in a folder.
    """

    files: tuple[Path, ...]
    named: frozenset[Path]
    unreadable: tuple[str, ...]
    """One message a folder."""


def discover(paths: Iterable[str], exclude: Globs, gitignore: bool = True, force_exclude: bool = False) -> Discovered:
    """Return the files that the named paths stand for; every path must exist.

    What is named is taken even if `exclude` means it, unless `force_exclude` says that nothing of that kind is.

    Links to files are followed, links to folders are not unless they are named: a project's link to its data sets
    is no part of its code.
    """
    real: dict[str, str] = {}
    named: set[str] = set()
    unreadable: list[str] = []
    found: list[str] = []
    for path in map(os.path.abspath, paths):
        if force_exclude and exclude.match(path, os.path.isdir(path)):
            continue
        if os.path.isdir(path):
            ignores = IgnoreFiles.above(path) if gitignore else None
            found += _walk(path, exclude, ignores, unreadable)
        else:
            named.add(path)
            found.append(path)
    # One file under several names is checked once, under the name that was given, else under its own.
    for path in sorted(found, key=lambda path: (path not in named, os.path.islink(path), path)):
        real.setdefault(os.path.realpath(path), path)
    files = sorted(real.values())
    return Discovered(
        tuple(map(Path, files)), frozenset(Path(path) for path in files if path in named), tuple(unreadable)
    )


def _walk(top: str, exclude: Globs, ignores: IgnoreFiles | None, unreadable: list[str]) -> Iterator[str]:
    try:
        entries = sorted(os.scandir(top), key=lambda entry: entry.name)
    except OSError as error:
        from optlint.paths import shown

        unreadable.append(f"{shown(top)}: {error.strerror}: allow reading this folder, or exclude it")
        return
    if ignores is not None:
        ignores = ignores.within(top)
    for entry in entries:
        if entry.is_dir(follow_symlinks=False):
            if not _is_skipped(entry) and not _is_excluded(entry.path, exclude, ignores, folder=True):
                yield from _walk(entry.path, exclude, ignores, unreadable)
        elif (
            entry.name.endswith(SUFFIXES)
            and os.path.isfile(entry.path)  # unlike the entry's own method, passes over a loop of links
            and not _is_excluded(entry.path, exclude, ignores, folder=False)
        ):
            yield entry.path


def _is_skipped(entry: os.DirEntry[str]) -> bool:
    if entry.name.startswith(".") or entry.name in SKIPPED_FOLDERS:
        return True
    return any(os.path.exists(os.path.join(entry.path, mark)) for mark in _ENVIRONMENT_MARKS)


def _is_excluded(path: str, exclude: Globs, ignores: IgnoreFiles | None, folder: bool) -> bool:
    return exclude.match(path, folder) or (ignores is not None and ignores.ignores(path, folder))
