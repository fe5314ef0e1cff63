"""Moving the step of a schedule into the loop over the batches, or out of it."""

from __future__ import annotations

import ast

from optlint.api import (
    Editor,
    Edits,
    Event,
    Place,
    Violation,
    block_of,
    enclosing_function,
    enclosing_loops,
    enclosing_statement,
    parent,
    same_function,
)


def into_batch_loop(violation: Violation, editor: Editor, step: Event, update: Event, *, each: bool) -> Edits | None:
    """Return the edits that put a step of a schedule below the updates of its optimizer.

    With `each` it is to follow each batch, also where several are accumulated for an update.
    """
    statement = _plain_call(step)
    if statement is None or update.place.module is not step.place.module or not _stands_free(step.place, statement):
        return None
    last = enclosing_statement(update.place)
    loops = enclosing_loops(update.place)
    if not loops or not isinstance(last, ast.Expr | ast.Assign):
        return None
    direct = parent(update.place.module, last) is loops[0]
    at_end = (direct or each) and not _skips(loops[0])
    if each and not direct and not at_end:
        return None
    if same_function(step.place, update.place):
        return editor.move_to_end(statement, loops[0]) if at_end else editor.move_after(statement, last)
    if not _is_known_there(step.place, update.place):
        return None
    text = editor.text(statement)
    added = editor.insert_at_end(loops[0], text) if at_end else editor.insert_after(last, text)
    return (*editor.delete(statement), *added)


def out_of_batch_loop(violation: Violation, editor: Editor, step: Event) -> Edits | None:
    """Return the edits that put a step of a schedule below the loop over the batches that it stands in."""
    statement = _plain_call(step)
    loops = enclosing_loops(step.place)
    if statement is None or not loops or parent(step.place.module, statement) is not loops[0] or loops[0].orelse:
        return None
    inside = [node for node in ast.walk(loops[0]) if isinstance(node, ast.Return)]
    return None if inside else editor.move_after(statement, loops[0])


def _plain_call(event: Event) -> ast.Expr | None:
    """Return the statement of a call that stands alone, or None."""
    statement = enclosing_statement(event.place)
    return statement if isinstance(statement, ast.Expr) and statement.value is event.place.node else None


def _stands_free(place: Place, statement: ast.stmt) -> bool:
    """Whether a statement stands in a loop's or a function's own block, and not alone in it."""
    owner = parent(place.module, statement)
    free = isinstance(owner, ast.For | ast.AsyncFor | ast.While | ast.FunctionDef | ast.Module)
    return free and len(block_of(place, statement)) > 1


def _skips(loop: ast.stmt) -> bool:
    """Whether an iteration of a loop may end before the end of its body."""
    pending = list(ast.iter_child_nodes(loop))
    while pending:
        node = pending.pop()
        if isinstance(node, ast.Continue | ast.Return | ast.Break):
            return True
        if not isinstance(
            node, ast.FunctionDef | ast.AsyncFunctionDef | ast.Lambda | ast.ClassDef | ast.For | ast.While
        ):
            pending.extend(ast.iter_child_nodes(node))
    return False


def _is_known_there(step: Place, update: Place) -> bool:
    """Whether the scheduler goes by the same name in another function of the file."""
    call = step.node
    receiver = call.func.value if isinstance(call, ast.Call) and isinstance(call.func, ast.Attribute) else None
    here, there = enclosing_function(step), enclosing_function(update)
    if not isinstance(there, ast.FunctionDef):
        return False
    match receiver:
        case ast.Attribute(value=ast.Name(id="self")):
            return isinstance(here, ast.FunctionDef) and parent(step.module, here) is parent(update.module, there)
        case ast.Name(id=name):
            is_global = isinstance(here, ast.Module) or not _binds(here, name)
            return is_global and not _binds(there, name)
        case _:
            return False


def _binds(function: ast.AST, name: str) -> bool:
    stored = (node for node in ast.walk(function) if isinstance(node, ast.Name) and isinstance(node.ctx, ast.Store))
    arguments = (node for node in ast.walk(function) if isinstance(node, ast.arg))
    return any(node.id == name for node in stored) or any(node.arg == name for node in arguments)
