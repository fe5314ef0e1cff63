"""What a backward starts from: the loss of a call, and the assignments that its value may come from."""

from __future__ import annotations

import ast
import enum
from dataclasses import dataclass, field

from optlint.api import ModuleInfo, Place, parent

_FUNCTIONS = (ast.FunctionDef, ast.AsyncFunctionDef, ast.Lambda)
_REDUCED = frozenset(("mean", "sum", "squeeze", "clone", "contiguous", "view", "reshape", "to", "float"))


@dataclass(frozen=True, slots=True)
class Assignment:
    """`name = value` as a statement; at a `position` the name is one of the targets of a value that is unpacked."""

    statement: ast.stmt
    value: ast.expr
    position: int | None = None


class _End(enum.Enum):
    """What is known of a name at the end of a block."""

    UNTOUCHED = 0
    """It is what it was, on some path at least."""
    ASSIGNED = 1
    LEFT = 2
    """Control never gets there."""
    UNKNOWN = 3


def loss_of(call: ast.AST) -> ast.expr | None:
    """Return the expression that a call backpropagates, without a scaler's factor and a mean around it."""
    match call:
        case ast.Call(func=ast.Attribute(value=receiver, attr="backward"), args=[]):
            loss = receiver
        case ast.Call(func=ast.Attribute(attr="backward" | "manual_backward"), args=[loss, *_]):
            pass
        case _:
            return None
    while True:
        match loss:
            case ast.Call(func=ast.Attribute(attr="scale"), args=[inner]):
                loss = inner
            case ast.Call(func=ast.Attribute(value=inner, attr=method)) if method in _REDUCED and isinstance(
                inner, ast.Name | ast.Call
            ):
                loss = inner
            case ast.BinOp(left=inner, op=ast.Div()):
                loss = inner
            case _:
                return loss


@dataclass
class Assignments:
    """Finds the assignments that reach a place, within one function of a file; values are unpacked where asked for."""

    place: Place
    name: str
    unpacked: bool = False
    found: list[Assignment] = field(default_factory=list)

    def reaching(self) -> list[Assignment] | None:
        """Return all assignments that the name's value may come from, or None where there may be others."""
        current = self._statement(self.place.node)
        while current is not None:
            owner = parent(self.place.module, current)
            block = _block(owner, current)
            if block is None:
                return None
            end = self._end(block[: block.index(current)])
            if end is _End.ASSIGNED:
                return self.found
            if end is not _End.UNTOUCHED:
                return None
            match owner:
                case ast.With(items=items) | ast.AsyncWith(items=items):
                    for item in items:
                        if item.optional_vars is not None and _binds(self.place.module, item.optional_vars, self.name):
                            if not isinstance(item.optional_vars, ast.Name):
                                return None
                            assert isinstance(owner, ast.stmt)
                            self.found.append(Assignment(owner, item.context_expr))
                            return self.found
                case ast.For() | ast.AsyncFor() | ast.While():
                    if _binds(self.place.module, owner, self.name):
                        return None  # it may come from an iteration before
                case ast.If():
                    pass
                case ast.Try() if current in owner.body:
                    pass
                case _:
                    return None
            assert isinstance(owner, ast.stmt)
            current = owner
        return None

    def _statement(self, node: ast.AST) -> ast.stmt | None:
        current: ast.AST | None = node
        while current is not None and not isinstance(current, ast.stmt):
            if isinstance(current, ast.Lambda):
                return None
            current = parent(self.place.module, current)
        return current

    def _end(self, block: list[ast.stmt]) -> _End:
        for statement in reversed(block):
            end = self._after(statement)
            if end is not _End.UNTOUCHED:
                return end
        return _End.UNTOUCHED

    def _after(self, statement: ast.stmt) -> _End:
        match statement:
            case ast.Assign(targets=[ast.Name(id=name)], value=value) if name == self.name:
                self.found.append(Assignment(statement, value))
                return _End.ASSIGNED
            case ast.AnnAssign(target=ast.Name(id=name), value=ast.expr() as value) if name == self.name:
                self.found.append(Assignment(statement, value))
                return _End.ASSIGNED
            case ast.Assign(targets=[ast.Tuple(elts=targets)], value=value) if (
                self.unpacked and (position := _position(targets, self.name)) is not None
            ):
                if isinstance(value, ast.Tuple) and len(value.elts) == len(targets):
                    self.found.append(Assignment(statement, value.elts[position]))
                else:
                    self.found.append(Assignment(statement, value, position))
                return _End.ASSIGNED
            case ast.Return() | ast.Raise() | ast.Continue() | ast.Break():
                return _End.LEFT
            case ast.If(body=body, orelse=orelse):
                ends = {self._end(body), self._end(orelse)}
                if _End.UNKNOWN in ends:
                    return _End.UNKNOWN
                ends.discard(_End.LEFT)
                return ends.pop() if len(ends) == 1 else _End.UNTOUCHED if ends else _End.LEFT
            case ast.With(body=body, items=items) | ast.AsyncWith(body=body, items=items):
                if any(
                    item.optional_vars is not None and _binds(self.place.module, item.optional_vars, self.name)
                    for item in items
                ):
                    return _End.UNKNOWN
                return self._end(body)
            case ast.FunctionDef() | ast.AsyncFunctionDef() | ast.ClassDef() if statement.name != self.name:
                return _End.UNTOUCHED
            case _:
                return _End.UNKNOWN if _binds(self.place.module, statement, self.name) else _End.UNTOUCHED


