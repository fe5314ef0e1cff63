"""Backwards as they stand in the bytes of a file: whether code begins one, or only comments and examples name it."""

from __future__ import annotations

import re

_CALL = re.compile(rb"\.\w*backward\b")
_ROUND = rb"\((?:[^()\n]|\([^()\n]*\))*\)"
_SQUARE = rb"\[[^][\n]*\]"
_BEFORE = re.compile(rb"(?:[^\n]*[:;=])?[ \t)\]]*(?:[\w.]|%s|%s)*" % (_ROUND, _SQUARE))
"""What stands before that in its line where it is a statement, or is assigned."""
_LONG = 300


def may_go_back(data: bytes) -> bool:
    """Whether a statement in the bytes of a file may begin a backward, or names the method."""
    for call in _CALL.finditer(data):
        start = data.rfind(b"\n", 0, call.start()) + 1
        if call.start() - start > _LONG or _BEFORE.fullmatch(data, start, call.start()) is not None:
            return True
    return False
