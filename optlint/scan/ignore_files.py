"""What `.gitignore` files say about the entries of a folder."""

# Importing pathlib costs as much as a whole start:
# ruff: noqa: PTH100, PTH110, PTH118, PTH120

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING

from optlint.scan.globs import relative_to

if TYPE_CHECKING:
    from pathspec import GitIgnoreSpec

_NAME = ".gitignore"


class IgnoreFiles:
    """The `.gitignore` files that hold in one folder, its own first and the repository's root last."""

    __slots__ = ("_specs",)

    def __init__(self, specs: tuple[tuple[str, GitIgnoreSpec], ...] = ()) -> None:
        self._specs = specs

    @classmethod
    def above(cls, folder: str) -> IgnoreFiles:
        """Return those of the folders above, up to the root of the repository that `folder` lies in.

        A folder that they ignore was asked for by name: nothing of theirs holds in it then.
        """
        chain: list[str] = []
        current = os.path.abspath(folder)
        while not os.path.exists(os.path.join(current, ".git")):
            parent = os.path.dirname(current)
            if parent == current:
                return cls()
            chain.append(parent)
            current = parent
        files = cls()
        for ancestor in reversed(chain):
            files = files.within(ancestor)
        return cls() if files.ignores_tree(folder, chain) else files

    def within(self, folder: str) -> IgnoreFiles:
        """Return the files that hold in `folder`: these and its own."""
        try:
            data = Path(folder, _NAME).read_bytes()
        except OSError:
            return self  # there is none; git passes over an unreadable one as well
        lines = [line for line in data.decode("utf-8", "replace").splitlines() if line.strip() and line[0] != "#"]
        if not lines:
            return self
        from pathspec import GitIgnoreSpec

        return IgnoreFiles(((os.path.abspath(folder), GitIgnoreSpec.from_lines(lines)), *self._specs))

    def ignores(self, path: str, folder: bool) -> bool:
        """Say whether an entry is ignored; the nearest file that speaks of it decides."""
        for root, spec in self._specs:
            relative = relative_to(path, root)
            if relative is None:
                continue
            verdict = spec.check_file(relative + "/" if folder else relative).include
            if verdict is not None:
                return verdict
        return False

    def ignores_tree(self, folder: str, ancestors: list[str]) -> bool:
        """Say whether the folder, or one of the ancestors that hold it, is ignored."""
        return any(self.ignores(path, folder=True) for path in (folder, *ancestors))
