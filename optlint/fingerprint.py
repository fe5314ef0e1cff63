"""Fingerprints: what one knows a finding by when lines have moved and files have other names."""

from __future__ import annotations

import ast
import hashlib
import re
from bisect import bisect_right
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

from optlint.finding import Finding
from optlint.source.text import Source, SourceError, Span, parse

_SCHEME = "1"
"""Part of every fingerprint: another way of making them needs another number, for baselines hold them."""
_DIGITS = 16
_PIECES = re.compile(
    r"""(?P<blank>(?:\s|\\(?=[\r\n]))+)
    |(?P<comment>\#[^\r\n]*)
    |(?P<string>[a-zA-Z]{0,2}(?:\"{3}(?:\\.|[^\\])*?\"{3}|'{3}(?:\\.|[^\\])*?'{3}
        |\"(?:\\.|[^\\\"\r\n])*\"|'(?:\\.|[^\\'\r\n])*'))
    |(?P<word>\w+)
    |(?P<sign>.)""",
    re.VERBOSE | re.DOTALL,
)
"""Not `tokenize`, whose tokens differ from Python to Python: a fingerprint is the same wherever optlint runs."""
_CLOSING = frozenset(")]}")


def fingerprints(findings: Sequence[Finding], sources: Callable[[Path], Source | None]) -> list[str]:
    """Return the fingerprint of each finding, 16 hex digits, parallel to `findings`, which may be in any order.

    It is made of the rule's code, the words of the flagged expression or statement, the names of the functions and
    classes around it, and its number among the findings of the same file that agree in all of these. So it changes
    where the flagged text itself does, where a function or class around it gets another name, where the text moves to
    another one, and where an equal finding above it comes or goes.

    It stays where lines move, where code and comments around change, where the text is formatted anew (blanks, line
    breaks, quotes, trailing commas), and where the file gets another name or folder: the path is no part of it. Equal
    code in two files has equal fingerprints, hence whoever compares two runs counts them: one more is one new finding.

    A finding without a text, such as a file that cannot be read, is known by its message.
    """
    scopes: dict[Path, _Scopes | None] = {}
    keys: list[tuple[str, str, str]] = []
    for finding in findings:
        path, span = finding.location.path, finding.location.span
        if path not in scopes:
            source = sources(path)
            scopes[path] = None if source is None else _Scopes(source)
        scope = scopes[path]
        if scope is None or span.start == span.end:
            keys.append((finding.code, "", finding.message))
        else:
            flagged = scope.source.text[span.start : span.end]
            keys.append((finding.code, scope.around(span.start), normalised(flagged)))
    seen: Counter[tuple[Path, tuple[str, str, str]]] = Counter()
    made = [""] * len(findings)
    for index in sorted(range(len(findings)), key=lambda index: findings[index].location.span):
        key = keys[index]
        number = seen[findings[index].location.path, key]
        seen[findings[index].location.path, key] += 1
        made[index] = _digest(*key, str(number))
    return made


def normalised(text: str) -> str:
    """Return the words and signs of a piece of Python, one blank between each two, as every formatter leaves them.

    A text of comments alone keeps its words.
    """
    pieces = list(_pieces(text))
    return " ".join(pieces) if pieces else " ".join(text.split())


def _pieces(text: str) -> Iterator[str]:
    """Yield what is left when blanks, comments, line breaks and trailing commas go; all strings in double quotes."""
    comma = False
    for match in _PIECES.finditer(text):
        kind, piece = match.lastgroup, match.group()
        if kind in ("blank", "comment"):
            continue
        if comma and piece not in _CLOSING:
            yield ","
        comma = piece == ","
        if comma:
            continue
        yield _requoted(piece) if kind == "string" else piece.lower() if piece[0].isdigit() else piece
    if comma:
        yield ","


def _requoted(literal: str) -> str:
    """Return a string literal in double quotes where that changes no character of it."""
    if literal.endswith("'") and not literal.endswith("'''") and '"' not in literal and "\\" not in literal:
        prefix, _, body = literal[:-1].partition("'")
        return f'{prefix}"{body}"'
    return literal


def _digest(*parts: str) -> str:
    data = "\0".join((_SCHEME, *parts)).encode("utf-8", "surrogatepass")
    return hashlib.blake2b(data, digest_size=_DIGITS // 2).hexdigest()


class _Scopes:
    """Which functions and classes stand around each offset of a text."""

    def __init__(self, source: Source) -> None:
        self.source = source
        self._spans: list[tuple[Span, str]] = []
        try:
            self._enter(parse(source.text), "")
        except (SourceError, RecursionError):
            self._spans.clear()  # what the file's own finding says of it has no place
        self._spans.sort(key=lambda item: item[0].start)
        self._starts = [span.start for span, _ in self._spans]

    def _enter(self, node: ast.AST, around: str) -> None:
        for child in ast.iter_child_nodes(node):
            name = around
            if isinstance(child, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef):
                name = f"{around}.{child.name}" if around else child.name
                self._spans.append((Span(self.source.span(child.body[0]).start, self.source.span(child).end), name))
            if isinstance(child, ast.stmt | ast.excepthandler | ast.match_case):
                self._enter(child, name)

    def around(self, offset: int) -> str:
        """Return the dotted names of the functions and classes whose bodies hold the offset; empty for none."""
        for index in range(bisect_right(self._starts, offset) - 1, -1, -1):
            span, name = self._spans[index]
            if offset < span.end:
                return name
        return ""
