"""Method calls on unknown values: by its name and by the method it may show what such a value is."""

from __future__ import annotations

import ast
import re
from collections.abc import Sequence
from typing import TYPE_CHECKING

from optlint.program.detached import carried, is_leaf_again
from optlint.program.gradients import MAKING_ANOTHER, moves_to_cpu
from optlint.program.model_methods import MODEL_METHODS
from optlint.program.objects import Confidence, Model, Optimizer, Parameter, Scheduler, canonical
from optlint.program.recognition import OPTIMIZER_LABEL, SCALER_LABEL
from optlint.program.values import Const, Keywords, Opaque, Value, alternatives
from optlint.torch_api.tables import tables

if TYPE_CHECKING:
    from optlint.program.interpreter import Interpreter

_LOSS_LABEL = re.compile(r"(?i)(?:^|_)loss(?:es)?$")
_OF_SCHEDULERS = frozenset(("step", "step_update", "get_lr", "get_last_lr", "print_lr"))
_HARMLESS = frozenset(
    """
    add_argument add_image add_scalar add_scalars append backward clone close contiguous cpu cuda debug detach
    dim double endswith error extend float flush format gather get get_last_lr get_lr half info
    is_main_process item items join keys load_state_dict log log_metrics main_process_first manual_seed mean
    numpy parse_args print reduce reshape save set_description set_epoch set_postfix size split squeeze
    startswith state_dict strip sum time to tolist unsqueeze update values view wait_for_everyone warning
    watch write
    """.split()
)
"""Methods of unknown values that do nothing to what the values hold."""


class UnknownMethods:
    """Calls `value.name(...)`."""

    def __init__(self, interpreter: Interpreter) -> None:
        self.interpreter = interpreter
        self.machine = interpreter.machine

    def call(
        self, receiver: Opaque, name: str, positional: Sequence[Value], keywords: Keywords, node: ast.Call
    ) -> Value:
        """Call a method of an unknown value: what it is may show by its name and by the method."""
        machine, recognition = self.machine, self.interpreter.recognition
        methods = self.interpreter.optimizer_methods
        known = machine.models.get(receiver.serial)
        if known is not None:
            return self.interpreter.methods.call(canonical(known), name, positional, keywords, node)
        if is_leaf_again(machine, receiver) and name in MAKING_ANOTHER and not moves_to_cpu(name, positional):
            return Parameter(machine.serial(), machine.label(receiver), machine.place(node), leaf=False)
        still = carried(machine, receiver, name)
        if still is not None:
            return still
        label = machine.label(receiver)
        if name in _OF_SCHEDULERS and recognition.names_scheduler(receiver, node):
            scheduler = recognition.as_scheduler(receiver)
            if scheduler is None:
                return machine.opaque()
            return methods.scheduler(scheduler, name, positional, keywords, node)
        if name in ("step", "zero_grad", "add_param_group", "update_params") and OPTIMIZER_LABEL.search(label):
            optimizer = recognition.as_optimizer(receiver)
            if optimizer is None:
                return machine.opaque()
            return methods.optimizer(optimizer, name, positional, keywords, node)
        if name in ("scale", "unscale_", "step", "update", "get_scale") and SCALER_LABEL.search(label):
            scaler = recognition.scaler_of(receiver, label, Confidence.NAME)
            return methods.scaler(scaler, name, positional, keywords, node)
        if name == "step" and positional and any(isinstance(o, Optimizer) for o in alternatives(positional[0])):
            scaler = recognition.scaler_of(receiver, label, Confidence.USE)
            return methods.scaler(scaler, name, positional, keywords, node)
        if name in ("backward", "manual_backward"):
            if positional and not isinstance(positional[0], Const):
                return self.interpreter.gradients.backward(positional[:1], node, foreign=True)
            return self.interpreter.gradients.backward([receiver], node)
        if name == "optimizer_step" and positional:
            methods.optimizer_step(positional[0], positional[1:2], node)
            return machine.opaque()
        given = receiver.flows - {machine.unseen} and not receiver.holds
        if name == "requires_grad_" and (given or _LOSS_LABEL.search(label)):
            return receiver  # what a module has given is a tensor
        if name in MODEL_METHODS:
            model = recognition.as_model(receiver)
            if model is not None:
                return self.interpreter.model_methods.call(model, name, positional, keywords, node)
        if name in ("prepare", "setup", "prepare_model", "setup_module", "setup_optimizers") and positional:
            # Accelerate and Fabric hand back what they are given, wrapped, in order.
            if any(isinstance(o, Model | Optimizer | Scheduler) for value in positional for o in machine.reach(value)):
                return positional[0] if len(positional) == 1 else machine.new_items(positional)
        if name in ("detach", "item", "numpy", "tolist", "size", "dim"):
            return machine.opaque()
        if name in ("clip_grad_norm_", "clip_grad_value_"):
            return self.interpreter.gradients.clip(positional, keywords, node)
        if name in tables().moves and not receiver.flows:
            detail = "cpu" if moves_to_cpu(name, positional) else name
            machine.moved.setdefault(receiver.serial, []).append((machine.out, machine.place(node), detail))
        if name in ("cuda", "cpu", "to", "float", "double", "half") and not receiver.flows and not receiver.holds:
            return receiver
        if name in _HARMLESS:
            return machine.mix("", [receiver, *positional]) if receiver.flows or positional else machine.opaque()
        if receiver.flows and not receiver.holds and not any(machine.reach(value) for value in positional):
            return machine.mix("", [receiver, *positional])
        return self.interpreter.calls.unknown(name, (receiver, *positional), keywords, node)
