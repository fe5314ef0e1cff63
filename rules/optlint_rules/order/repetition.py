"""What a loop does in each of its iterations: the code that runs there, and what that makes or binds anew."""

from __future__ import annotations

import ast
import re

from optlint.api import Entry, Event, Loop, ModuleInfo, Object, Place, Unrolled, enclosing, events_in, parent

_TRAINING = re.compile(r"epoch|episode|iteration|\biters?\b|\bsteps?\b|\bep\b|batch|loader", re.IGNORECASE)
_MOST_FUNCTIONS = 60
"""Functions that are looked into for what a loop runs."""


def innermost_loop(entry: Entry, event: Event) -> Loop | None:
    """Return the loop directly around an event, or None where there is none, or one over a list of known items."""
    around = enclosing(entry, event)
    loop = around[-1] if around else None
    return loop if isinstance(loop, Loop) and statement_of(loop) is not None else None


def statement_of(loop: Loop) -> ast.For | ast.AsyncFor | ast.While | None:
    """Return the statement that a loop is, or None where it is a comprehension."""
    node: ast.AST | None = loop.place.node
    if node is not None and not isinstance(node, ast.For | ast.AsyncFor | ast.While):
        node = parent(loop.place.module, node)
    return node if isinstance(node, ast.For | ast.AsyncFor | ast.While) else None


def loops_between(entry: Entry, loop: Loop, event: Event) -> int | None:
    """Return how many loops within `loop` lie around an event; None where the event is not in the loop.

    A loop that accumulates is one, though its windows are loops within it.
    """
    around = enclosing(entry, event)
    if loop not in around:
        return None
    within = {each.place.node for each in around[around.index(loop) + 1 :] if isinstance(each, Loop | Unrolled)}
    return len(within - {loop.place.node})


def is_of_training(loop: ast.AST | None) -> bool:
    """Whether a loop says that it goes over epochs, iterations or batches, and not over folds, tasks or settings."""
    match loop:
        case ast.For(target=target, iter=iterable) | ast.AsyncFor(target=target, iter=iterable):
            return _TRAINING.search(f"{ast.unparse(target)} {ast.unparse(iterable)}") is not None
        case ast.While(test=test):
            return _TRAINING.search(ast.unparse(test)) is not None
        case _:
            return False


def places_within(loop: Loop, event: Event) -> list[Place]:
    """Return the call sites that lead from the loop's own body to an event, and its place."""
    statement = statement_of(loop)
    inside = set(ast.walk(statement)) if statement is not None else set()
    places = [*event.stack, event.place]
    start = next((index for index, place in enumerate(places) if place.node in inside), len(places) - 1)
    return places[start:]


def is_conditional(loop: Loop, event: Event) -> bool:
    """Whether some iterations may leave an event out: it stands under a condition, here or in a function."""
    for place in places_within(loop, event):
        node: ast.AST | None = place.node
        while node is not None and node is not statement_of(loop):
            if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.Lambda):
                break
            if isinstance(node, ast.If | ast.IfExp | ast.Try | ast.Match | ast.BoolOp):
                return True
            node = parent(place.module, node)
    return False


def bodies(loop: Loop, within: list[Event]) -> list[ast.AST]:
    """Return the loop, and the functions that it calls as far as names tell: rather too many than too few."""
    modules: dict[ModuleInfo, None] = {loop.place.module: None}
    modules.update((place.module, None) for event in within for place in (*event.stack, event.place))
    named: dict[str, list[ast.AST]] = {}
    for module in modules:
        for node in ast.walk(module.tree):
            if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
                named.setdefault(node.name, []).append(node)
            elif isinstance(node, ast.ClassDef):
                named.setdefault(node.name, []).extend(
                    inner for inner in node.body if isinstance(inner, ast.FunctionDef) and inner.name == "__init__"
                )
    statement = statement_of(loop)
    assert statement is not None
    found: dict[ast.AST, None] = {statement: None}
    pending: list[ast.AST] = [statement]
    while pending and len(found) < _MOST_FUNCTIONS:
        for node in ast.walk(pending.pop()):
            if isinstance(node, ast.Call):
                name = getattr(node.func, "attr", "") or getattr(node.func, "id", "")
                for function in named.get(name, ()):
                    if function not in found:
                        found[function] = None
                        pending.append(function)
    return list(found)


def is_made_in(value: Object, code: list[ast.AST]) -> bool:
    """Whether some code makes an object, or binds the name that it goes by."""
    nodes = [node for body in code for node in ast.walk(body)]
    if value.place is not None:
        return any(node is value.place.node for node in nodes)
    name = value.label.rpartition(".")[2]
    return any(
        (isinstance(node, ast.Name) and node.id == name and isinstance(node.ctx, ast.Store))
        or (isinstance(node, ast.Attribute) and node.attr == name and isinstance(node.ctx, ast.Store))
        for node in nodes
    )


def events_of(loop: Loop) -> list[Event]:
    """Return what happens in one iteration."""
    return list(events_in(loop.body))


def stored_in(loop: ast.AST) -> set[str]:
    """Return the names, and `self.x` attributes, that an iteration of a loop binds."""
    found: set[str] = set()
    for node in ast.walk(loop):
        if isinstance(node, ast.Name) and isinstance(node.ctx, ast.Store):
            found.add(node.id)
        elif isinstance(node, ast.Attribute) and isinstance(node.ctx, ast.Store):
            found.add(ast.unparse(node))
    return found


def read_in(node: ast.AST) -> set[str]:
    """Return the names and dotted names that some code reads, but for what a lambda reads of its own parameters."""
    found: set[str] = set()
    pending = [(node, frozenset[str]())]
    while pending:
        inner, own = pending.pop()
        if isinstance(inner, ast.Lambda):
            own |= {each.arg for each in ast.walk(inner.args) if isinstance(each, ast.arg)}
        if isinstance(inner, ast.Name | ast.Attribute) and isinstance(inner.ctx, ast.Load):
            name = ast.unparse(inner)
            if name.partition(".")[0] not in own:
                found.add(name)
        pending += [(child, own) for child in ast.iter_child_nodes(inner)]
    return found
