"""Which line of a fixed text is which of the text as written, and which fixes wrote it.

That is told by the edits: what the lines say does not tell, where a file has the same loop twice.
"""

from __future__ import annotations

import re
from bisect import bisect_right
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from difflib import SequenceMatcher
from pathlib import Path

from optlint.source.edits import Edit, Fix


@dataclass(frozen=True, slots=True)
class Line:
    """A line of a fixed text: its row (from 1) in the text as written, or None, and the fixes that wrote it."""

    row: int | None
    fixes: tuple[Fix, ...] = ()


@dataclass(frozen=True, slots=True)
class Lines:
    """The lines of the texts that a script is made of; a file that is not among them is as written."""

    fixed: Mapping[Path, Sequence[Line]] = field(default_factory=dict)

    def row(self, path: Path, row: int) -> int | None:
        """The row that a line has in the text as written; None for a line that is not there."""
        found = self._line(path, row)
        return row if found is None else found.row

    def is_of(self, fix: Fix, path: Path, row: int) -> bool:
        """Whether a fix wrote a line."""
        found = self._line(path, row)
        return found is not None and fix in found.fixes

    def _line(self, path: Path, row: int) -> Line | None:
        lines = self.fixed.get(path)
        return None if lines is None else lines[row - 1] if 0 < row <= len(lines) else Line(None)


AS_WRITTEN = Lines()
_LINE = re.compile(r"[^\r\n]*(?:\r\n|\r|\n)|[^\r\n]+")


def lines_after(before: str, after: str, fixes: Sequence[Fix]) -> tuple[Line, ...]:
    """Return the lines of a text after all edits of some fixes of it."""
    edits = sorted(((edit, fix) for fix in fixes for edit in fix.edits), key=lambda each: each[0].span)
    old, new = _split(before), _split(after)
    kept = _untouched(old, new, [edit for edit, _ in edits])
    starts = _starts(old)
    # A line that an empty edit stands before is not touched by it, so that such an edit lies in the gap above it.
    touched = [(bisect_right(starts, edit.span.start) - 1, edit, fix) for edit, fix in edits]
    found: list[Line] = []
    old_at = new_at = 0
    for old_row, new_row in [*sorted(kept.items()), (len(old), len(new))]:
        between = dict(_alike(old, new, (old_at, old_row), (new_at, new_row)))
        writers = tuple(
            dict.fromkeys(
                fix
                for at, edit, fix in touched
                if old_at <= at < old_row or (edit.span.start == edit.span.end and at == old_row)
            )
        )
        for at in range(new_at, new_row):
            found.append(Line(between[at] + 1) if at in between else Line(None, writers))
        if old_row < len(old):
            found.append(Line(old_row + 1))
        old_at, new_at = old_row + 1, new_row + 1
    return tuple(found)


def lines_by_text(before: str, after: str) -> tuple[Line, ...]:
    """Return the lines of a text that somebody else has made of another one, matched by what they say."""
    old, new = _split(before), _split(after)
    same = dict(_alike(old, new, (0, len(old)), (0, len(new))))
    return tuple(Line(same[at] + 1 if at in same else None) for at in range(len(new)))


def _untouched(old: Sequence[str], new: Sequence[str], edits: Sequence[Edit]) -> dict[int, int]:
    """The lines, from 0, that no edit reaches into, each with where it now is."""
    begins = {start: at for at, start in enumerate(_starts(new))}
    kept: dict[int, int] = {}
    for at, start in enumerate(_starts(old)):
        end = start + len(old[at])
        spans = [(edit.span.start, edit.span.end) for edit in edits]
        if any((first < end and last > start) or start < first == last < end for first, last in spans):
            continue
        shift = sum(len(edit.text) - (edit.span.end - edit.span.start) for edit in edits if edit.span.end <= start)
        place = begins.get(start + shift)
        if place is not None and new[place].rstrip("\r\n") == old[at].rstrip("\r\n"):
            kept[at] = place
    return kept


def _alike(
    old: Sequence[str], new: Sequence[str], where: tuple[int, int], there: tuple[int, int]
) -> list[tuple[int, int]]:
    """The lines, from 0, of a stretch of the new text that are in a stretch of the old one: (new, old)."""
    ours = [line.rstrip("\r\n") for line in old[slice(*where)]]
    theirs = [line.rstrip("\r\n") for line in new[slice(*there)]]
    matched = SequenceMatcher(None, ours, theirs, autojunk=False).get_matching_blocks()
    return [(there[0] + b + n, where[0] + a + n) for a, b, size in matched for n in range(size)]


def _split(text: str) -> list[str]:
    """The lines as Python counts them, with their ends."""
    return _LINE.findall(text)


def _starts(lines: Sequence[str]) -> list[int]:
    starts, at = [], 0
    for line in lines:
        starts.append(at)
        at += len(line)
    return starts
