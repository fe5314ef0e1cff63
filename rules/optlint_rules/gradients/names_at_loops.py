"""What the function of a loop calls an object that something happens to elsewhere."""

from __future__ import annotations

import ast

from optlint.api import Event, Place, parent, same_function
from optlint_rules.gradients.losses import function_around


def name_at(loop: Place, off: Event) -> str | None:
    """Return what the function of a loop calls the receiver of a method, or None where that is not known."""
    node = off.place.node
    if not isinstance(node, ast.Call) or not isinstance(node.func, ast.Attribute):
        return None
    receiver = node.func.value
    if not isinstance(receiver, ast.Name | ast.Attribute):
        return None
    if same_function(off.place, loop):
        return ast.unparse(receiver)
    if ast.unparse(receiver).startswith("self.") and _is_own_method(off, loop):
        return ast.unparse(receiver)
    call = off.stack[-1] if off.stack else None
    function = function_around(off.place)
    if call is None or function is None or not same_function(call, loop) or not isinstance(call.node, ast.Call):
        return None
    names = [argument.arg for argument in function.args.args]
    if not isinstance(receiver, ast.Name) or receiver.id not in names:
        return None
    index = names.index(receiver.id) - (names[:1] == ["self"])
    given = {keyword.arg: keyword.value for keyword in call.node.keywords}
    value = call.node.args[index] if 0 <= index < len(call.node.args) else given.get(receiver.id)
    return ast.unparse(value) if isinstance(value, ast.Name | ast.Attribute) else None


def _is_own_method(off: Event, loop: Place) -> bool:
    """Whether the loop and the place of an event stand in methods of one class."""
    owners = []
    for place in (off.place, loop):
        function = function_around(place)
        owners.append(parent(place.module, function) if function is not None else None)
    return owners[0] is owners[1] and isinstance(owners[0], ast.ClassDef)
