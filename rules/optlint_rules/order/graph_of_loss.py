"""Which statements of a function make the graph of a loss, as far as plain assignments tell."""

from __future__ import annotations

import ast

from optlint.api import Place, enclosing_function, enclosing_loops, enclosing_statement, parent

_TRANSPARENT = (ast.With, ast.AsyncWith)


def conditions_around(place: Place) -> list[tuple[ast.AST, str]]:
    """Return the statements around a node, within its innermost loop or its function, that may leave it out.

    With each comes the block of it that holds the node, as `body` or `orelse`.
    """
    found: list[tuple[ast.AST, str]] = []
    ends = {enclosing_function(place), *enclosing_loops(place)[:1]}
    inner: ast.AST = enclosing_statement(place)
    outer = parent(place.module, inner)
    while outer is not None and outer not in ends:
        if not isinstance(outer, _TRANSPARENT):
            blocks = (name for name in ("body", "orelse", "finalbody") if inner in getattr(outer, name, ()))
            found.append((outer, next(blocks, "")))
        inner, outer = outer, parent(place.module, outer)
    return found


def loss_of(backward: Place) -> ast.expr | None:
    """Return the expression that `.backward()` is called on, without a scaler around it."""
    match backward.node:
        case ast.Call(
            func=ast.Attribute(value=ast.Call(func=ast.Attribute(attr="scale"), args=[loss]), attr="backward")
        ):
            return loss
        case ast.Call(func=ast.Attribute(value=loss, attr="backward"), args=[]):
            return loss
        case ast.Call(func=ast.Attribute(attr="backward"), args=[loss, *_]):
            return loss
        case ast.Call(func=ast.Attribute(value=loss, attr="backward")):
            return loss
        case _:
            return None


def names_read(node: ast.AST) -> set[str]:
    """Return the names that some code reads."""
    return {inner.id for inner in ast.walk(node) if isinstance(inner, ast.Name) and isinstance(inner.ctx, ast.Load)}


def names_bound(node: ast.AST) -> set[str]:
    """Return the names that some code binds."""
    return {inner.id for inner in ast.walk(node) if isinstance(inner, ast.Name) and isinstance(inner.ctx, ast.Store)}


def making(backward: Place) -> list[ast.stmt] | None:
    """Return the statements, in order, out of which a loss comes in one iteration, and the backward's own.

    None where that is not plain: a name is bound in a loop, by something else than an assignment, or under a condition
    to what is not made of what it was.
    """
    loss = loss_of(backward)
    if loss is None:
        return None
    own = enclosing_statement(backward)
    loops = enclosing_loops(backward)
    scope = loops[0] if loops else enclosing_function(backward)
    around = set(conditions_around(backward))
    wanted, found = names_read(loss), [own]
    for statement in sorted(_statements(scope), key=lambda each: -each.lineno):
        if statement.lineno >= own.lineno or not names_bound_by(statement) & wanted:
            continue
        here = Place(backward.module, statement)
        if not isinstance(statement, ast.Assign | ast.AugAssign) or enclosing_loops(here)[:1] != loops[:1]:
            return None
        keeps = isinstance(statement, ast.AugAssign) or names_bound(statement) <= names_read(statement.value)
        if not keeps and not set(conditions_around(here)) <= around:
            return None
        wanted = (wanted if keeps else wanted - names_bound(statement)) | names_read(statement.value)
        found.insert(0, statement)
    return found


def names_bound_by(statement: ast.stmt) -> set[str]:
    """Return the names that a simple statement, or the head of a compound one, binds."""
    match statement:
        case ast.Assign() | ast.AugAssign() | ast.AnnAssign():
            return names_bound(statement)
        case ast.For(target=target) | ast.AsyncFor(target=target):
            return names_bound(target)
        case ast.With(items=items) | ast.AsyncWith(items=items):
            return {name for item in items if item.optional_vars for name in names_bound(item.optional_vars)}
        case ast.Expr():
            return names_bound(statement)
        case _:
            return set()


def _statements(scope: ast.AST) -> list[ast.stmt]:
    """Return all statements in a loop or function, but those of functions in it."""
    found: list[ast.stmt] = []
    pending = list(getattr(scope, "body", ()))
    while pending:
        statement = pending.pop()
        if isinstance(statement, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef):
            continue
        found.append(statement)
        for block in ("body", "orelse", "finalbody"):
            pending.extend(getattr(statement, block, ()))
        for handler in getattr(statement, "handlers", ()):
            pending.extend(handler.body)
    return found
