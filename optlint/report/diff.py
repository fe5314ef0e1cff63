"""Unified diffs: of one fix for a report, and of whole files for `--diff`."""

from __future__ import annotations

import difflib
import re
from collections.abc import Iterator, Sequence

from optlint.report.style import Ink, Style
from optlint.source.edits import Fix, apply_edits
from optlint.source.text import Source

_LINE = re.compile(r"[^\r\n]*(?:\r\n|\r|\n)|[^\r\n]+")
_NO_NEWLINE = "\\ No newline at end of file"


def fix_hunks(source: Source, fix: Fix, context: int = 2) -> Iterator[str]:
    """Yield the hunks of a fix, without newlines; only the lines between its first and last edit are compared."""
    text = apply_edits(source.text, fix.edits)
    first = source.position(min(edit.span.start for edit in fix.edits)).row
    last = source.position(max(edit.span.end for edit in fix.edits)).row
    start_row = max(1, first - context)
    start = source.line_starts[start_row - 1]
    end_row = last + context + 1
    end = source.line_starts[end_row - 1] if end_row <= len(source.line_starts) else len(source.text)
    old = _lines(source.text[start:end])
    new = _lines(text[start : end + len(text) - len(source.text)])
    for line in _hunks(old, new, start_row, context):
        yield line.rstrip("\r\n")


def file_diff(name: str, old: str, new: str) -> Iterator[str]:
    """Yield the lines of a unified diff of a file, with their newlines; `patch -p0` takes it."""
    before, after = _lines(old), _lines(new)
    if before != after:
        yield f"--- {name}\n"
        yield f"+++ {name}\n"
        for line in _hunks(before, after, 1, 3):
            yield line if line.endswith(("\n", "\r")) else f"{line}\n{_NO_NEWLINE}\n"


def painted(line: str, style: Style) -> str:
    """Return a line of a diff in its colour."""
    if line.startswith(("---", "+++")):
        return style.paint(line, Ink.STRONG)
    ink = {"-": Ink.REMOVED, "+": Ink.ADDED, "@": Ink.PLACE}.get(line[:1])
    return line if ink is None else style.paint(line, ink)


def _lines(text: str) -> list[str]:
    """Split at Python's own newlines only, and keep them."""
    return _LINE.findall(text)


def _hunks(old: Sequence[str], new: Sequence[str], first_row: int, context: int) -> Iterator[str]:
    matcher = difflib.SequenceMatcher(None, old, new, autojunk=False)
    for group in matcher.get_grouped_opcodes(context):
        old_start, old_end, new_start, new_end = group[0][1], group[-1][2], group[0][3], group[-1][4]
        ranges = _range(old_start, old_end, first_row), _range(new_start, new_end, first_row)
        yield f"@@ -{ranges[0]} +{ranges[1]} @@\n"
        for tag, i, j, k, m in group:
            if tag == "equal":
                yield from (f" {line}" for line in old[i:j])
            else:
                yield from (f"-{line}" for line in old[i:j])
                yield from (f"+{line}" for line in new[k:m])


def _range(start: int, end: int, first_row: int) -> str:
    """Return a range as diffs spell it: an empty one names the line before it."""
    length = end - start
    row = start + first_row if length else start + first_row - 1
    return str(row) if length == 1 else f"{row},{length}"
