"""Calls: what is called and with what; classes of the project, and all that lets its arguments escape."""

from __future__ import annotations

import ast
import re
from collections.abc import Sequence
from functools import partial
from typing import TYPE_CHECKING

from optlint.program.events import Act
from optlint.program.modules import ClassInfo
from optlint.program.objects import Instance, Model, Object, Optimizer, ParameterIterator, Scaler, Scheduler
from optlint.program.own_steps import is_update
from optlint.program.regions import events, sequence
from optlint.program.values import (
    NONE,
    ClassValue,
    Const,
    Entries,
    External,
    Function,
    Join,
    Keywords,
    Method,
    Opaque,
    Partial,
    Super,
    Value,
    alternatives,
)

if TYPE_CHECKING:
    from optlint.program.interpreter import Interpreter

_CLEARING = re.compile(r"zero_?grad|(reset|clear)_?grad", re.IGNORECASE)


class Calls:
    """Evaluates call expressions."""

    def __init__(self, interpreter: Interpreter) -> None:
        self.interpreter = interpreter
        self.machine = interpreter.machine
        self.expressions = interpreter.expressions
        self.expressions.handlers[ast.Call] = self.call

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
                spread = self.interpreter.iteration.elements(value)
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
                    return self.interpreter.torch_calls.choose(
                        [option for option in options if isinstance(option, External)], positional, keywords, node
                    )
                ways = [partial(self.apply, option, positional, keywords, node) for option in options]
                return self.interpreter.conditions.any_of(ways, node)
            case Function(receiver=Optimizer() as optimizer, node=ast.FunctionDef(name="step")):
                return self._own_step(optimizer, function, positional, keywords, node)
            case Function():
                return self.interpreter.functions.follow(function, positional, keywords, node)
            case ClassValue(info=info):
                machine.made.add(info.node)
                return self.instantiate(info, positional, keywords, node)
            case Partial(function=inner, positional=first, keywords=named):
                given = {name for name, _ in keywords}
                kept = [(name, value) for name, value in named if name not in given]
                return self.apply(inner, [*first, *positional], [*kept, *keywords], node)
            case External(name=dotted):
                return self.interpreter.torch_calls.call(dotted, positional, keywords, node)
            case Method(receiver=receiver, name=name):
                return self.interpreter.methods.call(receiver, name, positional, keywords, node)
            case Model() | Instance() | Opaque() | Scaler() | Optimizer() | Scheduler() | ParameterIterator():
                return self.interpreter.methods.call_object(function, positional, keywords, node)
            case _:
                return self.unknown("", (function, *positional), keywords, node)

    def _own_step(
        self, optimizer: Optimizer, function: Function, positional: Sequence[Value], keywords: Keywords, node: ast.Call
    ) -> Value:
        """Run the `step` of an optimizer class of the project; where it makes an update, that is a step."""
        machine = self.machine
        with machine.collect() as out:
            given = self.interpreter.functions.follow(function, positional, keywords, node)
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
            held.update(filter(None, map(self.interpreter.recognition.awaited, alternatives(value))))
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

    def instantiate(self, info: ClassInfo, positional: Sequence[Value], keywords: Keywords, node: ast.AST) -> Value:
        """Make an object of a project class and run its `__init__`."""
        made = self.interpreter.object_maker.instance_of(info, positional, keywords, node)
        if isinstance(made, Optimizer | Scheduler):
            return made
        found = info.method("__init__")
        if found is not None:
            owner, function = found
            bound = Function(function, self.machine.frame_of(owner), owner, made)
            self.interpreter.functions.follow(bound, positional, keywords, node)
            if isinstance(made, Model):
                made.has_parameters = self._may_have_parameters(made, info)
        elif isinstance(made, Instance):
            self._fill_fields(info, made, positional, keywords)
        return made

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


def _last_name(function: ast.expr) -> str:
    return (
        function.attr if isinstance(function, ast.Attribute) else function.id if isinstance(function, ast.Name) else ""
    )
