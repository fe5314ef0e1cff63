"""What a scheduler's step is given: nothing, the counter of a loop, or a metric; as far as the text shows it."""

from __future__ import annotations

import ast
import enum
import re
from collections.abc import Sequence
from dataclasses import dataclass, replace

from optlint.api import Event, Place, enclosing_function, metric_direction
from optlint_rules.schedulers.name_bindings import bindings, counts, is_around, values_given

_COUNTER = re.compile(
    r"^(?:(?:cur(?:rent)?|this|global|train|last|start|n|num|t|the)_?)?(?:epoch|ep|step|iter|iteration|itr|it|batch)s?"
    r"(?:_?(?:num|nr|no|id|idx|index|i|count|counter))?$|^[eit]$",
    re.IGNORECASE,
)
_WRAPPERS = frozenset(
    ("float", "abs", "round", "sum", "mean", "average", "nanmean", "median", "tensor", "array", "as_tensor")
)
"""Functions that make a number of the same kind out of what they are given."""
_READINGS = frozenset(("mean", "cpu", "detach", "float", "sum", "numpy", "data", "avg", "value", "compute", "val"))
_VALIDATING = re.compile(r"(?:^|_)(?:valid(?:ate|ation)?|eval(?:uate|uation)?|test)(?:$|_)", re.IGNORECASE)
_DEEPEST = 6


class Kind(enum.Enum):
    """What an argument is."""

    NOTHING = "nothing"
    """There is none, or it is `None`."""
    COUNTER = "counter"
    """A number that counts epochs or batches."""
    FRACTION = "fraction"
    """A counter of epochs with a fraction: `epoch + i / len(loader)`."""
    METRIC = "metric"
    """A loss or another measured value."""
    UNKNOWN = "unknown"


@dataclass(frozen=True, slots=True)
class Argument:
    """What a step is given.

    `node` is the argument as written at the call, `keyword` the name it is given under. Of a counter `loop` is the
    loop that counts, where it was found, and `offset` what is added to it; of a metric `name` is what it is called,
    and `turned` tells that it comes with a minus before it.
    """

    kind: Kind
    node: ast.expr | None = None
    keyword: str = ""
    name: str = ""
    loop: ast.For | None = None
    offset: int = 0
    turned: bool = False


def argument_of(event: Event) -> Argument:
    """Return what the step of a scheduler is given."""
    call = event.place.node
    if not isinstance(call, ast.Call):
        return Argument(Kind.UNKNOWN)
    if any(isinstance(value, ast.Starred) for value in call.args) or any(k.arg is None for k in call.keywords):
        return Argument(Kind.UNKNOWN)
    given = [("", value) for value in call.args] + [(keyword.arg or "", keyword.value) for keyword in call.keywords]
    if not given:
        return Argument(Kind.NOTHING)
    keyword, node = given[0]
    found = _Reader().read(node, event.place, event.stack)
    return replace(found, node=node, keyword=keyword)


