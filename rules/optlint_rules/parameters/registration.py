"""What is done to a plain container of modules: whether anything registers them, hides them, or computes with them."""

from __future__ import annotations

import ast
import re

from optlint.api import FunctionNode, ModuleInfo, Place, enclosing_statement, parent
from optlint_rules.parameters.module_classes import Mention, other_mentions
from optlint_rules.parameters.plain_containers import (
    DICT_METHODS,
    LIST_METHODS,
    Container,
    hands_on,
    is_used_in_place,
    kind_of,
    last_name,
    names_in_target,
)

_ON_PURPOSE = re.compile(r"teacher|(^|_)ema(_|$)|target|frozen|pretrained|vgg|lpips|percept|(^|_)ref(_|$)|guid", re.I)
_LOOKED_AT = ("len", "enumerate", "zip", "reversed", "isinstance", "print", "range", "iter", "bool")
_BY_HAND = ("parameters", "named_parameters", "requires_grad_", "requires_grad", "eval", "state_dict")
_DEFINITION = ast.FunctionDef | ast.AsyncFunctionDef | ast.Lambda


def is_registered(container: Container, mentions: list[Mention]) -> bool:
    """Whether something in the class may register the container's modules, or takes care of them by hand."""
    builders = {function for _, function in container.owner.building()}
    for mention in mentions:
        if not _is_harmless(mention, mention.function in builders, container):
            return True
    for _, function in container.owner.methods():
        if any(mention.function is function for mention in mentions) and _is_by_hand(function, container.name):
            return True
    return False


def _is_harmless(mention: Mention, building: bool, container: Container) -> bool:
    """Whether a place only fills, reads or goes through the container."""
    node, around = mention.node, mention.around()
    match around:
        case ast.Assign(targets=targets) if node in targets:
            return around is container.statement or _keeps(around.value)
        case ast.AnnAssign(target=target) if target is node:
            return around.value is None or _keeps(around.value)
        case ast.AugAssign(target=target):
            return target is node
        case ast.For(iter=looped, target=target) | ast.comprehension(iter=looped, target=target) if looped is node:
            return not (building and hands_on(mention.function, names_in_target(target)))
        case ast.Subscript(value=value) if value is node:
            return not building or is_used_in_place(parent(mention.info.module, around), around)
        case ast.Attribute(attr=method):
            return method in LIST_METHODS | DICT_METHODS
        case ast.Call(func=ast.Name(id=function)) if function in _LOOKED_AT:
            return not (building and hands_on(mention.function, _targets_of(mention.info.module, around)))
        case ast.If() | ast.IfExp() | ast.UnaryOp() | ast.Compare() | ast.BoolOp() | ast.While() | ast.Assert():
            return True
        case ast.BinOp():
            return not building
        case _:
            return False


def _keeps(value: ast.expr) -> bool:
    """Whether another assignment of the attribute leaves it a plain container, or nothing."""
    return bool(kind_of(value)) or (isinstance(value, ast.Constant) and value.value is None)


def _targets_of(module: ModuleInfo, call: ast.AST) -> set[str]:
    """Return the variables of the loop that goes through what a call gives."""
    around = parent(module, call)
    match around:
        case ast.For(target=target) | ast.comprehension(target=target):
            return names_in_target(target)
        case ast.Call():
            return _targets_of(module, around)
        case _:
            return set()


def _is_by_hand(function: FunctionNode, name: str) -> bool:
    """Whether a method takes the parameters of something else than the module itself and its other parts."""
    for node in ast.walk(function):
        if isinstance(node, ast.Attribute) and node.attr in _BY_HAND:
            owner = node.value
            while isinstance(owner, ast.Subscript):
                owner = owner.value
            match owner:
                case ast.Name(id="self") | ast.Call(func=ast.Name(id="super")):
                    pass
                case ast.Attribute(value=ast.Name(id="self"), attr=own) if own != name:
                    pass
                case _:
                    return True
    return False


def is_on_purpose(container: Container, mentions: list[Mention]) -> bool:
    """Whether modules are hidden: by their name, or in a list of one that is always asked for its first."""
    if _ON_PURPOSE.search(container.name):
        return True
    if len(container.elements) != 1 or not isinstance(container.statement.value, ast.List | ast.Tuple):
        return False
    others = [mention.around() for mention in mentions if mention.around() is not container.statement]
    return all(isinstance(each, ast.Subscript) and isinstance(each.slice, ast.Constant) for each in others)


def is_computed_with(container: Container, mentions: list[Mention]) -> bool:
    """Whether the module's forward makes use of the container, with gradients."""
    methods = {function for _, function in container.owner.computing()}
    for mention in mentions:
        around = mention.around()
        if mention.function not in methods or mention.function is container.function:
            continue
        if isinstance(around, ast.Call) and last_name(around.func) in ("len", "isinstance", "print"):
            continue
        if not _is_without_grad(mention):
            return True
    return False


def _is_without_grad(mention: Mention) -> bool:
    node: ast.AST | None = mention.node
    while node is not None:
        if isinstance(node, ast.With) and any("no_grad" in ast.unparse(item) for item in node.items):
            return True
        if isinstance(node, _DEFINITION) and any("no_grad" in ast.unparse(each) for each in _decorators(node)):
            return True
        node = parent(mention.info.module, node)
    return False


def _decorators(node: ast.AST) -> list[ast.expr]:
    return getattr(node, "decorator_list", [])


def is_collected_elsewhere(module: ModuleInfo, name: str) -> bool:
    """Whether other code of a file hands the attribute on, or takes parameters where it speaks of it."""
    for node in other_mentions(module, name):
        around = parent(module, node)
        if isinstance(around, ast.Call | ast.Starred | ast.Return | ast.keyword):
            if not (isinstance(around, ast.Call) and (around.func is node or last_name(around.func) in _LOOKED_AT)):
                return True
        if _is_given_a_name(module, node):
            return True
        statement = enclosing_statement(Place(module, node))
        if not isinstance(statement, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef):
            if any(isinstance(each, ast.Attribute) and each.attr in _BY_HAND for each in ast.walk(statement)):
                return True
    return False


def _is_given_a_name(module: ModuleInfo, node: ast.AST) -> bool:
    """Whether an attribute, or an item of it, is assigned to a name, by which its parameters may be taken."""
    outer = parent(module, node)
    while isinstance(outer, ast.Subscript) and outer.value is node:
        node, outer = outer, parent(module, outer)
    return isinstance(outer, ast.Assign | ast.AnnAssign | ast.NamedExpr) and outer.value is node
