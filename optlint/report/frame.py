"""The lines of source around a finding, with a caret line below what it flags."""

from __future__ import annotations

from collections.abc import Iterator

from optlint.finding import Location
from optlint.report.columns import expand, width
from optlint.report.style import Ink, Style
from optlint.source.text import Source

CONTEXT = 2
"""Lines shown before and after."""
_FLAGGED = 6
"""Of a longer range only the first lines are shown."""


def frame(source: Source, location: Location, style: Style) -> Iterator[str]:
    """Yield the lines of a code frame; the first of them is never blank."""
    rows = len(source.line_starts)
    first, last = location.start.row, location.end.row
    if last > first and location.end.column == 1:
        last -= 1  # the range ends with a newline
    shown_last = min(last, first + _FLAGGED - 1)
    after = shown_last if shown_last < last else min(rows, last + CONTEXT)
    digits = len(str(after))
    for row in range(max(1, first - CONTEXT), after + 1):
        line = source.line(row)
        if row == rows and not line and row > last:
            break  # the empty rest behind the last newline is no line
        yield f"{style.paint(f'{row:>{digits}} |', Ink.FAINT)} {expand(line)}".rstrip()
        if first <= row <= shown_last:
            start = location.start.column - 1 if row == first else len(line) - len(line.lstrip())
            end = location.end.column - 1 if row == location.end.row else len(line)
            carets = " " * width(line[:start]) + style.paint(
                "^" * max(1, width(line[:end]) - width(line[:start])), Ink.STRONG
            )
            yield f"{style.paint(' ' * digits + ' |', Ink.FAINT)} {carets}"
    if shown_last < last:
        yield style.paint(f"{' ' * digits} | ... {last - shown_last} more lines", Ink.FAINT)


def line_at(source: Source | None, row: int) -> str:
    """Return a line as a terminal shows it, without its indentation, or "" where there is none."""
    if source is None or row > len(source.line_starts):
        return ""
    return expand(source.line(row)).strip()
