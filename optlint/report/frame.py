"""The lines of source around a finding, with a caret line below what it flags."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from optlint.finding import Location
from optlint.report.columns import expand, width
from optlint.report.places import region
from optlint.report.style import Ink, Style
from optlint.source.text import Source

CONTEXT = 2
"""Lines shown before and after."""
_FLAGGED = 6
"""Of a longer range only the first lines are shown."""


def frame(source: Source, location: Location, style: Style) -> Iterator[str]:
    """Yield the lines of a code frame; the first of them is never blank."""
    rows = len(source.line_starts)
    whole = region(location, source)
    first, last = whole.row, whole.end_row
    if last > first and whole.end_column == 1:
        last -= 1  # the range ends with a newline
    shown_last = min(last, first + _FLAGGED - 1)
    after = shown_last if shown_last < last else min(rows, last + CONTEXT)
    numbers = numbered(source, location, range(max(1, first - CONTEXT), after + 1))
    digits = max((len(str(number)) for number in numbers.values()), default=1)
    for row, number in numbers.items():
        line = source.line(row)
        if row == rows and not line and row > last:
            break  # the empty rest behind the last newline is no line
        yield f"{style.paint(f'{number:>{digits}} |', Ink.FAINT)} {expand(line)}".rstrip()
        if first <= row <= shown_last:
            start = whole.column - 1 if row == first else len(line) - len(line.lstrip())
            end = whole.end_column - 1 if row == whole.end_row else len(line)
            carets = " " * width(line[:start]) + style.paint(
                "^" * max(1, width(line[:end]) - width(line[:start])), Ink.STRONG
            )
            yield f"{style.paint(' ' * digits + ' |', Ink.FAINT)} {carets}"
    if shown_last < last:
        yield style.paint(f"{' ' * digits} | ... {last - shown_last} more lines", Ink.FAINT)


def numbered(source: Source, location: Location, rows: Iterable[int]) -> dict[int, int]:
    """Return what people number rows of a text by, of a notebook those of the cell of a location only."""
    places = {row: source.position(source.line_starts[row - 1]) for row in rows if not source.is_border(row)}
    return {row: place.row for row, place in places.items() if place.cell == location.start.cell}


def line_of(source: Source | None, location: Location) -> str:
    """Return the first line of a location as a terminal shows it, without its indentation; "" where there is none."""
    return line_at(source, region(location, source).row)


def line_at(source: Source | None, row: int) -> str:
    """Return a line as a terminal shows it, without its indentation, or "" where there is none."""
    if source is None or row > len(source.line_starts):
        return ""
    return expand(source.line(row)).strip()
