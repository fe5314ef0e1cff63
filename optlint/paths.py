"""How paths are shown to people: from the current folder, where that is shorter."""

# Importing pathlib costs as much as a whole start:
# ruff: noqa: PTH100

from __future__ import annotations

import os


def shown(path: str | os.PathLike[str]) -> str:
    """Return the path as a person in the current folder would type it; `-` stands for the standard input."""
    text = os.fspath(path)
    if text == "-":
        return text
    absolute = os.path.abspath(text)
    try:
        relative = os.path.relpath(absolute)
    except ValueError:  # another drive
        return absolute
    below = relative != os.pardir and not relative.startswith(os.pardir + os.sep)
    return relative if below or len(relative) < len(absolute) else absolute
