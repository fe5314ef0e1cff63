"""What is given in the place of parameters: a module, a method, pairs with names, tensors that are no leaves."""

from __future__ import annotations

import ast
from typing import TYPE_CHECKING

from optlint.program.events import Act
from optlint.program.objects import Confidence, Model, Optimizer, Parameter, ParameterIterator
from optlint.program.values import Const, Entries, Group, Groups, Items, Method, Opaque, Value

if TYPE_CHECKING:
    from optlint.program.machine import Machine


def check_parameters(machine: Machine, given: Value, made: Optimizer, node: ast.AST) -> None:
    """Note what an optimizer, made at a node, is given that are no parameters, or none that it can train."""
    match given:
        case Model(confidence=Confidence.CERTAIN) if not _is_container(given):
            machine.event(Act.NOT_PARAMETERS, (made, given), node, "model")
        case Method(receiver=Model() | Opaque(), name="parameters" | "named_parameters"):
            machine.event(Act.NOT_PARAMETERS, (made,), node, "method")
        case ParameterIterator(named=True):
            machine.event(Act.NOT_PARAMETERS, (made,), node, "named")
        case Items():
            items = machine.items(given)
            if (
                items
                and all(isinstance(item, ParameterIterator) and item.one_shot for item in items)
                and isinstance(_first(node), ast.Tuple | ast.List)
            ):
                machine.event(Act.NOT_PARAMETERS, (made,), node, "iterators")
            for item in items:
                if isinstance(item, Parameter) and not item.leaf and item.place is not None:
                    machine.event(Act.NON_LEAF, (made, item), item.place)
                if (
                    isinstance(item, Model)
                    and item.confidence is Confidence.CERTAIN
                    and isinstance(_first(node), ast.List)
                ):
                    machine.event(Act.NOT_PARAMETERS, (made, item), node, "modules")
        case _:
            pass
    if isinstance(given, Items):
        for item in machine.items(given):
            if isinstance(item, Entries):
                inner = dict(machine.entries(item)).get(Const("params"))
                if isinstance(inner, ParameterIterator) and inner.named:
                    machine.event(Act.NOT_PARAMETERS, (made,), node, "named")
                for value in machine.items_of(inner) if inner is not None else ():
                    if isinstance(value, Parameter) and not value.leaf and value.place is not None:
                        machine.event(Act.NON_LEAF, (made, value), value.place)


def wrong_to_clip(value: Value) -> str:
    """Return what is given to be clipped in the place of parameters, or nothing."""
    match value:
        case Model(confidence=Confidence.CERTAIN) if not _is_container(value):
            return "model"
        case Method(receiver=Model(), name="parameters" | "named_parameters"):
            return "method"
        case ParameterIterator(named=True):
            return "named"
        case Groups() | Group():
            return "groups"
        case _:
            return ""


def _first(node: ast.AST) -> ast.expr | None:
    """Return the first argument of a call."""
    if isinstance(node, ast.Call):
        if node.args:
            return node.args[0]
        return next((keyword.value for keyword in node.keywords if keyword.arg == "params"), None)
    return None


def _is_container(model: Model) -> bool:
    """Whether iterating over the module may give parameters (`ParameterList`, an own `__iter__`)."""
    node = model.place.node if model.place is not None else None
    if isinstance(node, ast.Call):
        name = (
            node.func.attr
            if isinstance(node.func, ast.Attribute)
            else node.func.id
            if isinstance(node.func, ast.Name)
            else ""
        )
        if name in ("ParameterList", "ParameterDict"):
            return True
    return model.info is not None and model.info.method("__iter__") is not None
