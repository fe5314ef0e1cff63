"""Sums of losses as they stand in the bytes of a file, by which it is chosen to be looked at or not."""

from __future__ import annotations

import re

from optlint_rules.gradients.backward_in_text import may_go_back

_EVALUATION = re.compile(rb"def \w*(?i:eval|valid|test|infer|predict)")
_SUM = re.compile(rb"\+=|= *([\w.]+) *\+")
"""`total += loss`, or `total = total + loss`."""
_LOSS = re.compile(rb"(?i)loss|cost|nll|entropy|criteri|error")
_TARGET = re.compile(rb"[\w.]+\s*\Z")
_PLAIN = re.compile(
    rb"[ \t]*(?:[\w.]+\.item\(\)|float\(|len\(|[fr]*[\"'\[]|\d[\d._e]*[ \t]*[#\r\n])[^+#\n]*(?:#[^\n]*)?(?:\n|\Z)"
)
"""What is added where it is a number, a text or a list as written."""
_LOOP = re.compile(rb"(?:async +)?(?:for|while)\b")
_BLOCK = re.compile(rb"^([ \t]*)(?:async +)?(?:for\b|while\b|class\b|def +\w+)", re.MULTILINE)


def may_sum_losses(data: bytes) -> bool:
    """Whether the bytes of a file may add up losses in an evaluation or beside a backward, or belong to a program."""
    if b"torch.optim" in data:
        return True
    anywhere = b".eval(" in data or may_go_back(data)
    if not anywhere and _EVALUATION.search(data) is None:
        return False
    blocks = _Blocks(data)
    for match in _SUM.finditer(data):
        start, end = data.rfind(b"\n", 0, match.start()) + 1, data.find(b"\n", match.end())
        if _LOSS.search(data, start, end if end >= 0 else len(data)) is None or _PLAIN.match(data, match.end()):
            continue
        target = _TARGET.search(data, max(start, match.start() - 100), match.start())
        if target is None or match[1] not in (None, target[0].rstrip()):
            continue
        heads = blocks.around(start)
        if any(map(_LOOP.match, heads)) and (anywhere or any(map(_EVALUATION.search, heads))):
            return True
    return False


class _Blocks:
    """The loops, functions and classes of a file, asked line by line from its first to its last."""

    def __init__(self, data: bytes) -> None:
        self._data = data
        self._coming = _BLOCK.finditer(data)
        self._next = next(self._coming, None)
        self._open: list[tuple[int, bytes]] = []
        """How far what is open is indented, and how it begins."""

    def around(self, start: int) -> list[bytes]:
        """Return the beginnings of what the line that starts at an offset lies in, by its indentation, or begins."""
        while self._next is not None and self._next.start() <= start:
            self._close(len(self._next[1].expandtabs()))
            self._open.append((len(self._next[1].expandtabs()), self._next[0].lstrip()))
            own = self._next.start() == start
            self._next = next(self._coming, None)
            if own:
                return [head for _, head in self._open]
        line = self._data[start : start + 200].expandtabs()
        self._close(len(line) - len(line.lstrip(b" ")))
        return [head for _, head in self._open]

    def _close(self, width: int) -> None:
        while self._open and self._open[-1][0] >= width:
            self._open.pop()