class _Reader:
    """Reads an expression back to where its value comes from."""

    def __init__(self) -> None:
        self._depth = 0

    def read(self, node: ast.expr, place: Place, stack: Sequence[Place]) -> Argument:
        self._depth += 1
        try:
            return self._read(node, place, stack) if self._depth <= _DEEPEST else Argument(Kind.UNKNOWN)
        finally:
            self._depth -= 1

    def _read(self, node: ast.expr, place: Place, stack: Sequence[Place]) -> Argument:
        match node:
            case ast.Constant(value=None):
                return Argument(Kind.NOTHING)
            case ast.Constant(value=bool() | str() | bytes()):
                return Argument(Kind.UNKNOWN)
            case ast.Constant(value=int()):
                return Argument(Kind.COUNTER)
            case ast.Name(id=name):
                return self._name(name, place, stack)
            case ast.Attribute(value=inner, attr=name):
                found = _by_name(name)
                return self.read(inner, place, stack) if name in _READINGS and found.kind is Kind.UNKNOWN else found
            case ast.Subscript(value=inner, slice=ast.Constant(value=str(key))):
                found = _by_name(key)
                return found if found.kind is Kind.METRIC else _metric_only(self.read(inner, place, stack))
            case ast.Subscript(value=inner):
                return _metric_only(self.read(inner, place, stack))
            case ast.UnaryOp(op=ast.USub(), operand=inner):
                found = self.read(inner, place, stack)
                return replace(found, turned=not found.turned)
            case ast.BinOp():
                return self._combined(node, place, stack)
            case ast.IfExp(body=first, orelse=second):
                return _agreed([self.read(first, place, stack), self.read(second, place, stack)])
            case ast.Call():
                return self._called(node, place, stack)
            case _:
                return Argument(Kind.UNKNOWN)

    def _combined(self, node: ast.BinOp, place: Place, stack: Sequence[Place]) -> Argument:
        left, right = self.read(node.left, place, stack), self.read(node.right, place, stack)
        match node.op, node.right:
            case ast.Add() | ast.Sub(), ast.Constant(value=int(number)) if left.kind is Kind.COUNTER and left.name:
                return replace(left, offset=left.offset + (number if isinstance(node.op, ast.Add) else -number))
            case ast.Add(), ast.Name() if isinstance(node.left, ast.Constant) and right.kind is Kind.COUNTER:
                before = node.left.value
                return replace(right, offset=right.offset + before) if isinstance(before, int) else right
            case ast.Add(), ast.BinOp(op=ast.Div()) if left.kind is Kind.COUNTER:
                return replace(left, kind=Kind.FRACTION)
            case _:
                pass
        for side, other in ((left, right), (right, left)):
            if side.kind is Kind.METRIC and other.kind is not Kind.METRIC:
                turned = side.turned != (isinstance(node.op, ast.Sub) and side is right)
                # What is divided by, or taken away from, an unknown value may grow or fall.
                return replace(side, turned=turned, name="" if _turns(node, side is right) else side.name)
        if left.kind is Kind.METRIC:
            return left if left.name == right.name else replace(left, name="")
        if left.kind is Kind.COUNTER and right.kind is Kind.COUNTER:
            kind = Kind.FRACTION if isinstance(node.op, ast.Div) else Kind.COUNTER
            return Argument(kind if isinstance(node.op, ast.Add | ast.Mult | ast.Div) else Kind.UNKNOWN)
        return Argument(Kind.UNKNOWN)

    def _called(self, node: ast.Call, place: Place, stack: Sequence[Place]) -> Argument:
        match node.func:
            case ast.Attribute(value=inner, attr="item"):
                found = self.read(inner, place, stack)
                return found if found.kind is Kind.METRIC else Argument(Kind.METRIC)
            case ast.Name(id="int"):
                return Argument(Kind.UNKNOWN)
            case ast.Name(id=name) | ast.Attribute(attr=name) if name in _WRAPPERS and node.args:
                return _metric_only(self.read(node.args[0], place, stack))
            case ast.Attribute(value=inner, attr=name) if name in _READINGS:
                return _metric_only(self.read(inner, place, stack))
            case ast.Attribute(value=inner, attr="get") if node.args:
                return self.read(ast.Subscript(inner, node.args[0], ast.Load()), place, stack)
            case ast.Name(id=name) | ast.Attribute(attr=name):
                found = _by_name(name)
                if found.kind is Kind.METRIC:
                    return found
                return Argument(Kind.METRIC) if _VALIDATING.search(name) else Argument(Kind.UNKNOWN)
            case _:
                return Argument(Kind.UNKNOWN)

    def _name(self, name: str, place: Place, stack: Sequence[Place]) -> Argument:
        function = enclosing_function(place)
        bound = list(bindings(function, name))
        for node in bound:
            if isinstance(node, ast.For | ast.AsyncFor) and is_around(node, place) and counts(node, name):
                return Argument(Kind.COUNTER, name=name, loop=node if isinstance(node, ast.For) else None)
        if any(isinstance(node, ast.arg) for node in bound) and len(bound) == 1:
            given = _given(function, name, stack)
            if given is not None:
                found = self.read(given, stack[-1], stack[:-1])
                if found.kind is not Kind.UNKNOWN:
                    return found if found.name or found.kind is not Kind.METRIC else replace(found, name=name)
            return _by_name(name)
        known = _by_name(name)
        values = [value for node in bound for value in values_given(node, name)]
        if known.kind is Kind.METRIC:
            return known if not all(_is_counted(value) for value in values) or not values else Argument(Kind.UNKNOWN)
        if values and len(values) == len(bound):
            found = _agreed([self.read(value, place, stack) for value in values])
            if found.kind is Kind.METRIC:
                return found
            if known.kind is Kind.COUNTER and any(isinstance(node, ast.AugAssign) for node in bound):
                return Argument(Kind.COUNTER, name=name)
            return Argument(Kind.UNKNOWN) if found.kind is not Kind.COUNTER else Argument(Kind.COUNTER, name=name)
        return known if not bound else Argument(Kind.UNKNOWN)


def _by_name(name: str) -> Argument:
    if metric_direction(name) is not None:
        return Argument(Kind.METRIC, name=name)
    return Argument(Kind.COUNTER, name=name) if _COUNTER.search(name) else Argument(Kind.UNKNOWN)


def _metric_only(found: Argument) -> Argument:
    return found if found.kind is Kind.METRIC else Argument(Kind.UNKNOWN)


def _turns(node: ast.BinOp, on_the_right: bool) -> bool:
    """Whether an operation may make a growing value of a falling one, but for a plain `1 - x`."""
    if isinstance(node.op, ast.Div | ast.FloorDiv | ast.Pow | ast.Mod):
        return on_the_right
    if isinstance(node.op, ast.Mult):
        other = node.left if on_the_right else node.right
        return not (isinstance(other, ast.Constant) and isinstance(other.value, int | float) and other.value > 0)
    return False


def _agreed(found: Sequence[Argument]) -> Argument:
    """Return what several values are, where they are all of one kind; zeros that something is added to do not count."""
    kinds = {each.kind for each in found}
    if Kind.METRIC in kinds and kinds <= {Kind.METRIC, Kind.COUNTER}:
        metrics = [each for each in found if each.kind is Kind.METRIC]
        same = len({(each.name, each.turned) for each in metrics}) == 1
        return metrics[0] if same else replace(metrics[0], name="")
    return found[0] if len(kinds) == 1 and found else Argument(Kind.UNKNOWN)


def _is_counted(value: ast.expr) -> bool:
    """Whether a value is a count of things, whatever name it is given: `len(...)`, a range."""
    return isinstance(value, ast.Call) and isinstance(value.func, ast.Name) and value.func.id in ("len", "range")


def _given(function: ast.AST, name: str, stack: Sequence[Place]) -> ast.expr | None:
    """Return what the caller gives a function for one of its parameters."""
    if not stack or not isinstance(function, ast.FunctionDef) or not isinstance(stack[-1].node, ast.Call):
        return None
    call = stack[-1].node
    if any(isinstance(value, ast.Starred) for value in call.args):
        return None
    for keyword in call.keywords:
        if keyword.arg == name:
            return keyword.value
    names = [argument.arg for argument in (*function.args.posonlyargs, *function.args.args)]
    if names[:1] in (["self"], ["cls"]):
        names = names[1:]
    at = names.index(name) if name in names else len(call.args)
    return call.args[at] if at < len(call.args) else None
