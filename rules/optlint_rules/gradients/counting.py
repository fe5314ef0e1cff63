"""Counters of accumulation windows: how they advance, whether they are set back, and with what they begin."""

from __future__ import annotations

import ast
from collections.abc import Iterator

from optlint.api import Place, enclosing_function, parent
from optlint_rules.gradients.whereabouts import LOOPS
from optlint_rules.gradients.windows import Reader, Window, integer

_FUNCTIONS = (ast.FunctionDef, ast.AsyncFunctionDef)
_PASSING = frozenset(("tqdm", "track", "progress_bar", "list", "iter"))
_COUNTING = frozenset(("range", "trange", "prange"))


def advances(window: Window, loop: Place, reader: Reader) -> bool:
    """Whether each iteration of a loop takes the window's counter on."""
    counter, place = reader.resolved(window.counter, window.condition.frame)
    if any(ast.dump(target) == ast.dump(_stored(counter)) for target in targets(loop.node)):
        return True
    text = ast.unparse(counter)
    scopes = [loop.node, *(enclosing_function(frame) for frame in reader.frames if frame.module is place.module)]
    if isinstance(counter, ast.Attribute):
        scopes.append(place.module.tree)
    return any(
        place.module.trait(scope, f"counts {text}", lambda tree: any(_adds_one(node, text) for node in ast.walk(tree)))
        for scope in scopes
    ) and not _outer_target(counter, loop)


def targets(loop: ast.AST) -> Iterator[ast.expr]:
    """Yield the variables of a `for` loop, one by one."""
    pending = [loop.target] if isinstance(loop, ast.For | ast.AsyncFor) else []
    while pending:
        target = pending.pop()
        if isinstance(target, ast.Tuple | ast.List):
            pending.extend(target.elts)
        else:
            yield target


def _outer_target(counter: ast.expr, loop: Place) -> bool:
    node = parent(loop.module, loop.node)
    while node is not None and not isinstance(node, _FUNCTIONS):
        if isinstance(node, LOOPS) and any(ast.dump(each) == ast.dump(_stored(counter)) for each in targets(node)):
            return True
        node = parent(loop.module, node)
    return False


def _stored(node: ast.expr) -> ast.expr:
    match node:
        case ast.Name(id=name):
            return ast.Name(name, ast.Store())
        case ast.Attribute(value=value, attr=attribute):
            return ast.Attribute(value, attribute, ast.Store())
        case _:
            return node


def _adds_one(node: ast.AST, text: str) -> bool:
    """Whether a statement adds one to a variable."""
    match node:
        case ast.AugAssign(target=target, op=ast.Add(), value=ast.Constant(value=1)):
            return ast.unparse(target) == text
        case ast.Assign(targets=[target], value=ast.BinOp(left=left, op=ast.Add(), right=ast.Constant(value=1))):
            return ast.unparse(target) == text == ast.unparse(left)
        case _:
            return False


def sets_back(window: Window, loop: Place, reader: Reader) -> bool:
    """Whether something in a loop gives the window's counter a number again."""
    counter, place = reader.resolved(window.counter, window.condition.frame)
    text = ast.unparse(counter)
    scopes = [loop.node, *(enclosing_function(frame) for frame in reader.frames if frame.module is place.module)]
    inside = set(ast.walk(loop.node))
    for scope in scopes if isinstance(counter, ast.Attribute) else scopes[:1]:
        for node in ast.walk(scope):
            if isinstance(node, ast.Name | ast.Attribute) and isinstance(node.ctx, ast.Store):
                if ast.unparse(node) == text and not _adds_one(parent(place.module, node) or node, text):
                    if node in inside or isinstance(counter, ast.Attribute):
                        return True
    return False


def first_value(window: Window, loop: Place, reader: Reader) -> int | None:
    """Return what a window's counter is when it is first asked for, or None where the text does not show it.

    The counter is one of the loop's own, or a variable that is set to a number before the loop and counted up by one
    in each iteration, and nowhere else.
    """
    counter, place = reader.resolved(window.counter, window.condition.frame)
    if isinstance(loop.node, ast.For | ast.AsyncFor) and isinstance(counter, ast.Name):
        for target in targets(loop.node):
            if isinstance(target, ast.Name) and target.id == counter.id:
                return _of_loop(loop.node.iter, loop.node.target, counter.id)
    return _of_variable(counter, place, window, loop, reader)


def _of_loop(iterable: ast.expr, target: ast.expr, name: str) -> int | None:
    match iterable, target:
        case ast.Call(func=function, args=[inner, *_]), _ if _name(function) in _PASSING:
            return _of_loop(inner, target, name)
        case ast.Call(func=function, args=[_]), ast.Name() if _name(function) in _COUNTING:
            return 0
        case ast.Call(func=function, args=[start, _]), ast.Name() if _name(function) in _COUNTING:
            return integer(start)
        case ast.Call(func=ast.Name(id="enumerate"), args=[_], keywords=[]), ast.Tuple(elts=[ast.Name(id=first), *_]):
            return 0 if first == name else None
        case (
            (
                ast.Call(func=ast.Name(id="enumerate"), args=[_, start])
                | ast.Call(func=ast.Name(id="enumerate"), args=[_], keywords=[ast.keyword(arg="start", value=start)])
            ),
            ast.Tuple(elts=[ast.Name(id=first), *_]),
        ):
            return integer(start) if first == name else None
        case _:
            return None


def _of_variable(counter: ast.expr, place: Place, window: Window, loop: Place, reader: Reader) -> int | None:
    text = ast.unparse(counter)
    scope = place.module.tree if isinstance(counter, ast.Attribute) else enclosing_function(place)
    begins: list[int] = []
    adds: list[ast.stmt] = []
    for node in ast.walk(scope):
        if not isinstance(node, ast.Name | ast.Attribute) or not isinstance(node.ctx, ast.Store):
            continue
        if ast.unparse(node) != text:
            continue
        owner = parent(place.module, node)
        if owner is not None and _adds_one(owner, text) and isinstance(owner, ast.stmt):
            adds.append(owner)
        elif isinstance(owner, ast.Assign | ast.AnnAssign) and owner.value is not None:
            number = integer(owner.value)
            if number is None or owner in ast.walk(loop.node):
                return None
            begins.append(number)
        else:
            return None
    asked = next((frame for frame in reader.frames if frame.module is loop.module and _inside(frame, loop)), None)
    if len(begins) != 1 or len(adds) != 1 or asked is None or loop.module is not place.module:
        return None
    if parent(place.module, adds[0]) is not loop.node:
        return None  # it is counted up somewhere else, or in some iterations only
    test = window.test.node if _inside(window.test, loop) else asked.node
    return begins[0] + (adds[0].lineno < getattr(test, "lineno", 0))


def _inside(place: Place, loop: Place) -> bool:
    node: ast.AST | None = place.node
    while node is not None and node is not loop.node:
        node = parent(place.module, node)
    return node is not None and place.module is loop.module


def _name(function: ast.expr) -> str:
    return getattr(function, "attr", "") or getattr(function, "id", "")
