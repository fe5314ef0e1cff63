"""Which opaque conditions matter most for a finding: those that say whether the flagged rows are reached."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence

from optlint.replay.trace import Trace

_WORD = re.compile(r"\w+")


def by_relevance(traces: Iterable[Trace], body: str, rows: Sequence[int]) -> list[str]:
    """Return the conditions that were met, those first that a flagged row of the script is subject to."""
    met: dict[str, int] = {}
    for trace in traces:
        for condition, row in zip(trace.asked, trace.asked_in, strict=False):
            met.setdefault(condition, row)
    headers = _headers(body, rows)
    lines = body.split("\n")
    tests = [lines[row - 1] for row in headers if lines[row - 1].lstrip().startswith(("if ", "elif ", "while "))]
    # Options are met where the script begins, and decide where they are named.
    asked = {word for test in tests for word in _WORD.findall(test)}
    return sorted(met, key=lambda each: met[each] not in headers and each.partition(" ")[0] not in asked)


def _headers(body: str, rows: Sequence[int]) -> set[int]:
    """The rows of the compound statements around some rows."""
    depths = [len(line) - len(line.lstrip()) for line in body.split("\n")]
    found: set[int] = set()
    for row in rows:
        depth = depths[row - 1] if 0 < row <= len(depths) else 0
        for above in range(row - 1, 0, -1):
            if depths[above - 1] < depth:
                found.add(above)
                depth = depths[above - 1]
    return found
