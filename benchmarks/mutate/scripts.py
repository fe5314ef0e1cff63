"""Files whose training loop stands at the top level, in their parts, and the names that those bind and read."""

from __future__ import annotations

import ast
import re
from dataclasses import dataclass
from functools import cached_property

import libcst as cst

from mutate.tree import Tree, statement

_TRAINS = re.compile(r"\.(step|backward)\(")
_BINDING = (ast.FunctionDef, ast.ClassDef, ast.Lambda, ast.ListComp, ast.SetComp, ast.DictComp, ast.GeneratorExp)


@dataclass(frozen=True)
class Script:
    """A file whose training loop stands at the top level, in its parts."""

    tree: Tree

    @cached_property
    def header(self) -> list[cst.BaseStatement]:
        """The docstring and the imports, also those of which one is tried after the other."""
        return [each for each in self._all if is_text(each) or _only_imports(each)]

    @cached_property
    def definitions(self) -> list[cst.BaseStatement]:
        """The functions and classes."""
        return [each for each in self._all if isinstance(each, cst.FunctionDef | cst.ClassDef)]

    @cached_property
    def statements(self) -> list[cst.BaseStatement]:
        """All else."""
        return [each for each in self._all if each not in self.header and each not in self.definitions]

    @cached_property
    def at(self) -> int:
        """The place of the first loop that trains among the statements; -1 where there is none."""
        loops = (cst.For, cst.While)
        found = (isinstance(each, loops) and _TRAINS.search(self.code(each)) for each in self.statements)
        return next((index for index, trains in enumerate(found) if trains), -1)

    @property
    def _all(self) -> list[cst.BaseStatement]:
        return [each for each in self.tree.module.body if isinstance(each, cst.BaseStatement)]

    def code(self, *nodes: cst.CSTNode) -> str:
        """Return the text of statements."""
        return "".join(self.tree.module.code_for_node(each) for each in nodes)

    def free(self) -> set[str]:
        """Return the names that functions and classes read and do not bind themselves."""
        return {name for each in self.definitions for name in _free(self.code(each))}

    def uses_statements(self) -> bool:
        """Whether a function or a class makes use of what the statements name."""
        return bool(self.free() & bound(self.code(*self.statements)))


def counted(script: Script, way: str) -> tuple[str, Script]:
    """Return a script whose first loop that trains has its rounds counted otherwise, if that goes, and words for it."""
    loop = script.statements[script.at]
    if (
        not isinstance(loop, cst.For)
        or not isinstance(loop.target, cst.Name)
        or not isinstance(loop.body, cst.IndentedBlock)
    ):
        return "", script
    name, number = loop.target.value, re.fullmatch(r"range\((\d+)\)", script.code(loop.iter))
    if way == "by the command line" and number is not None and "args" not in script.tree.text:
        lines = (
            "import argparse",
            "parser = argparse.ArgumentParser()",
            f'parser.add_argument("--rounds", type=int, default={number[1]})',
            "args = parser.parse_args()",
        )
        text = script.tree.changed({loop.iter: cst.parse_expression("range(args.rounds)")})
        again = Script(Tree(text))
        first = again.statements[0]
        made = cst.FlattenSentinel([*map(statement, lines), first])
        return f", counted {way}", Script(Tree(again.tree.changed({first: made})))
    after = script.code(*script.statements[script.at + 1 :])
    leaves = re.search(rf"\b(continue|break)\b|\b{name} *[-+*]?= ", script.code(loop.body)) or name in loaded(after)
    if way == "by while" and number is not None and name != "_" and not leaves:
        more = statement(f"{name} += 1")
        rounds = cst.While(
            cst.parse_expression(f"{name} < {number[1]}"), loop.body.with_changes(body=[*loop.body.body, more])
        )
        text = script.tree.changed({loop: cst.FlattenSentinel([statement(f"{name} = 0"), rounds])})
        return f", counted {way}", Script(Tree(text))
    return "", script


def is_text(statement: cst.BaseStatement) -> bool:
    """Whether a statement is a string alone, as a docstring is."""
    match statement:
        case cst.SimpleStatementLine(body=[cst.Expr(value=cst.SimpleString()), *_]):
            return True
        case _:
            return False


def _only_imports(statement: cst.BaseStatement) -> bool:
    match statement:
        case cst.SimpleStatementLine(body=[first, *_]):
            return isinstance(first, cst.Import | cst.ImportFrom)
        case cst.Try(body=tried, handlers=handlers, orelse=None, finalbody=None):
            blocks = [tried, *(each.body for each in handlers)]
            return all(
                _only_imports(each) for block in blocks for each in block.body if isinstance(each, cst.BaseStatement)
            )
        case _:
            return False


def bound(text: str) -> set[str]:
    """Return the names that statements bind and import, those of functions and comprehensions in them left out."""
    found: set[str] = set()
    pending: list[ast.AST] = [ast.parse(text)]
    while pending:
        node = pending.pop()
        if isinstance(node, ast.Name) and isinstance(node.ctx, ast.Store):
            found.add(node.id)
        if isinstance(node, ast.alias):
            found.add(node.asname or node.name.partition(".")[0])
        pending.extend(each for each in ast.iter_child_nodes(node) if not isinstance(each, _BINDING))
    return found


def loaded(text: str) -> set[str]:
    """Return the names that statements read, also in functions."""
    return {
        node.id for node in ast.walk(ast.parse(text)) if isinstance(node, ast.Name) and isinstance(node.ctx, ast.Load)
    } | {node.target.id for node in ast.walk(ast.parse(text)) if _adds_to_name(node)}  # type: ignore[attr-defined]


def _free(text: str) -> set[str]:
    """Return the names that a definition reads and does not bind anywhere in it."""
    tree = ast.parse(text)
    stored = {node.id for node in ast.walk(tree) if isinstance(node, ast.Name) and isinstance(node.ctx, ast.Store)}
    own = {node.arg for node in ast.walk(tree) if isinstance(node, ast.arg)}
    return loaded(text) - stored - own


def _adds_to_name(node: ast.AST) -> bool:
    return isinstance(node, ast.AugAssign) and isinstance(node.target, ast.Name)


def own_names(node: ast.AST) -> set[str]:
    """Return the names that are a function's or a comprehension's own."""
    match node:
        case ast.Lambda(args=arguments) | ast.FunctionDef(args=arguments):
            return {each.arg for each in ast.walk(arguments) if isinstance(each, ast.arg)}
        case ast.comprehension(target=target):
            return {each.id for each in ast.walk(target) if isinstance(each, ast.Name)}
        case _:
            return set()


def targets(node: ast.AST) -> set[str]:
    """Return the names that a loop or a context binds."""
    match node:
        case ast.For(target=target) | ast.withitem(optional_vars=ast.expr() as target):
            return {each.id for each in ast.walk(target) if isinstance(each, ast.Name)}
        case _:
            return set()
