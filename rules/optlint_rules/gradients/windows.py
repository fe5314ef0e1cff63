"""Accumulation windows: the guards that let one update through for so many backwards, such as `(i + 1) % n == 0`."""

from __future__ import annotations

import ast
from dataclasses import dataclass, replace

from optlint.api import Event, Place, enclosing_function
from optlint_rules.gradients.whereabouts import Condition

_FUNCTIONS = (ast.FunctionDef, ast.AsyncFunctionDef)


@dataclass(frozen=True, slots=True)
class Window:
    """A guard that asks for the last backward of a window.

    It holds where `counter + offset` leaves `remainder` (None stands for `length - 1`) when divided by `length`; with
    `counts`, where it has reached `length` (`exactly`, or gone beyond). `holds` tells whether the update is made where
    it does, or everywhere else (an inverted guard). `narrowed` and `widened` tell that something else is asked as well,
    without which the guard does not hold, or with which it holds as well.
    """

    condition: Condition
    test: Place
    counter: ast.expr
    offset: int
    length: ast.expr
    remainder: int | None
    holds: bool
    counts: bool = False
    exactly: bool = True
    narrowed: bool = False
    widened: bool = False

    @property
    def size(self) -> str:
        """The text of the length."""
        return ast.unparse(self.length)


class Reader:
    """Reads the conditions on the way to one event."""

    def __init__(self, event: Event) -> None:
        self.frames = (*event.stack, event.place)

    def window(self, condition: Condition) -> Window | None:
        """Return the window that a condition asks for, or None where it asks for something else."""
        if condition.test is None:
            return None
        found = self._parsed(condition, condition.test, condition.outcome)
        if found is None or self._may_be_one(found.length, condition.frame):
            return None
        return found

    def _parsed(self, condition: Condition, test: ast.expr, outcome: bool, depth: int = 3) -> Window | None:
        match test:
            case ast.UnaryOp(op=ast.Not(), operand=inner):
                return self._parsed(condition, inner, not outcome, depth)
            case ast.Call(func=ast.Name(id="bool"), args=[inner]):
                return self._parsed(condition, inner, outcome, depth)
            case ast.BoolOp(op=op, values=values):
                found = [window for value in values if (window := self._parsed(condition, value, outcome, depth))]
                if len(found) != 1:
                    return None
                one = found[0]
                # `a or b` is enough for the one arm, and as `not a and not b` it takes both for the other.
                widened = isinstance(op, ast.Or) is outcome
                return replace(one, narrowed=one.narrowed or not widened, widened=one.widened or widened)
            case ast.BinOp(op=ast.Mod()):
                return self._modulo(condition, test, test, ast.Constant(0), not outcome)
            case ast.Compare(left=left, ops=[ast.Eq() | ast.NotEq() as op], comparators=[right]):
                equal = isinstance(op, ast.Eq) is outcome
                for side, other in ((left, right), (right, left)):
                    if isinstance(side, ast.BinOp) and isinstance(side.op, ast.Mod):
                        return self._modulo(condition, test, side, other, equal)
                return self._counted(condition, test, left, right, exactly=True) if equal else None
            case ast.Compare(left=left, ops=[ast.GtE()], comparators=[right]) if outcome:
                return self._counted(condition, test, left, right, exactly=False)
            case ast.Compare(left=left, ops=[ast.Lt()], comparators=[right]) if not outcome:
                return self._counted(condition, test, left, right, exactly=False)
            case ast.Name(id=name) if depth:
                value = assigned_once(name, self.frames[condition.frame])
                return None if value is None else self._parsed(condition, value, outcome, depth - 1)
            case _:
                return None

    def _modulo(
        self, condition: Condition, test: ast.expr, modulo: ast.BinOp, other: ast.expr, equal: bool
    ) -> Window | None:
        counter, offset = _shifted(modulo.left)
        number = integer(other)
        if number is None and not (
            isinstance(other, ast.BinOp)
            and isinstance(other.op, ast.Sub)
            and integer(other.right) == 1
            and ast.dump(other.left) == ast.dump(modulo.right)
        ):
            return None
        length = self.number(modulo.right, condition.frame)
        if length == 2 and not equal and number is not None:
            # Of two remainders, all but the one is the other.
            number, equal = 1 - number, True
        if not isinstance(counter, ast.Name | ast.Attribute):
            return None
        place = Place(condition.owner.module, test)
        return Window(condition, place, counter, offset, modulo.right, number, equal)

    def _counted(
        self, condition: Condition, test: ast.expr, left: ast.expr, right: ast.expr, *, exactly: bool
    ) -> Window | None:
        counter, offset = _shifted(left)
        if not isinstance(counter, ast.Name | ast.Attribute) or not isinstance(
            right, ast.Name | ast.Attribute | ast.Constant
        ):
            return None
        if isinstance(right, ast.Constant) and integer(right) is None:
            return None
        place = Place(condition.owner.module, test)
        return Window(condition, place, counter, offset, right, 0, True, counts=True, exactly=exactly)

    def number(self, node: ast.expr, frame: int) -> int | None:
        """Return the number that an expression stands for in a frame, as far as the text shows it."""
        value, place = self.resolved(node, frame)
        number = integer(value)
        if number is None and isinstance(value, ast.Name):
            symbol = place.module.symbols.get(value.id)
            if isinstance(symbol, ast.Assign | ast.AnnAssign) and symbol.value is not None:
                return integer(symbol.value)
        return number

    def _may_be_one(self, node: ast.expr, frame: int) -> bool:
        """Whether the text itself sets a length to 1, everywhere or on some path: then nothing is accumulated."""
        value, place = self.resolved(node, frame)
        if (self.number(node, frame) or 2) < 2:
            return True
        return isinstance(value, ast.Name) and any(
            isinstance(each, ast.Assign | ast.AnnAssign)
            and isinstance(each.value, ast.Constant)
            and each.value.value == 1
            and any(isinstance(name, ast.Name) and name.id == value.id for name in ast.walk(each))
            for each in ast.walk(enclosing_function(place))
        )

    def resolved(self, node: ast.expr, frame: int) -> tuple[ast.expr, Place]:
        """Follow a name to what the function assigns to it once, and a parameter to what the caller gives."""
        place = self.frames[frame]
        for _ in range(6):
            if not isinstance(node, ast.Name):
                break
            function = enclosing_function(place)
            given = None
            if frame and isinstance(function, _FUNCTIONS):
                given = _argument(function, self.frames[frame - 1].node, node.id)
            if given is not None:
                frame -= 1
                node, place = given, self.frames[frame]
                continue
            value = assigned_once(node.id, place)
            if not isinstance(value, ast.Name | ast.Attribute | ast.Constant):
                break
            node = value
        return node, place


