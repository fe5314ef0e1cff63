"""Control flow: branches, loops, and the ways to leave them."""

from __future__ import annotations

import ast
from typing import TYPE_CHECKING

from optlint.program.guards import divisor_of, guard_of
from optlint.program.lengths import Length
from optlint.program.regions import EMPTY, Jump, Leave, Loop, Region, Variable, sequence
from optlint.program.values import NONE, Join, alternatives

if TYPE_CHECKING:
    from optlint.program.interpreter import Interpreter


class ControlFlow:
    """Runs the statements that decide which others run, and how often."""

    def __init__(self, interpreter: Interpreter) -> None:
        self.interpreter = interpreter
        self.machine = interpreter.machine
        self.expressions = interpreter.expressions
        self.statements = interpreter.statements
        self.statements.handlers.update(
            {
                ast.If: self._if,
                ast.Match: self._match,
                ast.Assert: self._assert,
                ast.For: self._for,
                ast.AsyncFor: self._for,
                ast.While: self._while,
                ast.Break: self._break,
                ast.Continue: self._continue,
                ast.Return: self._return,
                ast.Raise: self._raise,
            }
        )

    def _if(self, node: ast.If) -> bool:
        expressions, machine = self.expressions, self.machine
        if _is_type_checking(node.test):
            return self.statements.run(node.orelse)
        value = expressions.evaluate(node.test)
        truth = True if _is_main_guard(node.test) else self.interpreter.conditions.truth(value)
        if truth is None:
            truth = machine.outcome(node.test)
        if truth is not None:
            return self.statements.run(node.body if truth else node.orelse)
        guard = guard_of(machine, node.test)
        regions, falls = machine.fork(
            [lambda: self._arm(node.test, True, node.body), lambda: self._arm(node.test, False, node.orelse)]
        )
        self.interpreter.conditions.branch(regions, node, guard, self._period(node.test) if any(regions) else None)
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
        return self.statements.run(body)

    def _match(self, node: ast.Match) -> bool:
        self.expressions.evaluate(node.subject)
        irrefutable = any(
            isinstance(case.pattern, ast.MatchAs) and case.pattern.pattern is None and case.guard is None
            for case in node.cases
        )
        bodies = [case.body for case in node.cases] + ([] if irrefutable else [[]])
        regions, falls = self.machine.fork([lambda body=body: self.statements.run(body) for body in bodies])  # type: ignore[misc]
        self.interpreter.conditions.one_of(regions, node)
        return falls

    def _assert(self, node: ast.Assert) -> bool:
        self.expressions.evaluate(node.test)
        return not (isinstance(node.test, ast.Constant) and not node.test.value)

    def _for(self, node: ast.For | ast.AsyncFor) -> bool:
        iteration = self.interpreter.iteration
        iterable = self.expressions.evaluate(node.iter)
        iteration.loop(
            iterable,
            node.iter,
            lambda value: iteration.bind(node.target, value),
            lambda: self.statements.run(node.body),
            lambda: self._block(node.orelse),
            node,
        )
        return True

    def _block(self, body: list[ast.stmt]) -> Region:
        if not body:
            return EMPTY
        with self.machine.collect() as out:
            self.statements.run(body)
        return sequence(out)

    def _while(self, node: ast.While) -> bool:
        machine = self.machine
        assigned: set[Variable] = set()
        self.interpreter.iteration.widen(node)
        machine.assigned.append(assigned)
        with machine.collect() as out:
            truth = self.interpreter.conditions.truth(self.expressions.evaluate(node.test))
            if truth is not False:
                self.statements.run(node.body)
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

    def _return(self, node: ast.Return) -> bool:
        value = self.expressions.evaluate(node.value) if node.value is not None else NONE
        self.machine.activations[-1].returns.append(value)
        self.machine.emit(Jump(Leave.RETURN))
        return False

    def _raise(self, node: ast.Raise) -> bool:
        self.machine.emit(Jump(Leave.RAISE))
        return False


def _is_main_guard(test: ast.expr) -> bool:
    match test:
        case ast.Compare(left=ast.Name(id="__name__"), ops=[ast.Eq()]):
            return True
        case _:
            return False


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
