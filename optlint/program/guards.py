"""Conditions that are tested more than once: which tests have one outcome, and which exclude each other."""

from __future__ import annotations

import ast
import re
from dataclasses import dataclass

from optlint.program.defaults import replaced_in
from optlint.program.machine import Machine
from optlint.program.objects import Object
from optlint.program.regions import Guard, Variable
from optlint.program.values import Default, Frame, Join, Opaque, alternatives

_PURE_CALLS = frozenset(("isinstance", "hasattr", "len", "getattr", "callable", "bool"))
_SETTINGS = re.compile(
    r"_*(args?|arguments|opts?|options?|cfgs?|conf|config\w*|h(yper_?)?params?|hps?|settings|flags)", re.I
)
"""What people call the settings of a run, which hold from its beginning to its end."""


@dataclass(frozen=True, slots=True)
class _Test:
    """What the text of a condition says: `text` is what it asks, and whether the answer comes out turned around.

    `names` and `attributes` (of names) are what the outcome depends on; None where it may differ each time the test
    runs, because it calls something. `alone` is the name, with an attribute or an empty one, that is all it asks for.
    """

    positive: bool
    text: str = ""
    constant: str = ""
    names: tuple[str, ...] | None = None
    attributes: tuple[tuple[str, str], ...] = ()
    alone: tuple[str, str] | None = None


def guard_of(machine: Machine, test: ast.expr) -> tuple[Guard | None, bool]:
    """Return the guard that a test stands for, and whether the test is true where the guard holds.

    The guard is None where the outcome may differ each time the test runs (it calls something).
    """
    asked = machine.frame.module.trait(test, "guard", _asked)
    if asked.names is None:
        return None, asked.positive
    known = _of_value(machine, asked)
    if known is not None:
        return known
    variables = {_owner(machine, name) for name in asked.names}
    for name, attribute in asked.attributes:
        value = machine.read(*_owner(machine, name))
        if isinstance(value, Object):
            variables.add((value.serial, attribute))
    stamp = ",".join(f"{owner}.{name}@{machine.versions.get((owner, name), 0)}" for owner, name in sorted(variables))
    lasts = _are_settings(machine, asked)
    return Guard(f"{asked.text} [{stamp}]", asked.constant, frozenset(variables), lasts), asked.positive


def _are_settings(machine: Machine, asked: _Test) -> bool:
    """Whether a condition asks for settings of the run alone: `args.cosine`, `self.config["warmup"] > 0`."""
    if asked.alone is not None and not asked.alone[1]:
        return False  # a list of settings, as likely as not
    for name in asked.names or ():
        owned = [attribute for owner, attribute in asked.attributes if owner == name]
        words = owned if name == "self" else [name]
        if not words or not all(map(_SETTINGS.fullmatch, words)):
            return False
        if name != "self" and isinstance(machine.read(*_owner(machine, name)), Object):
            return False  # `opt` is the optimizer
    return bool(asked.names)


def _of_value(machine: Machine, asked: _Test) -> tuple[Guard, bool] | None:
    """Return the guard of a condition on one unknown value, by whatever name it goes: `fp16`, `self.fp16`, `mixed`."""
    if asked.alone is None:
        return None
    name, attribute = asked.alone
    owner = machine.read(*_owner(machine, name)) if attribute else machine.frame
    if not isinstance(owner, Object | Frame):
        return None
    variable = (owner.serial, attribute or name)
    value = machine.read(*variable)
    match alternatives(value) if isinstance(value, Join) else (value,):
        case (Opaque(serial=serial),) if serial in machine.unsaid and asked.constant in ("", "None"):
            function = machine.activations[-1].function
            if attribute or function is None or name in replaced_in(machine.frame.module, function.node):
                return None  # it may be None by now whatever was given
            # `if scaler` asks for the same as `if scaler is not None` does.
            guard = Guard(_subject(machine, asked, serial), "None", frozenset(), lasts=True)
            return guard, asked.positive is (asked.constant == "None")
        case (Opaque(serial=serial) | Default(serial=serial),) if not isinstance(value, Join):
            lasts = isinstance(value, Default) or _are_settings(machine, asked)
            subject = _subject(machine, asked, serial)
            return Guard(subject, asked.constant, frozenset((variable,)), lasts), asked.positive
        case _:
            return None


def _subject(machine: Machine, asked: _Test, serial: int) -> str:
    return f"{machine.asked.setdefault(serial, asked.text)} [{serial}]"


def divisor_of(test: ast.AST) -> ast.expr | None:
    """Return `n` where a test holds once in `n` iterations: `i % n == 0`, `not i % n`, or that beside an `or`."""
    match test:
        case ast.BoolOp(op=ast.Or(), values=[first, *_]):
            return divisor_of(first)
        case (
            ast.Compare(left=ast.BinOp(op=ast.Mod(), right=divisor), ops=[ast.Eq()], comparators=[_])
            | ast.UnaryOp(op=ast.Not(), operand=ast.BinOp(op=ast.Mod(), right=divisor))
        ) if isinstance(divisor, ast.Name | ast.Attribute | ast.Constant):
            return divisor
        case _:
            return None


def _asked(test: ast.AST) -> _Test:
    positive = True
    while isinstance(test, ast.UnaryOp) and isinstance(test.op, ast.Not):
        test, positive = test.operand, not positive
    constant = ""
    subject = test
    if isinstance(test, ast.Compare) and len(test.ops) == 1:
        operator, right = test.ops[0], test.comparators[0]
        if isinstance(operator, ast.NotEq | ast.IsNot | ast.NotIn):
            positive = not positive
        if isinstance(operator, ast.Eq | ast.NotEq | ast.Is | ast.IsNot) and isinstance(right, ast.Constant):
            constant = ast.unparse(right)
            subject = test.left
        elif isinstance(operator, ast.Eq | ast.NotEq | ast.Is | ast.IsNot | ast.In | ast.NotIn):
            same = {ast.NotEq: ast.Eq, ast.IsNot: ast.Is, ast.NotIn: ast.In}.get(type(operator), type(operator))
            subject = ast.Compare(test.left, [same()], [right])
    names: dict[str, None] = {}
    attributes: dict[tuple[str, str], None] = {}
    for node in ast.walk(subject):
        match node:
            case ast.Call(func=ast.Name(id=name)) if name in _PURE_CALLS:
                pass
            case ast.Call() | ast.Await() | ast.NamedExpr() | ast.Lambda():
                return _Test(positive)
            case ast.Name(id=name):
                names.setdefault(name)
            case ast.Attribute(value=ast.Name(id=name), attr=attribute):
                attributes.setdefault((name, attribute))
            case _:
                pass
    alone: tuple[str, str] | None = None
    match subject:
        case ast.Name(id=name):
            alone = (name, "")
        case ast.Attribute(value=ast.Name(id=name), attr=attribute):
            alone = (name, attribute)
        case _:
            pass
    return _Test(positive, ast.unparse(subject), constant, tuple(names), tuple(attributes), alone)


def _owner(machine: Machine, name: str) -> Variable:
    frame = machine.frame
    current = frame
    while (current.serial, name) not in machine.store and current.outer is not None:
        current = current.outer
    return (current.serial, name)
