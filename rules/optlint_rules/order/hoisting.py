"""Moving statements that build something out of the loop in whose body they stand."""

from __future__ import annotations

import ast
from collections.abc import Sequence

from optlint.api import Editor, Edits, Place, enclosing_loops, enclosing_statement, parent
from optlint_rules.order.repetition import is_of_training, read_in, stored_in


def building_statement(made: Place) -> ast.Assign | None:
    """Return the statement of a loop's own body that does nothing but assign what is made."""
    statement, loops = enclosing_statement(made), enclosing_loops(made)
    plain = isinstance(statement, ast.Assign) and statement.value is made.node
    if not plain or not loops or parent(made.module, statement) is not loops[0]:
        return None
    return statement if isinstance(statement, ast.Assign) else None


def above_the_loops(editor: Editor, made: Place, moved: Sequence[ast.Assign]) -> Edits | None:
    """Move statements of one loop's body above it, and above further loops of the training around it."""
    loops = enclosing_loops(made)
    own = {ast.unparse(target) for each in moved for target in each.targets}
    names = {name for each in moved for name in read_in(each)} - own
    above: ast.stmt | None = None
    for loop in loops:
        if names & stored_in(loop) or (above is not None and not is_of_training(loop)):
            break
        above = loop
    return None if above is None else tuple(edit for each in moved for edit in editor.move_before(each, above))
