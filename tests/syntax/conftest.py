"""A text with its tree and editor, in which tests name nodes by their text."""

from __future__ import annotations

import ast
from collections.abc import Callable, Iterable
from pathlib import Path

import pytest

from optlint.source.edits import Edit, apply_edits
from optlint.source.text import Source, parse
from optlint.syntax.editor import Editor
from optlint.syntax.tree import Located


class Code:
    def __init__(self, text: str) -> None:
        self.source = Source.from_bytes(Path("train.py"), text.encode())
        self.module = parse(text)
        self.editor = Editor(self.source)

    def node(self, text: str, kind: type[ast.AST] = ast.AST, number: int = 0) -> ast.AST:
        """Return the node, in the order of the text, whose text starts with `text` (all of it if short)."""
        found = []
        for node in ast.walk(self.module):
            if isinstance(node, kind) and isinstance(node, Located):
                span = self.source.span(node)
                if self.source.text[span.start : span.end] == text:
                    found.append(node)
        assert found, f"no {kind.__name__} is {text!r}"
        return found[number]

    def statement(self, text: str) -> ast.stmt:
        """Return the first statement whose text begins with `text`."""
        found = [
            node
            for node in ast.walk(self.module)
            if isinstance(node, ast.stmt) and self.source.text.startswith(text, self.source.span(node).start)
        ]
        assert found, f"no statement begins with {text!r}"
        return min(found, key=lambda node: self.source.span(node).start)

    def after(self, edits: Iterable[Edit]) -> str:
        """Return the edited text, which must parse."""
        text = apply_edits(self.source.text, edits)
        parse(text)
        return text


@pytest.fixture
def code() -> Callable[[str], Code]:
    return Code
