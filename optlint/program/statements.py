"""Statements: assignments and structured control flow."""

from __future__ import annotations

import ast
from collections.abc import Callable

from optlint.program.calls import Calls
from optlint.program.events import Act
from optlint.program.expressions import Expressions
from optlint.program.guards import divisor_of, guard_of
from optlint.program.lengths import Length
from optlint.program.machine import Machine
from optlint.program.objects import Instance, Model, Object, Optimizer, Parameter, ParameterIterator, Scheduler
from optlint.program.regions import EMPTY, Jump, Leave, Loop, Region, Try, Variable, sequence
from optlint.program.values import (
    NONE,
    ClassValue,
    Const,
    Entries,
    External,
    Function,
    Gradient,
    Group,
    Items,
    Join,
    Method,
    Opaque,
    Value,
    alternatives,
)

_EXPECTING = frozenset(
    ("raises", "assertRaises", "assertRaisesRegex", "warns", "assertWarns", "assertWarnsRegex", "deprecated_call")
)
"""Contexts of tests in which something is expected to go wrong."""


class Statements:
    """Runs statements in the running frame."""

    def __init__(self, machine: Machine, expressions: Expressions, calls: Calls) -> None:
        self.machine = machine
        self.expressions = expressions
        self.calls = calls
        self._handlers: dict[type[ast.stmt], Callable[..., bool]] = {
            ast.Expr: self._expression,
            ast.Assign: self._assign,
            ast.AnnAssign: self._annotated,
            ast.AugAssign: self._augmented,
            ast.If: self._if,
            ast.For: self._for,
            ast.AsyncFor: self._for,
            ast.While: self._while,
            ast.With: self._with,
            ast.AsyncWith: self._with,
            ast.Try: self._try,
            ast.TryStar: self._try,
            ast.Match: self._match,
            ast.Return: self._return,
            ast.Raise: self._raise,
            ast.Break: self._break,
            ast.Continue: self._continue,
            ast.FunctionDef: self._function,
            ast.AsyncFunctionDef: self._function,
            ast.ClassDef: self._class,
            ast.Import: self._import,
            ast.ImportFrom: self._import_from,
            ast.Delete: self._delete,
            ast.Assert: self._assert,
        }

    def run(self, body: list[ast.stmt]) -> bool:
        """Run a block; return whether control reaches its end."""
        for statement in body:
            self.machine.statements += 1
            self.machine.entry_statements += 1
            handler = self._handlers.get(type(statement))
            if handler is not None and not handler(statement):
                return False
        return True

    # -- simple statements --------------------------------------------------------------------------------------

    def _expression(self, node: ast.Expr) -> bool:
        if isinstance(node.value, ast.Attribute):
            self.expressions.mention(node.value)
        elif not isinstance(node.value, ast.Constant):
            self.expressions.evaluate(node.value)
            if isinstance(node.value, ast.Call):
                name = node.value.func
                if (
                    isinstance(name, ast.Attribute)
                    and name.attr in ("exit", "_exit")
                    and isinstance(name.value, ast.Name)
                    and name.value.id in ("sys", "os")
                ):
                    return False
        return True

    def _assign(self, node: ast.Assign) -> bool:
        value = self.expressions.evaluate(node.value)
        for target in node.targets:
            self.assign(target, value, node)
        return True

    def _annotated(self, node: ast.AnnAssign) -> bool:
        if node.value is not None:
            self.assign(node.target, self.expressions.evaluate(node.value), node)
        return True

    def _augmented(self, node: ast.AugAssign) -> bool:
        current = self.expressions.evaluate(node.target)
        value = self.expressions.evaluate(node.value)
        for option in alternatives(current):
            if isinstance(option, Items):
                self.calls.methods.extend(option, value, node)
                return True
        if isinstance(current, Gradient):
            self.calls.methods.clear_gradient(current.parameter, node, act=Act.CHANGE_GRADIENT)
            return True
        if isinstance(current, Parameter | ParameterIterator):
            joined = self.expressions.iteration.concatenated(current, value, node)
            self.assign(node.target, joined if joined is not None else current, node)
            return True
        self.assign(node.target, self.machine.mix("", [current, value]), node)
        return True

    def assign(self, target: ast.expr, value: Value, node: ast.AST) -> None:
        """Assign to a name, an attribute, an item or a tuple of such."""
        machine = self.machine
        match target:
            case ast.Name(id=name):
                self.expressions.assign_name(name, value)
            case ast.Attribute(value=inner, attr=attribute):
                owner = self.expressions.evaluate(inner)
                if isinstance(value, Opaque):
                    machine.names.setdefault(value.serial, attribute)
                elif isinstance(value, Object) and not value.label:
                    value.label = ast.unparse(target)
                options = alternatives(owner)
                owners = tuple(model for model in map(self._model_of, options) if model is not None)
                for option in options:
                    self.set_attribute(option, attribute, value, node, owners)
            case ast.Subscript(value=inner, slice=index):
                owner = self.expressions.evaluate(inner)
                key = self.expressions.evaluate(index)
                self._set_item(owner, key, value, target, node)
            case ast.Tuple(elts=targets) | ast.List(elts=targets):
                for inner, part in zip(targets, self.expressions.iteration.unpack(value, targets), strict=True):
                    self.assign(inner, part, node)
            case ast.Starred(value=inner):
                self.assign(inner, value, node)
            case _:
                pass

    def _model_of(self, value: Value) -> Model | None:
        known = self.machine.models.get(value.serial) if isinstance(value, Opaque) else value
        return known if isinstance(known, Model) else None

    def set_attribute(
        self, owner: Value, name: str, value: Value, node: ast.AST, owners: tuple[Model, ...] = ()
    ) -> None:
        """Note `owner.name = value`; `owners` are all that the left side may be."""
        machine = self.machine
        if isinstance(owner, Opaque):
            known = machine.models.get(owner.serial)
            if known is not None:
                owner = known
            else:
                if name == "grad":
                    machine.event(Act.CLEAR if value == NONE else Act.SET_GRADIENT, (), node, known=False)
                machine.write(owner.serial, name, value)
                return
        match owner:
            case Parameter():
                if name == "requires_grad":
                    self.calls.methods.set_requires_grad(owner.sources, value, node, owner)
                elif name == "grad":
                    if value == NONE:
                        self.calls.methods.clear_gradient(owner, node)
                    else:
                        self.calls.methods.clear_gradient(owner, node, act=Act.SET_GRADIENT)
                elif name != "data":
                    machine.event(Act.SET_ATTRIBUTE, (owner, *(source.model for source in owner.sources)), node, name)
            case Model():
                self._set_module_attribute(owner, name, value, node, owners)
            case Instance() | Optimizer() | Scheduler():
                machine.write(owner.serial, name, value)
            case Method(receiver=Model() as model, name=part):
                # `model.fc.weight = ...`, `model.head.fc = ...`: a part that the program did not make itself.
                self.set_attribute(self.expressions.part(model, part), name, value, node)
            case Gradient():
                pass
            case ClassValue() | External() | Function():
                pass
            case _:
                pass

    def _set_module_attribute(
        self, owner: Model, name: str, value: Value, node: ast.AST, owners: tuple[Model, ...] = ()
    ) -> None:
        machine = self.machine
        if name == "grad":
            if value == NONE:
                machine.event(Act.CLEAR, (owner,), node)
            return
        if name == "requires_grad":
            # On a module this does nothing, unless the "module" is a parameter reached as `model.fc.weight`.
            machine.event(Act.SET_ATTRIBUTE, (owner,), node, name)
            if owner.attribute in ("weight", "bias") or (owner.info is None and owner.place is None):
                truth = self.expressions.truth(value)
                if truth is not None:
                    machine.event(Act.UNFREEZE if truth else Act.FREEZE, (owner,), node, "some")
            return
        fresh = self._fresh(value, owners or (owner,))
        old = owner.parts.get(name)
        for option in alternatives(value):
            if isinstance(option, Model):
                if option.parent is None and not owner.within(option):
                    option.parent, option.attribute = owner, name
                self.machine.attach(owner, name, option)
        machine.write(owner.serial, name, value)
        if fresh:
            machine.event(Act.REPLACE, (owner, *((old,) if old is not None else ())), node, name)
        elif not isinstance(value, Model | Parameter):
            machine.event(Act.SET_ATTRIBUTE, (owner,), node, name)

    def _fresh(self, value: Value, owners: tuple[Model, ...]) -> bool:
        """Whether an assigned value brings parameters that none of its owners had, whatever it is."""
        options = alternatives(value)
        return bool(options) and all(self._brings_new(option, owners) for option in options)

    def _brings_new(self, value: Value, owners: tuple[Model, ...]) -> bool:
        if isinstance(value, Parameter):
            return not value.sources
        if not isinstance(value, Model) or not value.has_parameters or value.copied:
            return False
        if any(value.within(owner) or owner.within(value) for owner in owners):
            return False
        parts = list(value.parts.values())
        return any(self._brings_new(part, owners) for part in parts) if parts else not value.wraps

    def _set_item(self, owner: Value, key: Value, value: Value, target: ast.Subscript, node: ast.AST) -> None:
        machine = self.machine
        for option in alternatives(owner):
            if isinstance(option, Opaque) and option.serial in machine.models:
                option = machine.models[option.serial]
            if isinstance(option, Method) and isinstance(option.receiver, Model):
                option = self.expressions.part(option.receiver, option.name)
            match option:
                case Entries():
                    entries = [pair for pair in machine.entries(option) if pair[0] != key]
                    machine.write(option.serial, "*items", (*entries, (key, value)))
                    if not isinstance(key, Const):
                        machine.open(option)
                case Items():
                    items = machine.items(option)
                    if isinstance(key, Const) and isinstance(key.value, int) and -len(items) <= key.value < len(items):
                        changed = list(items)
                        changed[key.value] = value
                        machine.write(option.serial, "*items", tuple(changed))
                    else:
                        machine.write(option.serial, "*items", (*items, value))
                        machine.open(option)
                case Group(optimizer=optimizer):
                    machine.event(Act.SET_RATE, (optimizer,), node, str(key.value) if isinstance(key, Const) else "")
                case Model():
                    index = f"[{ast.unparse(target.slice)}]"
                    self._set_module_attribute(option, index, value, node)
                case _:
                    pass

    # -- branches -----------------------------------------------------------------------------------------------

    def _if(self, node: ast.If) -> bool:
        expressions, machine = self.expressions, self.machine
        if _is_type_checking(node.test):
            return self.run(node.orelse)
        value = expressions.evaluate(node.test)
        truth = True if _is_main_guard(node.test) else expressions.truth(value)
        if truth is None:
            truth = machine.outcome(node.test)
        if truth is not None:
            return self.run(node.body if truth else node.orelse)
        guard = guard_of(machine, node.test)
        regions, falls = machine.fork(
            [lambda: self._arm(node.test, True, node.body), lambda: self._arm(node.test, False, node.orelse)]
        )
        expressions.branch(regions, node, guard, self._period(node.test) if any(regions) else None)
        return falls

    def _period(self, test: ast.expr) -> Length | None:
        """Return `n` where a test is `i % n == 0` or the like."""
        divisor = self.machine.frame.module.trait(test, "divisor", divisor_of)
        return None if divisor is None else self.machine.measures.length(self.expressions.evaluate(divisor))

    def _arm(self, test: ast.expr, outcome: bool, body: list[ast.stmt]) -> bool:
        """Run an arm; where the test was whether a variable is None, the variable is what that says."""
        negative = not outcome
        while isinstance(test, ast.UnaryOp) and isinstance(test.op, ast.Not):
            test, negative = test.operand, not negative
        if (
            (
                isinstance(test, ast.Compare)
                and isinstance(test.left, ast.Name)
                and isinstance(test.ops[0], ast.Is | ast.IsNot)
            )
            and isinstance(test.comparators[0], ast.Constant)
            and test.comparators[0].value is None
        ):
            is_none = isinstance(test.ops[0], ast.Is) is not negative
            value = self.machine.read(self.machine.frame.serial, test.left.id)
            if isinstance(value, Join) and not is_none:
                self.machine.write(self.machine.frame.serial, test.left.id, self.machine.join(alternatives(value)))
        return self.run(body)

    def _match(self, node: ast.Match) -> bool:
        self.expressions.evaluate(node.subject)
        irrefutable = any(
            isinstance(case.pattern, ast.MatchAs) and case.pattern.pattern is None and case.guard is None
            for case in node.cases
        )
        bodies = [case.body for case in node.cases] + ([] if irrefutable else [[]])
        regions, falls = self.machine.fork([lambda body=body: self.run(body) for body in bodies])  # type: ignore[misc]
        self.expressions.iteration.one_of(regions, node)
        return falls

    def _assert(self, node: ast.Assert) -> bool:
        self.expressions.evaluate(node.test)
        return not (isinstance(node.test, ast.Constant) and not node.test.value)

    # -- loops --------------------------------------------------------------------------------------------------

    def _for(self, node: ast.For | ast.AsyncFor) -> bool:
        expressions = self.expressions
        iterable = expressions.evaluate(node.iter)
        expressions.iteration.loop(
            iterable,
            node.iter,
            lambda value: expressions.iteration.bind(node.target, value),
            lambda: self.run(node.body),
            lambda: self._block(node.orelse),
            node,
        )
        return True

    def _block(self, body: list[ast.stmt]) -> Region:
        if not body:
            return EMPTY
        with self.machine.collect() as out:
            self.run(body)
        return sequence(out)

    def _while(self, node: ast.While) -> bool:
        machine = self.machine
        assigned: set[Variable] = set()
        self.expressions.iteration.widen(node)
        machine.assigned.append(assigned)
        with machine.collect() as out:
            truth = self.expressions.truth(self.expressions.evaluate(node.test))
            if truth is not False:
                self.run(node.body)
        machine.assigned.pop()
        orelse = self._block(node.orelse)
        if out or orelse is not EMPTY:
            machine.emit(Loop(sequence(out), orelse, machine.place(node), frozenset(assigned), endless=truth is True))
        return truth is not True or _breaks(node.body)

    def _break(self, node: ast.Break) -> bool:
        self.machine.emit(Jump(Leave.BREAK))
        return False

    def _continue(self, node: ast.Continue) -> bool:
        self.machine.emit(Jump(Leave.CONTINUE))
        return False

    # -- leaving ------------------------------------------------------------------------------------------------

    def _return(self, node: ast.Return) -> bool:
        value = self.expressions.evaluate(node.value) if node.value is not None else NONE
        self.machine.activations[-1].returns.append(value)
        self.machine.emit(Jump(Leave.RETURN))
        return False

    def _raise(self, node: ast.Raise) -> bool:
        self.machine.emit(Jump(Leave.RAISE))
        return False

    # -- with and try -------------------------------------------------------------------------------------------

    def _with(self, node: ast.With | ast.AsyncWith) -> bool:
        machine, expressions = self.machine, self.expressions
        saved = machine.grad_enabled
        for item in node.items:
            grad = self._grad_mode(item.context_expr)
            value = expressions.evaluate(item.context_expr)
            if grad is not None:
                machine.grad_enabled = grad
            if item.optional_vars is not None:
                self.assign(item.optional_vars, value, node)
        if any(_called(item.context_expr) in _EXPECTING for item in node.items):
            # What a test wants to see fail is no misuse, and does not happen to the objects.
            with machine.silent():
                self.run(node.body)
            falls = True
        else:
            falls = self.run(node.body)
        machine.grad_enabled = saved
        return falls

    def _grad_mode(self, context: ast.expr) -> bool | None:
        """Return whether a context turns gradients on or off, or None where it does neither."""
        if not isinstance(context, ast.Call):
            return None
        name = _called(context)
        if name in ("no_grad", "inference_mode"):
            return False
        if name == "enable_grad":
            return True
        if name == "set_grad_enabled" and context.args:
            return self.expressions.truth(self.expressions.evaluate(context.args[0]))
        return None

    def _try(self, node: ast.Try | ast.TryStar) -> bool:
        machine = self.machine
        with machine.collect() as body_out:
            falls = self.run(node.body)
        with machine.collect() as else_out:
            falls = falls and self.run(node.orelse)
        handlers: list[Region] = []
        any_falls = falls
        for handler in node.handlers:
            if handler.name:
                self.expressions.assign_name(handler.name, machine.opaque(handler.name))
            regions, reaches = machine.fork([lambda handler=handler: self.run(handler.body), lambda: True])  # type: ignore[misc]
            handlers.append(regions[0])
            any_falls = any_falls or (reaches and not _leaves(handler.body))
        with machine.collect() as final_out:
            final_falls = self.run(node.finalbody)
        region = Try(sequence(body_out), tuple(handlers), sequence(else_out), sequence(final_out), machine.place(node))
        if body_out or else_out or final_out or any(handler is not EMPTY for handler in handlers):
            machine.emit(region)
        return any_falls and final_falls

    # -- definitions and imports --------------------------------------------------------------------------------

    def _function(self, node: ast.FunctionDef | ast.AsyncFunctionDef) -> bool:
        self.machine.write(self.machine.frame.serial, node.name, Function(node, self.machine.frame))
        return True

    def _class(self, node: ast.ClassDef) -> bool:
        machine = self.machine
        info = self.expressions.names.class_info(node, machine.frame.module, machine.frame)
        machine.write(machine.frame.serial, node.name, ClassValue(info))
        return True

    def _import(self, node: ast.Import) -> bool:
        for alias in node.names:
            value = self.expressions.names.imported(alias, None, self.machine.frame.module)
            self.expressions.assign_name(alias.asname or alias.name.partition(".")[0], value)
        return True

    def _import_from(self, node: ast.ImportFrom) -> bool:
        for alias in node.names:
            if alias.name != "*":
                value = self.expressions.names.imported(alias, node, self.machine.frame.module)
                self.expressions.assign_name(alias.asname or alias.name, value)
        return True

    def _delete(self, node: ast.Delete) -> bool:
        for target in node.targets:
            if isinstance(target, ast.Name):
                self.expressions.assign_name(target.id, self.machine.opaque(target.id))
        return True


