"""Method calls on the objects of a training program: the events that they are."""

from __future__ import annotations

import ast
import re
from collections.abc import Sequence
from typing import TYPE_CHECKING

from optlint.program.detached import STILL_DETACHED, carried, detached, is_leaf_again, models_of
from optlint.program.events import Act
from optlint.program.machine import Machine
from optlint.program.objects import (
    Confidence,
    Instance,
    Model,
    Object,
    Optimizer,
    Parameter,
    ParameterIterator,
    ParameterSource,
    Scaler,
    Scheduler,
    Selection,
    canonical,
)
from optlint.program.own_schedules import has_own_schedule
from optlint.program.parameter_groups import given_groups
from optlint.program.regions import EMPTY, Branch, sequence
from optlint.program.scaling import BY_SCALER, MAYBE_BY_SCALER, multiplied
from optlint.program.values import (
    NONE,
    ClassValue,
    Const,
    Entries,
    External,
    Function,
    Gradient,
    Group,
    Groups,
    Items,
    Join,
    Method,
    ModuleValue,
    Opaque,
    Super,
    Value,
    alternatives,
)
from optlint.torch_api.changes import Change, since
from optlint.torch_api.tables import tables

if TYPE_CHECKING:
    from optlint.program.calls import Calls, Keywords
    from optlint.program.expressions import Expressions

_OPTIMIZER_LABEL = re.compile(
    r"(?i:optimi[sz]er)|(?:^|_)optims?(?:$|_|[A-Z0-9])|(?:^|_)opt(?:$|_|s$|[A-Z0-9])|[a-z]Opt(?:im)?(?:$|[A-Z_0-9])"
)
_SCHEDULER_LABEL = re.compile(r"(?i)sched")
_STEPPED_LABEL = re.compile(f"{_OPTIMIZER_LABEL.pattern}|(?i:sched)")
_LOSS_LABEL = re.compile(r"(?i)(?:^|_)loss(?:es)?$")
_SCALER_LABEL = re.compile(r"(?i)scaler")
FROZEN = "*frozen"
"""The name under which a module says that all its parameters are frozen: no gradient reaches them."""
_MODEL_METHODS = frozenset(
    """
    parameters named_parameters train eval requires_grad_ zero_grad modules children named_children
    named_modules
    """.split()
)
_MAKING_ANOTHER = frozenset("cuda to half double bfloat16 clone view reshape type".split())
"""Methods of a tensor whose result is another tensor, computed from it."""
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


