"""Tensors with gradients that attributes get, as they stand in the bytes of a file: which files are to be looked at."""

from __future__ import annotations

import re

_FLAG = re.compile(rb"requires_grad(?: *= *True|_\()")
_PARAMETER = re.compile(rb"Parameter\(")
_SET = re.compile(rb"self\.\w+\s*(?::[^=\n]{1,200})?=(?!=)")
_WHOLE = re.compile(rb"[^()\n]*(?:\((?:[^()\n]|\([^()\n]*\))*\)[^()\n]*)*\)[ \t]*(?:#[^\n]*)?\r?(?:\n|\Z)")
"""A call from its bracket on that ends with its line."""
_COMPUTED = re.compile(rb"[\s)]*[.*/+@-]")
"""What stands behind a value of which another one is computed."""
_OPERATOR = re.compile(rb"[*/+@-][ \t(]*[\w.]*\Z")
"""What stands before it."""
_LONG = 400


def may_keep_gradients(data: bytes) -> bool:
    """Whether an attribute may get a tensor with gradients that is no parameter of its own, or a buffer a parameter."""
    if any(_is_given(data, each.start()) for each in _FLAG.finditer(data)):
        return True
    made = _PARAMETER.finditer(data)
    return any(_is_changed(data, each.start(), each.end()) and _is_given(data, each.start()) for each in made)


def _is_given(data: bytes, at: int) -> bool:
    """Whether what stands at an offset belongs to an assignment to an attribute, or to a call that makes a buffer."""
    before = data[max(0, at - _LONG) : at]
    start = before.rfind(b"register_buffer(")
    if start >= 0 and before.count(b"(", start) > before.count(b")", start):
        return True
    start = before.rfind(b"self.")
    while start >= 0:
        found = _SET.match(before, start)
        if found is not None:
            return _goes_on(before[found.end() :])
        start = before.rfind(b"self.", 0, start)
    return False


def _is_changed(data: bytes, start: int, end: int) -> bool:
    """Whether a parameter that is made at an offset becomes a buffer, or another tensor is computed from it."""
    if b"register_buffer(" in data[max(0, start - _LONG) : start]:
        return True
    if _OPERATOR.search(data, max(0, start - _LONG), start) is not None:
        return True
    if _WHOLE.match(data, end, end + _LONG) is not None:
        return False
    depth, at = 1, end
    while depth and at < min(len(data), end + _LONG):
        depth += (data[at] in b"([{") - (data[at] in b")]}")
        at += 1
    return depth > 0 or _COMPUTED.match(data, at) is not None


def _goes_on(text: bytes) -> bool:
    """Whether a statement goes on beyond all newlines of a text: each of them stands in brackets."""
    depth = 0
    for line in text.split(b"\n")[:-1]:
        depth += sum(map(line.count, (b"(", b"[", b"{"))) - sum(map(line.count, (b")", b"]", b"}")))
        if depth <= 0:
            return False
    return True
