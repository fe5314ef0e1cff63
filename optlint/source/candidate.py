"""Whether libcst is asked about a text that `ast` refuses: where it may know more, and can bear the text.

Each token costs libcst's parser some 50 microseconds and 5 kB. It has no limit of its own to nesting: a text that is
nested too deeply overflows its stack, and that ends the process.
"""

from __future__ import annotations

import re

_MOST_TOKENS = 100_000
_MOST_TOKENS_AROUND = 1_000
_MOST_BRACKETS = 200
_NEWER = re.compile(
    r"\b(?:def|class)[ \t]+\w+[ \t]*\[|\btype[ \t\\]|\bexcept\b[^\n:]*,|\b[rR]?[fFtT][rR]?[\"']|\blazy\b|[\[({]\s*\*"
)
_LEXEME = re.compile(
    r"""(?P<nothing>\#[^\r\n]*|[ \t\f]+|\\(?:\r\n|[\r\n])?)
    |(?P<string>\"{3}(?:\\.|[^\\])*?\"{3}|'{3}(?:\\.|[^\\])*?'{3}|"(?:\\.|[^"\\\r\n])*"|'(?:\\.|[^'\\\r\n])*')
    |(?P<opening>[(\[{])|(?P<closing>[)\]}])|(?P<end>[,;])|(?P<line>[\r\n]+)|\w+|.""",
    re.DOTALL | re.VERBOSE,
)


def may_be_newer(text: str) -> bool:
    """Say whether a text that `ast` refuses may be syntax of a newer Python that libcst reads."""
    return _NEWER.search(text) is not None and not _is_demanding(text)


def _is_demanding(text: str) -> bool:
    """Say whether a text is too long or nested too deeply for libcst; a string is a single token here.

    Nothing nests deeper than by one level for each token before it that no comma or semicolon, and outside of brackets
    no newline, parts from it; but each `elif` is nested in the one before. Indentation has a limit in libcst too.
    """
    if text.count("elif") > _MOST_TOKENS_AROUND:
        return True
    around = 0
    levels = [0]
    """How many of the tokens around are in each bracket that is open."""
    tokens = 0
    for match in _LEXEME.finditer(text):
        kind = match.lastgroup
        if kind == "nothing" or (kind == "line" and len(levels) > 1):
            continue
        tokens += 1
        if kind in ("end", "line"):
            around -= levels[-1]
            levels[-1] = 0
            continue
        if kind == "closing" and len(levels) > 1:
            around -= levels.pop()
        around += 1
        if kind == "opening":
            levels.append(1)
        else:
            levels[-1] += 1
        if tokens > _MOST_TOKENS or around > _MOST_TOKENS_AROUND or len(levels) > _MOST_BRACKETS:
            return True
    return False
