"""The factor that a scheduler sets before its first step, as far as its arguments show it."""

from __future__ import annotations

import ast

from optlint.api import Place, Scheduler, enclosing_function

_UNKNOWN = object()


def starts_at_zero(scheduler: Scheduler) -> bool:
    """Whether the schedule begins at the rate 0, so that stepping it first wastes nothing."""
    if any(name.endswith(":warmup") for name in scheduler.classes) or any(
        "warm" in name.lower() and scheduler.info for name in scheduler.classes
    ):
        return True
    if scheduler.place is None or not isinstance(scheduler.place.node, ast.Call) or "LambdaLR" not in scheduler.classes:
        return False
    call = scheduler.place.node
    given = call.args[1] if len(call.args) > 1 else next((k.value for k in call.keywords if k.arg == "lr_lambda"), None)
    return given is not None and _at_zero(given, scheduler.place) == 0


def _at_zero(function: ast.expr, place: Place) -> object:
    """Return what a function gives for step 0, or `_UNKNOWN`."""
    match function:
        case ast.Lambda(args=ast.arguments(args=[ast.arg(arg=name), *_]), body=body):
            return _Zero(name).value(body)
        case ast.List(elts=[first, *_]) | ast.Tuple(elts=[first, *_]):
            return _at_zero(first, place)
        case ast.Name(id=name):
            for scope in (enclosing_function(place), place.module.tree):
                for node in ast.walk(scope):
                    match node:
                        case ast.FunctionDef(name=found, args=ast.arguments(args=[ast.arg(arg=argument), *_])) if (
                            found == name
                        ):
                            return _Zero(argument).run(node.body)
                        case ast.Assign(targets=[ast.Name(id=found)], value=ast.Lambda() as value) if found == name:
                            return _at_zero(value, place)
                        case _:
                            pass
        case _:
            pass
    return _UNKNOWN


class _Zero:
    """A small evaluator in which one variable is 0 and all others are unknown positive numbers."""

    def __init__(self, name: str) -> None:
        self.known: dict[str, object] = {name: 0}

    def run(self, body: list[ast.stmt]) -> object:
        for statement in body:
            match statement:
                case ast.Return(value=ast.expr() as value):
                    return self.value(value)
                case ast.Assign(targets=[ast.Name(id=name)], value=value):
                    self.known[name] = self.value(value)
                case ast.If(test=test, body=then, orelse=otherwise):
                    outcome = self.value(test)
                    if outcome is _UNKNOWN:
                        return _UNKNOWN
                    returned = self.run(then if outcome else otherwise)
                    if returned is not None:
                        return returned
                case ast.Expr():
                    pass
                case _:
                    return _UNKNOWN
        return None

    def value(self, node: ast.expr) -> object:
        match node:
            case ast.Constant(value=int() | float() as number):
                return number
            case ast.Name(id=name):
                return self.known.get(name, _UNKNOWN)
            case ast.Call(func=ast.Name(id="float" | "int"), args=[inner]):
                return self.value(inner)
            case ast.Call(func=ast.Name(id="min"), args=[*arguments]):
                values = [self.value(argument) for argument in arguments]
                return 0 if 0 in values else _UNKNOWN
            case ast.Compare(left=left, ops=[ast.Lt() | ast.LtE()], comparators=[right]):
                return True if self.value(left) == 0 and self.value(right) != 0 else _UNKNOWN
            case ast.Compare(left=left, ops=[ast.Gt() | ast.GtE()], comparators=[right]):
                return False if self.value(left) == 0 and self.value(right) != 0 else _UNKNOWN
            case ast.IfExp(test=test, body=then, orelse=otherwise):
                outcome = self.value(test)
                return _UNKNOWN if outcome is _UNKNOWN else self.value(then if outcome else otherwise)
            case ast.BinOp(left=left, op=operator, right=right):
                return _combined(operator, self.value(left), self.value(right))
            case _:
                return _UNKNOWN


def _combined(operator: ast.operator, left: object, right: object) -> object:
    match operator:
        case ast.Mult():
            return 0 if left == 0 or right == 0 else _UNKNOWN
        case ast.Div() | ast.FloorDiv() | ast.Mod():
            return 0 if left == 0 else _UNKNOWN
        case ast.Add() | ast.Sub() if isinstance(left, int | float) and isinstance(right, int | float):
            return left + right if isinstance(operator, ast.Add) else left - right
        case _:
            return _UNKNOWN
