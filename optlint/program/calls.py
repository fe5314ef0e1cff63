"""Calls: functions of the project are followed, torch's are understood, all else lets its arguments escape."""

from __future__ import annotations

import ast
import re
from collections.abc import Sequence
from typing import TYPE_CHECKING

from optlint.program.defaults import defaults_of
from optlint.program.events import Act
from optlint.program.expressions import Expressions
from optlint.program.machine import DEEPEST_CALL, Activation, Machine
from optlint.program.methods import Methods
from optlint.program.modules import ClassInfo, FunctionNode, ModuleInfo
from optlint.program.objects import Instance, Model, Object, Optimizer, ParameterIterator, Scaler, Scheduler
from optlint.program.own_steps import is_update
from optlint.program.regions import Call, events, sequence
from optlint.program.torch_calls import TorchCalls
from optlint.program.values import (
    NONE,
    ClassValue,
    Const,
    Entries,
    External,
    Frame,
    Function,
    Items,
    Join,
    Method,
    Opaque,
    Partial,
    Super,
    Value,
    alternatives,
)

if TYPE_CHECKING:
    from optlint.program.statements import Statements

_CLEARING = re.compile(r"zero_?grad|(reset|clear)_?grad", re.IGNORECASE)
Keywords = Sequence[tuple[str, Value]]


