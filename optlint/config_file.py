"""Where a configuration may stand: the files from a folder upward that speak of optlint.

The module imports nothing that the interpreter has not loaded already: it runs where most calls find no file.
"""

# Importing pathlib costs as much as a whole start:
# ruff: noqa: PTH100, PTH113, PTH118, PTH120, PTH123

from __future__ import annotations

import os
from collections.abc import Iterator

OWN_FILE = "optlint.toml"
PYPROJECT = "pyproject.toml"


def candidates(start: str | os.PathLike[str]) -> Iterator[str]:
    """Yield the files that may hold the configuration of the folder `start`, the nearest first.

    In one folder `optlint.toml` comes before `pyproject.toml`, which counts only if it holds the word "optlint".
    A file that cannot be read is yielded too: whoever reads it reports that.
    """
    folder = os.path.abspath(start)
    while True:
        own = os.path.join(folder, OWN_FILE)
        if os.path.isfile(own):
            yield own
        shared = os.path.join(folder, PYPROJECT)
        if os.path.isfile(shared) and _speaks_of_optlint(shared):
            yield shared
        parent = os.path.dirname(folder)
        if parent == folder:
            return
        folder = parent


def _speaks_of_optlint(file: str) -> bool:
    try:
        with open(file, "rb") as stream:
            return b"optlint" in stream.read()
    except OSError:
        return True
