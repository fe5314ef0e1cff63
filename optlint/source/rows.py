"""The rows of a text as comments see them: where comments stand, where more may stand, and to which statement."""

from __future__ import annotations

import io
import token
import tokenize
from dataclasses import dataclass, field

from optlint.source.text import Source, SourceError, mask_of

_TEMPLATES = {
    getattr(token, f"{letter}STRING_{end}", -1): step
    for letter in "FT"
    for end, step in (("START", 1), ("END", -1))
    if hasattr(token, f"{letter}STRING_{end}")
}
"""By how much a token changes the depth of f-strings and t-strings, on Pythons that read them token by token."""


@dataclass(slots=True)
class Rows:
    """What the tokens say about rows, which count from 1."""

    comments: list[tuple[int, int, str]] = field(default_factory=list)
    """Row, column from 0 and text of each comment."""
    statement: dict[int, tuple[int, int]] = field(default_factory=dict)
    """First and last row of the statement that a row lies in; of a compound statement, of its header."""
    ending_in_code: set[int] = field(default_factory=set)
    """Rows after whose last character a comment may stand: not those that end in a string or with a backslash."""


def rows(source: Source) -> Rows:
    """Tokenize the text; where it is no Python, what stands before the fault counts."""
    found = Rows()
    first: int | None = None
    depth = 0
    try:
        mask = mask_of(source.text)
    except SourceError:
        mask = None
    text = source.text if mask is None else mask.text
    try:
        for each in tokenize.generate_tokens(io.StringIO(text, newline=None).readline):
            depth += _TEMPLATES.get(each.type, 0)
            if each.type == tokenize.COMMENT:
                found.comments.append((*each.start, each.string))
            elif each.type == tokenize.NL and depth == 0:
                found.ending_in_code.add(each.start[0])
            elif each.type == tokenize.NEWLINE:
                found.ending_in_code.add(each.start[0])
                if first is not None:
                    found.statement.update((row, (first, each.end[0])) for row in range(first, each.end[0] + 1))
                first = None
            elif first is None and each.string.strip():
                first = each.start[0]
    except (tokenize.TokenError, SyntaxError):
        pass  # the file's own finding says that it is broken
    return found
