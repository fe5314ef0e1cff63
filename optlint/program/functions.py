"""Functions of the project: their parameters are bound, and their bodies run in place of the call."""

from __future__ import annotations

import ast
from collections.abc import Sequence
from typing import TYPE_CHECKING

from optlint.program.defaults import defaults_of
from optlint.program.machine import DEEPEST_CALL, Activation
from optlint.program.modules import FunctionNode, ModuleInfo
from optlint.program.regions import Call, sequence
from optlint.program.values import NONE, Const, Frame, Function, Keywords, Opaque, Value

if TYPE_CHECKING:
    from optlint.program.interpreter import Interpreter


class Functions:
    """Follows functions, as far as that is possible and not too much."""

    def __init__(self, interpreter: Interpreter) -> None:
        self.interpreter = interpreter
        self.machine = interpreter.machine
        self.expressions = interpreter.expressions

    def follow(self, function: Function, positional: Sequence[Value], keywords: Keywords, node: ast.AST) -> Value:
        """Run a function of the project on the arguments, in place."""
        machine = self.machine
        running = sum(
            1
            for activation in machine.activations
            if activation.function is not None and activation.function.node is function.node
        )
        too_much = machine.exhausted() or len(machine.activations) > DEEPEST_CALL
        module = function.frame.module
        left_open = function.owner is not None and module.trait(function.node, "abstract", _is_abstract)
        if running or too_much or left_open or _is_generator(module, function.node):
            receiver = [function.receiver] if function.receiver is not None else []
            return self.interpreter.calls.unknown("", [*receiver, *positional], keywords, node)
        machine.entered.add(function.node)
        frame = Frame(
            machine.serial(), function.frame.module, function.frame, *module.trait(function.node, "declared", _declared)
        )
        owner = function.owner
        arguments = [function.receiver, *positional] if function.receiver is not None else list(positional)
        self._bind(function, frame, arguments, keywords)
        activation = Activation(frame, function, owner=owner, receiver=function.receiver)
        place = machine.place(node)
        machine.activations.append(activation)
        machine.stack.append(place)
        saved = machine.grad_enabled
        if _without_grad(function.node):
            machine.grad_enabled = False
        try:
            with machine.collect() as out:
                if isinstance(function.node, ast.Lambda):
                    activation.returns.append(self.expressions.evaluate(function.node.body))
                elif self.interpreter.statements.run(function.node.body):
                    activation.returns.append(NONE)
        finally:
            machine.grad_enabled = saved
            machine.stack.pop()
            machine.activations.pop()
        if out:
            name = "lambda" if isinstance(function.node, ast.Lambda) else function.node.name
            machine.emit(Call(name, sequence(out), place))
        return machine.join(activation.returns) if activation.returns else NONE

    def _bind(self, function: Function, frame: Frame, positional: Sequence[Value], keywords: Keywords) -> None:
        """Give the parameters their values: arguments, defaults, or unknown values that go by their names."""
        machine = self.machine
        spec = function.node.args
        names = [*spec.posonlyargs, *spec.args]
        given = dict(keywords)
        defaults = dict(defaults_of(spec))
        spread = given.pop("**", None)
        for index, argument in enumerate([*names, *spec.kwonlyargs]):
            if index < len(positional) and index < len(names):
                value = positional[index]
            elif argument.arg in given:
                value = given.pop(argument.arg)
            elif spread is not None:
                value = machine.mix(argument.arg, [spread])
            elif argument.arg in defaults:
                value = self.default(defaults[argument.arg], function.frame)
            else:
                value = machine.opaque(argument.arg)
            if isinstance(value, Opaque):
                machine.names.setdefault(value.serial, argument.arg)
            machine.write(frame.serial, argument.arg, value)
        if spec.vararg is not None:
            machine.write(frame.serial, spec.vararg.arg, machine.new_items(positional[len(names) :]))
        if spec.kwarg is not None:
            rest: list[tuple[Value, Value]] = [(Const(name), value) for name, value in given.items()]
            machine.write(frame.serial, spec.kwarg.arg, machine.new_entries(rest, is_open=spread is not None))

    def default(self, expression: ast.expr, frame: Frame) -> Value:
        """Return what a parameter is by default in a function that was defined in `frame`."""
        if isinstance(expression, ast.Constant):
            return Const(expression.value) if expression.value is not Ellipsis else self.machine.opaque()
        return self.machine.evaluate_in(expression, frame)


def _declared(node: ast.AST) -> tuple[frozenset[str], frozenset[str]]:
    """Return the names that a function declares global and nonlocal."""
    global_names: set[str] = set()
    nonlocal_names: set[str] = set()
    pending = list(getattr(node, "body", ())) if not isinstance(node, ast.Lambda) else []
    while pending:
        statement = pending.pop()
        match statement:
            case ast.Global(names=names):
                global_names.update(names)
            case ast.Nonlocal(names=names):
                nonlocal_names.update(names)
            case ast.FunctionDef() | ast.AsyncFunctionDef() | ast.ClassDef():
                pass
            case _:
                for block in ("body", "orelse", "finalbody"):
                    pending.extend(getattr(statement, block, ()))
    return frozenset(global_names), frozenset(nonlocal_names)


def _is_generator(module: ModuleInfo, node: FunctionNode | ast.Lambda) -> bool:
    """Whether a function yields: its body does not run when it is called."""
    if isinstance(node, ast.Lambda):
        return False
    return module.trait(node, "generator", lambda _: "yield" in module.segment(node) and _yields(node))


def _is_abstract(node: ast.AST) -> bool:
    """Whether a method is left to subclasses: it does nothing but raise `NotImplementedError`."""
    match getattr(node, "body", None):
        case [ast.Raise(exc=raised)] | [ast.Expr(value=ast.Constant()), ast.Raise(exc=raised)]:
            raised = raised.func if isinstance(raised, ast.Call) else raised
            return isinstance(raised, ast.Name) and raised.id == "NotImplementedError"
        case _:
            return False


def _yields(node: ast.AST) -> bool:
    pending = list(ast.iter_child_nodes(node))
    while pending:
        inner = pending.pop()
        if isinstance(inner, ast.Yield | ast.YieldFrom):
            return True
        if not isinstance(inner, ast.FunctionDef | ast.AsyncFunctionDef | ast.Lambda | ast.ClassDef):
            pending.extend(ast.iter_child_nodes(inner))
    return False


def _without_grad(node: ast.AST) -> bool:
    """Whether a decorator turns gradients off in the function."""
    for decorator in getattr(node, "decorator_list", ()):
        target = decorator.func if isinstance(decorator, ast.Call) else decorator
        if isinstance(target, ast.Attribute) and target.attr in ("no_grad", "inference_mode"):
            return True
        if isinstance(target, ast.Name) and target.id in ("no_grad", "inference_mode"):
            return True
    return False