class Calls:
    """Evaluates call expressions."""

    def __init__(self, machine: Machine, expressions: Expressions) -> None:
        self.machine = machine
        self.expressions = expressions
        self.torch = TorchCalls(machine, expressions, self)
        self.methods = Methods(machine, expressions, self)
        self.statements: Statements

    def call(self, node: ast.Call) -> Value:
        """Return the value of a call expression."""
        expressions, machine = self.expressions, self.machine
        if isinstance(node.func, ast.Name) and node.func.id == "super":
            activation = machine.activations[-1]
            if activation.owner is not None and activation.receiver is not None:
                return Super(activation.owner, activation.receiver)
        function = expressions.evaluate(node.func)
        positional: list[Value] = []
        for argument in node.args:
            if isinstance(argument, ast.Starred):
                value = expressions.evaluate(argument.value)
                spread = expressions.iteration.elements(value)
                positional.extend(spread if spread is not None else [machine.mix("", [value])])
            else:
                positional.append(expressions.evaluate(argument))
        keywords: list[tuple[str, Value]] = []
        for keyword in node.keywords:
            value = expressions.evaluate(keyword.value)
            if keyword.arg is not None:
                keywords.append((keyword.arg, value))
            elif isinstance(value, Entries):
                keywords.extend(
                    (key.value, inner)
                    for key, inner in machine.entries(value)
                    if isinstance(key, Const) and isinstance(key.value, str)
                )
            else:
                keywords.append(("**", value))
        name = _last_name(node.func)
        if not isinstance(function, Function) and name != "zero_grad" and _CLEARING.search(name):
            # Some other code's function of that name: whose gradients it clears is not known.
            machine.event(Act.CLEAR, (), node, known=False)
        return self.apply(function, positional, keywords, node)

    def apply(self, function: Value, positional: Sequence[Value], keywords: Keywords, node: ast.Call) -> Value:
        """Return what calling a value gives."""
        machine = self.machine
        match function:
            case Join():
                options = [option for option in alternatives(function) if option != NONE]
                if all(isinstance(option, External) for option in options):
                    return self.torch.choose(
                        [option for option in options if isinstance(option, External)], positional, keywords, node
                    )
                made: list[Value] = []

                def arm(option: Value) -> bool:
                    made.append(self.apply(option, positional, keywords, node))
                    return True

                born_since = machine.serial()
                regions, _ = machine.fork([lambda option=option: arm(option) for option in options])  # type: ignore[misc]
                self.expressions.iteration.one_of(regions, node)
                return machine.join(made, born_since)
            case Function(receiver=Optimizer() as optimizer, node=ast.FunctionDef(name="step")):
                return self._own_step(optimizer, function, positional, keywords, node)
            case Function():
                return self.follow(function, positional, keywords, node)
            case ClassValue(info=info):
                machine.made.add(info.node)
                return self.instantiate(info, positional, keywords, node)
            case Partial(function=inner, positional=first, keywords=named):
                given = {name for name, _ in keywords}
                kept = [(name, value) for name, value in named if name not in given]
                return self.apply(inner, [*first, *positional], [*kept, *keywords], node)
            case External(name=dotted):
                return self.torch.call(dotted, positional, keywords, node)
            case Method(receiver=receiver, name=name):
                return self.methods.call(receiver, name, positional, keywords, node)
            case Model() | Instance() | Opaque() | Scaler() | Optimizer() | Scheduler() | ParameterIterator():
                return self.methods.call_object(function, positional, keywords, node)
            case _:
                return self.unknown("", (function, *positional), keywords, node)

    def _own_step(
        self, optimizer: Optimizer, function: Function, positional: Sequence[Value], keywords: Keywords, node: ast.Call
    ) -> Value:
        """Run the `step` of an optimizer class of the project; where it makes an update, that is a step."""
        machine = self.machine
        with machine.collect() as out:
            given = self.follow(function, positional, keywords, node)
        kept = out
        if is_update(function.node, function.frame.module, out):
            machine.event(Act.STEP, (optimizer,), node)
            kept = out if any(event.act is Act.CLEAR for event in events(sequence(out))) else []
        for region in kept:
            machine.emit(region)
        return given

    def unknown(self, label: str, values: Sequence[Value], keywords: Keywords, node: ast.AST) -> Value:
        """Call something that cannot be followed: what it is given may be used in any way."""
        machine = self.machine
        everything = [*values, *(value for _, value in keywords)]
        held: set[Object] = set()
        for value in everything:
            held |= machine.reach(value)
            held.update(filter(None, map(self.methods.awaited, alternatives(value))))
            self._escape_closure(value)
        self.escape(held, node)
        return machine.mix(label, everything)

    def _escape_closure(self, value: Value) -> None:
        """A function handed to unknown code may be called there, any number of times."""
        if isinstance(value, Function) and isinstance(value.node, ast.FunctionDef | ast.AsyncFunctionDef):
            self.machine.entered.discard(value.node)

    def escape(self, held: set[Object] | frozenset[Object], node: ast.AST) -> None:
        """Note that objects went where one cannot follow."""
        roots = {value.root() if isinstance(value, Model) else value for value in held}
        tracked = [value for value in roots if isinstance(value, Optimizer | Scheduler | Scaler | Model)]
        if tracked:
            self.machine.event(Act.ESCAPE, sorted(tracked, key=lambda value: value.serial), node)

    # -- functions of the project -------------------------------------------------------------------------------

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
            return self.unknown("", [*receiver, *positional], keywords, node)
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
                elif self.statements.run(function.node.body):
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

    def instantiate(self, info: ClassInfo, positional: Sequence[Value], keywords: Keywords, node: ast.AST) -> Value:
        """Make an object of a project class and run its `__init__`."""
        made = self.torch.instance_of(info, positional, keywords, node)
        if isinstance(made, Optimizer | Scheduler):
            return made
        found = info.method("__init__")
        if found is not None:
            owner, function = found
            bound = Function(function, self.frame_of(owner), owner, made)
            self.follow(bound, positional, keywords, node)
            if isinstance(made, Model):
                made.has_parameters = self._may_have_parameters(made, info)
        elif isinstance(made, Instance):
            self._fill_fields(info, made, positional, keywords)
        return made

    def frame_of(self, info: ClassInfo) -> Frame:
        """Return where a class was defined."""
        return info.frame if isinstance(info.frame, Frame) else self.machine.module_frame(info.module)

    def _may_have_parameters(self, made: Model, info: ClassInfo) -> bool:
        """Whether a module of the project may have parameters, by what its `__init__` has set."""
        if any(base not in ("torch.nn.Module", "torch.nn.modules.Module") for base in info.foreign_bases):
            return True
        machine = self.machine
        for name in sorted(machine.owned.get(made.serial, ())):
            stored = machine.store.get((made.serial, name))
            if isinstance(stored, Model) and not stored.has_parameters:
                continue
            if stored is not None and not isinstance(stored, Const):
                return True
        return any(part.has_parameters for part in made.parts.values())

    def _fill_fields(self, info: ClassInfo, made: Instance, positional: Sequence[Value], keywords: Keywords) -> None:
        """Set the fields of a dataclass or named tuple from its constructor's arguments."""
        fields = [
            statement.target.id
            for statement in info.node.body
            if isinstance(statement, ast.AnnAssign) and isinstance(statement.target, ast.Name)
        ]
        for name, value in [*zip(fields, positional, strict=False), *keywords]:
            self.machine.write(made.serial, name, value)

    def call_value(self, function: Value, positional: Sequence[Value], node: ast.Call) -> Value:
        """Call a function value that torch would call, such as a closure."""
        return self.apply(function, positional, (), node)

    def items_of(self, value: Value) -> list[Value]:
        """Return the known items of a list, else the value itself."""
        return list(self.machine.items(value)) if isinstance(value, Items) else [value]


def _last_name(function: ast.expr) -> str:
    return (
        function.attr if isinstance(function, ast.Attribute) else function.id if isinstance(function, ast.Name) else ""
    )


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
