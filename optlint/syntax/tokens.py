"""The tokens of a source text with exact offsets: logical lines, comments and brackets.

`tokenize` and not libcst: it reads every file that `ast` reads, its positions need no code generation, and comments,
semicolons and commas, which a mended statement must keep, are tokens of their own. Where the syntax of a text is newer
than this Python, the tokens are those of its mask, which stand at the same offsets.
"""

from __future__ import annotations

import io
import token
import tokenize
from bisect import bisect_left, bisect_right
from collections.abc import Iterator
from dataclasses import dataclass, replace

from optlint.source.text import Source, SourceError, mask_of

_LAYOUT = frozenset({token.INDENT, token.DEDENT, token.ENDMARKER})
_TEMPLATE_STARTS = frozenset(
    getattr(token, name) for name in ("FSTRING_START", "TSTRING_START") if hasattr(token, name)
)
_TEMPLATE_ENDS = frozenset(getattr(token, name) for name in ("FSTRING_END", "TSTRING_END") if hasattr(token, name))
_OPENING = frozenset("([{")
_CLOSING = frozenset(")]}")


class CannotEditError(Exception):
    """The text cannot be edited as asked; the message is the reason, and callers turn it into "no fix"."""


@dataclass(frozen=True, slots=True)
class Token:
    """A token: the characters `start <= offset < end`; `row` and `end_row` count from 1.

    A newline token that ends a logical line covers the newline's characters, none at the end of a file without one.
    """

    kind: int
    text: str
    start: int
    end: int
    row: int
    end_row: int


class Tokens:
    """All tokens of one file.

    `code` holds those that mean something, newline tokens included and comments excluded; positions in it are called
    indices. `line_first[i]` and `line_last[i]` are the indices of the first token and of the newline token of the
    logical line that holds token `i`. `partner[i]` is the index of the bracket that matches bracket `i`.
    """

    def __init__(self, source: Source) -> None:
        """Raises CannotEditError where the text has no tokens."""
        self.source = source
        self.code: list[Token] = []
        self.comments: list[Token] = []
        self.comment_lines: dict[int, Token] = {}
        """Comments that stand alone on a line between statements, by row."""
        self.string_rows: set[int] = set()
        """Rows that start inside a string: their leading blanks are part of its value."""
        self.line_first: list[int] = []
        self.line_last: list[int] = []
        self.partner: dict[int, int] = {}
        try:
            self._mask = mask_of(source.text)
        except SourceError as error:
            raise CannotEditError(f"the file does not parse: {error.reason}") from None
        try:
            self._read()
        except (tokenize.TokenError, SyntaxError) as error:
            raise CannotEditError(f"the file has no tokens: {error.args[0]}") from None
        self._starts = [item.start for item in self.code]
        self._ends = [item.end for item in self.code]
        self._comment_starts = [item.start for item in self.comments]

    def _read(self) -> None:
        first = 0
        brackets: list[int] = []
        for item in self._unmasked(self._joined(self._raw())):
            index = len(self.code)
            match item.kind:
                case token.COMMENT:
                    self.comments.append(item)
                    if index == first:
                        self.comment_lines[item.row] = item
                case token.NL:
                    pass
                case _:
                    self.code.append(item)
                    if item.kind == token.STRING:
                        self.string_rows.update(range(item.row + 1, item.end_row + 1))
                    elif item.kind == token.OP and item.text in _OPENING:
                        brackets.append(index)
                    elif item.kind == token.OP and item.text in _CLOSING and brackets:
                        opening = brackets.pop()
                        self.partner[opening] = index
                        self.partner[index] = opening
                    elif item.kind == token.NEWLINE:
                        width = index + 1 - first
                        self.line_first += [first] * width
                        self.line_last += [index] * width
                        first = index + 1

    def _raw(self) -> Iterator[Token]:
        mask, starts = self._mask, self.source.line_starts
        source = self.source if mask is None else replace(self.source, text=mask.text)
        rows = len(starts) if starts[-1] < len(source.text) else len(starts) - 1
        # Each line gets a plain line feed, so that a bare carriage return and the last line end as others do.
        lines = io.StringIO("".join(f"{source.line(row)}\n" for row in range(1, rows + 1)), newline="\n")
        for item in tokenize.generate_tokens(lines.readline):
            if item.type in _LAYOUT:
                continue
            (row, column), (end_row, end_column) = item.start, item.end
            start = starts[row - 1] + column
            if item.type == token.NEWLINE:
                end_row, end = row, starts[row] if row < len(starts) else len(source.text)
            elif item.type == token.NL:
                end = start
            else:
                end = starts[end_row - 1] + end_column
            yield Token(item.type, item.string, start, end, row, end_row)

    def _joined(self, items: Iterator[Token]) -> Iterator[Token]:
        """Make one string token of an f-string's many, as Python 3.11 has it."""
        opened: list[Token] = []
        for item in items:
            if item.kind in _TEMPLATE_STARTS:
                opened.append(item)
            elif item.kind in _TEMPLATE_ENDS:
                start = opened.pop()
                if not opened:
                    text = self.source.text[start.start : item.end]
                    yield Token(token.STRING, text, start.start, item.end, start.row, item.end_row)
            elif not opened:
                yield item

    def _unmasked(self, items: Iterator[Token]) -> Iterator[Token]:
        """Put the masked strings in the place of the tokens that stand for them."""
        strings = list(reversed(self._mask.strings)) if self._mask is not None else []
        end = 0
        for item in items:
            while strings and strings[-1].start <= item.start:
                span = strings.pop()
                end = span.end
                row, end_row = (bisect_right(self.source.line_starts, offset) for offset in (span.start, end - 1))
                yield Token(token.STRING, self.source.text[span.start : end], span.start, end, row, end_row)
            if item.start >= end:
                yield item

    def starting_at(self, offset: int) -> int:
        """Return the index of the token that starts at `offset`.

        Raises:
            CannotEditError: none does.
        """
        index = bisect_left(self._starts, offset)
        if index == len(self.code) or self.code[index].start != offset:
            raise CannotEditError("the place is inside a token")
        return index

    def ending_at(self, offset: int) -> int:
        """Return the index of the token that ends at `offset`.

        Raises:
            CannotEditError: none does.
        """
        # A newline token may be empty, so several can end at one offset: the first is the one with characters.
        index = bisect_left(self._ends, offset)
        if index == len(self.code) or self.code[index].end != offset:
            raise CannotEditError("the place is inside a token")
        return index

    def between(self, start: int, end: int) -> range:
        """Return the indices of the tokens that lie wholly in `start <= offset < end`."""
        return range(bisect_left(self._starts, start), bisect_right(self._ends, end))

    def comments_between(self, start: int, end: int) -> list[Token]:
        """Return the comments that start in `start <= offset < end`."""
        return self.comments[bisect_left(self._comment_starts, start) : bisect_left(self._comment_starts, end)]

    def row_start(self, offset: int) -> int:
        """Return the offset at which the row of `offset` starts."""
        starts = self.source.line_starts
        return starts[bisect_right(starts, offset) - 1]

    def row_end(self, offset: int) -> int:
        """Return the offset just before the newline of the row of `offset`."""
        row = bisect_right(self.source.line_starts, offset)
        return self.source.line_starts[row - 1] + len(self.source.line(row))
