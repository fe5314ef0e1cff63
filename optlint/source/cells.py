"""Texts that consist of cells: percent scripts, and notebooks, which are read as such.

The text of a notebook is its code cells, each below a border line, which no cell holds, and one more border at the end.
Borders are comments, so that the cells in their order are one program with its own offsets.
"""

from __future__ import annotations

import ast
import itertools
import keyword
import re
from bisect import bisect_left, bisect_right
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from functools import lru_cache

from optlint.source.edits import Edit
from optlint.source.magics import blank, is_python, magics, masked
from optlint.source.mask import Fault, Mask
from optlint.source.text import BORDER, SourceError, Span, is_notebook, newer_mask, read

_PREFIX = re.compile(r"# %%+ notebook cell ")
_INDENTED = "if 1:"
_NEWLINE = re.compile(r"\r\n|\r|\n")
_ROW = re.compile(r"[^\r\n]*")
_NAME = re.compile(r"(?<![\w.])[A-Za-z_]\w*")


@dataclass(frozen=True, slots=True)
class Cell:
    """A code cell in the text of a notebook: the characters `start <= offset < end`, between two borders.

    `number` is what people call the cell: its place, from 1, among all cells of the notebook. The borders begin at
    `border` and `below`; `end` leaves out the newline before the latter.
    """

    number: int
    border: int
    start: int
    end: int
    below: int


def joined(cells: Sequence[tuple[int, str]]) -> str:
    """Return the text of the numbered code cells of a notebook."""
    sign = "# %% notebook cell "
    while any(sign in cell for _, cell in cells):
        sign = sign.replace("%%", "%%%", 1)
    newline = "\r\n" if any("\r\n" in cell for _, cell in cells) else "\n"
    pieces = (f"{sign}{number}{newline}{cell}{newline}" for number, cell in cells)
    return "".join((*pieces, f"{sign}-{newline}"))


@lru_cache(maxsize=8)
def cells_of(text: str) -> tuple[Cell, ...]:
    """Return the cells of a notebook's text; none of another text."""
    prefix = _PREFIX.match(text)
    if prefix is None:
        return ()
    border = re.compile(rf"^{re.escape(prefix.group())}(\d+|-)(\r\n|\r|\n)", re.MULTILINE)
    found = []
    for above, below in itertools.pairwise(border.finditer(text)):
        last = below.start() - len(below[2])
        end = last if last >= above.end() and text.endswith(below[2], 0, below.start()) else below.start()
        found.append(Cell(int(above[1]), above.start(), above.end(), end, below.start()))
    return tuple(found)


def borders(text: str) -> tuple[int, ...]:
    """Return the offsets at which the borders of cells begin, in a notebook or a percent script."""
    return tuple(match.start() for match in BORDER.finditer(text))


def in_cell(text: str, edit: Edit) -> Edit:
    """Return an edit of the text of a notebook as one of a cell's text, at whose end there is no border.

    Edits of whole lines at the end of a cell reach over the newline before the border, which no cell has.
    """
    cell = next((cell for cell in cells_of(text) if cell.start <= edit.span.start <= cell.below), None)
    if cell is None or edit.span.end <= cell.end:
        return edit
    newline = text[cell.end : cell.below]
    written = edit.text.removesuffix(newline)
    if edit.span.start > cell.end:
        return Edit(Span(cell.end, cell.end), f"{newline}{written}")
    return Edit(Span(edit.span.start, cell.end), written)


def moves_over_border(text: str, edits: Iterable[Edit]) -> bool:
    """Say whether edits take code out of one cell and put some into another."""
    known = borders(text)
    if not known:
        return False
    given: set[int] = set()
    taken: set[int] = set()
    for edit in edits:
        # What is put at a border stands above it.
        (given if edit.text.strip() else taken).add(bisect_left(known, edit.span.start))
    return any(one != other for one in taken for other in given)


def cell_mask(text: str) -> Mask | None:
    """Return the mask of a text with cells; None where none of its cells holds what is to be masked.

    A cell of a notebook that is no Python either becomes a call that is handed all of the cell's names, and a fault.
    """
    spans = _spans(text)
    if not spans:
        return None
    pieces = [text[start:end] for start, end in spans]
    plain = [_without_magics(piece) for piece in pieces]
    new = _filled(text, spans, plain)
    if (mask := _read_mask(text, new)) is not None:
        return mask if mask.text != text else None
    if not is_notebook(text):
        return Mask(text, new, (), ()) if new != text else None
    faults: list[Fault] = []
    hidden: list[Cell] = []
    indented: list[Cell] = []
    for index, cell in enumerate(cells_of(text)):
        plain[index], fault = _mended(pieces[index], plain[index])
        above_is_hidden = index and hidden[-1:] == [cells_of(text)[index - 1]]
        if fault is not None and not above_is_hidden and _fault(f"{_INDENTED}\n{plain[index]}") is None:
            indented.append(cell)
        elif fault is not None:
            plain[index] = _names(pieces[index])
            faults.append(replace(fault, row=fault.row + _row(text, cell.start) - 1))
            hidden.append(cell)
    new = _with_signs(_filled(text, spans, plain), hidden, indented)
    return replace(_read_mask(text, new, separate=False) or Mask(text, new, (), ()), faults=tuple(faults))


