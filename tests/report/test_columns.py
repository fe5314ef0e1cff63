"""Source text as a terminal shows it."""

from __future__ import annotations

import pytest

from optlint.report.columns import expand, width


@pytest.mark.parametrize(
    ("line", "shown", "columns"),
    [
        ("", "", 0),
        ("x = 1", "x = 1", 5),
        ("\tx", "    x", 5),
        ("ab\tx", "ab  x", 5),
        ("\u4e2d\tx", "\u4e2d  x", 5),
        ("\u4e2d\u6587", "\u4e2d\u6587", 4),
        ("e\u0301", "e\u0301", 1),
        ("\x1b[31mred", "\\x1b[31mred", 11),
        ("a\x0cb", "a\\x0cb", 6),
        ("a\u202eb", "a\\u202eb", 8),
        ("\udc80", "\\udc80", 6),
    ],
)
def test_lines_as_a_terminal_shows_them(line: str, shown: str, columns: int) -> None:
    assert expand(line) == shown
    assert width(line) == columns
