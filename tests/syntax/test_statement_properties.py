"""Statement edits of generated modules: the tree changes as lists of statements would, and nothing else does."""

from __future__ import annotations

import ast
import io
import tokenize
from collections import Counter
from dataclasses import dataclass, field
from pathlib import Path

from hypothesis import assume, given, settings
from hypothesis import strategies as st

from optlint.source.edits import apply_edits
from optlint.source.text import Source, parse
from optlint.syntax.editor import CannotEditError, Editor

OWNERS = ("if c:", "for i in c:", "while c:", "with c:", "try:", "@d\n{}def f():", "class A:", "match c:\n{}  case 1:")
TAILS = {"if c:": "elif e:", "for i in c:": "else:", "while c:": "else:", "try:": "finally:"}


@dataclass
class Writer:
    """Writes a random module, line by line."""

    draw: st.DrawFn
    newlines: list[str]
    names: int = 0
    lines: list[str] = field(default_factory=list)

    def chance(self, of: int) -> bool:
        return self.draw(st.integers(1, of)) == of

    def line(self, text: str) -> None:
        self.lines.append(text + self.draw(st.sampled_from(self.newlines)))

    def name(self) -> str:
        self.names += 1
        return f"s{self.names}()"

    def trailing(self) -> str:
        return f"  # on {self.names}" if self.chance(4) else ""

    def simple(self, indentation: str) -> None:
        match self.draw(st.integers(0, 7)):
            case 0:
                joint = self.draw(st.sampled_from(["; ", ";", " ;\t", "; \\\n "]))
                self.line(indentation + joint.join(self.name() for _ in range(3)) + self.trailing())
            case 1:
                self.line(f"{indentation}{self.name()[:-1]}1,  # inside{self.names}")
                self.line(f"{indentation}  2)" + self.trailing())
            case 2:
                self.line(f'{indentation}{self.name()[:-2]} = """')
                self.line('  # no comment"""' + self.trailing())
            case 3:
                self.line(f"{indentation}if c: {self.name()}; {self.name()};" + self.trailing())
            case 4:
                self.line(f"{indentation}{self.name()} + \\")
                self.line(f"\t{indentation}1;")
            case _:
                self.line(indentation + self.name() + self.trailing())

    def block(self, indentation: str, depth: int) -> None:
        for _ in range(self.draw(st.integers(1, 3))):
            if self.chance(4):
                self.line(self.draw(st.sampled_from(["", indentation, "\f"])))
            if self.chance(3):
                self.line(f"{indentation}# above {self.names + 1}")
            if depth < 3 and self.chance(3):
                self.compound(indentation, depth)
            else:
                self.simple(indentation)
        if depth and self.chance(4):
            self.line(f"{indentation}# below {self.names}")

    def compound(self, indentation: str, depth: int) -> None:
        owner = self.draw(st.sampled_from(OWNERS))
        headers = owner.format(indentation).split("\n")
        inner = indentation + ("  " if "case" in owner else "") + self.draw(st.sampled_from(["    ", "   ", "\t"]))
        self.line(indentation + headers[0])
        for header in headers[1:]:
            self.line(header)
        self.block(inner, depth + 1)
        if owner in TAILS and (owner == "try:" or self.chance(2)):
            self.line(indentation + TAILS[owner])
            self.block(indentation + self.draw(st.sampled_from(["  ", "\t"])), depth + 1)


@st.composite
def texts(draw: st.DrawFn) -> str:
    newlines = draw(st.sampled_from([["\n"], ["\r\n"], ["\n", "\r\n", "\r"]]))
    writer = Writer(draw, newlines)
    writer.block("", 0)
    text = "".join(writer.lines)
    return text.rstrip("\r\n") if draw(st.booleans()) else text


def statements(module: ast.Module) -> list[ast.stmt]:
    """Return the statements in the order of the text, without those that are an `elif`."""
    return [node for node in ast.walk(module) if isinstance(node, ast.stmt)]


def home(module: ast.Module, statement: ast.stmt) -> tuple[list[ast.stmt], int]:
    for node in ast.walk(module):
        for name in ("body", "orelse", "finalbody"):
            block = getattr(node, name, None)
            if isinstance(block, list) and any(item is statement for item in block):
                return block, next(n for n, item in enumerate(block) if item is statement)
    raise AssertionError("the statement is not in the module")


def take(module: ast.Module, statement: ast.stmt) -> None:
    block, index = home(module, statement)
    block[index : index + 1] = [] if len(block) > 1 or block is module.body else [ast.Pass()]


def comments(text: str) -> Counter[str]:
    lines = io.StringIO(text.replace("\r\n", "\n").replace("\r", "\n")).readline
    return Counter(item.string for item in tokenize.generate_tokens(lines) if item.type == tokenize.COMMENT)


def edited(text: str, method: str, data: st.DataObject) -> tuple[ast.Module, str]:
    """Return the tree that an edit of random statements must give, and the text that it gives."""
    source = Source.from_bytes(Path("train.py"), text.encode())
    module, editor = parse(text), Editor(Source.from_bytes(Path("train.py"), text.encode()))
    found = statements(module)
    one, other = (found[data.draw(st.integers(0, len(found) - 1))] for _ in range(2))
    new = parse("new()").body[0]
    try:
        match method:
            case "delete":
                edits = editor.delete(one)
                take(module, one)
            case "insert_before" | "insert_after":
                edits = getattr(editor, method)(one, "new()")
                block, index = home(module, one)
                block.insert(index + (method == "insert_after"), new)
            case _:
                edits = getattr(editor, method)(one, other)
                if one is not other:
                    take(module, one)
                    block, index = home(module, other)
                    block.insert(index + (method == "move_after"), one)
    except CannotEditError:
        assume(False)
    return module, apply_edits(source.text, edits)


PROPERTIES = settings(max_examples=150, deadline=None, derandomize=True)


@PROPERTIES
@given(texts(), st.sampled_from(["insert_before", "insert_after"]), st.data())
def test_an_insertion_adds_one_statement_and_keeps_all_text(text: str, method: str, data: st.DataObject) -> None:
    expected, after = edited(text, method, data)
    assert ast.dump(parse(after)) == ast.dump(expected)
    assert comments(after) == comments(text)
    kept = iter(after)
    assert all(character in kept for character in text if character not in " ;\t\r\n\\")


@PROPERTIES
@given(texts(), st.data())
def test_a_deletion_takes_one_statement(text: str, data: st.DataObject) -> None:
    expected, after = edited(text, "delete", data)
    assert ast.dump(parse(after)) == ast.dump(expected)
    assert comments(after) <= comments(text)


@PROPERTIES
@given(texts(), st.sampled_from(["move_before", "move_after"]), st.data())
def test_a_move_changes_the_place_of_one_statement(text: str, method: str, data: st.DataObject) -> None:
    expected, after = edited(text, method, data)
    assert ast.dump(parse(after)) == ast.dump(expected)
    assert comments(after) == comments(text)
