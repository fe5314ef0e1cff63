"""What calls of torch, of Python itself and of well-known packages mean."""

from __future__ import annotations

import ast
import math
import re
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING

from optlint.program.detached import carried, detached, detached_in, models_of
from optlint.program.events import Act
from optlint.program.machine import ITEMS, Machine
from optlint.program.modules import ClassInfo
from optlint.program.names import FOREIGN
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
)
from optlint.program.parameter_groups import given_groups, whose_groups
from optlint.program.scaling import MAYBE_BY_SCALER, MAYBE_SCALED, scaling_of
from optlint.program.scheduling import constructed
from optlint.program.values import (
    NONE,
    ClassValue,
    Const,
    Entries,
    External,
    Function,
    Group,
    Groups,
    Items,
    Join,
    Method,
    Opaque,
    Partial,
    Value,
    alternatives,
)
from optlint.torch_api.tables import tables

if TYPE_CHECKING:
    from optlint.program.calls import Calls, Keywords
    from optlint.program.expressions import Expressions

_OPTIMIZER_NAME = re.compile(
    r"adam|sgd|optim|lamb$|lion|prop$|adagrad|adadelta|adafactor|lars|novograd|sophia|shampoo|muon", re.I
)
_OPTIMIZER_KEYWORDS = frozenset(("lr", "learning_rate", "weight_decay", "betas", "momentum"))
_TENSOR_MAKERS = frozenset(
    (
        "randn",
        "rand",
        "zeros",
        "ones",
        "empty",
        "full",
        "tensor",
        "eye",
        "linspace",
        "arange",
        "randn_like",
        "zeros_like",
        "ones_like",
        "rand_like",
    )
)
_PURE_ROOTS = FOREIGN | {
    "builtins",
    "wandb",
    "einops",
    "torchmetrics",
    "torchinfo",
    "torchsummary",
    "tensorboardX",
    "absl",
    "loguru",
    "rich",
    "click",
}
_SCALERS = frozenset(
    (
        "torch.cuda.amp.GradScaler",
        "torch.amp.GradScaler",
        "torch.cuda.amp.grad_scaler.GradScaler",
        "torch.amp.grad_scaler.GradScaler",
        "torch.cpu.amp.GradScaler",
    )
)
_SHARDING = frozenset(("fully_shard", "FullyShardedDataParallel", "parallelize_module", "distribute_module"))
"""Functions after which a module's parameters are others than before, spread over processes."""
_PROGRESS = frozenset(("tqdm", "trange", "track", "progress_bar", "auto_tqdm", "prange"))


