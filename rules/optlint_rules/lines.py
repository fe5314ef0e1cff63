"""Lines in the bytes of a file, for screens, which look at what stands before a call."""

from __future__ import annotations


def line_start(data: bytes, at: int, longest: int = 1_000) -> int | None:
    """Return where the line begins that an offset lies in, or None where that is farther away than `longest`.

    To look at it again for each call of a long line would take too long.
    """
    newline = data.rfind(b"\n", max(0, at - longest - 1), at)
    if newline >= 0:
        return newline + 1
    return 0 if at <= longest else None
