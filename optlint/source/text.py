"""A source file as bytes and text, with exact positions: encoding, byte-order mark and newlines are kept.

The text of a notebook is the code in it; all else of the file is kept as well.
"""

from __future__ import annotations

import ast
import codecs
import io
import re
import tokenize
import warnings
from bisect import bisect_left, bisect_right
from dataclasses import dataclass, field
from functools import cached_property, lru_cache
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from optlint.source.cells import Cell
    from optlint.source.mask import Fault, Mask
    from optlint.source.notebook import Notebook

_NEWLINE = re.compile(r"\r\n|\r|\n")
NOTEBOOK_SUFFIX = ".ipynb"
_NOTEBOOK = re.compile(r"# %%+ notebook cell ")
"""How the text of a notebook begins."""
BORDER = re.compile(r"^#[ \t]*(?:%%|In ?\[[\d ]*\]:|<codecell>)", re.MULTILINE)
"""How the cells of a percent script begin."""


class SourceError(Exception):
    """The file cannot be read as Python text; the message is one line that names the reason and the remedy."""

    def __init__(self, reason: str, row: int = 1, column: int = 1) -> None:
        super().__init__(reason)
        self.reason = reason
        self.row = row
        self.column = column


@dataclass(frozen=True, slots=True, order=True)
class Span:
    """A half-open range `start <= offset < end` of characters of `Source.text`."""

    start: int
    end: int


@dataclass(frozen=True, slots=True, order=True)
class Position:
    """A place for people: row and column both count from 1, the column in characters."""

    row: int
    column: int
    cell: int | None = None
    """The cell of a notebook, from 1, in which the row counts; None in other files."""
    text_row: int = field(default=0, compare=False)
    """The row in the whole text of a notebook; 0 in other files."""

    @property
    def whole_row(self) -> int:
        """The row in the whole text."""
        return self.text_row or self.row

    @property
    def in_file(self) -> str:
        """The row alone, in a notebook `cell 3:12`."""
        return str(self.row) if self.cell is None else f"cell {self.cell}:{self.row}"


