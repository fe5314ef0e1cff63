"""Making optimizers, schedulers, scalers, modules, and objects of the project's classes, which may be any of these."""

from __future__ import annotations

import ast
from collections.abc import Sequence
from typing import TYPE_CHECKING

from optlint.program.detached import detached_in
from optlint.program.events import Act
from optlint.program.modules import ClassInfo
from optlint.program.objects import (
    Instance,
    Model,
    Object,
    Optimizer,
    Parameter,
    ParameterIterator,
    Scaler,
    Scheduler,
)
from optlint.program.parameter_groups import given_groups, whose_groups
from optlint.program.scheduling import constructed
from optlint.program.store import ITEMS
from optlint.program.values import (
    DEEPEST_LIST,
    Const,
    Entries,
    Items,
    Join,
    Keywords,
    Method,
    Opaque,
    Value,
    alternatives,
)
from optlint.program.wrong_parameters import check_parameters
from optlint.torch_api.tables import tables

if TYPE_CHECKING:
    from optlint.program.interpreter import Interpreter


class ObjectMaker:
    """Makes objects of torch's classes, of the project's, and of those that are taken for an optimizer's."""

    def __init__(self, interpreter: Interpreter) -> None:
        self.interpreter = interpreter
        self.machine = interpreter.machine

    # -- optimizers ---------------------------------------------------------------------------------------------

    def optimizer(
        self,
        classes: frozenset[str],
        positional: Sequence[Value],
        keywords: Keywords,
        node: ast.AST,
        info: ClassInfo | None = None,
    ) -> Optimizer:
        """Make an optimizer over what it is given."""
        machine, iterators = self.machine, self.interpreter.iterators
        given = positional[0] if positional else dict(keywords).get("params")
        made = Optimizer(machine.serial(), "", machine.place(node), classes=classes, info=info)
        name = next(iter(classes)) if len(classes) == 1 else ""
        made.constructions = (constructed(machine, name, positional, keywords, machine.place(node)),)
        if info is not None and given is not None and not iterators.sources(given)[0]:
            given = next((value for value in positional if iterators.sources(value)[0]), given)
        if given is None:
            made.complete = False
        else:
            sources, complete = iterators.sources(self._as_parameters(given))
            made.sources, made.complete = tuple(dict.fromkeys(sources)), complete
            made.groups = self._groups(given)
            made.given = given_groups(machine, iterators, given)
            former = whose_groups(machine, given)
            made.taken_from = (former,) if former is not None else ()
            if info is None:
                check_parameters(machine, given, made, node)
                for cut in detached_in(machine, given):
                    machine.event(Act.DETACHED, (made, *cut.models), cut.place, cut.how)
            self._use_up(given, node)
        machine.event(Act.NEW, (made,), node)
        return made

    def _groups(self, given: Value) -> int | None:
        """Return how many parameter groups an optimizer makes of what it is given, where that is known."""
        machine = self.machine
        if isinstance(given, ParameterIterator) or (isinstance(given, Method) and given.name == "parameters"):
            return 1
        if not isinstance(given, Items) or not machine.measures.is_whole(given):
            return None
        items = machine.items(given)
        if items and all(isinstance(item, Entries) for item in items):
            return len(items)
        return 1 if items and all(isinstance(item, Parameter) for item in items) else None

    def _as_parameters(self, given: Value) -> Value:
        """Unknown values that were given as parameters are modules' parameters as far as the optimizer goes."""
        if (
            isinstance(given, Method)
            and given.name in ("parameters", "named_parameters")
            and isinstance(given.receiver, Opaque | Model)
        ):
            model = self.interpreter.recognition.as_model(given.receiver)
            return model if model is not None else given
        return given

    def _use_up(self, given: Value, node: ast.AST, depth: int = DEEPEST_LIST) -> None:
        """Note which iterators an optimizer goes through; a group dict has a list in the place of one after that."""
        machine, iterators = self.machine, self.interpreter.iterators
        match given:
            case ParameterIterator() | Join():
                iterators.consume(given, node)
            case Items() if depth:
                for item in machine.items(given):
                    self._use_up(item, node, depth - 1)
            case Entries() if depth:
                pairs = machine.entries(given)
                params = dict(pairs).get(Const("params"))
                if isinstance(params, ParameterIterator) and params.one_shot:
                    iterators.consume(params, node, "kept")
                    kept = iterators.listed(params, node)
                    machine.write(given.serial, ITEMS, tuple((k, kept if v is params else v) for k, v in pairs))
                elif params is not None:
                    self._use_up(params, node, depth - 1)
            case _:
                pass

    # -- all else -------------------------------------------------------------------------------------------------

    def scheduler(
        self,
        classes: frozenset[str],
        positional: Sequence[Value],
        keywords: Keywords,
        node: ast.AST,
        info: ClassInfo | None = None,
        factory: str = "",
    ) -> Scheduler:
        """Make a scheduler and bind it to its optimizer, or to those of its children."""
        machine = self.machine
        named = dict(keywords)
        made = Scheduler(machine.serial(), "", machine.place(node), classes=classes, info=info)
        optimizers: list[Optimizer] = []
        children: list[Scheduler] = []
        for value in [*positional[:2], *(named[key] for key in ("optimizer", "schedulers") if key in named)]:
            for inner in (item for option in alternatives(value) for item in machine.items_of(option)):
                for single in alternatives(inner):
                    if isinstance(single, Scheduler):
                        children.append(single)
        first = positional[0] if positional else named.get("optimizer")
        for value in alternatives(first) if first is not None else ():
            optimizer = (
                self.interpreter.recognition.as_optimizer(value) if isinstance(value, Opaque | Optimizer) else None
            )
            if optimizer is not None:
                optimizers.append(optimizer)
        for child in children:
            optimizers.extend(child.optimizers)
        made.optimizers, made.children = tuple(dict.fromkeys(optimizers)), tuple(children)
        name = factory or (next(iter(classes)) if len(classes) == 1 else "")
        made.constructions = (constructed(machine, name, positional, keywords, machine.place(node)),)
        machine.event(Act.NEW, (made,), node)
        return made

    def scaler(self, dotted: str, positional: Sequence[Value], keywords: Keywords, node: ast.AST) -> Scaler:
        """Make a gradient scaler."""
        at = 5 if dotted in ("torch.amp.GradScaler", "torch.amp.grad_scaler.GradScaler") else 4
        given = positional[at] if len(positional) > at else dict(keywords).get("enabled", Const(True))
        enabled = self.interpreter.conditions.truth(given) if all(name != "**" for name, _ in keywords) else None
        made = Scaler(self.machine.serial(), "", self.machine.place(node), enabled=enabled)
        self.machine.event(Act.NEW, (made,), node)
        return made

    def instance_of(self, info: ClassInfo, positional: Sequence[Value], keywords: Keywords, node: ast.AST) -> Object:
        """Make an object of a project class: what it is depends on the class's foreign bases."""
        machine, known = self.machine, tables()
        place = machine.place(node)
        for base in info.foreign_bases:
            module, _, name = base.rpartition(".")
            if (
                base in known.module_bases
                or module in ("torch.nn", "torch.nn.modules")
                or name in ("LightningModule", "PreTrainedModel")
            ):
                return Model(machine.serial(), "", place, info=info)
            if base in ("torch.optim.Optimizer", "torch.optim.optimizer.Optimizer") or (
                module == "torch.optim" and name in known.optimizers
            ):
                return self.optimizer(frozenset((info.name,)), positional, keywords, node, info)
            if module == "torch.optim.lr_scheduler" and (name in known.schedulers):
                return self.scheduler(frozenset((info.name,)), positional, keywords, node, info)
        return Instance(machine.serial(), "", place, info=info)

    def module(self, name: str, positional: Sequence[Value], node: ast.Call) -> Value:
        """Make a parameter, or a module of a class of `torch.nn`."""
        machine, known = self.machine, tables()
        if name in ("Parameter", "UninitializedParameter"):
            return Parameter(machine.serial(), "", machine.place(node))
        inner: list[Model] = []
        parts: dict[str, Model] = {}
        if name in known.containers:
            values = [(str(index), value) for index, value in enumerate(positional)]
            if len(positional) == 1 and isinstance(positional[0], Items):
                values = [(str(index), value) for index, value in enumerate(machine.items(positional[0]))]
            elif len(positional) == 1 and isinstance(positional[0], Entries):
                entries = machine.entries(positional[0])
                values = [(repr(key.value) if isinstance(key, Const) else "each", value) for key, value in entries]
            for index, value in values:
                for model in alternatives(value):
                    if isinstance(model, Model):
                        inner.append(model)
                        parts[f"[{index}]"] = model
        has_parameters = any(model.has_parameters for model in inner) if inner else known.has_parameters(name)
        made = Model(machine.serial(), "", machine.place(node), has_parameters=has_parameters)
        fresh = [model for model in inner if model.parent is None]
        for part, model in parts.items():
            machine.attach(made, part, model)
            if model in fresh:
                model.parent, model.attribute = made, part
        made.wraps = tuple(model for model in inner if model not in fresh)
        return made