def _position(targets: list[ast.expr], name: str) -> int | None:
    """Return at which place a name stands once among plain targets, or None."""
    names = [each.id if isinstance(each, ast.Name) else None for each in targets]
    starred = any(isinstance(each, ast.Starred) for each in targets)
    return names.index(name) if names.count(name) == 1 and not starred else None


def is_data(place: Place, name: str) -> bool:
    """Whether a name is the variable of a loop around a place, and bound by nothing else within that loop."""
    node: ast.AST | None = parent(place.module, place.node)
    while node is not None and not isinstance(node, _FUNCTIONS):
        if isinstance(node, ast.For | ast.AsyncFor) and _binds(place.module, node.target, name):
            return not any(_binds(place.module, statement, name) for statement in node.body)
        node = parent(place.module, node)
    return False


def function_around(place: Place) -> ast.FunctionDef | ast.AsyncFunctionDef | None:
    """Return the function that a node stands in, if it does."""
    node: ast.AST | None = parent(place.module, place.node)
    while node is not None and not isinstance(node, _FUNCTIONS):
        node = parent(place.module, node)
    return node if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef) else None


def block_around(place: Place) -> list[list[ast.stmt]]:
    """Return the blocks around a node within its function, the innermost first."""
    found: list[list[ast.stmt]] = []
    node: ast.AST | None = place.node
    while node is not None and not isinstance(node, _FUNCTIONS):
        outer = parent(place.module, node)
        block = _block(outer, node) if isinstance(node, ast.stmt) else None
        if block is not None:
            found.append(block)
        node = outer
    return found


def _block(owner: ast.AST | None, statement: ast.stmt) -> list[ast.stmt] | None:
    """Return the block of its owner that a statement stands in."""
    for name in ("body", "orelse", "finalbody"):
        block = getattr(owner, name, None)
        if isinstance(block, list) and statement in block:
            return block
    return None


def _binds(module: ModuleInfo, node: ast.AST, name: str) -> bool:
    """Whether something in a node of a file binds a name."""
    inside = module.nodes.within
    return (
        any(each.id == name and not isinstance(each.ctx, ast.Load) for each in inside(node, ast.Name))
        or any((each.asname or each.name.partition(".")[0]) == name for each in inside(node, ast.alias))
        or any(each.name == name for each in inside(node, ast.ExceptHandler))
        or any(name in each.names for each in inside(node, ast.Global))
        or any(name in each.names for each in inside(node, ast.Nonlocal))
    )
