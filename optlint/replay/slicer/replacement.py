"""What a script cannot run, and what stands in for it."""

from __future__ import annotations

import ast
from dataclasses import dataclass, field

from optlint.program.objects import Instance, Model, Optimizer, Scheduler
from optlint.program.values import ClassValue, External, Function, Join
from optlint.replay.slicer.observed import Observed
from optlint.replay.slicer.vocabulary import AWAY, BUILTINS, GIVEN, OPTIMIZER_NAME, SCHEDULER_NAME, WARM_UPS


@dataclass(frozen=True, slots=True)
class Replacement:
    """What an assignment gets in the place of its value: `kind` is `unknown`, `model`, `optimizer` or `scheduler`."""

    kind: str
    objects: tuple[Model | Optimizer | Scheduler, ...] = ()
    given: tuple[ast.expr, ...] = ()
    """What the stand-in is made from."""


@dataclass(eq=False)
class Replacements:
    """Decides which expressions of the observed program get a stand-in.

    `marked` are the nodes of events and the calls that lead there: they stay.
    """

    observed: Observed
    marked: set[ast.AST] = field(default_factory=set)

    def of(self, value: ast.expr, target: str = "") -> Replacement | None:
        """Return what an assignment of `value` to `target` gets in its place, or None where it stays."""
        observed = self.observed
        made = self._made_elsewhere(value, target)
        if made is not None:
            return made
        if not observed.is_seen(value):
            return None
        if self._holds_mark(value) or observed.is_constant(value) or self.is_arithmetic(value):
            return None
        objects = observed.objects(value)
        if objects and isinstance(value, ast.Call):
            called = observed.values.get(value.func)
            known = isinstance(called, Function) or (isinstance(called, External) and called.name.startswith("torch."))
            given = any(observed.objects(each) for each in [*value.args, *(k.value for k in value.keywords)])
            receiver = isinstance(value.func, ast.Attribute) and bool(observed.objects(value.func.value))
            first = objects[0]
            if isinstance(first, Model) and first.info is None and not (known or given or receiver):
                return Replacement("model", (first,))
            return None
        if self._is_loss(value, target):
            return None
        if isinstance(value, ast.Call) and observed.is_foreign(value) and not self._is_kept_call(value):
            return Replacement("unknown")
        if isinstance(value, ast.Call | ast.Await) and _is_data(observed, value):
            return Replacement("unknown")
        return None

    def _made_elsewhere(self, value: ast.expr, target: str) -> Replacement | None:
        """Return what stands in for an optimizer or a scheduler that another package makes."""
        if not isinstance(value, ast.Call):
            return None
        called = self.observed.values.get(value.func)
        is_known = isinstance(called, Function | ClassValue) or (
            isinstance(called, External) and called.name.startswith("torch.") and "?" not in called.name
        )
        if is_known or (isinstance(value.func, ast.Attribute) and self._is_about_optimizers(value.func.value)):
            return None
        if isinstance(called, External) and called.name.rpartition(".")[2] in WARM_UPS:
            return None
        first = next(iter(self.observed.objects(value)), None)
        arguments = [*value.args, *(keyword.value for keyword in value.keywords)]
        if isinstance(first, Scheduler):
            for argument in arguments:
                if any(isinstance(each, Optimizer) for each in self.observed.objects(argument)):
                    return Replacement("scheduler", (first,), (argument,))
        if isinstance(first, Optimizer) and not isinstance(called, Join):
            given = tuple(argument for argument in arguments if self.observed.objects(argument))
            if given or value.args:
                return Replacement("optimizer", (first,), given or tuple(value.args[:1]))
        if first is None and value.args and isinstance(value.func, ast.Name | ast.Attribute | ast.Call):
            # Known by nothing but their names, as far as the lines around them say.
            if SCHEDULER_NAME.search(target):
                for argument in arguments:
                    if OPTIMIZER_NAME.search(ast.unparse(argument)):
                        return Replacement("scheduler", (), (argument,))
            elif OPTIMIZER_NAME.search(target) and "," not in target:
                return Replacement("optimizer", (), tuple(value.args[:1]))
        return None

    def is_backpropagated(self, target: str) -> bool:
        """Whether a kept backward starts at a variable."""
        return any(
            isinstance(node, ast.Call)
            and isinstance(node.func, ast.Attribute)
            and node.func.attr == "backward"
            and ast.unparse(node.func.value) == target
            for node in self.marked
        )

    def _is_loss(self, value: ast.expr, target: str) -> bool:
        """Whether a kept backward starts at a value that lost its graph on the way: the script shows how."""
        match value:
            case ast.Call(func=ast.Attribute(value=inner, attr="detach" | "requires_grad_")):
                cut = not self.observed.is_foreign(inner) or self._is_loss(inner, target)
            case ast.Call(func=function, args=[_, *_]):
                called = self.observed.values.get(function)
                cut = isinstance(called, External) and called.name == "torch.autograd.Variable"
            case _:
                cut = False
        return cut and self.is_backpropagated(target)

    def _is_about_optimizers(self, node: ast.expr) -> bool:
        """Whether an expression may be a module, an optimizer, a scheduler or the like."""
        return any(not isinstance(each, Instance) for each in self.observed.objects(node))

    def _is_kept_call(self, call: ast.Call) -> bool:
        """Whether a call of something foreign is harmless and says more than a stand-in would."""
        if any(isinstance(each, Model) for each in self.observed.objects(call.func)):
            return True  # a forward without gradients: what is computed from it has none
        match call.func:
            case ast.Name(id=name):
                return name in BUILTINS
            case ast.Attribute():
                called = self.observed.values.get(call.func)
                if isinstance(called, External) and called.name.startswith((*GIVEN,)):
                    return not called.name.startswith("torch.utils.data")
                return False
            case _:
                return False

    def is_arithmetic(self, node: ast.expr) -> bool:
        """Whether an expression is made of names, attributes, numbers and operators alone."""
        match node:
            case ast.Name() | ast.Constant():
                return not self._flows(node)
            case ast.Attribute(value=value):
                return self.is_arithmetic(value)
            case ast.Subscript(value=value, slice=ast.Constant()):
                return self.is_arithmetic(value)
            case ast.UnaryOp(operand=operand):
                return self.is_arithmetic(operand)
            case ast.BinOp(left=left, right=right):
                return self.is_arithmetic(left) and self.is_arithmetic(right)
            case ast.BoolOp(values=values):
                return all(map(self.is_arithmetic, values))
            case ast.Compare(left=left, comparators=rights):
                return self.is_arithmetic(left) and all(map(self.is_arithmetic, rights))
            case ast.Call(func=ast.Name(id="len" | "int" | "float" | "max" | "min" | "round" | "abs"), args=values):
                return all(map(self.is_arithmetic, values))
            case ast.Tuple(elts=values) | ast.List(elts=values):
                return all(map(self.is_arithmetic, values))
            case _:
                return False

    def _flows(self, node: ast.expr) -> bool:
        value = self.observed.values.get(node)
        return bool(getattr(value, "flows", None))

    def _holds_mark(self, node: ast.expr) -> bool:
        return any(inner in self.marked for inner in ast.walk(node))

    def is_standin(self, node: ast.expr) -> bool:
        """Whether an expression inside of a statement is a call of something unknown, which gets a stand-in."""
        if not isinstance(node, ast.Call) or node not in self.observed.values:
            return False
        called = self.observed.values.get(node.func)
        if isinstance(called, External) and called.name.startswith(AWAY):
            return not self.observed.objects(node)
        if not isinstance(node.func, ast.Name) or node.func.id in BUILTINS:
            return False
        if self._holds_mark(node) or not self.observed.is_foreign(node):
            return False
        if isinstance(called, External):
            return not called.name.startswith(("torch", *GIVEN, "tqdm"))
        return isinstance(called, Function)


def _is_data(observed: Observed, value: ast.Call | ast.Await) -> bool:
    called = observed.values.get(value.func) if isinstance(value, ast.Call) else None
    return isinstance(called, External) and called.name.startswith(AWAY) and not observed.objects(value)
