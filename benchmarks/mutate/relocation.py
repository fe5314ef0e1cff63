"""Right programs whose training loop is moved: into a function, a method, or another file, before it is misused."""

from __future__ import annotations

import ast
import random
import re
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

import libcst as cst

from mutate.programs import Program
from mutate.scripts import Script, bound, counted, is_text, loaded, own_names, targets
from mutate.tree import Tree, bare, statement


def relocated(program: Program, folder: Path) -> Iterator[Program]:
    """Yield a program of one file with its training loop moved to one kind of place, always the same, if that goes.

    Its files are written below a folder, for imports find files there. Whether it runs as before is for a replay to
    say.
    """
    if program.wild or len(program.files) != 1:
        return
    script = Script(Tree(program.files[program.main]))
    if script.at < 0 or re.search(r"__name__|\bglobal\b", script.tree.text):
        return
    chance = random.Random(program.name)
    kinds = list(KINDS.items())
    chance.shuffle(kinds)
    words, script = counted(script, chance.choice(("", "", "by while", "by the command line")))
    for name, move in kinds:
        files = move(script, program.main)
        if files is not None:
            root = folder / f"{program.name.removesuffix('.py').replace('/', '--')}"
            root.mkdir(parents=True, exist_ok=True)
            for path, text in files.items():
                (root / path).write_text(text, "utf-8")
            yield Program(f"{program.name} ({name}{words})", files, program.main, root, origin=program)
            return


def _in_function(script: Script, main: str) -> dict[str, str] | None:
    parts = _function(script)
    if parts is None:
        return None
    function, statements = parts
    return {main: _text(script.header, script.definitions, [function], statements)}


def _in_function_of_another_file(script: Script, main: str) -> dict[str, str] | None:
    parts = _function(script)
    if parts is None or script.uses_statements():
        return None
    function, statements = parts
    defined = [each.name.value for each in script.definitions if isinstance(each, cst.FunctionDef | cst.ClassDef)]
    used = loaded(script.code(*statements))
    names = ", ".join(["train", *(name for name in defined if name in used)])
    return {
        main: _text(script.header, [statement(f"from training import {names}\n")], statements),
        "training.py": _text(_imports(script), script.definitions, [function]),
    }


def _in_main(script: Script, main: str) -> dict[str, str] | None:
    if script.uses_statements():
        return None
    function = _definition("def main():", script.statements)
    return {main: _text(script.header, script.definitions, [function], [statement("main()\n")])}


def _in_method(script: Script, main: str) -> dict[str, str] | None:
    trainer = _trainer(script)
    if trainer is None:
        return None
    return {main: _text(script.header, script.definitions, [trainer], [statement("Trainer().fit()\n")])}


def _in_method_of_another_file(script: Script, main: str) -> dict[str, str] | None:
    trainer = _trainer(script)
    if trainer is None:
        return None
    run = [statement("from trainer import Trainer\n"), statement("Trainer().fit()\n")]
    return {main: _text(run), "trainer.py": _text(script.header, script.definitions, [trainer])}


KINDS: dict[str, Callable[[Script, str], dict[str, str] | None]] = {
    "its loop in a function": _in_function,
    "its loop in a function of another file": _in_function_of_another_file,
    "all in a function": _in_main,
    "in a class": _in_method,
    "in a class of another file": _in_method_of_another_file,
}


def _function(script: Script) -> tuple[cst.BaseStatement, list[cst.BaseStatement]] | None:
    """Return a function of the first loop that trains, and the statements with a call in its place."""
    before, loop = script.statements[: script.at], script.statements[script.at]
    after = script.statements[script.at + 1 :]
    text = script.code(loop)
    outside = loaded(script.code(*after)) | script.free()
    if bound(text) & outside or "train" in loaded(script.tree.text):
        return None  # it would have to give something back
    given = bound(script.code(*before)) & loaded(text)
    names = sorted(given, key=lambda name: re.search(rf"\b{name}\b", text).start())  # type: ignore[union-attr]
    function = _definition(f"def train({', '.join(names)}):", [loop])
    return function, [*before, statement(f"train({', '.join(names)})\n"), *after]


def _trainer(script: Script) -> cst.BaseStatement | None:
    """Return a class that makes its objects when it is made itself, and trains in a method."""
    before, after = script.statements[: script.at], script.statements[script.at :]
    shared = bound(script.code(*before)) & loaded(script.code(*after))
    inner = {name for each in ast.walk(ast.parse(script.code(*script.statements))) for name in own_names(each)}
    looped = {name for each in ast.walk(ast.parse(script.code(*after))) for name in targets(each)}
    if not shared or script.uses_statements() or inner & shared or looped & shared or "Trainer" in script.tree.text:
        return None
    owned = _Owned(shared)
    first = _definition("def __init__(self):", [_visited(each, owned) for each in before])
    second = _definition("def fit(self):", [_visited(each, owned) for each in after])
    return _definition("class Trainer:", [first, second])


def _definition(head: str, body: Sequence[cst.BaseStatement]) -> cst.BaseStatement:
    made = statement(f"{head}\n    pass\n")
    assert isinstance(made, cst.FunctionDef | cst.ClassDef)
    return made.with_changes(body=cst.IndentedBlock(body=list(body)), leading_lines=[cst.EmptyLine()])


def _text(*parts: Sequence[cst.BaseStatement]) -> str:
    text = "".join(cst.Module(body=[]).code_for_node(each) for part in parts for each in part)
    return re.sub(r"(?m)^ +$", "", text)


def _imports(script: Script) -> list[cst.BaseStatement]:
    imports = [each for each in script.header if not is_text(each)]
    return [bare(each) if isinstance(each, cst.SimpleStatementLine) else each for each in imports]


class _Owned(cst.CSTTransformer):
    """Makes attributes of `self` of names."""

    def __init__(self, names: set[str]) -> None:
        super().__init__()
        self.names = names
        self.kept: set[cst.CSTNode] = set()

    def on_visit(self, node: cst.CSTNode) -> bool:
        """Keep what is no name of a value: attributes, keywords and the like."""
        match node:
            case cst.Attribute(attr=name) | cst.Arg(keyword=cst.Name() as name) | cst.Param(name=name):
                self.kept.add(name)
            case _:
                pass
        return True

    def leave_Name(self, original_node: cst.Name, updated_node: cst.Name) -> cst.BaseExpression:  # noqa: N802
        """Return the attribute in the place of a name."""
        if original_node in self.kept or original_node.value not in self.names:
            return updated_node
        return cst.Attribute(cst.Name("self"), updated_node)


def _visited(node: cst.BaseStatement, owned: _Owned) -> cst.BaseStatement:
    changed = node.visit(owned)
    assert isinstance(changed, cst.BaseStatement)
    return changed
