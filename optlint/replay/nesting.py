"""In which loops the rows of a script stand: where a loop makes one turn only, a replay does not tell that."""

from __future__ import annotations

import ast
from collections.abc import Iterable


def loops_kept(body: str, rows: Iterable[int], fixed_body: str, fixed_rows: Iterable[int]) -> bool:
    """Whether each of the rows of the fixed script stands in the same loops as some of the rows of the original one."""
    former = _loops(body, rows)
    return all(each in former for each in _loops(fixed_body, fixed_rows))


def _loops(body: str, rows: Iterable[int]) -> list[tuple[str, ...]]:
    """The loops around each row, the outermost first, by their first lines."""
    lines = body.split("\n")
    loops = [
        (each.lineno, each.end_lineno or each.lineno)
        for each in ast.walk(ast.parse(body))
        if isinstance(each, ast.For | ast.While)
    ]
    return [
        tuple(lines[first - 1].strip() for first, last in sorted(loops) if first < row <= last) for row in sorted(rows)
    ]
