"""Globs as `.gitignore` spells them, for `exclude` and `per-file-ignores`."""

# Importing pathlib costs as much as a whole start:
# ruff: noqa: PTH100

from __future__ import annotations

import os
from collections.abc import Iterable
from pathlib import Path


class Globs:
    """Matches paths below a folder; pathspec is imported only where there is a glob."""

    def __init__(self, root: Path, globs: Iterable[str]) -> None:
        self._root = root
        self._globs = tuple(globs)
        self._spec = None
        if self._globs:
            from pathspec import GitIgnoreSpec

            self._spec = GitIgnoreSpec.from_lines(self._globs)

    def match(self, path: str | Path, folder: bool = False) -> bool:
        """Say whether a glob means the path, or a folder that holds it."""
        if self._spec is None:
            return False
        relative = relative_to(path, self._root)
        return relative is not None and self._spec.match_file(relative + "/" if folder else relative)


def relative_to(path: str | Path, root: str | Path) -> str | None:
    """Return the path below `root` with forward slashes, or None where it does not lie there."""
    absolute, top = os.path.abspath(path), os.path.abspath(root)
    prefix = top if top.endswith(os.sep) else top + os.sep
    return absolute[len(prefix) :].replace(os.sep, "/") if absolute.startswith(prefix) else None