class TorchCalls:
    """Calls by dotted name."""

    def __init__(self, machine: Machine, expressions: Expressions, calls: Calls) -> None:
        self.machine = machine
        self.expressions = expressions
        self.calls = calls
        self._builtins: dict[str, Callable[[Sequence[Value], Keywords, ast.Call], Value]] = {
            "isinstance": self._isinstance,
            "getattr": self._getattr,
            "setattr": self._setattr,
            "list": self._copied,
            "tuple": self._copied,
            "set": self._copied,
            "sorted": self._copied,
            "reversed": self._reversed,
            "iter": self._same,
            "filter": self._filter,
            "map": self._map,
            "enumerate": self._enumerate,
            "zip": self._zip,
            "dict": self._dict,
            "next": self._next,
            "sum": self._consumed,
            "len": self._len,
            "range": self._range,
            "int": self._int,
            "print": self._plain,
            "type": self._plain,
            "any": self._consumed,
            "all": self._consumed,
            "max": self._max,
            "min": self._consumed,
        }

    def call(self, dotted: str, positional: Sequence[Value], keywords: Keywords, node: ast.Call) -> Value:
        """Return what calling a name of another package gives."""
        machine, known = self.machine, tables()
        module, _, name = dotted.rpartition(".")
        if module == "builtins":
            handler = self._builtins.get(name)
            return (
                handler(positional, keywords, node)
                if handler
                else machine.mix("", [*positional, *(v for _, v in keywords)])
            )
        if module == "torch.optim" and (name in known.optimizers or name == "?"):
            return self.optimizer(frozenset((name,)), positional, keywords, node)
        if module == "torch.optim.lr_scheduler" and (name in known.schedulers or name == "?"):
            return self.scheduler(frozenset((name,)), positional, keywords, node)
        if dotted == "torch.optim.swa_utils.SWALR":
            return self.scheduler(frozenset((name,)), positional, keywords, node)
        if dotted in known.other_optimizers:
            return self.optimizer(frozenset((name,)), positional, keywords, node)
        if name in known.warmup_factories or name in known.constant_factories:
            label = "warmup" if name in known.warmup_factories else "constant"
            return self.scheduler(frozenset((f"LambdaLR:{label}",)), positional, keywords, node, factory=name)
        if dotted in known.wrappers or name in ("DistributedDataParallel", "DataParallel"):
            return positional[0] if positional else machine.mix("", [value for _, value in keywords])
        if dotted in known.replacing:
            for value in positional[:1]:
                for model in alternatives(value):
                    if isinstance(model, Model):
                        machine.event(Act.REPLACE, (model,), node, name)
            return positional[0] if positional else machine.opaque()
        if name in _SHARDING and module.startswith("torch.distributed") and positional:
            return self._sharded(name, positional[0], keywords, node)
        if dotted in _SCALERS:
            return self.scaler(dotted, positional, keywords, node)
        if module in ("torch.nn", "torch.nn.modules"):
            return self._module_class(name, positional, keywords, node)
        if name == "chain" and module == "itertools":
            return self._chained(positional, node)
        if dotted == "itertools.chain.from_iterable" and positional:
            return self._chained(self.calls.items_of(positional[0]), node)
        if dotted == "functools.partial" and positional:
            return Partial(positional[0], tuple(positional[1:]), tuple(keywords))
        if dotted in ("copy.deepcopy", "copy.copy") and positional:
            return self._deepcopied(positional[0], node) if name == "deepcopy" else self._shallow(positional[0], node)
        if name in ("clip_grad_norm_", "clip_grad_value_", "clip_grad_norm"):
            return self._clip(positional, keywords, node)
        if dotted in ("torch.autograd.backward", "torch.autograd.function.backward"):
            return self.backward(positional[:1], node)
        if name == "optimizer_step":
            for value in positional[:1]:
                self.calls.methods.optimizer_step(value, (), node, MAYBE_BY_SCALER)
            return machine.opaque()
        if dotted.endswith("amp.initialize"):
            return self._handed_back(
                [*positional, *(value for key, value in keywords if key in ("models", "optimizers"))]
            )
        if dotted.endswith("amp.scale_loss"):
            if positional:
                return machine.mix("", [positional[0], machine.opaque(holds=frozenset((machine.foreign_scaler,)))])
            return machine.opaque()
        if name in ("trange", "prange"):
            return self._range(positional, keywords, node)
        if dotted in ("math.ceil", "math.floor") and len(positional) == 1:
            return self._rounded(name, positional[0])
        if name in _PROGRESS:
            return positional[0] if positional else machine.opaque()
        if module == "torch" and name in _TENSOR_MAKERS and dict(keywords).get("requires_grad") == Const(True):
            return Parameter(machine.serial(), "", machine.place(node))
        if dotted.partition(".")[0] in _PURE_ROOTS:
            return self._pure(positional, keywords)
        return self._foreign(dotted, positional, keywords, node)

    def _sharded(self, name: str, value: Value, keywords: Keywords, node: ast.Call) -> Value:
        """Note that modules are sharded; FSDP that keeps the original parameters, or may, is passed over."""
        kept = dict(keywords).get("use_orig_params", Const(False))
        if name != "FullyShardedDataParallel" or kept == Const(False):
            for option in alternatives(value):
                model = self.machine.models.get(option.serial) if isinstance(option, Opaque) else option
                if isinstance(model, Model):
                    self.machine.event(Act.SHARD, (model,), node, name)
        return value

    def choose(
        self, options: Sequence[External], positional: Sequence[Value], keywords: Keywords, node: ast.Call
    ) -> Value:
        """Call one of several names: a choice of optimizer or scheduler classes makes one object."""
        known = tables()
        names = [option.name.rpartition(".") for option in options]
        given = positional[0] if positional else dict(keywords).get("params")
        if given is not None and all(
            (module == "torch.optim" and name in known.optimizers) or _OPTIMIZER_NAME.search(name)
            for module, _, name in names
        ):
            return self.optimizer(frozenset(name for _, _, name in names), positional, keywords, node)
        if all(module == "torch.optim.lr_scheduler" and name in known.schedulers for module, _, name in names):
            return self.scheduler(frozenset(name for _, _, name in names), positional, keywords, node)
        return self.machine.mix("", [self.call(option.name, positional, keywords, node) for option in options])

    # -- making objects -----------------------------------------------------------------------------------------

    def optimizer(
        self,
        classes: frozenset[str],
        positional: Sequence[Value],
        keywords: Keywords,
        node: ast.AST,
        info: ClassInfo | None = None,
    ) -> Optimizer:
        """Make an optimizer over what it is given."""
        machine, iteration = self.machine, self.expressions.iteration
        given = positional[0] if positional else dict(keywords).get("params")
        made = Optimizer(machine.serial(), "", machine.place(node), classes=classes, info=info)
        name = next(iter(classes)) if len(classes) == 1 else ""
        made.constructions = (constructed(machine, name, positional, keywords, machine.place(node)),)
        if info is not None and given is not None and not iteration.sources(given)[0]:
            given = next((value for value in positional if iteration.sources(value)[0]), given)
        if given is None:
            made.complete = False
        else:
            sources, complete = iteration.sources(self._as_parameters(given))
            made.sources, made.complete = tuple(dict.fromkeys(sources)), complete
            made.groups = self._groups(given)
            made.given = given_groups(machine, iteration, given)
            former = whose_groups(machine, given)
            made.taken_from = (former,) if former is not None else ()
            if info is None:
                self._check_parameters(given, positional, made, node)
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
            model = self.calls.methods.as_model(given.receiver)
            return model if model is not None else given
        return given

    def _use_up(self, given: Value, node: ast.AST, depth: int = 3) -> None:
        """Note which iterators an optimizer goes through; a group dict has a list in the place of one after that."""
        machine, iteration = self.machine, self.expressions.iteration
        match given:
            case ParameterIterator() | Join():
                iteration.consume(given, node)
            case Items() if depth:
                for item in machine.items(given):
                    self._use_up(item, node, depth - 1)
            case Entries() if depth:
                pairs = machine.entries(given)
                params = dict(pairs).get(Const("params"))
                if isinstance(params, ParameterIterator) and params.one_shot:
                    iteration.consume(params, node, "kept")
                    kept = iteration.listed(params, node)
                    machine.write(given.serial, ITEMS, tuple((k, kept if v is params else v) for k, v in pairs))
                elif params is not None:
                    self._use_up(params, node, depth - 1)
            case _:
                pass

    def _check_parameters(self, given: Value, positional: Sequence[Value], made: Optimizer, node: ast.AST) -> None:
        machine = self.machine
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
                    for value in self.calls.items_of(inner) if inner is not None else ():
                        if isinstance(value, Parameter) and not value.leaf and value.place is not None:
                            machine.event(Act.NON_LEAF, (made, value), value.place)

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
            for inner in (item for option in alternatives(value) for item in self.calls.items_of(option)):
                for single in alternatives(inner):
                    if isinstance(single, Scheduler):
                        children.append(single)
        first = positional[0] if positional else named.get("optimizer")
        for value in alternatives(first) if first is not None else ():
            optimizer = self.calls.methods.as_optimizer(value) if isinstance(value, Opaque | Optimizer) else None
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
        enabled = self.expressions.truth(given) if all(name != "**" for name, _ in keywords) else None
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

    def _module_class(self, name: str, positional: Sequence[Value], keywords: Keywords, node: ast.Call) -> Value:
        machine, known = self.machine, tables()
        if name in ("Parameter", "UninitializedParameter"):
            return Parameter(machine.serial(), "", machine.place(node))
        if not name[:1].isupper():
            return self._pure(positional, keywords)
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

    # -- gradients ----------------------------------------------------------------------------------------------

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

    def _clip(self, positional: Sequence[Value], keywords: Keywords, node: ast.Call) -> Value:
        for value in (*positional, *(value for name, value in keywords if name == "parameters"))[:1]:
            sources, complete = self.expressions.iteration.sources(value)
            models = [source.model for source in sources]
            known = bool(models) and complete
            self.machine.event(Act.CLIP, models, node, _wrong_to_clip(value), known=known)
            self.expressions.iteration.consume(value, node)
        return self.machine.opaque()

    # -- Python -------------------------------------------------------------------------------------------------

    def _pure(self, positional: Sequence[Value], keywords: Keywords) -> Value:
        """A call that keeps nothing and steps nothing: only data flows through it."""
        values = [*positional, *(value for _, value in keywords)]
        return self.machine.mix("", [value for value in values if not isinstance(value, Model)])

    def _plain(self, positional: Sequence[Value], keywords: Keywords, node: ast.Call) -> Value:
        return self.machine.opaque()

    def _len(self, positional: Sequence[Value], keywords: Keywords, node: ast.Call) -> Value:
        return self.machine.measures.computed(self.machine.opaque(), "len", *positional[:1])

    def _range(self, positional: Sequence[Value], keywords: Keywords, node: ast.Call) -> Value:
        return self.machine.measures.ranged(self.machine.mix("", positional), positional)

    def _int(self, positional: Sequence[Value], keywords: Keywords, node: ast.Call) -> Value:
        if len(positional) == 1:
            return self._rounded("floor", positional[0])
        return self.machine.mix("", positional)

    def _rounded(self, how: str, value: Value) -> Value:
        if isinstance(value, Const) and isinstance(value.value, int | float) and math.isfinite(value.value):
            number = math.ceil(value.value) if how == "ceil" else int(value.value)
            return self.machine.computed(Const(number), value)
        return self.machine.measures.computed(self.machine.mix("", [value]), how, value)

    def _max(self, positional: Sequence[Value], keywords: Keywords, node: ast.Call) -> Value:
        return self.machine.measures.computed(self._consumed(positional, keywords, node), "max", *positional)

    def _consumed(self, positional: Sequence[Value], keywords: Keywords, node: ast.Call) -> Value:
        for value in positional:
            self.expressions.iteration.consume(value, node)
        return self.machine.mix("", positional)

    def _same(self, positional: Sequence[Value], keywords: Keywords, node: ast.Call) -> Value:
        return positional[0] if positional else self.machine.opaque()

    def _copied(self, positional: Sequence[Value], keywords: Keywords, node: ast.Call) -> Value:
        if not positional:
            return self.machine.new_items([])
        value = positional[0]
        match value:
            case ParameterIterator():
                self.expressions.iteration.consume(value, node)
                return self.expressions.iteration.listed(value, node)
            case Items():
                return self.machine.new_items(self.machine.items(value), self.machine.is_open(value))
            case Model():
                return value
            case _:
                return carried(self.machine, value) or self.machine.mix("", positional)

    def _reversed(self, positional: Sequence[Value], keywords: Keywords, node: ast.Call) -> Value:
        if positional and isinstance(positional[0], Items):
            items = self.machine.items(positional[0])
            return self.machine.new_items(items[::-1], self.machine.is_open(positional[0]))
        return self._same(positional, keywords, node)

    def _filter(self, positional: Sequence[Value], keywords: Keywords, node: ast.Call) -> Value:
        from optlint.program.iteration import is_requires_grad

        if len(positional) < 2:
            return self.machine.opaque()
        function, value = positional[0], positional[1]
        sources, complete = self.expressions.iteration.sources(value)
        if not sources and not isinstance(value, ParameterIterator):
            return self.machine.mix("", positional)
        lambda_body = (
            function.node.body if isinstance(function, Function) and isinstance(function.node, ast.Lambda) else None
        )
        trainable = lambda_body is not None and is_requires_grad(lambda_body)
        selection = Selection.TRAINABLE if trainable else Selection.SOME
        made = ParameterIterator(self.machine.serial(), "", self.machine.place(node))
        made.sources = tuple(
            ParameterSource(s.model, selection if s.selection is not Selection.SOME else s.selection) for s in sources
        )
        made.one_shot, made.complete = True, complete
        made.named = isinstance(value, ParameterIterator) and value.named
        self.expressions.iteration.consume(value, node)
        return self.expressions.iteration.made(made, node)

    def _map(self, positional: Sequence[Value], keywords: Keywords, node: ast.Call) -> Value:
        return self.calls.unknown("", positional, keywords, node) if positional else self.machine.opaque()

    def _enumerate(self, positional: Sequence[Value], keywords: Keywords, node: ast.Call) -> Value:
        made = self._tuples([self.machine.opaque("index"), positional[0]] if positional else [], node)
        return self.machine.measures.elements(made, positional[0]) if positional else made

    def _zip(self, positional: Sequence[Value], keywords: Keywords, node: ast.Call) -> Value:
        return self._tuples(positional, node)

    def _tuples(self, columns: Sequence[Value], node: ast.AST) -> Value:
        """Return the list of tuples that take one element of each column."""
        machine, iteration = self.machine, self.expressions.iteration
        known = [iteration.elements(column) for column in columns]
        lengths = {len(column) for column in known if column is not None}
        if len(lengths) == 1 and any(
            isinstance(item, Object) for column in known if column is not None for item in column
        ):
            count = lengths.pop()
            rows = [
                machine.new_items(
                    [
                        column[i] if column is not None else iteration.each(columns[c], node)
                        for c, column in enumerate(known)
                    ]
                )
                for i in range(count)
            ]
            return machine.new_items(rows)
        for column in columns:
            iteration.consume(column, node)
        return machine.new_items(
            [machine.new_items([iteration.each(column, node) for column in columns])], is_open=True
        )

    def _dict(self, positional: Sequence[Value], keywords: Keywords, node: ast.Call) -> Value:
        pairs: list[tuple[Value, Value]] = []
        for value in positional:
            if isinstance(value, Entries):
                pairs.extend(self.machine.entries(value))
        pairs.extend((Const(name), value) for name, value in keywords if name != "**")
        is_open = bool(positional) and not isinstance(positional[0], Entries)
        made = self.machine.new_entries(pairs, is_open or any(name == "**" for name, _ in keywords))
        self.machine.displays[made.serial] = self.machine.place(node)
        return made

    def _next(self, positional: Sequence[Value], keywords: Keywords, node: ast.Call) -> Value:
        if positional and isinstance(positional[0], ParameterIterator):
            return self.expressions.iteration.each(positional[0], node)
        return self.machine.mix("", positional)

    def _isinstance(self, positional: Sequence[Value], keywords: Keywords, node: ast.Call) -> Value:
        if len(positional) == 2:
            answers = {self._is_a(positional[0], option) for option in self.calls.items_of(positional[1])}
            if True in answers:
                return Const(True)
            if answers == {False}:
                return Const(False)
        return self.machine.opaque()

    def _is_a(self, value: Value, kind: Value) -> bool | None:
        """Whether an object is of a class, as far as that is certain."""
        if isinstance(kind, External):
            module, _, name = kind.name.rpartition(".")
            if (
                isinstance(value, Scheduler)
                and module == "torch.optim.lr_scheduler"
                and value.confidence is Confidence.CERTAIN
            ):
                if name == "_LRScheduler":
                    return None
                if value.info is not None:
                    return None
                if name == "LRScheduler":
                    return True
                classes = {cls.partition(":")[0] for cls in value.classes}
                return True if classes == {name} else False if name not in classes and "?" not in classes else None
            if kind.name in ("builtins.list", "builtins.tuple"):
                return True if isinstance(value, Items) else False if isinstance(value, Object | Const) else None
            if kind.name == "builtins.dict":
                return (
                    True if isinstance(value, Entries) else False if isinstance(value, Object | Const | Items) else None
                )
        if isinstance(kind, ClassValue) and isinstance(value, Object):
            info = getattr(value, "info", None)
            if isinstance(info, ClassInfo):
                return any(parent is kind.info or parent.node is kind.info.node for parent in info.lineage) or (
                    None if "" in info.foreign_bases else False
                )
        return None

    def _getattr(self, positional: Sequence[Value], keywords: Keywords, node: ast.Call) -> Value:
        if len(positional) >= 2:
            value, name = positional[0], positional[1]
            if isinstance(name, Const) and isinstance(name.value, str):
                found = self.expressions.attribute(value, name.value, node)
                return (
                    self.machine.join([found, positional[2]])
                    if len(positional) == 3 and isinstance(found, Method | Opaque)
                    else found
                )
            if isinstance(value, External):
                return External(f"{value.name}.?")
        return self.machine.mix("", positional)

    def _setattr(self, positional: Sequence[Value], keywords: Keywords, node: ast.Call) -> Value:
        if len(positional) == 3 and isinstance(positional[1], Const) and isinstance(positional[1].value, str):
            self.calls.statements.set_attribute(positional[0], positional[1].value, positional[2], node)
        return NONE

    def _chained(self, values: Sequence[Value], node: ast.AST) -> Value:
        iteration = self.expressions.iteration
        if not any(iteration.sources(value)[0] for value in values):
            return self.machine.mix("", values)
        for value in values:
            iteration.consume(value, node)
        return iteration.chained(values, node, one_shot=True)

    def _deepcopied(self, value: Value, node: ast.AST) -> Value:
        if isinstance(value, Model):
            return Model(
                self.machine.serial(),
                "",
                self.machine.place(node),
                info=value.info,
                has_parameters=value.has_parameters,
                copied=True,
            )
        if isinstance(value, ParameterIterator | Parameter):
            return detached(self.machine, self.machine.place(node), "deepcopy", models_of(value))
        return self.machine.opaque()

    def _shallow(self, value: Value, node: ast.AST) -> Value:
        """Return a copy of a list or dict that holds the same; any other value as it is."""
        machine = self.machine
        match value:
            case Items():
                return machine.new_items(machine.items(value), machine.is_open(value))
            case Entries():
                made = machine.new_entries(machine.entries(value), machine.is_open(value))
                machine.displays[made.serial] = machine.displays.get(value.serial, machine.place(node))
                return made
            case _:
                return value

    def _handed_back(self, values: Sequence[Value]) -> Value:
        return values[0] if len(values) == 1 else self.machine.new_items(values)

    # -- other packages -----------------------------------------------------------------------------------------

    def _foreign(self, dotted: str, positional: Sequence[Value], keywords: Keywords, node: ast.Call) -> Value:
        """Call something of an unknown package: an optimizer if it looks like one, else unknown code."""
        machine = self.machine
        name = dotted.rpartition(".")[2]
        has_optimizer = any(isinstance(o, Optimizer) for value in positional for o in machine.reach(value))
        if name[:1].isupper() and not has_optimizer:
            given = positional[0] if positional else dict(keywords).get("params")
            parameters = given is not None and isinstance(given, ParameterIterator)
            listed = isinstance(given, Items) and bool(self.expressions.iteration.sources(given)[0])
            if (parameters or listed) and (
                _OPTIMIZER_NAME.search(name) or _OPTIMIZER_KEYWORDS & {key for key, _ in keywords}
            ):
                made = self.optimizer(frozenset((name,)), positional, keywords, node)
                made.confidence = Confidence.USE
                return made
        return self.calls.unknown(name, positional, keywords, node)


def _wrong_to_clip(value: Value) -> str:
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