@dataclass(frozen=True)
class Source:
    """The bytes of one file and their text.

    `text` has no byte-order mark and keeps every newline as it stands in the file; `encode(text)` gives back
    exactly `data`. The text of a notebook is its code cells, as `optlint.source.cells` joins them.
    """

    path: Path
    data: bytes
    text: str
    encoding: str
    bom: bool
    notebook: Notebook | None = None

    @classmethod
    def from_bytes(cls, path: Path, data: bytes) -> Source:
        """Decode by byte-order mark or PEP 263 declaration; take a file named `*.ipynb` for a notebook.

        Raises:
            SourceError: null bytes, an unknown encoding, bytes that do not decode and encode without loss, or no
                notebook.
        """
        if path.suffix == NOTEBOOK_SUFFIX:
            return _notebook(path, data)
        if b"\0" in data:
            raise SourceError(
                "the file holds null bytes: save it as text (UTF-8)", data.count(b"\n", 0, data.index(b"\0")) + 1
            )
        bom = data.startswith(codecs.BOM_UTF8)
        # `readline` knows line feeds alone: a file of bare carriage returns would be one line, searched for a cookie.
        lines = data if b"\n" in data else data.replace(b"\r", b"\n")
        try:
            encoding, _ = tokenize.detect_encoding(io.BytesIO(lines).readline)
        except SyntaxError as error:
            raise SourceError(f"{error.msg}: declare the encoding that the file is saved in") from None
        encoding = "utf-8" if encoding == "utf-8-sig" else encoding
        body = data[len(codecs.BOM_UTF8) :] if bom else data
        try:
            text = body.decode(encoding)
        except UnicodeDecodeError as error:
            row = body.count(b"\n", 0, error.start) + 1
            raise SourceError(
                f"the bytes are not {encoding}: save the file as UTF-8 or declare its encoding", row
            ) from None
        except (LookupError, ValueError):
            # `rot13` is a codec but none of text; `idna` and its like raise a plain UnicodeError.
            raise SourceError(f"{encoding} is no encoding of source text: save the file as UTF-8") from None
        source = cls(path, data, text, encoding, bom)
        if source.encode(text) != data:
            raise SourceError(f"{encoding} does not keep the file's bytes: save the file as UTF-8")
        return source

    def encode(self, text: str) -> bytes:
        """Return the bytes of a changed text, with this file's encoding and byte-order mark.

        Raises:
            SourceError: the encoding has no bytes for a character of `text`, or a notebook does not keep its cells.
        """
        try:
            body = (text if self.notebook is None else self.notebook.with_text(text)).encode(self.encoding)
        except UnicodeEncodeError as error:
            character = text[error.start]
            raise SourceError(f"{self.encoding} cannot write {character!a}: save the file as UTF-8") from None
        return codecs.BOM_UTF8 + body if self.bom else body

    def with_text(self, text: str) -> Source:
        """Return this file with another text.

        Raises:
            SourceError: the encoding has no bytes for a character of `text`, or a notebook does not keep its cells.
        """
        data = self.encode(text)
        if self.notebook is not None:
            changed = Source.from_bytes(self.path, data)
            if len(changed.faults) > len(self.faults):
                raise SourceError("a cell would be no Python any more")
            return changed
        return Source(self.path, data, text, self.encoding, self.bom)

    @cached_property
    def cells(self) -> tuple[Cell, ...]:
        """The code cells of a notebook, in order; none of another file."""
        if self.notebook is None:
            return ()
        from optlint.source.cells import cells_of

        return cells_of(self.text)

    @cached_property
    def faults(self) -> tuple[Fault, ...]:
        """What is wrong with the cells of a notebook that are no Python; they are left out of its program."""
        mask = None if self.notebook is None else mask_of(self.text)
        return () if mask is None else mask.faults

    @cached_property
    def line_starts(self) -> tuple[int, ...]:
        """Offsets at which lines start; Python's own lines, so form feeds and Unicode separators end none."""
        return (0, *(match.end() for match in _NEWLINE.finditer(self.text)))

    @cached_property
    def newline(self) -> str:
        """The newline that new lines get: the first one of the file, or a line feed."""
        match = _NEWLINE.search(self.text)
        return match.group() if match else "\n"

    def line(self, row: int) -> str:
        """Return line `row` (from 1) without its newline."""
        start = self.line_starts[row - 1]
        match = _NEWLINE.search(self.text, start)
        return self.text[start : match.start() if match else len(self.text)]

    def offset(self, row: int, utf8_column: int) -> int:
        """Return the offset of an `ast` position: row from 1, column in UTF-8 bytes from 0."""
        line = self.line(row)
        if line.isascii():
            return self.line_starts[row - 1] + utf8_column
        return self.line_starts[row - 1] + len(line.encode()[:utf8_column].decode())

    def row(self, offset: int) -> int:
        """Return the row, from 1, of an offset in the whole text."""
        return bisect_right(self.line_starts, offset)

    def is_border(self, row: int) -> bool:
        """Say whether a row of the whole text is one between the cells of a notebook, which people do not see."""
        start = self.line_starts[row - 1]
        return bool(self.cells) and (start in self._cell_borders or start >= self.cells[-1].below)

    def position(self, offset: int) -> Position:
        """Return the row and column of an offset, in a notebook those in its cell; a border is the end of a cell."""
        if not self.cells:
            row = self.row(offset)
            return Position(row, offset - self.line_starts[row - 1] + 1)
        cell = self.cells[max(0, bisect_left(self._cell_borders, offset) - 1)]
        offset = min(max(offset, cell.start), cell.end)
        row = self.row(offset)
        return Position(row - self.row(cell.border), offset - self.line_starts[row - 1] + 1, cell.number, row)

    @cached_property
    def _cell_borders(self) -> tuple[int, ...]:
        return tuple(cell.border for cell in self.cells)

    def span(
        self, node: ast.expr | ast.stmt | ast.keyword | ast.alias | ast.arg | ast.excepthandler | ast.pattern
    ) -> Span:
        """Return the characters that a node of `parse(source.text)` covers."""
        assert node.end_lineno is not None
        assert node.end_col_offset is not None
        return Span(self.offset(node.lineno, node.col_offset), self.offset(node.end_lineno, node.end_col_offset))


