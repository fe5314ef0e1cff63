"""The guard: what the statements of a script may say, found out from their syntax before anything runs.

A script gets at the world only through the names that it is given (`optlint.replay.guard_names`) and through their
attributes. So no construct imports; no identifier, wherever it stands, is one that leads from a value to its frame, its
globals or its class's relatives; and no text becomes an attribute unseen (`str.format`).
"""

from __future__ import annotations

import ast
import string
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from types import ModuleType
from typing import Any

from optlint.replay.guard_words import CLOSED_BUILTINS, DEFINABLE, closed_attribute, closed_word, is_dunder


@dataclass(frozen=True, slots=True)
class Refusal:
    """What a script may not do, and in which row of it."""

    row: int
    reason: str


def namespace(standin: ModuleType) -> dict[str, Any]:
    """The globals that a script runs with; `standin` is the module that makes stand-ins. Imports torch."""
    from optlint.replay.guard_names import names_for

    return names_for(standin)


def allowed(tree: ast.Module) -> list[Refusal]:
    """Return what of a script is refused, by row; a script without refusals may run."""
    nodes = [*ast.walk(tree)]
    bound, methods, named = _bound(nodes), set(_special_methods(nodes)), set(_named_classes(nodes))
    found: set[Refusal] = set()
    for node in nodes:
        reasons = [*_reasons(node, bound)]
        if isinstance(node, ast.FunctionDef) and is_dunder(node.name) and node not in methods:
            reasons.append(f"defines `{node.name}`")
        elif node not in named:
            reasons += [f"reaches for `{word}`" for word in _words(node) if closed_word(word)]
        found.update(Refusal(getattr(node, "lineno", 0), reason) for reason in reasons)
    return sorted(found, key=lambda each: (each.row, each.reason))


def _kinds(names: str) -> tuple[type[ast.AST], ...]:
    """The classes of syntax of these names, those that this Python has."""
    return tuple(getattr(ast, name) for name in names.split() if hasattr(ast, name))


CONSTRUCTS = _kinds(
    "Module FunctionDef ClassDef Return Delete Assign AugAssign AnnAssign For While If With Match Raise Try TryStar "
    "Assert Global Nonlocal Expr Pass Break Continue BoolOp NamedExpr BinOp UnaryOp Lambda IfExp Dict Set ListComp "
    "SetComp DictComp GeneratorExp Yield YieldFrom Compare Call FormattedValue JoinedStr Constant Attribute Subscript "
    "Starred Name List Tuple Slice expr_context boolop operator unaryop cmpop comprehension ExceptHandler arguments "
    "arg keyword withitem match_case pattern"
)
"""All that a script is made of: what Python has else, or will have, is refused."""


def _reasons(node: ast.AST, bound: frozenset[str]) -> Iterator[str]:
    if isinstance(node, (ast.Import, ast.ImportFrom, ast.alias)):
        yield "imports"
        return
    if not isinstance(node, CONSTRUCTS):
        yield f"has `{type(node).__name__}`, which no script has"
        return
    match node:
        case ast.Name(id=name, ctx=ast.Load()) if name in CLOSED_BUILTINS and name not in bound:
            yield f"calls or names `{name}`"
        case ast.Attribute(attr="format"):
            yield from _format_reasons(node.value)
        case ast.Attribute(attr=name, ctx=context):
            if closed_attribute(name) and not closed_word(name):  # of closed words see `allowed`
                yield f"reaches for `{name}`"
            elif is_dunder(name) and not isinstance(context, ast.Load):
                yield f"assigns `{name}`"
        case ast.MatchClass(kwd_attrs=names):
            yield from (f"reaches for `{name}`" for name in names if closed_attribute(name) or is_dunder(name))
        case ast.Call(func=ast.Name(id="type")) if "type" not in bound:
            if len(node.args) != 1 or node.keywords or isinstance(node.args[0], ast.Starred):
                yield "makes a class with `type`"
        case ast.ClassDef(keywords=[_, *_]):
            yield "gives a class keywords, a metaclass may be one of them"
        case ast.comprehension(is_async=1):
            yield "is asynchronous"


def _words(node: ast.AST) -> Iterator[str]:
    """Every identifier that a piece of syntax holds, in whatever role."""
    if isinstance(node, ast.Constant):
        return
    for _, value in ast.iter_fields(node):
        if isinstance(value, str):
            yield value
        elif isinstance(value, list):
            yield from (each for each in value if isinstance(each, str))


def _bound(nodes: Iterable[ast.AST]) -> frozenset[str]:
    """The names that the script gives a value itself: `input = batch[0]` is no call of the builtin."""
    found: set[str] = set()
    for node in nodes:
        match node:
            case ast.Name(id=name, ctx=ast.Store()) | ast.arg(arg=name):
                found.add(name)
            case ast.FunctionDef(name=name) | ast.ClassDef(name=name):
                found.add(name)
            case ast.ExceptHandler(name=str(name)) | ast.MatchAs(name=str(name)) | ast.MatchStar(name=str(name)):
                found.add(name)
    return frozenset(found)


def _special_methods(nodes: Iterable[ast.AST]) -> Iterator[ast.FunctionDef]:
    """The special methods that a class of the script may define."""
    for node in nodes:
        if isinstance(node, ast.ClassDef):
            yield from (each for each in node.body if isinstance(each, ast.FunctionDef) and each.name in DEFINABLE)


def _named_classes(nodes: Iterable[ast.AST]) -> Iterator[ast.AST]:
    """The `x.__class__` of each `x.__class__.__name__`, where alone a class is asked for so."""
    for node in nodes:
        match node:
            case ast.Attribute(
                attr="__name__" | "__qualname__", ctx=ast.Load(), value=ast.Attribute(attr="__class__") as inner
            ):
                yield inner


def _format_reasons(text: ast.expr) -> Iterator[str]:
    """What is wrong with `text.format`: the attributes that the text reaches for, or that nobody can read it."""
    if not (isinstance(text, ast.Constant) and isinstance(text.value, str)):
        yield "formats a text that is not written out"
        return
    texts = [text.value]
    while texts:
        try:
            for _, field, spec, _ in string.Formatter().parse(texts.pop()):
                if field is not None and "." in field:
                    yield f"formats the attributes of `{field}`"
                texts += [spec] if spec else []
        except ValueError:
            return  # it raises the same in the script
