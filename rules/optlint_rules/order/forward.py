"""Where, in the block of a backward, the forward of its loss begins."""

from __future__ import annotations

import ast

from optlint.api import Act, Place, Violation, block_of, enclosing_statement, parent, same_function


def forward_statement(violation: Violation, backward: Place) -> ast.stmt:
    """Return the first statement of the backward's block that runs a module, or the backward's own statement."""
    assert violation.entry is not None
    own = enclosing_statement(backward)
    block = block_of(backward, own)
    starts = [own]
    for event in violation.entry.having(Act.FORWARD):
        if event.place.module is not backward.module:
            continue
        if violation.binding.optimizer.complete and not any(map(violation.binding.optimizer.holds, event.models())):
            continue
        node: ast.AST | None = event.place.node if same_function(event.place, backward) else None
        if node is None and event.stack:
            node = next((place.node for place in reversed(event.stack) if same_function(place, backward)), None)
        while node is not None and node not in block:
            node = parent(backward.module, node)
        if isinstance(node, ast.stmt) and node.lineno <= own.lineno:
            starts.append(node)
    return min(starts, key=lambda statement: statement.lineno)


def stepped(call: ast.AST) -> ast.expr | None:
    """Return the expression that names the optimizer in a call that steps it."""
    match call:
        case ast.Call(func=ast.Attribute(value=receiver, attr="step"), args=[]):
            return receiver
        case ast.Call(func=ast.Attribute(attr="step" | "optimizer_step"), args=[first, *_]) if isinstance(
            first, ast.Name | ast.Attribute
        ):
            return first
        case ast.Call(func=ast.Attribute(value=receiver, attr="step")):
            return receiver
        case _:
            return None
