"""Method calls on modules, and running them."""

from __future__ import annotations

import ast
from collections.abc import Sequence
from typing import TYPE_CHECKING

from optlint.program.detached import detached
from optlint.program.events import Act
from optlint.program.gradients import FROZEN, moves_to_cpu
from optlint.program.objects import Confidence, Model, ParameterIterator, ParameterSource
from optlint.program.values import NONE, Const, Keywords, Value
from optlint.torch_api.tables import tables

if TYPE_CHECKING:
    from optlint.program.interpreter import Interpreter

MODEL_METHODS = frozenset(
    """
    parameters named_parameters train eval requires_grad_ zero_grad modules children named_children
    named_modules
    """.split()
)
"""Methods by which an unknown value shows that it is a module."""


class ModelMethods:
    """Calls `model.name(...)` where the method is not one of the project."""

    def __init__(self, interpreter: Interpreter) -> None:
        self.interpreter = interpreter
        self.machine = interpreter.machine

    def call(self, model: Model, name: str, positional: Sequence[Value], keywords: Keywords, node: ast.Call) -> Value:
        """Return what a method of a module gives, after its events."""
        machine = self.machine
        named = dict(keywords)
        if name in ("parameters", "named_parameters"):
            made = ParameterIterator(machine.serial(), "", machine.place(node))
            made.sources, made.one_shot, made.named = (ParameterSource(model),), True, name == "named_parameters"
            return self.interpreter.iterators.made(made, node)
        if name == "zero_grad":
            machine.event(Act.CLEAR, (model,), node, self.interpreter.gradients.left_behind(positional, named))
            return NONE
        if name == "requires_grad_":
            flag = positional[0] if positional else named.get("requires_grad", Const(True))
            self.interpreter.gradients.set_requires_grad((ParameterSource(model),), flag, node)
            return model
        if name in tables().moves:
            device = moves_to_cpu(name, positional)
            machine.event(Act.MOVE, (model,), node, "cpu" if device else name)
            return model
        if name == "load_state_dict":
            machine.event(Act.LOAD, (model,), node)
            if named.get("assign") == Const(True):
                machine.event(Act.REPLACE, (model,), node, "assign=True")
            return machine.opaque()
        if name in ("children", "modules"):
            return machine.new_items([self.interpreter.attributes.part(model, "[each]")], is_open=True)
        if name in ("named_children", "named_modules"):
            pair = machine.new_items([machine.opaque("name"), self.interpreter.attributes.part(model, "[each]")])
            return machine.new_items([pair], is_open=True)
        if name in ("train", "eval"):
            flag = positional[0] if positional else named.get("mode", Const(True))
            off = name == "eval" or flag == Const(False)
            known = name == "eval" or self.interpreter.conditions.truth(flag) is not None
            machine.event(Act.EVAL if off else Act.TRAIN, (model,), node, known=known)
            return model
        if name in ("apply", "share_memory", "compile", "float", "type"):
            return model
        if name in ("backward", "manual_backward") and positional:
            return self.interpreter.gradients.backward(positional[:1], node, foreign=True)
        if name == "state_dict":
            if positional or keywords:  # `keep_vars` gives the parameters themselves
                return machine.opaque()
            return detached(machine, machine.place(node), name, (model,), mapping=True)
        if name in ("add_module", "register_module", "register_parameter") and len(positional) == 2:
            key = positional[0].value if isinstance(positional[0], Const) else ""
            self.interpreter.assignments.set_attribute(model, str(key), positional[1], node)
            return NONE
        if name in ("__call__", "forward"):
            return self.forward(model, positional, keywords, node)
        if name == "append" and positional:
            machine.event(Act.CALL, (model,), node, name)
            return model
        if model.info is not None and "" in model.info.foreign_bases and not _is_plain_name(name):
            # A method of a base class that is not here: it may step whatever the object holds.
            return self.interpreter.calls.unknown(name, (model, *positional), keywords, node)
        machine.event(Act.CALL, (model,), node, name)
        if model.info is None or model.confidence is not Confidence.CERTAIN:
            self.interpreter.calls.escape(
                {o for value in (*positional, *named.values()) for o in machine.reach(value)}, node
            )
        return self._through(model, positional, keywords)

    def forward(self, model: Model, positional: Sequence[Value], keywords: Keywords, node: ast.AST) -> Value:
        """Run a module: a gradient from the result reaches its parameters, unless gradients are off."""
        self.machine.event(Act.FORWARD, (model,), node, "" if self.machine.grad_enabled else "no_grad")
        return self._through(model, positional, keywords)

    def _through(self, model: Model, positional: Sequence[Value], keywords: Keywords) -> Value:
        machine = self.machine
        flows: set[Model] = set()
        if machine.grad_enabled:
            for value in (*positional, *(value for _, value in keywords)):
                flows |= machine.flow(value)
                if isinstance(value, Model):
                    flows.add(value)
            if machine.read(model.serial, FROZEN) != Const(True):
                flows.add(model)
        return machine.opaque("", frozenset(), frozenset(flows))


def looks_like_part(name: str) -> bool:
    """Whether a method is one of modules, so that an attribute of a module on which it is called is a module too."""
    return (
        name in MODEL_METHODS
        or name in tables().moves
        or name in ("__call__", "forward", "append", "add_module", "load_state_dict")
    )


def _is_plain_name(name: str) -> bool:
    return name in ("log", "log_dict", "print", "size", "get", "forward", "encode", "decode")
