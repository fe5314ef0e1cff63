"""Planted errors: a module's functions with one operator, number, comparison or method changed at a time."""

from __future__ import annotations
import __future__

import ast
import copy
import inspect
from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from types import MappingProxyType, ModuleType
from typing import Any

_OPERATORS: dict[type[ast.operator], type[ast.operator]] = {
    ast.Add: ast.Sub,
    ast.Sub: ast.Add,
    ast.Mult: ast.Div,
    ast.Div: ast.Mult,
    ast.Pow: ast.Mult,
}
_COMPARISONS: dict[type[ast.cmpop], type[ast.cmpop]] = {
    ast.Eq: ast.NotEq,
    ast.NotEq: ast.Eq,
    ast.Lt: ast.GtE,
    ast.LtE: ast.Gt,
    ast.Gt: ast.LtE,
    ast.GtE: ast.Lt,
    ast.Is: ast.IsNot,
    ast.IsNot: ast.Is,
}
_BOUNDARIES: dict[type[ast.cmpop], type[ast.cmpop]] = {
    ast.Lt: ast.LtE,
    ast.LtE: ast.Lt,
    ast.Gt: ast.GtE,
    ast.GtE: ast.Gt,
}
_OPPOSITES = (
    *(("add", "sub"), ("mul", "div"), ("addcmul", "addcdiv"), ("maximum", "minimum"), ("max", "min")),
    *(("beta1", "beta2"), ("epsilon1", "epsilon2"), ("m", "v"), ("rows", "columns")),
)
_SWAPS = {
    **dict(_OPPOSITES),
    **{two: one for one, two in _OPPOSITES},
    **{f"{one}_": f"{two}_" for one, two in (*_OPPOSITES, *((two, one) for one, two in _OPPOSITES))},
}
_DROPPED = frozenset(
    {"sqrt", "sqrt_", "rsqrt_", "reciprocal_", "square_", "abs", "sign", "clamp", "clamp_", "masked_fill"}
    | {"masked_fill_", "neg", "add_", "mul_", "div_", "sub_"}
)
_NEGATED = frozenset({"alpha", "value", "beta"})
_ORDER_MATTERS = frozenset({"addcdiv", "addcdiv_", "sub", "div", "max", "min"})


@dataclass(frozen=True, slots=True)
class Mutant:
    """One planted error.

    Attributes:
        name: The function, and what was there and what is there now.
        functions: All functions of the module, by name; they call one another.
    """

    name: str
    functions: dict[str, Any]


def mutants(module: ModuleType, left_out: frozenset[str] = frozenset()) -> Iterator[Mutant]:
    """Every single change of the functions of a module, but for those left out by name."""
    tree = _functions(module)
    seen: Counter[str] = Counter()
    for function in tree.body:
        assert isinstance(function, ast.FunctionDef)
        if function.name in left_out:
            continue
        for statement in function.body[1:]:
            for node in ast.walk(statement):
                for change in _changes(node):
                    name = f"{function.name}: {ast.unparse(node)} -> {ast.unparse(change)}"
                    seen[name] += 1
                    name += f" ({seen[name]})" if seen[name] > 1 else ""
                    yield Mutant(name, _compiled(module, _with(tree, node, change)))


def rewritten(module: ModuleType, before: str, after: str) -> dict[str, Any]:
    """The functions of a module with one piece of its text replaced; it has to be there once."""
    text = inspect.getsource(module)
    assert text.count(before) == 1, f"`{before}` is {text.count(before)} times in {module.__name__}"
    return _compiled(module, _only_functions(ast.parse(text.replace(before, after))))


def unchanged(module: ModuleType, **names: Any) -> dict[str, Any]:
    """The functions of a module, compiled anew, with these in the place of what it imports by the same names."""
    return _compiled(module, _functions(module), names)


def _functions(module: ModuleType) -> ast.Module:
    return _only_functions(ast.parse(inspect.getsource(module)))


def _only_functions(tree: ast.Module) -> ast.Module:
    return ast.Module([each for each in tree.body if isinstance(each, ast.FunctionDef)], [])


def _compiled(module: ModuleType, tree: ast.Module, more: Mapping[str, Any] = MappingProxyType({})) -> dict[str, Any]:
    names = {**vars(module), **more}
    code = compile(tree, module.__name__, "exec", flags=__future__.annotations.compiler_flag, dont_inherit=True)
    exec(code, names)
    return names


def _with(tree: ast.Module, node: ast.AST, change: ast.AST) -> ast.Module:
    copies: dict[int, Any] = {}
    copied = copy.deepcopy(tree, copies)
    replaced = _Replacement(copies[id(node)], change).visit(copied)
    assert isinstance(replaced, ast.Module)
    return ast.fix_missing_locations(replaced)


class _Replacement(ast.NodeTransformer):
    def __init__(self, node: ast.AST, change: ast.AST) -> None:
        self._node, self._change = node, change

    def visit(self, node: ast.AST) -> Any:
        return self._change if node is self._node else self.generic_visit(node)


def _changes(node: ast.AST) -> Iterator[ast.AST]:
    """What may stand in the place of a node."""
    match node:
        case ast.BinOp(left, operator, right) if type(operator) in _OPERATORS:
            yield ast.BinOp(left, _OPERATORS[type(operator)](), right)
            yield left
            yield right
        case ast.UnaryOp(ast.USub(), operand):
            yield operand
        case ast.Compare(left, [operator], comparators):
            yield ast.Compare(left, [_COMPARISONS[type(operator)]()], comparators)
            if type(operator) in _BOUNDARIES:
                yield ast.Compare(left, [_BOUNDARIES[type(operator)]()], comparators)
        case ast.Constant(bool() as chosen):
            yield ast.Constant(not chosen)
        case ast.Constant(int() | float() as number):
            yield ast.Constant(number + 1)
        case ast.IfExp(_, body, orelse):
            yield body
            yield orelse
        case ast.If(test, body, orelse) if not isinstance(test, ast.Compare):
            yield ast.If(ast.UnaryOp(ast.Not(), test), body, orelse)
        case ast.Name(name, ast.Load()) if name in _SWAPS and len(name) > 1:
            yield ast.Name(_SWAPS[name], ast.Load())
        case ast.Call():
            yield from _changes_of_call(node)


def _changes_of_call(call: ast.Call) -> Iterator[ast.AST]:
    """Another function or method, the receiver alone, other arguments."""
    if isinstance(call.func, ast.Attribute):
        receiver, name = call.func.value, call.func.attr
        if name in _SWAPS:
            yield ast.Call(ast.Attribute(receiver, _SWAPS[name], ast.Load()), call.args, call.keywords)
        if name in _DROPPED:
            yield receiver
        if name == "lerp":
            weight = ast.BinOp(ast.Constant(1), ast.Sub(), call.args[1])
            yield ast.Call(call.func, [call.args[0], weight], call.keywords)
        if name in _ORDER_MATTERS and len(call.args) == 2:
            yield ast.Call(call.func, call.args[::-1], call.keywords)
    for place, keyword in enumerate(call.keywords):
        others = [each for each in call.keywords if each is not keyword]
        if keyword.arg in _NEGATED:
            negated = ast.keyword(keyword.arg, ast.UnaryOp(ast.USub(), keyword.value))
            yield ast.Call(call.func, call.args, [*others[:place], negated, *others[place:]])
            yield ast.Call(call.func, call.args, others)
