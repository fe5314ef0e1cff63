"""The fix of a plain container of modules: a ModuleList or a ModuleDict in its place, where that can do all it does."""

from __future__ import annotations

import ast
from collections.abc import Iterator

from optlint.api import Editor, Edits, Violation
from optlint_rules.parameters.containers_in_text import is_given_containers
from optlint_rules.parameters.module_classes import ModuleClass, calls_super_first, module_classes, torch_nn
from optlint_rules.parameters.module_values import ModuleValues, Within, bound_to
from optlint_rules.parameters.plain_containers import Container, containers

_OF_MODULE_LIST = frozenset(("append", "extend", "insert", "pop"))
_OF_MODULE_DICT = frozenset(("items", "values", "keys", "update", "pop"))


def register(violation: Violation, editor: Editor) -> Edits | None:
    """Return the edits that make the flagged container one that registers what it holds."""
    definitions = violation.program.definitions
    assert definitions is not None
    container = _container_at(violation)
    prefix = torch_nn(violation.at.module, definitions)
    if container is None or not prefix or not _takes_its_place(container, ModuleValues(definitions)):
        return None
    value = container.statement.value
    made = f"{prefix}.ModuleDict" if container.kind == "dict" else f"{prefix}.ModuleList"
    match value:
        case ast.List(elts=[]) | ast.Dict(keys=[]) | ast.Call(args=[]):
            return editor.replace(value, f"{made}()")
        case ast.Call(args=[inner]) if not isinstance(inner, ast.GeneratorExp):
            return editor.replace(value, f"{made}({editor.text(inner)})")
        case ast.Call(func=function):
            return editor.replace(function, made)
        case _:
            return editor.wrap(value, f"{made}(", ")")


def _container_at(violation: Violation) -> Container | None:
    for owner in module_classes(violation.program, is_given_containers):
        for container in containers(owner):
            if container.statement.value is violation.at.node:
                return container
    return None


def _takes_its_place(container: Container, values: ModuleValues) -> bool:
    """Whether a ModuleList or ModuleDict can do all that is done with the container."""
    if not calls_super_first(container.module, container.function, container.statement):
        return False
    allowed = _OF_MODULE_DICT if container.kind == "dict" else _OF_MODULE_LIST
    for mention in container.owner.mentions(container.name):
        match mention.around():
            case ast.Attribute(attr=method) if method not in allowed:
                return False
            case ast.BinOp() | ast.Call(func=ast.Name(id="isinstance")):
                return False
            case ast.Assign(targets=targets) as other if mention.node in targets and other is not container.statement:
                return False
            case _:
                pass
    if container.local and not _is_complete(container):
        return False
    if container.kind == "dict" and not all(map(_is_text, _keys(container))):
        return False
    return all(
        _is_module(element, Within(container.module, function, container.info), container.owner, values)
        for element, function in container.elements
    )


def _is_complete(container: Container) -> bool:
    """Whether the variable is full when it becomes the attribute."""
    return all(element.lineno < container.statement.lineno for element, _ in container.elements)


def _is_module(node: ast.expr, within: Within, owner: ModuleClass, values: ModuleValues) -> bool:
    """Whether an element surely is one module, with or without parameters."""
    match node:
        case ast.Call():
            return values.has_parameters(node, within) or values.is_module_class(node, within.module)
        case ast.Name(id=name) if within.function is not None:
            bound = list(bound_to(within.module, within.function, name))
            return bool(bound) and all(_is_module(each, within, owner, values) for each in bound)
        case ast.IfExp(body=body, orelse=other):
            return _is_module(body, within, owner, values) and _is_module(other, within, owner, values)
        case _:
            return False


def _keys(container: Container) -> Iterator[ast.expr | None]:
    """Yield the keys that a dict gets, None for one that another dict brings in."""
    written = container.statement.value
    match written:
        case ast.Dict(keys=keys):
            yield from keys
        case ast.DictComp(key=key):
            yield key
        case ast.Name():
            yield None
        case _:
            pass
    for mention in container.owner.mentions(container.name):
        match mention.around():
            case ast.Subscript(slice=key, ctx=ast.Store()):
                yield key
            case ast.Attribute(attr="update"):
                yield None
            case _:
                pass


def _is_text(key: ast.expr | None) -> bool:
    """Whether a key may name a module: a string without dots."""
    match key:
        case ast.Constant(value=str(text)):
            return bool(text) and "." not in text
        case ast.JoinedStr(values=parts):
            return all("." not in str(part.value) for part in parts if isinstance(part, ast.Constant))
        case ast.Call(func=ast.Name(id="str")):
            return True
        case _:
            return False
