"""Lists and dicts of modules in attributes of a module, and whether anything registers what they hold."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from dataclasses import dataclass

from optlint.api import ClassInfo, FunctionNode, ModuleInfo, parent
from optlint_rules.parameters.module_classes import ModuleClass
from optlint_rules.parameters.module_values import ModuleValues, Within, bound_to, displayed, put_into

LIST_METHODS = frozenset(("append", "extend", "insert", "pop", "clear", "remove", "index", "reverse", "sort", "count"))
DICT_METHODS = frozenset(("items", "values", "keys", "get", "update", "setdefault", "pop"))


@dataclass(frozen=True, slots=True, eq=False)
class Container:
    """A list, tuple or dict that `self.name` gets in the constructor, and what it is filled with."""

    owner: ModuleClass
    name: str
    statement: ast.Assign
    function: FunctionNode
    info: ClassInfo
    kind: str
    elements: tuple[tuple[ast.expr, FunctionNode], ...]
    """What it holds, each with the function that says so."""
    local: str = ""
    """The variable that it was filled as before it became an attribute."""

    @property
    def module(self) -> ModuleInfo:
        """The file of it."""
        return self.info.module


def containers(owner: ModuleClass) -> Iterator[Container]:
    """Yield the plain containers that a class gives itself."""
    info, module = owner.info, owner.info.module
    built: set[FunctionNode] | None = None
    for function in info.methods.values():
        for statement in module.nodes.statements(function):
            match statement:
                case ast.Assign(targets=[ast.Attribute(value=ast.Name(id="self"), attr=name)], value=value):
                    local = value.id if isinstance(value, ast.Name) else ""
                    written = _only_display(module, function, local) if local else value
                case _:
                    continue
            kind = kind_of(written) if written is not None else ""
            if written is None or not kind:
                continue
            if function.name != "__init__":
                built = built if built is not None else {function for _, function in owner.building()}
                if function not in built:
                    break
            elements = [(each, function) for each in displayed(written)]
            elements += [(each, function) for each in (put_into(module, function, local) if local else ())]
            for other, method in owner.methods():
                elements += [(each, method) for each in put_into(other.module, method, f"self.{name}")]
            yield Container(owner, name, statement, function, info, kind, tuple(elements), local)


def _only_display(module: ModuleInfo, function: FunctionNode, name: str) -> ast.expr | None:
    """Return the display that a variable gets, where it gets no more than that and is only filled."""
    values = list(bound_to(module, function, name))
    if len(values) != 1 or not kind_of(values[0]) or not _is_only_filled(module, function, name):
        return None
    return values[0]


def kind_of(node: ast.expr) -> str:
    """Return the kind of container that an expression is written as: `list`, `tuple`, `dict`, or nothing."""
    match node:
        case ast.Tuple():
            return "tuple"
        case ast.List() | ast.ListComp():
            return "list"
        case ast.Dict() | ast.DictComp():
            return "dict"
        case ast.Call(func=ast.Name(id="list" | "dict" | "tuple" as kind), args=[], keywords=[]):
            return kind
        case ast.Call(func=ast.Name(id="list" | "tuple" as kind), args=[ast.ListComp() | ast.GeneratorExp()]):
            return kind
        case ast.BinOp(left=left, op=ast.Add(), right=right) if kind_of(left) == kind_of(right) == "list":
            return "list"
        case ast.BinOp(left=ast.List(), op=ast.Mult()):
            return "list"
        case _:
            return ""


def _is_only_filled(module: ModuleInfo, function: FunctionNode, name: str) -> bool:
    """Whether a function does nothing with a variable but fill it, go through it and keep it as an attribute."""
    for node in ast.walk(function):
        if isinstance(node, ast.Name) and node.id == name:
            around = parent(module, node)
            match around:
                case ast.Assign(targets=targets) if node in targets:
                    pass
                case ast.Assign(targets=[ast.Attribute(value=ast.Name(id="self"))]):
                    pass
                case ast.AugAssign(target=target) if target is node:
                    pass
                case ast.Attribute(attr=method) if method in LIST_METHODS | DICT_METHODS:
                    pass
                case ast.Subscript(value=value) if value is node:
                    if not is_used_in_place(parent(module, around), around):
                        return False
                case ast.For(iter=looped, target=target) if looped is node and not hands_on(
                    function, names_in_target(target)
                ):
                    pass
                case ast.Call(func=ast.Name(id="len")):
                    pass
                case _:
                    return False
    return True


def fresh_elements(container: Container, values: ModuleValues) -> list[ast.expr]:
    """Return what the container holds that surely has parameters, and that nothing else holds."""
    found: list[ast.expr] = []
    for element, function in container.elements:
        within = Within(container.module, function, container.info)
        if isinstance(element, ast.Name) and not _only_put_away(container.module, function, element.id):
            continue
        if values.has_parameters(element, within):
            found.append(element)
    return found


def _only_put_away(module: ModuleInfo, function: FunctionNode, name: str) -> bool:
    """Whether a module in a variable goes nowhere but into the container: no other attribute, no other module."""
    for node in ast.walk(function):
        if isinstance(node, ast.Name) and node.id == name and isinstance(node.ctx, ast.Load):
            around = parent(module, node)
            match around:
                case (
                    ast.Call(func=ast.Attribute(attr="append" | "insert")) | ast.List() | ast.Tuple() | ast.Attribute()
                ):
                    pass
                case ast.Assign(targets=[ast.Subscript()]):
                    pass
                case ast.Call(func=called) if "init" in last_name(called):
                    pass
                case _:
                    return False
    return True


def is_used_in_place(around: ast.AST | None, node: ast.AST) -> bool:
    """Whether an item of a container is called, asked for an attribute or set, where it stands."""
    match around:
        case ast.Attribute():
            return True
        case ast.Call(func=function):
            return function is node
        case ast.Assign(targets=targets):
            return node in targets
        case _:
            return False


def names_in_target(target: ast.expr) -> set[str]:
    """Return the variables that a loop binds."""
    return {node.id for node in ast.walk(target) if isinstance(node, ast.Name)}


def hands_on(function: FunctionNode, names: set[str]) -> bool:
    """Whether a constructor gives one of some variables to a call, other than to set its numbers, or keeps it."""
    for node in ast.walk(function):
        match node:
            case ast.Call(func=called, args=arguments) if not re.search(
                r"init|isinstance|print|append", last_name(called)
            ):
                if any(isinstance(each, ast.Name) and each.id in names for each in arguments):
                    return True
            case ast.Assign(targets=[ast.Attribute()], value=ast.Name(id=name)) if name in names:
                return True
            case _:
                pass
    return False


def last_name(node: ast.expr) -> str:
    """Return the last part of a dotted name."""
    return node.attr if isinstance(node, ast.Attribute) else node.id if isinstance(node, ast.Name) else ""
