"""Parameters and their gradients: backward, clipping, clearing, freezing, and the methods of both."""

from __future__ import annotations

import ast
from collections.abc import Sequence
from typing import TYPE_CHECKING

from optlint.program.detached import detached, models_of
from optlint.program.events import Act
from optlint.program.objects import Object, Parameter, ParameterSource, Selection, canonical
from optlint.program.scaling import MAYBE_SCALED, scaling_of
from optlint.program.values import NONE, Const, Gradient, Keywords, Value
from optlint.program.wrong_parameters import wrong_to_clip
from optlint.torch_api.changes import Change, since

if TYPE_CHECKING:
    from optlint.program.interpreter import Interpreter

FROZEN = "*frozen"
"""The name under which a module says that all its parameters are frozen: no gradient reaches them."""
MAKING_ANOTHER = frozenset("cuda to half double bfloat16 clone view reshape type".split())
"""Methods of a tensor whose result is another tensor, computed from it."""


class Gradients:
    """What is done to parameters and to their gradients, by whichever object."""

    def __init__(self, interpreter: Interpreter) -> None:
        self.interpreter = interpreter
        self.machine = interpreter.machine

    def backward(self, losses: Sequence[Value], node: ast.AST, foreign: bool = False) -> Value:
        """Note a backward from the losses; what is `foreign` may scale them itself."""
        machine = self.machine
        detail, scaler = scaling_of(machine, losses)
        reached = set().union(*(machine.flow(loss) for loss in losses)) if losses else set()
        # A loss function alone tells nothing of where its inputs came from.
        seen = (model for model in reached if model.has_parameters and model is not machine.unseen)
        models = sorted(seen, key=lambda model: model.serial)
        machine.event(
            Act.BACKWARD,
            models,
            node,
            detail or (MAYBE_SCALED if foreign else ""),
            known=bool(models) and machine.unseen not in reached,
            scaler=scaler,
        )
        return NONE

    def clip(self, positional: Sequence[Value], keywords: Keywords, node: ast.Call) -> Value:
        """Note that gradients are clipped."""
        for value in (*positional, *(value for name, value in keywords if name == "parameters"))[:1]:
            sources, complete = self.interpreter.iterators.sources(value)
            models = [source.model for source in sources]
            known = bool(models) and complete
            self.machine.event(Act.CLIP, models, node, wrong_to_clip(value), known=known)
            self.interpreter.iterators.consume(value, node)
        return self.machine.opaque()

    def left_behind(self, positional: Sequence[Value], named: dict[str, Value]) -> str:
        """Return what `zero_grad` leaves in the gradients, as an event tells it: `zero`, or nothing for None.

        Zeros were the default once. That makes a difference only where parameters are frozen, and what
        torch the project has is not looked up elsewhere.
        """
        flag = positional[0] if positional else named.get("set_to_none")
        if flag is not None:
            return "zero" if flag == Const(False) else ""
        freezes = "requires_grad" in self.machine.frame.module.source.text
        return "zero" if freezes and self.machine.project.torch().precedes(since(Change.NONE_FOR_ZERO)) else ""

    def set_requires_grad(
        self, sources: Sequence[ParameterSource], flag: Value, node: ast.AST, parameter: Parameter | None = None
    ) -> None:
        """Note that parameters are frozen or unfrozen."""
        machine = self.machine
        truth = self.interpreter.conditions.truth(flag)
        models = [source.model for source in sources]
        if not models:
            return
        if truth is None and parameter is None:
            return
        if truth is None:
            machine.event(Act.FREEZE, models, node, "some")
            return
        some = any(source.selection is not Selection.ALL for source in sources)
        if parameter is not None and machine.depth > parameter.depth:
            some = True
        machine.event(Act.UNFREEZE if truth else Act.FREEZE, models, node, "some" if some else "")
        if not some or truth:
            for model in models:
                machine.write(canonical(model).serial, FROZEN, Const(not truth))

    def clear_gradient(self, parameter: Object, node: ast.AST, detail: str = "", act: Act = Act.CLEAR) -> None:
        """Note that the gradient of a parameter is cleared, or written where `act` says so."""
        if isinstance(parameter, Parameter):
            if parameter.optimizer is not None:
                self.machine.event(act, (parameter.optimizer,), node, detail)
            else:
                models = [source.model for source in parameter.sources]
                self.machine.event(act, models, node, detail, known=bool(models))

    def call_on_gradient(self, gradient: Gradient, name: str, node: ast.Call) -> Value:
        """Return what a method of a parameter's gradient gives, after its events."""
        if name in ("zero_", "fill_", "detach_"):
            if name != "detach_":
                self.clear_gradient(gradient.parameter, node, "zero")
            return gradient
        if name.endswith("_") and not name.startswith(("_", "requires_grad", "share_memory", "rename")):
            self.clear_gradient(gradient.parameter, node, act=Act.CHANGE_GRADIENT)
            return gradient
        return self.machine.opaque() if name not in ("data", "detach") else gradient

    def call_on_parameter(self, parameter: Parameter, name: str, positional: Sequence[Value], node: ast.Call) -> Value:
        """Return what a method of a parameter gives, after its events."""
        machine = self.machine
        if name == "requires_grad_":
            self.set_requires_grad(parameter.sources, positional[0] if positional else Const(True), node, parameter)
            return parameter
        if name in MAKING_ANOTHER and not moves_to_cpu(name, positional):
            return Parameter(
                machine.serial(), parameter.label, machine.place(node), sources=parameter.sources, leaf=False
            )
        if name in ("cpu", "to", "float"):
            return parameter
        if name == "detach":
            return detached(machine, machine.place(node), name, models_of(parameter))
        if name in ("numel", "size", "dim", "item"):
            return machine.opaque()
        if name == "backward":
            # It starts at a leaf, and reaches nothing else.
            machine.event(Act.CALL, (parameter,), node, name)
            return NONE
        if name == "register_post_accumulate_grad_hook" or name == "register_hook":
            self.interpreter.calls.escape({source.model for source in parameter.sources}, node)
        return machine.mix("", [parameter])


def moves_to_cpu(name: str, positional: Sequence[Value]) -> bool:
    """Whether a method that may move a module or tensor moves it to the CPU."""
    return name == "cpu" or (name == "to" and bool(positional) and positional[0] == Const("cpu"))
