"""A small engine with rules of its own, so that the command line is tested without any real rule."""

from __future__ import annotations

import re
import sys
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from types import ModuleType
from typing import Any, cast

import pytest
from click.testing import CliRunner, Result

import optlint.catalog
import optlint.cli.checker
from optlint.catalog import CatalogEntry
from optlint.cli.main import optlint as command
from optlint.finding import Finding, Level, Location, Step
from optlint.rule import Evidence, Rule
from optlint.source.edits import Applicability, Edit, Fix
from optlint.source.text import Source, Span

HEAD = "import torch\n"


@dataclass(frozen=True)
class Word:
    """A rule that dislikes one word and knows a better one."""

    code: str
    name: str
    level: Level
    bad: str
    good: str | None = None
    applicability: Applicability = Applicability.SAFE


WORDS = (
    Word("TOY101", "safe-word", Level.ERROR, "alpha", "beta"),
    Word("TOY102", "risky-word", Level.ERROR, "gamma", "delta", Applicability.UNSAFE),
    Word("TOY103", "shown-word", Level.WARNING, "epsilon", "zeta", Applicability.DISPLAY),
    Word("TOY201", "wasteful-word", Level.NOTE, "eta"),
    Word("TOY202", "chained-word", Level.WARNING, "beta_twice", "gamma_once"),
)


def entry(word: Word) -> CatalogEntry:
    rule = Rule(word.code, word.level, "", (("torch",),), cast(Any, None), Evidence.TEXT)
    return CatalogEntry(rule, word.name, f"The word is {word.bad}.\n\nMore.", "toy_rules", "words")


class WordEngine:
    """Flags words; `call NAME` in a file checks NAME.py beside it as well; `explode` raises."""

    def __init__(self, rules: Sequence[CatalogEntry], required: object = None) -> None:
        codes = {rule.rule.code for rule in rules}
        self.words = [word for word in WORDS if word.code in codes]
        self.sources: dict[Path, Source] = {}

    def relevant(self, data: bytes) -> bool:
        return b"torch" in data

    def check(self, path: Path, data: bytes) -> list[Finding]:
        source = self.sources[path] = Source.from_bytes(path, data)
        if "explode" in source.text:
            raise ZeroDivisionError("a rule divides by zero")
        findings = [finding for word in self.words for finding in self._find(source, word)]
        for callee in re.findall(r"call (\w+)", source.text):
            other = path.with_name(f"{callee}.py")
            findings += self.check(other, other.read_bytes())
        return findings

    def source(self, path: Path) -> Source | None:
        return self.sources.get(path)

    def _find(self, source: Source, word: Word) -> Iterator[Finding]:
        for match in re.finditer(rf"\b{word.bad}\b", re.sub("#.*", lambda m: " " * len(m[0]), source.text)):
            span = Span(match.start(), match.end())
            place = Location(source.path, span, source.position(span.start), source.position(span.end))
            top = Location(source.path, Span(0, 6), source.position(0), source.position(6))
            fix = None
            if word.good is not None:
                fix = Fix(f"Write `{word.good}`", word.applicability, source.path, (Edit(span, word.good),))
            steps = (Step("torch comes in", top), Step(f"`{word.bad}` is said", place))
            yield Finding(word.code, word.name, word.level, f"`{word.bad}` is a bad word", place, steps, fix)


@pytest.fixture
def words(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Path:
    """Put the small engine in place; the current folder is empty and no setting of the outside counts."""
    module = ModuleType("optlint.engine")
    module.Engine = WordEngine  # type: ignore[attr-defined]
    monkeypatch.setitem(sys.modules, "optlint.engine", module)
    for place in ("optlint.cli.checker", "optlint.cli.rule", "optlint.cli.rules"):
        __import__(place)
        monkeypatch.setattr(sys.modules[place], "load_catalog", lambda: tuple(map(entry, WORDS)))
    monkeypatch.setattr(optlint.cli.checker, "only_bundled", lambda path: True)
    for variable in ("NO_COLOR", "FORCE_COLOR"):
        monkeypatch.delenv(variable, raising=False)
    monkeypatch.chdir(tmp_path)
    return tmp_path


@pytest.fixture
def run(words: Path) -> Callable[..., Result]:
    """Call `optlint` in an empty folder and return what it printed."""

    def call(*arguments: str, stdin: bytes | None = None, env: dict[str, str] | None = None) -> Result:
        result = CliRunner().invoke(command, arguments, input=stdin, env=env, prog_name="optlint")
        assert result.exception is None or isinstance(result.exception, SystemExit), result.exc_info
        return result

    return call


@pytest.fixture
def write(words: Path) -> Callable[[str, str], Path]:
    """Write a file that the screen lets through."""

    def call(name: str, text: str) -> Path:
        path = words / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(HEAD + text, encoding="utf-8")
        return path

    return call
