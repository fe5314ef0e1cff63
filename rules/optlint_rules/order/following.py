"""Whether an optimizer goes by names alone that one can follow, through functions of the project as well."""

from __future__ import annotations

import ast
from collections.abc import Collection, Iterator
from dataclasses import dataclass

from optlint.api import (
    Act,
    Entry,
    Event,
    Optimizer,
    Place,
    Program,
    Scheduler,
    canonical,
    enclosing_function,
    enclosing_statement,
    parent,
)
from optlint_rules.schedulers.holding import name_of, uses

_DEEPEST = 4
"""How far an optimizer is followed from function to function."""
_HARMLESS = frozenset(("print", "len", "isinstance", "type", "id", "repr", "str"))


@dataclass(frozen=True, slots=True)
class _Search:
    """What is looked for: that an optimizer is asked some things only, on one way into the program."""

    entry: Entry
    program: Program
    asked: Collection[str]
    others_steps: frozenset[ast.AST]
    """The calls that step other optimizers, which may go by an attribute of the same name."""


def stays_in_sight(
    optimizer: Optimizer, entry: Entry, program: Program, asked: Collection[str], in_file: bool = False
) -> bool:
    """Whether an optimizer goes by one name, is asked some things only, and is handed to nothing unknown.

    It may be handed to schedulers, and to functions of the project that do nothing else with it. As an attribute it is
    followed where the way into the program begins in the file, or where what its own file does with it is enough.
    """
    built = _built(optimizer, entry)
    if built is None:
        return False
    own = {event.place.node for event in entry.concerning(optimizer, Act.STEP)}
    known = {event.place.node for event in entry.having(Act.STEP) if event.subjects}
    search = _Search(entry, program, asked, frozenset(known - own))
    if isinstance(parent(built.module, built.node), ast.Call | ast.keyword):
        return _is_followed(built, search, 0)
    target = name_of(built) or _one_of_several(built)
    if target is None or (isinstance(target, ast.Attribute) and entry.name != "<module>" and not in_file):
        return False
    places = (Place(built.module, use) for use in uses(built, target))
    return all(_is_plain(place, search, 0) for place in places if not _is_another(place, target, built))


def _is_another(use: Place, target: ast.expr, built: Place) -> bool:
    """Whether a name within a function is a parameter, or a variable, of that function's own."""
    function = enclosing_function(use)
    if not isinstance(target, ast.Name) or function is enclosing_function(built):
        return False
    if not isinstance(function, ast.FunctionDef | ast.AsyncFunctionDef | ast.Lambda):
        return False
    if any(isinstance(node, ast.arg) and node.arg == target.id for node in ast.walk(function.args)):
        return True
    nodes = list(ast.walk(function))
    if any(isinstance(node, ast.Global | ast.Nonlocal) and target.id in node.names for node in nodes):
        return False
    if any(isinstance(node, ast.Name) and node.id == target.id and isinstance(node.ctx, ast.Store) for node in nodes):
        return True
    return _is_another(Place(use.module, function), target, built)


def _built(optimizer: Optimizer, entry: Entry) -> Place | None:
    """Return where an optimizer is built, or the call of the function that returns it there."""
    for event in entry.having(Act.NEW):
        if optimizer in map(canonical, event.subjects):
            places = [*event.stack, event.place]
            while len(places) > 1 and _is_returned(places[-1]):
                places.pop()
            return places[-1]
    return optimizer.place


def _is_returned(built: Place) -> bool:
    statement = enclosing_statement(built)
    return isinstance(statement, ast.Return) and statement.value is built.node


def _one_of_several(built: Place) -> ast.expr | None:
    """Return the name that what is built gets in `a, b = A(), B()`."""
    match enclosing_statement(built):
        case ast.Assign(targets=[ast.Tuple(elts=names)], value=ast.Tuple(elts=values)) if len(names) == len(values):
            name = next((name for name, value in zip(names, values, strict=True) if value is built.node), None)
            return name if isinstance(name, ast.Name | ast.Attribute) else None
        case _:
            return None


def _is_plain(use: Place, search: _Search, depth: int) -> bool:
    outer = parent(use.module, use.node)
    if isinstance(outer, ast.Attribute):
        plain = outer.attr in search.asked or parent(use.module, outer) in search.others_steps
        return outer.value is use.node and plain
    if isinstance(outer, ast.Tuple | ast.List):
        return _is_gone_through(Place(use.module, outer), search, depth)
    return _is_followed(use, search, depth)


