"""Comments that order tools and not people: `# fmt: off` regions, cell borders, the first lines of a script."""

from __future__ import annotations

import re
import token
from dataclasses import dataclass

from optlint.syntax.tokens import Token, Tokens

_OFF = re.compile(r"#\s*(?:fmt:\s*off|yapf:\s*disable)\b")
_ON = re.compile(r"#\s*(?:fmt:\s*on|yapf:\s*enable)\b")
_SKIP = re.compile(r"#\s*(?:fmt:\s*skip|yapf:\s*disable)\b")
_FIXED = re.compile(r"#\s*(?:%%|In\[|fmt:|yapf:|isort:|region\b|endregion\b)")
_HEAD = re.compile(r"#!|#.*?coding[:=]")


@dataclass(frozen=True, slots=True)
class Region:
    """Rows `first` to `last`, both included, whose layout a person keeps by hand."""

    first: int
    last: int


def is_fixed(comment: Token) -> bool:
    """Say whether a comment line belongs to its place and not to the statement under it."""
    return bool(_FIXED.match(comment.text) or (comment.row <= 2 and _HEAD.match(comment.text)))


def regions(tokens: Tokens) -> tuple[Region, ...]:
    """Return the regions in the order of their first rows.

    A region lasts from `# fmt: off` to `# fmt: on`, to the first statement that is indented less than the former,
    or to the end of the file; `# fmt: skip` makes a region of the logical line that it ends.
    """
    found: list[Region] = []
    opened: Token | None = None
    for comment in tokens.comments:
        alone = comment.row in tokens.comment_lines
        if opened is not None and (alone and _ON.match(comment.text)):
            found.append(Region(opened.row, min(comment.row, _block_end(tokens, opened))))
            opened = None
        elif opened is not None and comment.row > _block_end(tokens, opened):
            found.append(Region(opened.row, _block_end(tokens, opened)))
            opened = None
        if alone and opened is None and _OFF.match(comment.text):
            opened = comment
        elif not alone and _SKIP.search(comment.text):
            found.append(_logical_line(tokens, comment))
    if opened is not None:
        found.append(Region(opened.row, _block_end(tokens, opened)))
    return tuple(sorted(found, key=lambda region: (region.first, region.last)))


def _block_end(tokens: Tokens, comment: Token) -> int:
    """Return the last row before the first later statement that is indented less than the comment."""
    column = comment.start - tokens.row_start(comment.start)
    for index in tokens.between(comment.end, len(tokens.source.text)):
        item = tokens.code[index]
        if tokens.line_first[index] == index and item.start - tokens.row_start(item.start) < column:
            return item.row - 1
    return len(tokens.source.line_starts)


def _logical_line(tokens: Tokens, comment: Token) -> Region:
    """Return the rows of the logical line in or after which a comment stands."""
    for index in tokens.between(comment.end, len(tokens.source.text)):
        if tokens.code[index].kind == token.NEWLINE or tokens.line_first[index] < index:
            first, last = tokens.line_first[index], tokens.line_last[index]
            return Region(tokens.code[first].row, tokens.code[last].row)
    return Region(comment.row, comment.row)
