"""Cases: the findings of a file, each with the scripts that show it, of the text as written and as fixed."""

from __future__ import annotations

import ast
from collections.abc import Callable, Container, Iterator, Sequence
from dataclasses import dataclass
from difflib import SequenceMatcher
from functools import partial
from pathlib import Path
from typing import TypeAlias

from optlint.catalog import CatalogEntry
from optlint.engine import Engine
from optlint.finding import Finding
from optlint.program.events import Act
from optlint.program.modules import ModuleInfo
from optlint.program.program import Entry, Program
from optlint.program.project import ParseError, parse
from optlint.property.violation import Violation
from optlint.replay.script import ReplayScript
from optlint.replay.slicer.emit import Writer
from optlint.replay.slicer.observed import Observed, observe
from optlint.replay.slicer.slice import CannotSliceError, Slice
from optlint.source.apply import select_fixes
from optlint.source.edits import Fix, apply_edits


@dataclass(frozen=True, slots=True)
class Unsliced:
    """No script could be made; `reason` says why."""

    reason: str


Script: TypeAlias = ReplayScript | Unsliced


@dataclass(frozen=True, slots=True)
class Pair:
    """The script of a text and of the same text with a fix; `fixed` is None where there is no fix."""

    original: Script
    fixed: Script | None
    changed: frozenset[tuple[Path, int]] = frozenset()
    """The lines (file, row from 1) of the fixed text that the fix wrote."""


@dataclass(frozen=True, slots=True)
class Case:
    """A finding to be replayed.

    Attributes:
        catalog_entry: The rule.
        finding: What it found.
        entry: The name of the way into the file that is replayed.
        pair: The text as it stands, and with the fix.
        among_fixed: The same with all other fixes of the file made, or None where there are no others: a second fault
            may end a run before it shows the first.
        word: The method that stands there without a call, for a finding about that.
    """

    catalog_entry: CatalogEntry
    finding: Finding
    entry: str
    pair: Pair
    among_fixed: Callable[[], Pair] | None = None
    word: str = ""


def cases(engine: Engine, path: Path, data: bytes, wanted: Container[object] | None = None) -> Iterator[Case]:
    """Yield the cases of one file, in the order of its rules; nothing for a file that cannot be read as Python.

    With `wanted` only those findings count whose file, span and code are in it.
    """
    chosen = engine.triggered(data)
    if not chosen:
        return
    engine.show(path)
    try:
        module = parse(path.absolute(), data)
    except ParseError:
        return
    engine.project.add(module)
    found: list[tuple[CatalogEntry, Violation, Finding, str, Script]] = []
    with observe(engine.project, module) as seen:
        scripts: dict[Entry, Script] = {}
        for catalog_entry in chosen:
            for violation, finding in engine.judged(catalog_entry, seen.program):
                location = finding.location
                if wanted is not None and (location.path, location.span, finding.code) not in wanted:
                    continue
                entry = violation.entry or _entry_of(seen.program, violation)
                if entry is None:
                    found.append((catalog_entry, violation, finding, "", Unsliced("nothing in the file leads there")))
                    continue
                if entry not in scripts:
                    scripts[entry] = sliced(seen, entry)
                found.append((catalog_entry, violation, finding, entry.name, scripts[entry]))
    fixes = [finding.fix for _, _, finding, _, _ in found if finding.fix is not None]
    for catalog_entry, violation, finding, name, original in found:
        events = (*violation.path, *violation.roles.values())
        word = next((event.detail for event in events if event.act is Act.MENTION), "")
        fix = finding.fix
        if fix is None:
            yield Case(catalog_entry, finding, name, Pair(original, None), None, word)
            continue
        pair = Pair(original, *_scripted(engine, module, (fix,), name, fix))
        others = tuple(each for each in select_fixes([fix, *fixes]) if each is not fix and each.edits != fix.edits)
        among = partial(_among, engine, module, fix, others, name) if others else None
        yield Case(catalog_entry, finding, name, pair, among, word)


def _among(engine: Engine, module: ModuleInfo, fix: Fix, others: tuple[Fix, ...], entry: str) -> Pair:
    original, _ = _scripted(engine, module, others, entry, None)
    return Pair(original, *_scripted(engine, module, (*others, fix), entry, fix))


def sliced(seen: Observed, entry: Entry) -> Script:
    """Return the script of an entry."""
    try:
        made = Slice(seen, entry)
        made.run()
        script = Writer(made).script()
        ast.parse(script.body)
    except CannotSliceError as error:
        return Unsliced(str(error))
    except RecursionError:
        return Unsliced("the code is nested too deeply")
    return script


def _scripted(
    engine: Engine, module: ModuleInfo, fixes: Sequence[Fix], entry: str, judged: Fix | None
) -> tuple[Script, frozenset[tuple[Path, int]]]:
    """Return the script of an entry after fixes, made from the fixed text as the other from the original.

    With it come the lines that the fix `judged` wrote.
    """
    project = engine.fresh_project()
    root = module
    written: set[tuple[Path, int]] = set()
    try:
        for target in sorted({fix.path.absolute() for fix in fixes}):
            before = module if target == module.path else parse(target, target.read_bytes())
            edits = [edit for fix in fixes if fix.path.absolute() == target for edit in fix.edits]
            text = apply_edits(before.source.text, sorted(edits, key=lambda edit: edit.span))
            after = parse(target, before.source.with_text(text).data)
            project.add(after)
            if target == module.path:
                root = after
            if judged is not None and judged.path.absolute() == target:
                written |= {(target, row) for row in _written(before.source.text, text)}
        if root is module:
            root = parse(module.path, module.source.data)
            project.add(root)
    except (OSError, ParseError) as error:
        return Unsliced(f"the fixed text cannot be read: {error}"), frozenset()
    with observe(project, root) as seen:
        found = next((each for each in seen.program.entries if each.name == entry), None)
        script = Unsliced(f"the fixed text has no `{entry}` to enter") if found is None else sliced(seen, found)
    return script, frozenset(written)


def _written(before: str, after: str) -> set[int]:
    """Return the rows of a fixed text that are not in the text before."""
    old, new = before.splitlines(), after.splitlines()
    rows: set[int] = set()
    for kind, _, _, start, end in SequenceMatcher(None, old, new, autojunk=False).get_opcodes():
        if kind != "equal":
            rows.update(range(start + 1, end + 1))
    return rows


def _entry_of(program: Program, violation: Violation) -> Entry | None:
    """Return the entry that leads to the place of a violation, which names none itself."""
    places = {event.place.node for event in violation.path} | {violation.at.node}
    for entry in program.entries:
        if any(event.place.node in places for event in entry.events):
            return entry
    around = {inner for place in places for inner in ast.walk(place)}
    for entry in program.entries:
        if any(event.place.node in around or violation.at.node in ast.walk(event.place.node) for event in entry.events):
            return entry
    return program.entries[0] if program.entries else None