class Methods:
    """Calls `receiver.name(...)` for receivers that are no project code."""

    def __init__(self, machine: Machine, expressions: Expressions, calls: Calls) -> None:
        self.machine = machine
        self.expressions = expressions
        self.calls = calls

    def call(
        self, receiver: Value, name: str, positional: Sequence[Value], keywords: Keywords, node: ast.Call
    ) -> Value:
        """Return what the method gives, after its events."""
        machine = self.machine
        match receiver:
            case Join():
                made: list[Value] = []
                options = alternatives(receiver)

                def arm(option: Value) -> bool:
                    made.append(self.call(option, name, positional, keywords, node))
                    return True

                born_since = machine.serial()
                regions, _ = machine.fork([lambda option=option: arm(option) for option in options])  # type: ignore[misc]
                self.expressions.iteration.one_of(regions, node)
                return machine.join(made, born_since)
            case Model():
                return self._model(receiver, name, positional, keywords, node)
            case Optimizer():
                return self._optimizer(receiver, name, positional, keywords, node)
            case Scheduler():
                return self._scheduler(receiver, name, positional, keywords, node)
            case Scaler():
                return self._scaler(receiver, name, positional, keywords, node)
            case Gradient():
                return self._gradient(receiver, name, node)
            case Parameter():
                return self._parameter(receiver, name, positional, node)
            case Items() | Entries():
                return self._container(receiver, name, positional, keywords, node)
            case Groups() | Group() if name in ("append", "extend", "update", "pop", "clear"):
                machine.event(Act.ESCAPE, (receiver.optimizer,), node)
                return machine.opaque()
            case Group() if name == "get" and positional and positional[0] != Const("params"):
                return machine.opaque()  # a rate, or another number
            case Super():
                return self._super(receiver, name, positional, keywords, node)
            case Opaque():
                return self._opaque(receiver, name, positional, keywords, node)
            case Method(receiver=Model() as model, name=attribute):
                return self.call(
                    self.expressions.part(model, attribute)
                    if _looks_like_part(name)
                    else machine.mix(attribute, [model]),
                    name,
                    positional,
                    keywords,
                    node,
                )
            case Method(name="grad" | "data") if name in ("zero_", "fill_") and _is_gradient(receiver):
                machine.event(Act.CLEAR, (), node, "zero", known=False)
                return receiver
            case Method() if _is_gradient(receiver) and not name.startswith("register"):
                if name.endswith("_") and not name.startswith("_"):
                    machine.event(Act.CHANGE_GRADIENT, (), node, known=False)
                return machine.opaque()
            case Method(receiver=Parameter() as parameter, name="data") if (
                name in STILL_DETACHED and parameter.serial in machine.detached
            ):
                cut = machine.detached[parameter.serial]
                return detached(machine, cut.place, cut.how, cut.models)
            case Method(receiver=inner, name=attribute):
                return self._opaque(self.part_of(inner, attribute), name, positional, keywords, node)
            case Instance():
                return self._instance(receiver, name, positional, keywords, node)
            case Function() | ClassValue() | External() | ModuleValue():
                return self.calls.unknown(name, positional, keywords, node)
            case _:
                return self.calls.unknown(name, (receiver, *positional), keywords, node)

    def part_of(self, inner: Value, attribute: str) -> Opaque:
        """Return the unknown value that `inner.attribute` is; the same one at each reading where `inner` is known."""
        machine = self.machine
        owner = inner.serial if isinstance(inner, Object | Opaque) else 0
        stored = machine.read(owner, attribute) if owner else None
        if isinstance(stored, Opaque):
            return stored
        mixed = machine.mix(attribute, [inner] if not isinstance(inner, Optimizer | Scheduler) else [])
        if owner:
            machine.write(owner, attribute, mixed)
        return mixed

    # -- what unknown values are --------------------------------------------------------------------------------

    def by_name(self, value: Opaque, method: str) -> bool:
        """Whether the name of an unknown value says that it has an optimizer's, scheduler's or scaler's method."""
        label = self.machine.label(value)
        pattern = {"step": _STEPPED_LABEL, "zero_grad": _OPTIMIZER_LABEL, "update": _SCALER_LABEL}.get(method)
        return pattern is not None and pattern.search(label) is not None

    def as_model(self, value: Value) -> Model | None:
        """Return the module that a value turns out to be, by how it is used."""
        machine = self.machine
        if isinstance(value, Model):
            return value
        if not isinstance(value, Opaque):
            return None
        known = machine.models.get(value.serial)
        if known is None:
            held = [o for o in value.holds if isinstance(o, Model)]
            known = Model(machine.serial(), machine.label(value), None, Confidence.USE, wraps=tuple(held))
            machine.models[value.serial] = known
            for block, place, detail in machine.moved.pop(value.serial, ()):
                if block is machine.out:
                    machine.event(Act.MOVE, (known,), place, detail)
        known = canonical(known)
        return known if isinstance(known, Model) else None

    def as_optimizer(self, value: Value) -> Optimizer | None:
        """Return the optimizer that a value turns out to be, by how it is used."""
        machine = self.machine
        if isinstance(value, Optimizer):
            return value
        if not isinstance(value, Opaque):
            return None
        known = machine.models.get(value.serial)
        if known is None:
            known = machine.models[value.serial] = machine.awaited.get(value.serial) or self._unknown_optimizer(value)
        known = canonical(known)
        return known if isinstance(known, Optimizer) else None

    def awaited(self, value: Value) -> Optimizer | None:
        """Return the optimizer that an unknown value will turn out to be, if its name says so and its use later on."""
        machine = self.machine
        if not isinstance(value, Opaque) or value.serial in machine.models:
            return None
        if not _OPTIMIZER_LABEL.search(machine.label(value)):
            return None
        return machine.awaited.setdefault(value.serial, self._unknown_optimizer(value))

    def _unknown_optimizer(self, value: Opaque) -> Optimizer:
        models = sorted((o for o in value.holds if isinstance(o, Model)), key=lambda o: o.serial)
        sources = tuple(ParameterSource(model, Selection.SOME) for model in models)
        label = self.machine.label(value)
        return Optimizer(self.machine.serial(), label, None, Confidence.USE, sources=sources, complete=False)

    def _names_scheduler(self, value: Opaque, node: ast.AST) -> bool:
        """Whether the name of an unknown value says that it is a scheduler, in torch's sense of the word.

        Of a mere argument that is no more than a guess, and a file that writes rates in a class of its own may mean
        one of that class.
        """
        if _SCHEDULER_LABEL.search(self.machine.label(value)) is None:
            return False
        return bool(value.holds) or not has_own_schedule(self.machine.place(node).module)

    def as_scheduler(self, value: Opaque) -> Scheduler | None:
        """Return the scheduler that a value turns out to be, by its name and use."""
        machine = self.machine
        known = machine.models.get(value.serial)
        if known is None:
            optimizers = sorted((o for o in value.holds if isinstance(o, Optimizer)), key=lambda o: o.serial)
            # What some unknown code made of an optimizer may have any protocol; a mere argument is taken at its word.
            confidence = Confidence.NAME if value.holds else Confidence.USE
            known = Scheduler(machine.serial(), machine.label(value), None, confidence, optimizers=tuple(optimizers))
            machine.models[value.serial] = known
        known = canonical(known)
        return known if isinstance(known, Scheduler) else None

    # -- modules ------------------------------------------------------------------------------------------------

    def _model(self, model: Model, name: str, positional: Sequence[Value], keywords: Keywords, node: ast.Call) -> Value:
        machine = self.machine
        named = dict(keywords)
        if name in ("parameters", "named_parameters"):
            made = ParameterIterator(machine.serial(), "", machine.place(node))
            made.sources, made.one_shot, made.named = (ParameterSource(model),), True, name == "named_parameters"
            return self.expressions.iteration.made(made, node)
        if name == "zero_grad":
            machine.event(Act.CLEAR, (model,), node, self._left_behind(positional, named))
            return NONE
        if name == "requires_grad_":
            flag = positional[0] if positional else named.get("requires_grad", Const(True))
            self.set_requires_grad((ParameterSource(model),), flag, node)
            return model
        if name in tables().moves:
            device = _moves_to_cpu(name, positional)
            machine.event(Act.MOVE, (model,), node, "cpu" if device else name)
            return model
        if name == "load_state_dict":
            machine.event(Act.LOAD, (model,), node)
            if named.get("assign") == Const(True):
                machine.event(Act.REPLACE, (model,), node, "assign=True")
            return machine.opaque()
        if name in ("children", "modules"):
            return machine.new_items([self.expressions.part(model, "[each]")], is_open=True)
        if name in ("named_children", "named_modules"):
            pair = machine.new_items([machine.opaque("name"), self.expressions.part(model, "[each]")])
            return machine.new_items([pair], is_open=True)
        if name in ("train", "eval"):
            flag = positional[0] if positional else named.get("mode", Const(True))
            off = name == "eval" or flag == Const(False)
            known = name == "eval" or self.expressions.truth(flag) is not None
            machine.event(Act.EVAL if off else Act.TRAIN, (model,), node, known=known)
            return model
        if name in ("apply", "share_memory", "compile", "float", "type"):
            return model
        if name in ("backward", "manual_backward") and positional:
            return self.calls.torch.backward(positional[:1], node, foreign=True)
        if name == "state_dict":
            if positional or keywords:  # `keep_vars` gives the parameters themselves
                return machine.opaque()
            return detached(machine, machine.place(node), name, (model,), mapping=True)
        if name in ("add_module", "register_module", "register_parameter") and len(positional) == 2:
            key = positional[0].value if isinstance(positional[0], Const) else ""
            self.calls.statements.set_attribute(model, str(key), positional[1], node)
            return NONE
        if name in ("__call__", "forward"):
            return self.forward(model, positional, keywords, node)
        if name == "append" and positional:
            machine.event(Act.CALL, (model,), node, name)
            return model
        if model.info is not None and "" in model.info.foreign_bases and not _is_plain_name(name):
            # A method of a base class that is not here: it may step whatever the object holds.
            return self.calls.unknown(name, (model, *positional), keywords, node)
        machine.event(Act.CALL, (model,), node, name)
        if model.info is None or model.confidence is not Confidence.CERTAIN:
            self.calls.escape({o for value in (*positional, *named.values()) for o in machine.reach(value)}, node)
        return self._through(model, positional, keywords)

    def _left_behind(self, positional: Sequence[Value], named: dict[str, Value]) -> str:
        """Return what `zero_grad` leaves in the gradients, as an event tells it: `zero`, or nothing for None.

        Zeros were the default once. That makes a difference only where parameters are frozen, and what
        torch the project has is not looked up elsewhere.
        """
        flag = positional[0] if positional else named.get("set_to_none")
        if flag is not None:
            return "zero" if flag == Const(False) else ""
        freezes = "requires_grad" in self.machine.frame.module.source.text
        return "zero" if freezes and self.machine.project.torch().precedes(since(Change.NONE_FOR_ZERO)) else ""

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

    def call_object(self, function: Value, positional: Sequence[Value], keywords: Keywords, node: ast.Call) -> Value:
        """Call an object itself: `model(x)`, `criterion(out, y)`, `loss_scaler(loss, optimizer)`."""
        machine = self.machine
        if isinstance(function, Opaque) and function.serial in machine.models:
            function = canonical(machine.models[function.serial])
        if isinstance(function, Model):
            return self.forward(function, positional, keywords, node)
        if isinstance(function, Instance) and function.info is not None:
            found = function.info.method("__call__")
            if found is not None:
                bound = Function(found[1], machine.module_frame(found[0].module), found[0], function)
                return self.calls.follow(bound, positional, keywords, node)
        if _SCALER_LABEL.search(machine.label(function)):
            optimizers = [o for value in positional[1:2] for o in alternatives(value)]
            known = [self.as_optimizer(o) for o in optimizers]
            if known and known[0] is not None:
                # timm's `NativeScaler`: backward, and where the update is due, clipping and the step.
                self.calls.torch.backward(positional[:1], node, foreign=True)
                with machine.collect() as out:
                    machine.event(Act.STEP, (known[0],), node, MAYBE_BY_SCALER)
                if "need_update" in dict(keywords):
                    machine.emit(Branch(sequence(out), EMPTY, machine.place(node)))
                else:
                    for region in out:
                        machine.emit(region)
                return machine.opaque()
        return self.calls.unknown("", (function, *positional), keywords, node)

    # -- optimizers, schedulers, scalers ------------------------------------------------------------------------

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
                self.calls.call_value(function, (), node)
        optimizers = [self.as_optimizer(option) for option in alternatives(value)]
        known = [optimizer for optimizer in optimizers if optimizer is not None]
        if len(known) == 1:
            machine.event(Act.STEP, known, node, detail, scaler=scaler)
        elif known:
            regions = []
            for optimizer in known:
                with machine.collect() as out:
                    machine.event(Act.STEP, (optimizer,), node, detail, scaler=scaler)
                regions.append(sequence(out))
            self.expressions.iteration.one_of(regions, node)
        elif scaler is not None:  # something that goes for an optimizer, and may step those that it holds
            held = (each for option in alternatives(value) for each in machine.reach(option))
            machine.event(Act.ESCAPE, (scaler, *(each for each in held if isinstance(each, Optimizer))), node)

    def _optimizer(
        self, optimizer: Optimizer, name: str, positional: Sequence[Value], keywords: Keywords, node: ast.Call
    ) -> Value:
        machine = self.machine
        named = dict(keywords)
        if name == "step":
            self.optimizer_step(optimizer, [*positional[:1], *([named["closure"]] if "closure" in named else [])], node)
        elif name in ("zero_grad", "reset_grad", "clear_grad", "zero_grads"):
            machine.event(Act.CLEAR, (optimizer,), node, self._left_behind(positional, named))
        elif name == "add_param_group":
            sources = self.expressions.iteration.sources(positional[0])[0] if positional else []
            optimizer.sources = tuple(dict.fromkeys((*optimizer.sources, *sources)))
            models = [source.model for source in sources]
            given = given_groups(machine, self.expressions.iteration, positional[0]) if positional else ()
            optimizer.given = tuple(dict.fromkeys((*optimizer.given, *given)))
            machine.event(Act.ADD_GROUP, (optimizer, *models), node)
        elif name == "load_state_dict":
            machine.event(Act.LOAD, (optimizer,), node)
        elif name == "backward" and positional:
            return self.calls.torch.backward(positional[:1], node, foreign=True)
        elif name == "update_params" and positional:
            # mmengine's OptimWrapper: backward, step and clearing in one.
            self.calls.torch.backward(positional[:1], node, foreign=True)
            machine.event(Act.STEP, (optimizer,), node, MAYBE_BY_SCALER)
            machine.event(Act.CLEAR, (optimizer,), node)
        elif name == "state_dict":
            machine.event(Act.SAVE, (optimizer,), node)
        elif name not in ("train", "eval", "register_step_pre_hook", "register_step_post_hook"):
            machine.event(Act.CALL, (optimizer,), node, name)
            self.calls.escape({optimizer}, node)
        return machine.opaque()

    def _scheduler(
        self, scheduler: Scheduler, name: str, positional: Sequence[Value], keywords: Keywords, node: ast.Call
    ) -> Value:
        machine = self.machine
        if name in ("step", "step_update", "step_batch"):
            if scheduler.info is not None and scheduler.info.method(name) is not None:
                machine.event(Act.ESCAPE, (scheduler, *scheduler.optimizers), node)
            else:
                machine.event(Act.SCHEDULE, (scheduler,), node, "argument" if positional or keywords else "")
        elif name == "load_state_dict":
            machine.event(Act.LOAD, (scheduler,), node)
        elif name == "__init__":
            machine.event(Act.CALL, (scheduler,), node, name)
        else:
            machine.event(Act.CALL, (scheduler,), node, name)
        return machine.opaque()

    def _scaler(
        self, scaler: Scaler, name: str, positional: Sequence[Value], keywords: Keywords, node: ast.Call
    ) -> Value:
        machine = self.machine
        named = dict(keywords)
        if name == "scale" and positional:
            machine.event(Act.CALL, (scaler,), node, name)
            return multiplied(machine, positional[0], scaler) if scaler.enabled is not False else positional[0]
        given = positional[0] if positional else named.get("optimizer")
        if isinstance(given, Method):
            given = self.part_of(given.receiver, given.name)
        if name == "step" and given is not None:
            self.optimizer_step(given, positional[1:2], node, BY_SCALER, scaler)
        elif name == "unscale_" and given is not None:
            found = (self.as_optimizer(option) for option in alternatives(given))
            optimizers = [optimizer for optimizer in found if optimizer is not None]
            machine.event(Act.UNSCALE, (scaler, *optimizers), node, known=bool(optimizers), scaler=scaler)
        elif name == "update":
            machine.event(Act.UPDATE_SCALE, (scaler,), node)
        elif name == "get_scale":
            machine.event(Act.CALL, (scaler,), node, name)
        # What it says of itself, as its scale, may take the factor away again.
        return machine.opaque(holds=frozenset((scaler,)))

    def _scaler_of(self, value: Opaque, label: str, confidence: Confidence) -> Scaler:
        """Return the scaler that an unknown value turns out to be, the same one each time."""
        known = self.machine.scalers.get(value.serial)
        if known is None:
            known = Scaler(self.machine.serial(), label, None, confidence, enabled=None)
            self.machine.scalers[value.serial] = known
        return known

    # -- parameters and gradients -------------------------------------------------------------------------------

    def _gradient(self, gradient: Gradient, name: str, node: ast.Call) -> Value:
        if name in ("zero_", "fill_", "detach_"):
            if name != "detach_":
                self.clear_gradient(gradient.parameter, node, "zero")
            return gradient
        if name.endswith("_") and not name.startswith(("_", "requires_grad", "share_memory", "rename")):
            self.clear_gradient(gradient.parameter, node, act=Act.CHANGE_GRADIENT)
            return gradient
        return self.machine.opaque() if name not in ("data", "detach") else gradient

    def clear_gradient(self, parameter: Object, node: ast.AST, detail: str = "", act: Act = Act.CLEAR) -> None:
        """Note that the gradient of a parameter is cleared, or written where `act` says so."""
        if isinstance(parameter, Parameter):
            if parameter.optimizer is not None:
                self.machine.event(act, (parameter.optimizer,), node, detail)
            else:
                models = [source.model for source in parameter.sources]
                self.machine.event(act, models, node, detail, known=bool(models))

    def _parameter(self, parameter: Parameter, name: str, positional: Sequence[Value], node: ast.Call) -> Value:
        machine = self.machine
        if name == "requires_grad_":
            self.set_requires_grad(parameter.sources, positional[0] if positional else Const(True), node, parameter)
            return parameter
        if name in _MAKING_ANOTHER and not _moves_to_cpu(name, positional):
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
            self.calls.escape({source.model for source in parameter.sources}, node)
        return machine.mix("", [parameter])

    def set_requires_grad(
        self, sources: Sequence[ParameterSource], flag: Value, node: ast.AST, parameter: Parameter | None = None
    ) -> None:
        """Note that parameters are frozen or unfrozen."""
        machine = self.machine
        truth = self.expressions.truth(flag)
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

    # -- containers ---------------------------------------------------------------------------------------------

    def _container(
        self, container: Items | Entries, name: str, positional: Sequence[Value], keywords: Keywords, node: ast.Call
    ) -> Value:
        machine = self.machine
        if isinstance(container, Entries):
            entries = machine.entries(container)
            if name == "values":
                return machine.new_items([value for _, value in entries], machine.is_open(container))
            if name == "items":
                return machine.new_items([machine.new_items(pair) for pair in entries], machine.is_open(container))
            if name == "keys":
                return machine.new_items([key for key, _ in entries], machine.is_open(container))
            if name in ("get", "pop", "setdefault") and positional:
                same = [value for key, value in entries if key == positional[0]]
                return same[-1] if same else positional[1] if len(positional) > 1 else machine.opaque()
            if name == "update":
                pairs = [pair for value in positional if isinstance(value, Entries) for pair in machine.entries(value)]
                pairs += [(Const(key), value) for key, value in keywords]
                machine.write(container.serial, "*items", (*entries, *pairs))
                return NONE
            return machine.opaque()
        items = machine.items(container)
        if name == "append" and positional:
            machine.write(container.serial, "*items", (*items, positional[0]))
        elif name in ("extend", "__iadd__") and positional:
            self.extend(container, positional[0], node)
        elif name == "insert" and len(positional) == 2:
            machine.write(container.serial, "*items", (positional[1], *items))
        elif name in ("pop", "remove", "clear", "sort", "reverse"):
            machine.open(container)
            return machine.join(items) if items and name == "pop" else NONE
        elif name == "copy":
            return machine.new_items(items, machine.is_open(container))
        else:
            return machine.opaque()
        return NONE

    def extend(self, container: Items, value: Value, node: ast.AST) -> None:
        """Note `container += value`."""
        machine, iteration = self.machine, self.expressions.iteration
        items = machine.items(container)
        known = iteration.elements(value)
        iteration.consume(value, node)
        if known is None:
            machine.open(container)
            # A list keeps what an iterator gave, which can be read as often as one likes.
            is_iterator = isinstance(value, ParameterIterator)
            known = [iteration.chained([value], node, one_shot=False) if is_iterator else value]
        machine.write(container.serial, "*items", (*items, *known))

    # -- all else -----------------------------------------------------------------------------------------------

    def _super(
        self, receiver: Super, name: str, positional: Sequence[Value], keywords: Keywords, node: ast.Call
    ) -> Value:
        inner = receiver.receiver
        if name == "__init__":
            if isinstance(inner, Instance):
                self.calls.escape(
                    {o for value in (*positional, *(v for _, v in keywords)) for o in self.machine.reach(value)}, node
                )
            return NONE
        if isinstance(inner, Scheduler) and name == "step":
            # What the base class, which is torch's, does with the schedule is not followed; it writes rates alone.
            self.machine.event(Act.ESCAPE, (inner,), node)
            return self.machine.opaque()
        if isinstance(inner, Object):
            return (
                self.call(inner, name, positional, keywords, node)
                if not isinstance(inner, Instance)
                else self.calls.unknown(name, (inner, *positional), keywords, node)
            )
        return self.calls.unknown(name, positional, keywords, node)

    def _instance(
        self, receiver: Instance, name: str, positional: Sequence[Value], keywords: Keywords, node: ast.Call
    ) -> Value:
        """Call a method that the class does not have here: a base class that is not part of the project may."""
        machine = self.machine
        if name in ("parameters", "named_parameters"):
            # Which modules the base class goes through is not known; that it goes through them once is.
            given = ParameterIterator(machine.serial(), "", machine.place(node), complete=False)
            given.one_shot, given.named = True, name == "named_parameters"
            return self.expressions.iteration.made(given, node)
        if name in ("requires_grad_", "zero_grad", *tables().moves):
            model = machine.models.get(receiver.serial)
            if model is None:
                model = machine.models[receiver.serial] = Model(
                    machine.serial(), receiver.label, receiver.place, Confidence.USE, info=receiver.info
                )
            if isinstance(model, Model):
                return self._model(model, name, positional, keywords, node)
        if name in ("backward", "manual_backward") and positional:
            return self.calls.torch.backward(positional[:1], node, foreign=True)
        if name in ("log", "log_dict", "print", "save_hyperparameters"):
            return machine.opaque()
        return self.calls.unknown(name, (receiver, *positional), keywords, node)

    def _opaque(
        self, receiver: Opaque, name: str, positional: Sequence[Value], keywords: Keywords, node: ast.Call
    ) -> Value:
        """Call a method of an unknown value: what it is may show by its name and by the method."""
        machine = self.machine
        known = machine.models.get(receiver.serial)
        if known is not None:
            return self.call(canonical(known), name, positional, keywords, node)
        if is_leaf_again(machine, receiver) and name in _MAKING_ANOTHER and not _moves_to_cpu(name, positional):
            return Parameter(machine.serial(), machine.label(receiver), machine.place(node), leaf=False)
        still = carried(machine, receiver, name)
        if still is not None:
            return still
        label = machine.label(receiver)
        if name in ("step", "step_update") and self._names_scheduler(receiver, node):
            scheduler = self.as_scheduler(receiver)
            return self.call(scheduler, name, positional, keywords, node) if scheduler is not None else machine.opaque()
        if name in ("step", "zero_grad", "add_param_group", "update_params") and _OPTIMIZER_LABEL.search(label):
            optimizer = self.as_optimizer(receiver)
            return self.call(optimizer, name, positional, keywords, node) if optimizer is not None else machine.opaque()
        if name in ("get_lr", "get_last_lr", "print_lr") and self._names_scheduler(receiver, node):
            scheduler = self.as_scheduler(receiver)
            return self.call(scheduler, name, positional, keywords, node) if scheduler is not None else machine.opaque()
        if name in ("scale", "unscale_", "step", "update", "get_scale") and _SCALER_LABEL.search(label):
            return self._scaler(self._scaler_of(receiver, label, Confidence.NAME), name, positional, keywords, node)
        if name == "step" and positional and any(isinstance(o, Optimizer) for o in alternatives(positional[0])):
            return self._scaler(self._scaler_of(receiver, label, Confidence.USE), name, positional, keywords, node)
        if name in ("backward", "manual_backward"):
            if positional and not isinstance(positional[0], Const):
                return self.calls.torch.backward(positional[:1], node, foreign=True)
            return self.calls.torch.backward([receiver], node)
        if name == "optimizer_step" and positional:
            self.optimizer_step(positional[0], positional[1:2], node)
            return machine.opaque()
        given = receiver.flows - {machine.unseen} and not receiver.holds
        if name == "requires_grad_" and (given or _LOSS_LABEL.search(label)):
            return receiver  # what a module has given is a tensor
        if name in _MODEL_METHODS:
            model = self.as_model(receiver)
            if model is not None:
                return self._model(model, name, positional, keywords, node)
        if name in ("prepare", "setup", "prepare_model", "setup_module", "setup_optimizers") and positional:
            # Accelerate and Fabric hand back what they are given, wrapped, in order.
            if any(isinstance(o, Model | Optimizer | Scheduler) for value in positional for o in machine.reach(value)):
                return positional[0] if len(positional) == 1 else machine.new_items(positional)
        if name in ("detach", "item", "numpy", "tolist", "size", "dim"):
            return machine.opaque()
        if name in ("clip_grad_norm_", "clip_grad_value_"):
            return self.calls.torch.call("torch.nn.utils.clip_grad_norm_", positional, keywords, node)
        if name in tables().moves and not receiver.flows:
            detail = "cpu" if _moves_to_cpu(name, positional) else name
            machine.moved.setdefault(receiver.serial, []).append((machine.out, machine.place(node), detail))
        if name in ("cuda", "cpu", "to", "float", "double", "half") and not receiver.flows and not receiver.holds:
            return receiver
        if name in _HARMLESS:
            return machine.mix("", [receiver, *positional]) if receiver.flows or positional else machine.opaque()
        if receiver.flows and not receiver.holds and not any(machine.reach(value) for value in positional):
            return machine.mix("", [receiver, *positional])
        return self.calls.unknown(name, (receiver, *positional), keywords, node)


def _is_gradient(value: Value) -> bool:
    """Whether a value is the `grad` of something unknown, or the `data` of that."""
    while isinstance(value, Method):
        if value.name == "grad":
            return True
        value = value.receiver
    return False


def _moves_to_cpu(name: str, positional: Sequence[Value]) -> bool:
    return name == "cpu" or (name == "to" and bool(positional) and positional[0] == Const("cpu"))


def _looks_like_part(name: str) -> bool:
    return (
        name in _MODEL_METHODS
        or name in tables().moves
        or name in ("__call__", "forward", "append", "add_module", "load_state_dict")
    )


def _is_plain_name(name: str) -> bool:
    return name in ("log", "log_dict", "print", "size", "get", "forward", "encode", "decode")