def _is_main_guard(test: ast.expr) -> bool:
    match test:
        case ast.Compare(left=ast.Name(id="__name__"), ops=[ast.Eq()]):
            return True
        case _:
            return False


def _called(context: ast.expr) -> str:
    """Return the last name of the function that an expression calls, or an empty string."""
    if not isinstance(context, ast.Call):
        return ""
    return getattr(context.func, "attr", "") or getattr(context.func, "id", "")


def _is_type_checking(test: ast.expr) -> bool:
    match test:
        case ast.Name(id="TYPE_CHECKING") | ast.Attribute(attr="TYPE_CHECKING"):
            return True
        case _:
            return False


def _breaks(body: list[ast.stmt]) -> bool:
    """Whether a loop body holds a `break` of its own."""
    for statement in body:
        match statement:
            case ast.Break():
                return True
            case ast.For() | ast.While() | ast.AsyncFor() | ast.FunctionDef() | ast.ClassDef():
                continue
            case _:
                for block in ("body", "orelse", "finalbody"):
                    if _breaks(getattr(statement, block, [])):
                        return True
                for handler in getattr(statement, "handlers", []) or getattr(statement, "cases", []):
                    if _breaks(handler.body):
                        return True
    return False


def _leaves(body: list[ast.stmt]) -> bool:
    return bool(body) and isinstance(body[-1], ast.Raise | ast.Return | ast.Continue | ast.Break)
