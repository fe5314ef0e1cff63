"""The fixtures as cases: files or folders, the findings that people marked in them, and their fixed form."""

from __future__ import annotations

import re
from dataclasses import dataclass
from functools import cache
from pathlib import Path

from optlint.catalog import CatalogEntry, load_catalog
from optlint.engine import Engine
from optlint.finding import Finding
from optlint.source.apply import mend
from optlint.source.edits import Applicability
from optlint.source.text import Source

FIXTURES = Path(__file__).parent.parent / "fixtures"
_MARK = re.compile(r"[ \t]*# finding: (.+?)[ \t]*$", re.MULTILINE)
_CODE = re.compile(r"([A-Z]{3}\d{3})(?: \((\w+)\))?")


@dataclass(frozen=True, slots=True)
class Case:
    """One fixture; `files` are its Python files, the main one first."""

    path: Path
    files: tuple[Path, ...]

    @property
    def fixed(self) -> Path | None:
        """What the fixture becomes by its rule's fix, or None where the rule has no fix for it."""
        path = self.path.with_name(f"{self.path.stem}.fixed{self.path.suffix}")
        return path if path.exists() else None

    @property
    def name(self) -> str:
        """The name that tests show."""
        return f"{self.path.parent.name}/{self.path.name}"


@cache
def catalog() -> tuple[CatalogEntry, ...]:
    """Return the rules."""
    return load_catalog()


def cases(prefix: str) -> list[Case]:
    """Return all fixtures whose names begin with a prefix: `bad_`, `ok_`."""
    found = []
    for path in sorted(FIXTURES.glob(f"*/{prefix}*")):
        if ".fixed" in path.suffixes:
            continue
        if path.is_dir():
            files = sorted(path.rglob("*.py"), key=lambda file: (file.name != "main.py", str(file)))
            found.append(Case(path, tuple(files)))
        elif path.suffix == ".py":
            found.append(Case(path, (path,)))
    return found


def marks(case: Case) -> list[tuple[str, int, str, str]]:
    """Return what people marked: file, row, code, and the level where it is not the rule's own."""
    found: list[tuple[str, int, str, str]] = []
    for file in case.files:
        for row, line in enumerate(file.read_text("utf-8").splitlines(), 1):
            match = _MARK.search(line)
            if match:
                found.extend((file.name, row, code, level) for code, level in _CODE.findall(match.group(1)))
    return sorted(found)


def findings(case: Case) -> list[Finding]:
    """Return what all rules find in a fixture."""
    engine = Engine(catalog())
    unique = {
        (finding.location.path, finding.location.span, finding.code): finding
        for file in case.files
        for finding in engine.check(file, file.read_bytes())
    }
    return sorted(unique.values(), key=lambda finding: finding.sort_key)


def rule_of(case: Case) -> CatalogEntry:
    """Return the rule that a fixture belongs to."""
    return next(entry for entry in catalog() if entry.name == case.path.parent.name)


def without_marks(text: str) -> str:
    """Return a text without the marks."""
    return _MARK.sub("", text)


def mended(case: Case, folder: Path) -> dict[str, str]:
    """Return the texts of a fixture after its rule's own fixes, by path within the fixture.

    The files are copied to `folder` first: a fix in one may depend on another.
    """
    entry = rule_of(case)
    copies: dict[Path, str] = {}
    for file in case.files:
        relative = file.relative_to(case.path) if case.path.is_dir() else Path(file.name)
        target = folder / relative
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_bytes(file.read_bytes())
        copies[target] = str(relative)
    result: dict[str, str] = {}
    for target in copies:

        def check(source: Source) -> list:  # type: ignore[type-arg]
            source.path.write_bytes(source.data)
            engine = Engine([entry])
            found = [f for path in copies for f in engine.check(path, path.read_bytes())]
            return [
                finding.fix
                for finding in found
                if finding.fix is not None
                and finding.fix.path == source.path
                and finding.fix.applicability is not Applicability.DISPLAY
            ]

        outcome = mend(Source.from_bytes(target, target.read_bytes()), check)
        target.write_bytes(outcome.source.data)
        result[copies[target]] = outcome.source.text
    return result