def assigned_once(name: str, place: Place) -> ast.expr | None:
    """Return what the function of a place assigns to a name, where it does so once."""
    function = enclosing_function(place)
    return place.module.trait(function, f"assigned once {name}", lambda scope: _assigned_once(name, scope))


def _assigned_once(name: str, function: ast.AST) -> ast.expr | None:
    found: ast.expr | None = None
    count = 0
    for node in ast.walk(function):
        match node:
            case ast.Assign(targets=[ast.Name(id=target)], value=value) if target == name:
                found = value
            case ast.AnnAssign(target=ast.Name(id=target), value=ast.expr() as value) if target == name:
                found = value
            case _:
                pass
        if isinstance(node, ast.Name) and node.id == name and isinstance(node.ctx, ast.Store):
            count += 1
    return found if count == 1 else None


def _shifted(node: ast.expr) -> tuple[ast.expr, int]:
    match node:
        case ast.BinOp(left=left, op=ast.Add(), right=right) if integer(right) is not None:
            return left, integer(right) or 0
        case ast.BinOp(left=left, op=ast.Add(), right=right) if integer(left) is not None:
            return right, integer(left) or 0
        case ast.BinOp(left=left, op=ast.Sub(), right=right) if integer(right) is not None:
            return left, -(integer(right) or 0)
        case _:
            return node, 0


def integer(node: ast.expr) -> int | None:
    """Return the number that a literal stands for."""
    if isinstance(node, ast.Constant) and isinstance(node.value, int) and not isinstance(node.value, bool):
        return node.value
    return None


def _argument(function: ast.FunctionDef | ast.AsyncFunctionDef, call: ast.AST, name: str) -> ast.expr | None:
    """Return what a call gives for a parameter, where it is written there."""
    if not isinstance(call, ast.Call) or any(isinstance(each, ast.Starred) for each in call.args):
        return None
    for keyword in call.keywords:
        if keyword.arg == name:
            return keyword.value
    names = [each.arg for each in (*function.args.posonlyargs, *function.args.args)]
    if names[:1] in (["self"], ["cls"]) and isinstance(call.func, ast.Attribute):
        names = names[1:]
    return call.args[names.index(name)] if name in names and names.index(name) < len(call.args) else None
