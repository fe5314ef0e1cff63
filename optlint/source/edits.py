"""Edits of a text and the fixes that bundle them."""

from __future__ import annotations

import enum
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

from optlint.source.text import Span


class Applicability(enum.Enum):
    """What a fix promises; the names are Ruff's."""

    SAFE = "safe"
    """Never changes what right code does; `--fix` applies it."""
    UNSAFE = "unsafe"
    """Changes what the program computes, on purpose; `--unsafe-fixes` applies it."""
    DISPLAY = "display"
    """Shown to a person, never applied."""


@dataclass(frozen=True, slots=True, order=True)
class Edit:
    """Replace the characters of `span` by `text`; an empty span inserts."""

    span: Span
    text: str


@dataclass(frozen=True, slots=True)
class Fix:
    """Edits of one file that are applied together or not at all; they are sorted and do not overlap."""

    title: str
    applicability: Applicability
    path: Path
    edits: tuple[Edit, ...]


class OverlappingEditsError(ValueError):
    """Two edits of one fix touch the same characters."""


def apply_edits(text: str, edits: Iterable[Edit]) -> str:
    """Return `text` with all edits made.

    Edits at the same empty place are made in the order given.

    Raises:
        OverlappingEditsError: two edits overlap.
        ValueError: an edit reaches out of the text.
    """
    pieces: list[str] = []
    last = 0
    for edit in sorted(edits, key=lambda edit: (edit.span.start, edit.span.end)):
        if edit.span.start < last:
            raise OverlappingEditsError(f"an edit at offset {edit.span.start} overlaps the one before it")
        if not edit.span.start <= edit.span.end <= len(text):
            raise ValueError(f"an edit of offsets {edit.span.start} to {edit.span.end} reaches out of the text")
        pieces += (text[last : edit.span.start], edit.text)
        last = edit.span.end
    return "".join((*pieces, text[last:]))
