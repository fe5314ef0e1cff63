"""Source text as a terminal shows it: tabs, wide and combining characters, and none that steer the terminal."""

from __future__ import annotations

import unicodedata

TAB = 4
"""Tab stops stand at multiples of this many columns."""
_JOINER = "\u200d"


def expand(line: str) -> str:
    """Return the line with tabs as blanks and control characters as escapes; all else as it is."""
    if line.isascii() and line.isprintable():
        return line
    shown: list[str] = []
    column = 0
    for character in line:
        text = _shown(character, column)
        shown.append(text)
        column += _width(text)
    return "".join(shown)


def width(line: str) -> int:
    """Return how many columns `expand(line)` takes."""
    return _width(expand(line))


def _shown(character: str, column: int) -> str:
    if character == "\t":
        return " " * (TAB - column % TAB)
    return character if character.isprintable() or character == _JOINER else repr(character)[1:-1]


def _width(text: str) -> int:
    if text.isascii():
        return len(text)
    return sum(_columns(character) for character in text)


def _columns(character: str) -> int:
    if unicodedata.category(character) in ("Mn", "Me", "Cf"):
        return 0
    return 2 if unicodedata.east_asian_width(character) in "WF" else 1
