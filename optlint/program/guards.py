"""Conditions that are tested more than once: which tests have one outcome, and which exclude each other."""

from __future__ import annotations

import ast

from optlint.program.machine import Machine
from optlint.program.objects import Object
from optlint.program.regions import Guard, Variable

_PURE_CALLS = frozenset(("isinstance", "hasattr", "len", "getattr", "callable", "bool"))


def guard_of(machine: Machine, test: ast.expr) -> tuple[Guard | None, bool]:
    """Return the guard that a test stands for, and whether the test is true where the guard holds.

    The guard is None where the outcome may differ each time the test runs (it calls something).
    """
    positive = True
    while isinstance(test, ast.UnaryOp) and isinstance(test.op, ast.Not):
        test, positive = test.operand, not positive
    constant = ""
    if isinstance(test, ast.Compare) and len(test.ops) == 1:
        operator, right = test.ops[0], test.comparators[0]
        if isinstance(operator, ast.NotEq | ast.IsNot | ast.NotIn):
            positive = not positive
        if isinstance(operator, ast.Eq | ast.NotEq | ast.Is | ast.IsNot) and isinstance(right, ast.Constant):
            constant = ast.unparse(right)
            subject: ast.expr = test.left
        elif isinstance(operator, ast.Eq | ast.NotEq | ast.Is | ast.IsNot | ast.In | ast.NotIn):
            same = {ast.NotEq: ast.Eq, ast.IsNot: ast.Is, ast.NotIn: ast.In}.get(type(operator), type(operator))
            subject = ast.Compare(test.left, [same()], [right])
        else:
            subject = test
    else:
        subject = test
    variables: set[Variable] = set()
    for node in ast.walk(subject):
        match node:
            case ast.Call(func=ast.Name(id=name)) if name in _PURE_CALLS:
                pass
            case ast.Call() | ast.Await() | ast.NamedExpr() | ast.Lambda():
                return None, positive
            case ast.Name(id=name):
                variables.add(_owner(machine, name))
            case ast.Attribute(value=ast.Name(id=name), attr=attribute):
                value = machine.read(*_owner(machine, name))
                if isinstance(value, Object):
                    variables.add((value.serial, attribute))
            case _:
                pass
    stamp = ",".join(f"{owner}.{name}@{machine.versions.get((owner, name), 0)}" for owner, name in sorted(variables))
    return Guard(f"{ast.unparse(subject)} [{stamp}]", constant, frozenset(variables)), positive


def _owner(machine: Machine, name: str) -> Variable:
    frame = machine.frame
    current = frame
    while (current.serial, name) not in machine.store and current.outer is not None:
        current = current.outer
    return (current.serial, name)
