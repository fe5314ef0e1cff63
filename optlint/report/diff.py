"""Unified diffs: of one fix for a report, and of whole files for `--diff`."""

from __future__ import annotations

import difflib
import re
from collections.abc import Iterator, Sequence

from optlint.report.style import Ink, Style
from optlint.source.edits import Edit, Fix, apply_edits
from optlint.source.text import Source

_LINE = re.compile(r"[^\r\n]*(?:\r\n|\r|\n)|[^\r\n]+")
_QUOTED = {ord("\n"): r"\n", ord("\t"): r"\t", ord("\r"): r"\r", ord('"'): r"\"", ord("\\"): r"\\"}
_NO_NEWLINE = "\\ No newline at end of file"


def fix_hunks(source: Source, fix: Fix, context: int = 2) -> Iterator[str]:
    """Yield the hunks of a fix, without newlines; only the lines between its first and last edit are compared.

    Hunks of a notebook name the cell, in which their rows count.
    """
    if source.cells:
        for part in source.cells:
            edits = [edit for edit in fix.edits if part.start <= edit.span.start <= part.below]
            if edits:
                yield from _part_hunks(
                    source, edits, context, source.row(part.start), part.below, f" cell {part.number}"
                )
    else:
        yield from _part_hunks(source, fix.edits, context, 1, len(source.text), "")


def _part_hunks(
    source: Source, edits: Sequence[Edit], context: int, first_row: int, end: int, heading: str
) -> Iterator[str]:
    """Yield the hunks of edits in the part of a text that begins on `first_row` and ends before the offset `end`."""
    starts = source.line_starts
    rows = [source.row(offset) for edit in edits for offset in (edit.span.start, edit.span.end)]
    start_row, end_row = max(first_row, min(rows) - context), max(rows) + context + 1
    start = starts[start_row - 1]
    end = min(end, starts[end_row - 1]) if end_row <= len(starts) else end
    text = apply_edits(source.text, edits)
    old, new = _lines(source.text[start:end]), _lines(text[start : end + len(text) - len(source.text)])
    for line in _hunks(old, new, start_row - first_row + 1, context, heading):
        yield line.rstrip("\r\n")


def source_diff(name: str, before: Source, after: Source) -> Iterator[str]:
    """Yield the lines of a unified diff of a file, with their newlines; of a notebook, one for each changed cell."""
    if not before.cells:
        yield from file_diff(name, before.text, after.text)
        return
    for old, new in zip(before.cells, after.cells, strict=True):
        # The last line of a cell mostly has no newline, which is nothing to be told of.
        texts = (f"{text}\n" for text in (before.text[old.start : old.end], after.text[new.start : new.end]))
        yield from file_diff(f"{name}:cell {old.number}", *texts)


def file_diff(name: str, old: str, new: str) -> Iterator[str]:
    """Yield the lines of a unified diff of a file, with their newlines; `patch -p0` takes it."""
    before, after = _lines(old), _lines(new)
    if before != after:
        yield f"--- {quoted(name)}\n"
        yield f"+++ {quoted(name)}\n"
        for line in _hunks(before, after, 1, 3):
            yield line if line.endswith(("\n", "\r")) else f"{line}\n{_NO_NEWLINE}\n"


def quoted(name: str) -> str:
    """Return the name of a file as a header of a diff has it: as it is, or quoted as git and patch quote names."""
    if name.isprintable() and not name.startswith('"') and "\\" not in name:
        return name
    data = name.encode("utf-8", "surrogateescape")
    spelt = (_QUOTED.get(byte) or (chr(byte) if 32 <= byte < 127 else f"\\{byte:03o}") for byte in data)
    return f'"{"".join(spelt)}"'


def painted(line: str, style: Style) -> str:
    """Return a line of a diff in its colour."""
    if line.startswith(("---", "+++")):
        return style.paint(line, Ink.STRONG)
    ink = {"-": Ink.REMOVED, "+": Ink.ADDED, "@": Ink.PLACE}.get(line[:1])
    return line if ink is None else style.paint(line, ink)


def _lines(text: str) -> list[str]:
    """Split at Python's own newlines only, and keep them."""
    return _LINE.findall(text)


def _hunks(old: Sequence[str], new: Sequence[str], first_row: int, context: int, heading: str = "") -> Iterator[str]:
    matcher = difflib.SequenceMatcher(None, old, new, autojunk=False)
    for group in matcher.get_grouped_opcodes(context):
        old_start, old_end, new_start, new_end = group[0][1], group[-1][2], group[0][3], group[-1][4]
        ranges = _range(old_start, old_end, first_row), _range(new_start, new_end, first_row)
        yield f"@@ -{ranges[0]} +{ranges[1]} @@{heading}\n"
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
