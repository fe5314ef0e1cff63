"""The right programs that misuse is injected into: the `ok_*` fixtures, and the clean training loops of the corpus."""

from __future__ import annotations

import ast
import random
import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

FIXTURES = Path(__file__).parent.parent.parent / "fixtures"
_LOOP = re.compile(rb"\.backward\(")
_STEP = re.compile(rb"\boptim\w*\.step\(|\bopt\w*\.step\(")
MOST_FROM_A_PACKAGE = 6
LARGEST = 40_000
"""Bytes; larger files of the corpus make the benchmark slow and say no more."""


@dataclass(frozen=True, slots=True)
class Program:
    """A program of one or more files, by path below its root; the files of `origin` are where they come from."""

    name: str
    files: dict[str, str]
    main: str
    root: Path
    """Where other files that it imports lie."""
    wild: bool = False
    origin: Program | None = None
    """The program that this one is, with its training loop at another place."""


def fixtures() -> Iterator[Program]:
    """Yield the right programs among the fixtures."""
    for path in sorted(FIXTURES.glob("*/ok_*")):
        name = f"{path.parent.name}/{path.name}"
        if path.is_dir():
            files = {str(each.relative_to(path)): each.read_text("utf-8") for each in sorted(path.rglob("*.py"))}
            yield Program(name, files, "main.py" if "main.py" in files else min(files), path)
        elif path.suffix == ".py" and ".fixed" not in path.suffixes:
            yield Program(name, {path.name: path.read_text("utf-8")}, path.name, path.parent)


def corpus(folder: Path) -> Iterator[Program]:
    """Yield files of the corpus that hold a training loop, a few of each package, the same ones each time."""
    for package in sorted(each for each in folder.iterdir() if each.is_dir()):
        found = []
        for path in sorted(package.rglob("*.py")):
            data = path.read_bytes()
            if len(data) <= LARGEST and _LOOP.search(data) and _STEP.search(data):
                found.append(path)
        for path in sorted(random.Random(package.name).sample(found, min(MOST_FROM_A_PACKAGE, len(found)))):
            try:
                text = path.read_text("utf-8")
                ast.parse(text)
            except (UnicodeDecodeError, SyntaxError):
                continue  # no Python of today, as a template is none
            yield Program(f"{package.name}/{path.name}", {path.name: text}, path.name, path.parent, wild=True)
