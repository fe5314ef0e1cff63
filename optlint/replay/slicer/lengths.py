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
PERIOD = 3
"""What an option counts as that says every how many batches an update is made, where its default shows nothing.

With 2 one could not tell an update every second time from one that is left out every second time.
"""
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
    """Return how many batches a condition such as `(i + 1) % 8 == 0` needs to hold some times, or 0 for any number."""
    longest, times = 0, 2
    defaults = {name: each for layout in slice_.layouts.values() for name, each in layout.defaults.items()}
    for statement in slice_.kept:
        for header in headers(statement) if isinstance(statement, ast.If) else ():
            for node in ast.walk(header):
                if isinstance(node, ast.BoolOp) and isinstance(node.op, ast.Or) and steps(statement):
                    times = 3  # where an update is made at the end of an epoch as well, most are to be others
                if isinstance(node, ast.BinOp) and isinstance(node.op, ast.Mod):
                    value = slice_.observed.values.get(node.right)
                    if isinstance(value, Const) and type(value.value) is int:
                        longest = max(longest, value.value)
                    given = defaults.get(node.right.attr) if isinstance(node.right, ast.Attribute) else None
                    if isinstance(given, ast.Constant) and type(given.value) is int:
                        if is_short_or_long(given.value):
                            longest = max(longest, PERIOD) if steps(statement) else longest
                        else:
                            longest = max(longest, given.value)
                    elif not isinstance(value, Const) and given is None and steps(statement):
                        longest = max(longest, UNKNOWN)
    return times * longest if 1 < longest <= MOST_BATCHES else 0


def is_short_or_long(period: int) -> bool:
    """Whether an option says that something is done each time, or less often than a replay goes on."""
    return period == 1 or period > MOST_OPTION


def steps(statement: ast.stmt) -> bool:
    """Whether something is stepped in a statement."""
    return any(isinstance(node, ast.Attribute) and node.attr == "step" for node in ast.walk(statement))
