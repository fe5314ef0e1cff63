"""Colours for terminals, and when to use them."""

from __future__ import annotations

import enum
import os
from typing import TextIO

from optlint.finding import Level


class Ink(enum.Enum):
    """What a stretch of text is, as an ANSI sequence."""

    STRONG = "\x1b[1m"
    FAINT = "\x1b[2m"
    ERROR = "\x1b[1;31m"
    WARNING = "\x1b[1;33m"
    NOTE = "\x1b[1;36m"
    PLACE = "\x1b[36m"
    REMOVED = "\x1b[31m"
    ADDED = "\x1b[32m"
    CURVE = "\x1b[33m"
    FIXED_CURVE = "\x1b[96m"


_RESET = "\x1b[0m"
_LEVELS = {Level.ERROR: Ink.ERROR, Level.WARNING: Ink.WARNING, Level.NOTE: Ink.NOTE}


class Style:
    """Paints text, or leaves it plain."""

    __slots__ = ("colour",)

    def __init__(self, colour: bool = False) -> None:
        self.colour = colour

    def paint(self, text: str, ink: Ink) -> str:
        """Return the text in that ink."""
        return f"{ink.value}{text}{_RESET}" if self.colour and text else text

    def level(self, text: str, level: Level) -> str:
        """Return the text in the ink of a level."""
        return self.paint(text, _LEVELS[level])


def style_for(stream: TextIO) -> Style:
    """Return the style for a stream: colour on a terminal, `NO_COLOR` and after it `FORCE_COLOR` decide otherwise."""
    if os.environ.get("NO_COLOR"):
        return Style(False)
    if os.environ.get("FORCE_COLOR"):
        return Style(True)
    return Style(stream.isatty() and os.environ.get("TERM") != "dumb")
