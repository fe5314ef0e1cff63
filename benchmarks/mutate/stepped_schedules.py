"""Where schedules are made and stepped, and for which optimizer, by the wording of a text."""

from __future__ import annotations

from collections.abc import Iterator

import libcst as cst

from mutate.idioms import Idioms, Made
from mutate.tree import Line, contains


def stepped(idioms: Idioms, *kinds: str) -> Iterator[tuple[Made, Line, cst.Call]]:
    """Yield the schedulers of some classes that are made here, with each line that steps them.

    Left out are those that share their name with another one, as it may be that one which is stepped, and steps in
    another function than the one that knows the name.
    """
    for made in idioms.schedulers:
        if kinds and made.kind not in kinds:
            continue
        function = idioms.tree.function(made.line.node)
        own = "." in made.name
        if _values(idioms, made) == 1:
            for line, owner, call in idioms.scheduler_steps():
                if owner == made.name and (own or idioms.tree.function(line.node) is function):
                    yield made, line, call


def _values(idioms: Idioms, made: Made) -> int:
    """Return how many values but `None` a scheduler's name is given in its function, or an attribute in its file."""
    function = idioms.tree.function(made.line.node)
    return sum(
        idioms.tree.code(line.assigned[0]) == made.name and idioms.tree.code(line.assigned[1]) != "None"
        for line in idioms.tree.lines
        if line.assigned is not None and ("." in made.name or idioms.tree.function(line.node) is function)
    )


def is_alone(idioms: Idioms, made: Made) -> bool:
    """Whether no other scheduler is made for the optimizer of one, nor anything else by a class."""
    optimizer = optimizer_of(idioms, made)
    calls = [each for each in idioms.tree.calls() if each.args and idioms.tree.code(each.args[0].value) == optimizer]
    return sum(idioms.tree.code(each.func).rpartition(".")[2][:1].isupper() for each in calls) == 1


def optimizer_of(idioms: Idioms, made: Made) -> str:
    """Return the text of the optimizer that a scheduler is made for."""
    return idioms.tree.code(made.call.args[0].value) if made.call.args else ""


def is_beside_update(idioms: Idioms, made: Made, line: Line) -> bool:
    """Whether the loop around a line steps the optimizer of a schedule, so that it does not wind the schedule on."""
    loops = idioms.tree.loops(line.node)
    optimizer = optimizer_of(idioms, made)
    return bool(loops) and any(owner == optimizer and contains(loops[0], each.node) for each, owner in idioms.steps())


def is_made_before(idioms: Idioms, made: Made, line: Line) -> bool:
    """Whether a schedule is made before the loop that steps it beside its optimizer."""
    loops = idioms.tree.loops(line.node)
    return is_beside_update(idioms, made, line) and not any(contains(loop, made.line.node) for loop in loops)


def is_always_run(idioms: Idioms, line: Line) -> bool:
    """Whether nothing asks, in the loop around a line, whether it runs, nor leads past it."""
    inner: cst.CSTNode = line.node
    for each in idioms.tree.around(line.node):
        if isinstance(each, cst.IndentedBlock):
            above = each.body[: each.body.index(inner)] if isinstance(inner, cst.BaseStatement) else ()
            if any(isinstance(node, cst.If) and _leads_away(node) for node in above):
                return False
        inner = each
        if isinstance(each, cst.For | cst.While):
            return True
        if isinstance(each, cst.If | cst.Try | cst.Match | cst.FunctionDef):
            return False
    return False


def _leads_away(node: cst.CSTNode) -> bool:
    return any(
        isinstance(child, cst.Continue | cst.Break | cst.Return)
        or (not isinstance(child, cst.For | cst.While | cst.FunctionDef) and _leads_away(child))
        for child in node.children
    )
