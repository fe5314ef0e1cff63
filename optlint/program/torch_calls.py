"""Calls of torch and of other packages, by dotted name: which part of the interpreter says what they mean."""

from __future__ import annotations

import ast
import re
from collections.abc import Sequence
from typing import TYPE_CHECKING

from optlint.program.copies import deep_copy, shallow_copy
from optlint.program.events import Act
from optlint.program.names import FOREIGN
from optlint.program.objects import Confidence, Model, Optimizer, Parameter, ParameterIterator
from optlint.program.scaling import MAYBE_BY_SCALER
from optlint.program.values import Const, External, Items, Keywords, Opaque, Partial, Value, alternatives
from optlint.torch_api.tables import tables

if TYPE_CHECKING:
    from optlint.program.interpreter import Interpreter

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

    def __init__(self, interpreter: Interpreter) -> None:
        self.interpreter = interpreter
        self.machine = interpreter.machine

    def call(self, dotted: str, positional: Sequence[Value], keywords: Keywords, node: ast.Call) -> Value:
        """Return what calling a name of another package gives."""
        machine, known = self.machine, tables()
        module, _, name = dotted.rpartition(".")
        if module == "builtins":
            return self.interpreter.builtin_calls.call(name, positional, keywords, node)
        if module == "torch.optim" and (name in known.optimizers or name == "?"):
            return self.interpreter.object_maker.optimizer(frozenset((name,)), positional, keywords, node)
        if module == "torch.optim.lr_scheduler" and (name in known.schedulers or name == "?"):
            return self.interpreter.object_maker.scheduler(frozenset((name,)), positional, keywords, node)
        if dotted == "torch.optim.swa_utils.SWALR":
            return self.interpreter.object_maker.scheduler(frozenset((name,)), positional, keywords, node)
        if dotted in known.other_optimizers:
            return self.interpreter.object_maker.optimizer(frozenset((name,)), positional, keywords, node)
        if name in known.warmup_factories or name in known.constant_factories:
            label = "warmup" if name in known.warmup_factories else "constant"
            return self.interpreter.object_maker.scheduler(
                frozenset((f"LambdaLR:{label}",)), positional, keywords, node, factory=name
            )
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
            return self.interpreter.object_maker.scaler(dotted, positional, keywords, node)
        if module in ("torch.nn", "torch.nn.modules"):
            if not name[:1].isupper():
                return self._pure(positional, keywords)
            return self.interpreter.object_maker.module(name, positional, node)
        if name == "chain" and module == "itertools":
            return self.interpreter.iterable_calls.chained(positional, node)
        if dotted == "itertools.chain.from_iterable" and positional:
            return self.interpreter.iterable_calls.chained(machine.items_of(positional[0]), node)
        if dotted == "functools.partial" and positional:
            return Partial(positional[0], tuple(positional[1:]), tuple(keywords))
        if dotted in ("copy.deepcopy", "copy.copy") and positional:
            copied = deep_copy if name == "deepcopy" else shallow_copy
            return copied(machine, positional[0], node)
        if name in ("clip_grad_norm_", "clip_grad_value_", "clip_grad_norm"):
            return self.interpreter.gradients.clip(positional, keywords, node)
        if dotted in ("torch.autograd.backward", "torch.autograd.function.backward"):
            return self.interpreter.gradients.backward(positional[:1], node)
        if name == "optimizer_step":
            for value in positional[:1]:
                self.interpreter.optimizer_methods.optimizer_step(value, (), node, MAYBE_BY_SCALER)
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
            return self.interpreter.builtin_calls.range(positional, keywords, node)
        if dotted in ("math.ceil", "math.floor") and len(positional) == 1:
            return self.interpreter.builtin_calls.rounded(name, positional[0])
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
            return self.interpreter.object_maker.optimizer(
                frozenset(name for _, _, name in names), positional, keywords, node
            )
        if all(module == "torch.optim.lr_scheduler" and name in known.schedulers for module, _, name in names):
            return self.interpreter.object_maker.scheduler(
                frozenset(name for _, _, name in names), positional, keywords, node
            )
        return self.machine.mix("", [self.call(option.name, positional, keywords, node) for option in options])

    def _pure(self, positional: Sequence[Value], keywords: Keywords) -> Value:
        """A call that keeps nothing and steps nothing: only data flows through it."""
        values = [*positional, *(value for _, value in keywords)]
        return self.machine.mix("", [value for value in values if not isinstance(value, Model)])

    def _handed_back(self, values: Sequence[Value]) -> Value:
        return values[0] if len(values) == 1 else self.machine.new_items(values)

    def _foreign(self, dotted: str, positional: Sequence[Value], keywords: Keywords, node: ast.Call) -> Value:
        """Call something of an unknown package: an optimizer if it looks like one, else unknown code."""
        machine = self.machine
        name = dotted.rpartition(".")[2]
        has_optimizer = any(isinstance(o, Optimizer) for value in positional for o in machine.reach(value))
        if name[:1].isupper() and not has_optimizer:
            given = positional[0] if positional else dict(keywords).get("params")
            parameters = given is not None and isinstance(given, ParameterIterator)
            listed = isinstance(given, Items) and bool(self.interpreter.iterators.sources(given)[0])
            if (parameters or listed) and (
                _OPTIMIZER_NAME.search(name) or _OPTIMIZER_KEYWORDS & {key for key, _ in keywords}
            ):
                made = self.interpreter.object_maker.optimizer(frozenset((name,)), positional, keywords, node)
                made.confidence = Confidence.USE
                return made
        return self.interpreter.calls.unknown(name, positional, keywords, node)
