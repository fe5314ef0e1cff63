"""Cases: the findings of a file, each with the scripts that show it, of the text as written and as fixed."""

from __future__ import annotations

import ast
from collections.abc import Callable, Container, Iterator, Sequence
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path

from optlint.catalog import CatalogEntry
from optlint.engine import Engine
from optlint.finding import Finding
from optlint.program.events import Act
from optlint.program.modules import ModuleInfo
from optlint.program.program import Entry, Program
from optlint.program.project import ParseError, parse
from optlint.property.patterns import Query
from optlint.property.violation import Violation
from optlint.replay.alone_pair import alone_pair
from optlint.replay.lines import AS_WRITTEN
from optlint.replay.pairs import FixedProgram, Pair, Script, Unsliced, script_or_reason, unlike, with_fixes
from optlint.replay.script import ReplayScript
from optlint.replay.slicer.emit import Writer
from optlint.replay.slicer.entering import names_given
from optlint.replay.slicer.observed import Observed, observe
from optlint.replay.slicer.slice import Slice
from optlint.rule import Evidence
from optlint.source.apply import select_fixes
from optlint.source.edits import Fix


@dataclass(frozen=True, slots=True)
class Way:
    """A way into a file: its name, and how many of that name come before it."""

    name: str
    turn: int = 0


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
        alone: The pair of the flagged place alone, where that can show it.
        function: The pair of the function around all that the finding is about, called with stand-ins.
    """

    catalog_entry: CatalogEntry
    finding: Finding
    entry: str
    pair: Pair
    among_fixed: Callable[[], Pair] | None = None
    word: str = ""
    alone: Callable[[], Pair] | None = None
    function: Callable[[], Pair] | None = None


def cases(engine: Engine, path: Path, data: bytes, wanted: Container[object] | None = None) -> Iterator[Case]:
    """Yield the cases of one file, in the order of its rules; nothing for a file that cannot be read as Python.

    With `wanted` only those findings count whose file, span and code are in it.
    """
    chosen = engine.triggered(path, data)
    if not chosen:
        return
    engine.show(path)
    try:
        module = parse(path.absolute(), data)
    except ParseError:
        return
    engine.project.add(module)
    found: list[tuple[CatalogEntry, Violation, Finding, Way, Script]] = []
    with observe(engine.project, module) as seen:
        scripts: dict[Entry, Script] = {}
        for catalog_entry in chosen:
            for violation, finding in engine.judged(catalog_entry, seen.program):
                location = finding.location
                if wanted is not None and (location.path, location.span, finding.code) not in wanted:
                    continue
                entry = violation.entry or _entry_of(seen.program, violation)
                if entry is None:
                    unled = Unsliced("nothing in the file leads there")
                    found.append((catalog_entry, violation, finding, Way(""), unled))
                    continue
                if entry not in scripts:
                    scripts[entry] = sliced(seen, entry)
                alike = _named_alike(seen.program, entry.name)
                way = Way(entry.name, next((at for at, each in enumerate(alike) if each is entry), 0))
                found.append((catalog_entry, violation, finding, way, scripts[entry]))
    fixes = [finding.fix for _, _, finding, _, _ in found if finding.fix is not None]
    for catalog_entry, violation, finding, way, original in found:
        events = (*violation.path, *violation.roles.values())
        word = next((event.detail for event in events if event.act is Act.MENTION), "")
        fix = finding.fix
        alone = _alone(engine, catalog_entry, violation, fix)
        within = function_around(module, violation)
        function = partial(_function, engine, module, way, within, fix) if within and within != way.name else None
        if fix is None:
            yield Case(catalog_entry, finding, way.name, Pair(original, None), None, word, alone, function)
            continue
        pair = _pair(original, _scripted(engine, module, (fix,), way), fix)
        others = tuple(each for each in select_fixes([fix, *fixes]) if each is not fix and each.edits != fix.edits)
        among = partial(_among, engine, module, fix, others, way) if others else None
        yield Case(catalog_entry, finding, way.name, pair, among, word, alone, function)


def _alone(engine: Engine, entry: CatalogEntry, violation: Violation, fix: Fix | None) -> Callable[[], Pair] | None:
    """What makes the pair of the flagged place alone; None where the order of what happens counts."""
    rule, module = entry.rule, violation.at.module
    if not isinstance(rule.property, Query) or rule.evidence not in (Evidence.CRASH, Evidence.MOVED):
        return None
    exercised = rule.evidence is Evidence.MOVED
    return partial(alone_pair, engine, module, violation.at.node, fix, exercised=exercised)


def _function(engine: Engine, module: ModuleInfo, way: Way, within: str, fix: Fix | None) -> Pair:
    original = _scripted(engine, module, (), way, within).script
    if fix is None:
        return Pair(original, None)
    pair = _pair(original, _scripted(engine, module, (fix,), way, within), fix)
    return replace(pair, fixed=unlike(original, pair.fixed)) if pair.fixed is not None else pair


def _among(engine: Engine, module: ModuleInfo, fix: Fix, others: tuple[Fix, ...], way: Way) -> Pair:
    original = _scripted(engine, module, others, way)
    pair = _pair(original.script, _scripted(engine, module, (*others, fix), way), fix)
    return replace(pair, before=AS_WRITTEN if original.made is None else original.made.lines)


def _pair(original: Script, fixed: _Scripted, fix: Fix) -> Pair:
    if fixed.made is None:
        return Pair(original, fixed.script)
    return Pair(original, fixed.script, fixed.made.written(fix), after=fixed.made.lines)


def sliced(seen: Observed, entry: Entry, within: str = "") -> Script:
    """Return the script of an entry, or of a function of it alone."""

    def make() -> ReplayScript:
        made = Slice(seen, within or entry.name)
        made.run(entry.events, only_within=bool(within))
        return Writer(made, names_given(made.name, seen.program.module)).script()

    return script_or_reason(make)


@dataclass(frozen=True, slots=True)
class _Scripted:
    """The script of a text with fixes, and that text; None where it cannot be read."""

    script: Script
    made: FixedProgram | None


def _scripted(engine: Engine, module: ModuleInfo, fixes: Sequence[Fix], way: Way, within: str = "") -> _Scripted:
    """Return the script of an entry after fixes, made from the fixed text as the other from the original."""
    try:
        fixed = with_fixes(engine, module, fixes)
    except (OSError, ParseError) as error:
        return _Scripted(Unsliced(f"the fixed text cannot be read: {error}"), None)
    with observe(fixed.project, fixed.module) as seen:
        return _Scripted(_entered(seen, way, within), fixed)


def _entered(seen: Observed, way: Way, within: str) -> Script:
    """Return the script of a way into a fixed text, or of a function of it alone."""
    found = _named_alike(seen.program, way.name)
    if len(found) <= way.turn:
        return Unsliced(f"the fixed text has no `{way.name}` to enter")
    return sliced(seen, found[way.turn], within)


def _named_alike(program: Program, name: str) -> list[Entry]:
    """The entries of that name: a file, and a notebook above all, may define a function several times."""
    return [each for each in program.entries if each.name == name]


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


def function_around(module: ModuleInfo, violation: Violation) -> str:
    """Return the name of the function or method of a file that holds all places of a violation, or nothing."""
    places = [event.place for event in (*violation.path, *violation.roles.values())] + [violation.at]
    found = ""
    for owner in module.tree.body:
        for function in owner.body if isinstance(owner, ast.ClassDef) else (owner,):
            if isinstance(function, ast.FunctionDef) and function.name != "__init__":
                nodes = set(ast.walk(function))
                if all(place.module is module and place.node in nodes for place in places):
                    found = f"{owner.name}.{function.name}" if isinstance(owner, ast.ClassDef) else function.name
    return found