def _is_gone_through(several: Place, search: _Search, depth: int) -> bool:
    """Whether a loop goes through several things, written there, and does nothing unknown to each."""
    match parent(several.module, several.node):
        case ast.For(target=ast.Name(id=name), iter=iterable) as loop if iterable is several.node:
            inside = (Place(several.module, node) for node in _reads(loop, name))
            return all(_is_plain(each, search, depth) for each in inside)
        case _:
            return False


def _is_followed(use: Place, search: _Search, depth: int) -> bool:
    """Whether an argument goes to a scheduler, or to a function of the project that does nothing unknown with it."""
    call, keyword = parent(use.module, use.node), None
    if isinstance(call, ast.keyword):
        keyword, call = call.arg, parent(use.module, call)
        if keyword is None:
            return False
    if not isinstance(call, ast.Call) or call.func is use.node:
        return False
    name = getattr(call.func, "attr", "") or getattr(call.func, "id", "")
    if name.endswith(("LR", "Plateau", "WarmRestarts")) or name in _HARMLESS:
        return True
    if any(_makes_scheduler(event, call) for event in search.entry.having(Act.NEW)):
        return True
    definitions = search.program.definitions
    if definitions is None or depth >= _DEEPEST:
        return False
    found = definitions.function_of(call.func, use.module)
    info = definitions.class_of(call.func, use.module) if found is None else None
    if info is not None and "__init__" in info.methods and not set(info.foreign_bases) - {"object", "builtins.object"}:
        found = info.methods["__init__"], info.module
    if found is None:
        return False
    function, module = found
    parameter = _parameter(call, use.node, keyword, function, is_method=info is not None)
    if parameter is None:
        return False
    inside = [Place(module, node) for node in _reads(function, parameter)]
    kept = {each.node: _attribute(each) for each in inside if info is not None}
    attributes = {attribute for attribute in kept.values() if attribute}
    inside = [each for each in inside if not kept.get(each.node)]
    inside += [
        Place(module, node)
        for node in module.nodes.of(ast.Attribute)
        if node.attr in attributes and isinstance(node.ctx, ast.Load)
    ]
    return all(_is_plain(each, search, depth + 1) for each in inside)


def _attribute(use: Place) -> str:
    """Return the attribute of `self` that a value becomes, or nothing."""
    match enclosing_statement(use):
        case ast.Assign(targets=[ast.Tuple(elts=targets)], value=ast.Tuple(elts=values)):
            pairs = list(zip(targets, values, strict=False))
        case ast.Assign(targets=[target], value=value):
            pairs = [(target, value)]
        case _:
            return ""
    match next((target for target, value in pairs if value is use.node), None):
        case ast.Attribute(value=ast.Name(id="self"), attr=attribute):
            return attribute
        case _:
            return ""


def _makes_scheduler(event: Event, call: ast.Call) -> bool:
    at = any(each.node is call for each in (*event.stack, event.place))
    return at and any(isinstance(subject, Scheduler) for subject in event.subjects)


def _parameter(
    call: ast.Call,
    argument: ast.AST,
    keyword: str | None,
    function: ast.FunctionDef | ast.AsyncFunctionDef,
    is_method: bool,
) -> str | None:
    """Return the parameter that gets an argument, if it is not bound again in the function."""
    names = [each.arg for each in (*function.args.posonlyargs, *function.args.args)][is_method:]
    if keyword is None:
        index = next((index for index, each in enumerate(call.args) if each is argument), len(names))
        if any(isinstance(each, ast.Starred) for each in call.args[: index + 1]) or index >= len(names):
            return None
        keyword = names[index]
    elif keyword not in (*names, *(each.arg for each in function.args.kwonlyargs)):
        return None
    stored = (node for node in ast.walk(function) if isinstance(node, ast.Name) and isinstance(node.ctx, ast.Store))
    return None if any(node.id == keyword for node in stored) else keyword


def _reads(function: ast.AST, name: str) -> Iterator[ast.expr]:
    for node in ast.walk(function):
        if isinstance(node, ast.Name) and node.id == name and isinstance(node.ctx, ast.Load):
            yield node
