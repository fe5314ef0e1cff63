"""Whether a clearing surely concerns an optimizer, where it is not known which parameters the optimizer holds.

A function that is handed its optimizer and its networks does not say which network the optimizer holds. With one
network there is no choice; with two, a clearing of one of them may be meant for the one that the optimizer does not
hold: a teacher, or the critic in an update of the generator.
"""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator

from optlint.api import Act, Binding, Event, ModuleInfo, Optimizer, Place, canonical, enclosing_function

_NO_NETWORK = re.compile(r"(?i)loss|crit|objective|metric|fn$|func|transform|augment|token|collate|optim|sched|scaler")
"""Names of what is called on batches and outputs, and holds no parameters that anything clears."""
_METHODS = frozenset(
    """
    compute_loss decode encode eval forward named_parameters parameters requires_grad_ train training_step
    """.split()
)
"""Methods that only networks have."""


def surely_concerns(event: Event, binding: Binding) -> bool:
    """Whether the gradients that a clearing clears are the optimizer's, and not perhaps another network's."""
    if event.act is not Act.CLEAR:
        return True
    if any(_is_of(each, binding) for each in _alternatives(event, binding)):
        return True
    subjects = [canonical(subject) for subject in event.subjects]
    known = [source.model for optimizer in binding.optimizers for source in optimizer.sources]
    others = [subject for subject in subjects if isinstance(subject, Optimizer)]
    if known or others:
        # Another optimizer clears what both hold, if one can see that they do.
        theirs = [source.model for other in others for source in other.sources]
        return bool(known) and all(any(own.within(each) for each in theirs) for own in known)
    calls = [place for place in (event.place, *event.stack) if isinstance(place.node, ast.Call)]
    cleared = {subject.label for subject in subjects} | {name for place in calls for name in _names(place.node)}
    parts = tuple(f"{name}{mark}" for name in cleared for mark in ".[")
    return all(network in cleared or network.startswith(parts) for place in calls for network in _networks(place))


def _alternatives(event: Event, binding: Binding) -> list[Event]:
    """Return what one call may clear: where a name stands for one of several, all of them are stepped by it, too."""
    events = binding.entry.having(Act.CLEAR) if binding.entry is not None else ()
    return [event, *(each for each in events if each.place == event.place and each.stack == event.stack)]


def _is_of(event: Event, binding: Binding) -> bool:
    """Whether an event concerns the optimizer itself, or a network that it is known to hold."""
    own = any(canonical(subject) in binding.optimizers for subject in event.subjects)
    return own or any(map(binding.holds, event.models()))


def _names(node: ast.AST) -> Iterator[str]:
    """Yield the names that what is cleared may have at a call that clears it or leads there."""
    if isinstance(node, ast.Call):
        yield from map(ast.unparse, (*node.args, *(each.value for each in node.keywords)))
        if isinstance(node.func, ast.Attribute):
            yield ast.unparse(node.func.value)


def _networks(place: Place) -> Iterator[str]:
    """Yield the names of what the function around a place runs as a network."""
    module, function = place.module, enclosing_function(place)
    values = module.trait(module.tree, "names of values", lambda _: _values(module))
    for call in module.nodes.within(function, ast.Call):
        callee = call.func
        if isinstance(callee, ast.Attribute) and callee.attr in _METHODS:
            callee = callee.value
        name = ast.unparse(callee)
        root, _, attribute = name.rpartition(".")
        of_dict = isinstance(callee, ast.Subscript) and isinstance(callee.value, ast.Name)
        if name == "self" or _NO_NETWORK.search(attribute) or not (of_dict or root == "self" or name in values):
            continue
        if root == "self" and attribute in module.trait(module.tree, "names of methods", lambda _: _methods(module)):
            continue
        if isinstance(module.nodes.parent(call), ast.Expr) and callee is call.func:
            continue  # nobody takes what it gives
        yield name


def _values(module: ModuleInfo) -> frozenset[str]:
    """Return the names that a file gives to arguments, and to what it computes."""
    stored = {node.id for node in module.nodes.of(ast.Name) if isinstance(node.ctx, ast.Store)}
    return frozenset(stored | {node.arg for node in module.nodes.of(ast.arg)})


def _methods(module: ModuleInfo) -> frozenset[str]:
    return frozenset(node.name for node in module.nodes.of(ast.FunctionDef))
