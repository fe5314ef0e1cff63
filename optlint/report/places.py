"""The place of a finding in every report: file, row and column, and in a notebook the cell."""

from __future__ import annotations

import os
from bisect import bisect_right
from dataclasses import dataclass
from pathlib import Path

from optlint.finding import Location
from optlint.paths import shown
from optlint.report.columns import expand
from optlint.source.text import Position, Source, Span


@dataclass(frozen=True, slots=True)
class Region:
    """A range of rows and columns of a whole text, all from 1; of a notebook, the text of its cells one below another.

    `end_column` is the one behind the last character.
    """

    row: int
    column: int
    end_row: int
    end_column: int


def place(path: Path, position: Position) -> str:
    """Return `path:row:column`, in a notebook `path:cell 3:row:column`, as a terminal may show it."""
    return f"{row_place(path, position)}:{position.column}"


def row_place(path: Path, position: Position) -> str:
    """Return `path:row`, in a notebook `path:cell 3:row`, as a terminal may show it."""
    return f"{file_name(path)}:{position.in_file}"


def cell_words(position: Position) -> str:
    """Return what a message lacks where a report names rows of the whole text: `cell 3, line 12: `, or nothing."""
    return "" if position.cell is None else f"cell {position.cell}, line {position.row}: "


def file_name(path: Path) -> str:
    """Return the name of a file as a person would type it; control characters and bytes of no encoding as escapes."""
    return expand(decodable(shown(path)))


def region(location: Location, source: Source | None) -> Region:
    """Return where a location lies in the whole text."""
    start, end = location.start, location.end
    if start.cell is None or source is None:
        return Region(start.row, start.column, end.row, end.column)
    return span_region(source, location.span)


def document_region(location: Location, source: Source | None) -> Region:
    """Return where a location lies for a report that knows no cells: of a notebook, in the JSON that it is written in.

    There the region is that of the strings that hold the lines, since a diff of the document shows these.
    """
    start, end = location.start, location.end
    if source is None or source.notebook is None or start.cell is None or end.cell is None:
        return region(location, source)
    document = source.notebook.document
    first = source.notebook.written_at(start.cell, start.row).start
    last = source.notebook.written_at(end.cell, end.row).end
    return Region(*_row_and_column(document, first), *_row_and_column(document, last))


def span_region(source: Source, span: Span) -> Region:
    """Return where a span lies in the whole text."""
    return Region(*_whole(source, span.start), *_whole(source, span.end))


def from_folder(path: Path, folder: str) -> str:
    """Return the name of a file from a folder, with slashes; absolute where it is not below that."""
    absolute = os.path.abspath(path)  # noqa: PTH100  # links are kept
    try:
        relative = os.path.relpath(absolute, folder)
    except ValueError:  # another drive
        relative = os.pardir
    below = relative != os.pardir and not relative.startswith(os.pardir + os.sep)
    return (relative if below else absolute).replace(os.sep, "/")


def decodable(text: str) -> str:
    r"""Return a text that every encoding of Unicode has: bytes of a file's name that are none become `\xff`."""
    if text.isascii():
        return text
    try:
        return text.encode("utf-8", "surrogateescape").decode("utf-8", "backslashreplace")
    except UnicodeEncodeError:
        return text.encode("utf-8", "backslashreplace").decode()


def _row_and_column(text: str, offset: int) -> tuple[int, int]:
    return text.count("\n", 0, offset) + 1, offset - text.rfind("\n", 0, offset)


def _whole(source: Source, offset: int) -> tuple[int, int]:
    row = bisect_right(source.line_starts, offset)
    return row, offset - source.line_starts[row - 1] + 1
