"""Moving what moves a module above the construction of its optimizer."""

from __future__ import annotations

import ast

from optlint.api import (
    SAFE,
    UNSAFE,
    Act,
    Applicability,
    Editor,
    Edits,
    Violation,
    block_of,
    canonical,
    enclosing_statement,
    same_function,
)
from optlint_rules.parameters.construction import names_assigned, names_in, scheduler_statements


def move_above(violation: Violation, editor: Editor) -> Edits | None:
    """Move the statement of a violation directly above the construction of its optimizer."""
    optimizer = violation.binding.optimizer
    if optimizer.place is None or optimizer.place.module is not violation.at.module:
        return None
    built, moving = enclosing_statement(optimizer.place), enclosing_statement(violation.at)
    if (
        not isinstance(moving, ast.Expr | ast.Assign)
        or not editor.same_block(built, moving)
        or built.lineno >= moving.lineno
    ):
        return None
    assert violation.entry is not None
    events = violation.entry.events
    before = events[: events.index(violation.roles["of"])]
    if any(event.act is Act.STEP and optimizer in map(canonical, event.subjects) for event in before):
        return None  # the steps before it would run on the moved module
    between = editor.statements_between(built, moving)
    if names_in([moving]) & names_assigned(between):
        return None
    if isinstance(moving, ast.Assign):
        match moving:
            case ast.Assign(targets=[target], value=ast.Call(func=ast.Attribute(value=receiver))) if ast.unparse(
                target
            ) == ast.unparse(receiver):
                pass
            case _:
                return None
    return editor.move_before(moving, built)


def applicability(violation: Violation) -> Applicability:
    """Safe where only straight-line code lies between, and none of it uses the module."""
    optimizer = violation.binding.optimizer
    assert optimizer.place is not None
    built, moving = enclosing_statement(optimizer.place), enclosing_statement(violation.at)
    block = block_of(violation.at, built)
    between = block[block.index(built) + 1 : block.index(moving)] if moving in block else []
    schedulers = scheduler_statements(violation, optimizer, built, moving)
    straight = all(isinstance(statement, ast.Expr | ast.Assign | ast.AnnAssign) for statement in between)
    receiver = (
        violation.at.node.func.value
        if isinstance(violation.at.node, ast.Call) and isinstance(violation.at.node.func, ast.Attribute)
        else None
    )
    used = (
        names_in([receiver]) & names_in([statement for statement in between if statement not in schedulers])
        if receiver is not None
        else set()
    )
    return SAFE if straight and not used and same_function(optimizer.place, violation.at) else UNSAFE
