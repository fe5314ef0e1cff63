"""How long a script has to run: what its schedules and its groups of batches need to be seen whole."""

from __future__ import annotations

import ast

from optlint.program.objects import Scheduler
from optlint.program.values import Const
from optlint.replay.slicer.scopes import headers
from optlint.replay.slicer.slice import Slice

MOST_BATCHES = 64
"""Batches of a group that is accumulated; a longer period is one of reports, not of updates."""
MOST_OPTION = 8
"""The same where an option says it: longer ones are made shorter (see `stand_ins`)."""
UNKNOWN = 2
"""What an unknown number of batches is worth in a replay."""
LONGEST_COVER = 400
"""Steps of a schedule that a loop of unknown length is made long enough for."""


def cover(slice_: Slice) -> int:
    """Return how many steps the schedules of the slice need to be seen whole."""
    longest = 0
    for node, value in slice_.observed.values.items():
        if not isinstance(value, Scheduler) or not isinstance(node, ast.Call) or not _is_written(slice_, node):
            continue
        for argument in [*node.args, *(keyword.value for keyword in node.keywords)]:
            numbers = argument.elts if isinstance(argument, ast.List | ast.Tuple) else [argument]
            for number in numbers:
                if isinstance(number, ast.Constant) and type(number.value) is int:
                    longest = max(longest, number.value)
    return min(longest, LONGEST_COVER) + 2 if longest else 0


def _is_written(slice_: Slice, node: ast.expr) -> bool:
    """Whether an expression stands in a statement that is kept as it is."""
    statements = (layout.statement.get(node) for layout in slice_.layouts.values())
    return any(each in slice_.kept and each not in slice_.replaced for each in statements if each)


def batches(slice_: Slice) -> int:
    """Return how many batches a condition such as `(i + 1) % 8 == 0` needs to hold twice, or 0 for any number."""
    longest = 0
    defaults = {name: each for layout in slice_.layouts.values() for name, each in layout.defaults.items()}
    for statement in slice_.kept:
        for header in headers(statement) if isinstance(statement, ast.If) else ():
            for node in ast.walk(header):
                if isinstance(node, ast.BinOp) and isinstance(node.op, ast.Mod):
                    value = slice_.observed.values.get(node.right)
                    if isinstance(value, Const) and type(value.value) is int:
                        longest = max(longest, value.value)
                    given = defaults.get(node.right.attr) if isinstance(node.right, ast.Attribute) else None
                    if isinstance(given, ast.Constant) and type(given.value) is int and given.value <= MOST_OPTION:
                        longest = max(longest, given.value)
                    elif not isinstance(value, Const) and given is None and _steps(statement):
                        longest = max(longest, UNKNOWN)
    return 2 * longest if 1 < longest <= MOST_BATCHES else 0


def _steps(statement: ast.stmt) -> bool:
    """Whether something is stepped in a statement."""
    return any(isinstance(node, ast.Attribute) and node.attr == "step" for node in ast.walk(statement))