def crosses_border(text: str, module: ast.Module) -> bool:
    """Say whether a statement of a notebook reaches over a border, as one with an open bracket does."""
    rows = [_row(text, cell.border) for cell in cells_of(text)]
    return any(
        bisect_right(rows, statement.lineno) != bisect_right(rows, statement.end_lineno or 0)
        for statement in module.body
    )


def _spans(text: str) -> list[tuple[int, int]]:
    if is_notebook(text):
        return [(cell.start, cell.end) for cell in cells_of(text)]
    return list(itertools.pairwise((0, *borders(text), len(text))))


def _without_magics(cell: str) -> str:
    return masked(cell, magics(cell)) if is_python(cell) else blank(cell)


def _mended(cell: str, plain: str) -> tuple[str, Fault | None]:
    """Return the mask of a single cell, and what is wrong with it."""
    fault = _fault(plain)
    if fault is None:
        return plain, None
    automatic = masked(cell, magics(cell, automatic=True))
    return (automatic, None) if _fault(automatic) is None else (plain, fault)


def _fault(cell: str) -> Fault | None:
    try:
        try:
            read(cell)
        except SyntaxError:
            mask = newer_mask(cell)
            if mask is None:
                raise
            mask.tree()
    except SyntaxError as error:
        row, column = max(1, error.lineno or 1), max(1, error.offset or 1)
        return Fault(error.msg, row, column) if row <= _row(cell, len(cell)) else Fault(error.msg, 1, 1)
    except SourceError as error:
        return Fault(error.reason, error.row, error.column)
    except (RecursionError, MemoryError):
        return Fault("it is nested too deeply", 1, 1)
    except ValueError as error:
        return Fault(str(error), 1, 1)
    return None


def _read_mask(text: str, new: str, separate: bool = True) -> Mask | None:
    """Return the mask whose text this Python reads; None where there is none, or statements reach over borders."""
    mask = Mask(text, new, (), ())
    try:
        try:
            module = read(new)
        except SyntaxError:
            newer = newer_mask(new)
            if newer is None:
                return None
            module, mask = newer.tree(), replace(newer, original=text)
    except (SyntaxError, SourceError, ValueError, RecursionError, MemoryError):
        return None
    return None if separate and crosses_border(text, module) else mask


def _filled(text: str, spans: Iterable[tuple[int, int]], pieces: Iterable[str]) -> str:
    result: list[str] = []
    last = 0
    for (start, end), piece in zip(spans, pieces, strict=True):
        result += (text[last:start], piece)
        last = end
    return "".join((*result, text[last:]))


def _with_signs(text: str, hidden: Iterable[Cell], indented: Iterable[Cell]) -> str:
    """Put Python in the place of borders.

    Cells that hold nothing but names become calls. Those that are indented as a whole, which IPython allows, become
    blocks.
    """
    signs = {cell.border: _INDENTED for cell in indented}
    for cell in hidden:
        signs[cell.border] = f"{signs.get(cell.border, '')}unread_cell("
        signs[cell.below] = ");"
    letters = list(text)
    for place, sign in signs.items():
        end = _ROW.match(text, place).end()  # type: ignore[union-attr]
        letters[place:end] = sign.ljust(end - place)
    return "".join(letters)


def _names(cell: str) -> str:
    """Return a text of equal length and rows that holds names of a cell, with commas between them, and nothing else."""
    letters = list(blank(cell))
    parted = True
    for match in _NAME.finditer(cell):
        start, end = match.span()
        if keyword.iskeyword(match.group()):
            continue
        if not parted:
            if not start or letters[start - 1] != " ":
                continue
            letters[start - 1] = ","
        letters[start:end] = match.group()
        parted = end < len(cell) and letters[end] == " "
        if parted:
            letters[end] = ","
    return "".join(letters)


def _row(text: str, offset: int) -> int:
    return bisect_right(_starts(text), offset)


@lru_cache(maxsize=8)
def _starts(text: str) -> tuple[int, ...]:
    return (0, *(match.end() for match in _NEWLINE.finditer(text)))
