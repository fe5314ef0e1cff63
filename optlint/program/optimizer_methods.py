"""Method calls on optimizers, schedulers and gradient scalers; a step of an optimizer, whoever makes it."""

from __future__ import annotations

import ast
from collections.abc import Sequence
from typing import TYPE_CHECKING

from optlint.program.events import Act
from optlint.program.objects import Optimizer, Scaler, Scheduler
from optlint.program.parameter_groups import given_groups
from optlint.program.regions import sequence
from optlint.program.scaling import BY_SCALER, MAYBE_BY_SCALER, multiplied
from optlint.program.values import Function, Keywords, Method, Value, alternatives

if TYPE_CHECKING:
    from optlint.program.interpreter import Interpreter


class OptimizerMethods:
    """Calls a method of the three kinds of objects that a loop steps."""

    def __init__(self, interpreter: Interpreter) -> None:
        self.interpreter = interpreter
        self.machine = interpreter.machine

    def optimizer_step(
        self,
        value: Value,
        closure: Sequence[Value],
        node: ast.Call,
        detail: str = "",
        scaler: Scaler | None = None,
    ) -> None:
        """Note a step of each optimizer that a value may be; a closure runs first, and a scaler may make the step."""
        machine = self.machine
        for function in closure:
            if isinstance(function, Function):
                self.interpreter.calls.call_value(function, (), node)
        optimizers = [self.interpreter.recognition.as_optimizer(option) for option in alternatives(value)]
        known = [optimizer for optimizer in optimizers if optimizer is not None]
        if len(known) == 1:
            machine.event(Act.STEP, known, node, detail, scaler=scaler)
        elif known:
            regions = []
            for optimizer in known:
                with machine.collect() as out:
                    machine.event(Act.STEP, (optimizer,), node, detail, scaler=scaler)
                regions.append(sequence(out))
            self.interpreter.conditions.one_of(regions, node)
        elif scaler is not None:  # something that goes for an optimizer, and may step those that it holds
            held = (each for option in alternatives(value) for each in machine.reach(option))
            machine.event(Act.ESCAPE, (scaler, *(each for each in held if isinstance(each, Optimizer))), node)

    def optimizer(
        self, optimizer: Optimizer, name: str, positional: Sequence[Value], keywords: Keywords, node: ast.Call
    ) -> Value:
        """Return what a method of an optimizer gives, after its events."""
        machine = self.machine
        named = dict(keywords)
        if name == "step":
            self.optimizer_step(optimizer, [*positional[:1], *([named["closure"]] if "closure" in named else [])], node)
        elif name in ("zero_grad", "reset_grad", "clear_grad", "zero_grads"):
            machine.event(Act.CLEAR, (optimizer,), node, self.interpreter.gradients.left_behind(positional, named))
        elif name == "add_param_group":
            sources = self.interpreter.iterators.sources(positional[0])[0] if positional else []
            optimizer.sources = tuple(dict.fromkeys((*optimizer.sources, *sources)))
            models = [source.model for source in sources]
            given = given_groups(machine, self.interpreter.iterators, positional[0]) if positional else ()
            optimizer.given = tuple(dict.fromkeys((*optimizer.given, *given)))
            machine.event(Act.ADD_GROUP, (optimizer, *models), node)
        elif name == "load_state_dict":
            machine.event(Act.LOAD, (optimizer,), node)
        elif name == "backward" and positional:
            return self.interpreter.gradients.backward(positional[:1], node, foreign=True)
        elif name == "update_params" and positional:
            # mmengine's OptimWrapper: backward, step and clearing in one.
            self.interpreter.gradients.backward(positional[:1], node, foreign=True)
            machine.event(Act.STEP, (optimizer,), node, MAYBE_BY_SCALER)
            machine.event(Act.CLEAR, (optimizer,), node)
        elif name == "state_dict":
            machine.event(Act.SAVE, (optimizer,), node)
        elif name not in ("train", "eval", "register_step_pre_hook", "register_step_post_hook"):
            machine.event(Act.CALL, (optimizer,), node, name)
            self.interpreter.calls.escape({optimizer}, node)
        return machine.opaque()

    def scheduler(
        self, scheduler: Scheduler, name: str, positional: Sequence[Value], keywords: Keywords, node: ast.Call
    ) -> Value:
        """Return what a method of a scheduler gives, after its events."""
        machine = self.machine
        if name in ("step", "step_update", "step_batch"):
            if scheduler.info is not None and scheduler.info.method(name) is not None:
                machine.event(Act.ESCAPE, (scheduler, *scheduler.optimizers), node)
            else:
                machine.event(Act.SCHEDULE, (scheduler,), node, "argument" if positional or keywords else "")
        elif name == "load_state_dict":
            machine.event(Act.LOAD, (scheduler,), node)
        else:
            machine.event(Act.CALL, (scheduler,), node, name)
        return machine.opaque()

    def scaler(
        self, scaler: Scaler, name: str, positional: Sequence[Value], keywords: Keywords, node: ast.Call
    ) -> Value:
        """Return what a method of a gradient scaler gives, after its events."""
        machine = self.machine
        named = dict(keywords)
        if name == "scale" and positional:
            machine.event(Act.CALL, (scaler,), node, name)
            return multiplied(machine, positional[0], scaler) if scaler.enabled is not False else positional[0]
        given = positional[0] if positional else named.get("optimizer")
        if isinstance(given, Method):
            given = self.interpreter.recognition.part_of(given.receiver, given.name)
        if name == "step" and given is not None:
            self.optimizer_step(given, positional[1:2], node, BY_SCALER, scaler)
        elif name == "unscale_" and given is not None:
            found = (self.interpreter.recognition.as_optimizer(option) for option in alternatives(given))
            optimizers = [optimizer for optimizer in found if optimizer is not None]
            machine.event(Act.UNSCALE, (scaler, *optimizers), node, known=bool(optimizers), scaler=scaler)
        elif name == "update":
            machine.event(Act.UPDATE_SCALE, (scaler,), node)
        elif name == "get_scale":
            machine.event(Act.CALL, (scaler,), node, name)
        # What it says of itself, as its scale, may take the factor away again.
        return machine.opaque(holds=frozenset((scaler,)))
