"""Backwards as they stand in the bytes of a file: whether code begins one, or only comments and examples name it."""

from __future__ import annotations

import re

from optlint_rules.lines import line_start

_CALL = re.compile(rb"\.\w*backward\b")
_PAIR = re.compile(rb"\([^][()]*\)|\[[^][()]*\]")
_BEFORE = re.compile(rb"(?:[^\n]*[:;=])?[ \t)\]]*(?:[\w.]+[(\[][^\n]*)?[\w.]*")
"""What stands before that in its line where it is code, brackets with what is in them left out."""
_LONG = 300


def may_go_back(data: bytes) -> bool:
    """Whether code in the bytes of a file may begin a backward, or names the method."""
    for call in _CALL.finditer(data):
        start = line_start(data, call.start(), _LONG)
        if start is None or _is_code(data[start : call.start()]):
            return True
    return False


def _is_code(before: bytes) -> bool:
    """Whether a call is one of code, by what stands before it in its line."""
    replaced = 1
    while replaced:
        before, replaced = _PAIR.subn(b"", before)
    return _BEFORE.fullmatch(before) is not None