@lru_cache(maxsize=4)
def _notebook(path: Path, data: bytes) -> Source:
    from optlint.source.notebook import Notebook

    bom = data.startswith(codecs.BOM_UTF8)
    body = data[len(codecs.BOM_UTF8) :] if bom else data
    try:
        document = body.decode()
    except UnicodeDecodeError as error:
        row = body.count(b"\n", 0, error.start) + 1
        raise SourceError("the bytes are not utf-8: open and save the notebook with Jupyter", row) from None
    notebook = Notebook.read(document)
    return Source(path, data, notebook.text, "utf-8", bom, notebook)


def code_in(path: Path, data: bytes) -> bytes:
    """Return the bytes of the code in a file: of a notebook those of its cells, if it can be read."""
    if path.suffix != NOTEBOOK_SUFFIX:
        return data
    try:
        return Source.from_bytes(path, data).text.encode()
    except SourceError:
        return data


def read(text: str) -> ast.Module:
    """Return what `ast` makes of a text, in silence: warnings about the text belong to its author."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        return ast.parse(text)


def is_notebook(text: str) -> bool:
    """Say whether a text is that of a notebook."""
    return _NOTEBOOK.match(text) is not None


def parse(text: str) -> ast.Module:
    """Parse a text; syntax that is newer than the Python that runs optlint is read as that newer Python reads it.

    Magics of cells are taken for what `Mask` puts in their place, as are cells of a notebook that are no Python.

    Raises:
        SourceError: the text is no Python; it holds the place.
    """
    try:
        try:
            return _read_apart(text)
        except SyntaxError:
            mask = _mask_of_refused(text)
            if mask is None:
                raise
            return mask.tree()
    except SyntaxError as error:
        row, column = max(1, error.lineno or 1), max(1, error.offset or 1)
        raise SourceError(f"{error.msg}: mend the syntax", row, column) from None
    except (RecursionError, MemoryError):
        raise SourceError(
            "the text is nested too deeply to be parsed: split the expression, or exclude the file"
        ) from None
    except ValueError as error:
        raise SourceError(f"the text cannot be parsed: {error}: mend it, or exclude the file") from None


@lru_cache(maxsize=8)
def mask_of(text: str) -> Mask | None:
    """Return the mask of a text that the Python that runs optlint refuses, None of any other text.

    Raises:
        SourceError: there is newer syntax in the text that cannot be masked.
    """
    try:
        _read_apart(text)
    except SyntaxError:
        return _mask_of_refused(text)
    except (RecursionError, MemoryError, ValueError):
        pass
    return None


def newer_mask(text: str) -> Mask | None:
    """Return the mask of a refused text whose syntax is newer than the Python that runs optlint, None of any other.

    Raises:
        SourceError: there is newer syntax in the text that cannot be masked.
    """
    from optlint.source.candidate import may_be_newer

    if not may_be_newer(text):
        return None
    from optlint.source.newer_syntax import masked  # libcst takes its time to be imported

    return masked(text)


@lru_cache(maxsize=8)
def _mask_of_refused(text: str) -> Mask | None:
    if is_notebook(text) or BORDER.search(text):
        from optlint.source.cells import cell_mask

        if (mask := cell_mask(text)) is not None or is_notebook(text):
            return mask
    return newer_mask(text)


def _read_apart(text: str) -> ast.Module:
    """Read a text; a statement of a notebook may not reach from one cell into the next.

    Raises:
        SyntaxError: one does, or the text is no Python.
    """
    module = read(text)
    if is_notebook(text):
        from optlint.source.cells import crosses_border

        if crosses_border(text, module):
            raise SyntaxError("a statement reaches over the end of its cell")
    return module
