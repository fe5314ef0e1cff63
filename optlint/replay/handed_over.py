"""What a script hands to code that is not run: calls of stand-ins that are given an optimizer or a scheduler."""

from __future__ import annotations

import ast
from collections.abc import Iterator

from optlint.replay.script import ReplayScript
from optlint.replay.trace import Kind, Trace


def handed_over(script: ReplayScript, trace: Trace) -> dict[str, int]:
    """Return by the name of what is called the row (of the script, from 1) where it is given one of a trace's objects.

    What such code makes of an optimizer or a scheduler, a wrapper that steps it more often, no replay shows.
    """
    kinds = (Kind.OPTIMIZER, Kind.SCHEDULER)
    labels = {thing.label for thing in trace.things if thing.kind in kinds and thing.label}
    tree = ast.parse(script.body)
    standins = set(_standins(tree))
    found: dict[str, int] = {}
    for node in ast.walk(tree):
        if not isinstance(node, ast.Call) or _root(node.func) not in standins:
            continue
        given = (*node.args, *(keyword.value for keyword in node.keywords))
        if any(ast.unparse(each) in labels for each in given):
            found.setdefault(ast.unparse(node.func), node.lineno)
    return found


def _standins(tree: ast.Module) -> Iterator[str]:
    """Yield the names that a script binds to stand-ins for code that is not known."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Assign) and isinstance(node.value, ast.Call):
            if ast.unparse(node.value.func) in ("standin.Unknown", "standin.unknown"):
                yield from map(ast.unparse, node.targets)


def _root(called: ast.expr) -> str:
    """Return the name that a call begins with; of `self.accelerator.prepare` that is `self.accelerator`."""
    while isinstance(called, ast.Attribute):
        inner = called.value
        if isinstance(inner, ast.Name) and inner.id == "self":
            return ast.unparse(called)
        called = inner
    return called.id if isinstance(called, ast.Name) else ""
