"""Schedules: the learning rates that all ways into a file give its optimizers, as written and as fixed."""

from __future__ import annotations

import sys
from collections.abc import Callable, Collection, Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TypeAlias

from optlint.engine import Engine
from optlint.finding import Finding
from optlint.program.events import Act
from optlint.program.modules import ModuleInfo
from optlint.program.program import Entry
from optlint.program.project import ParseError, parse
from optlint.replay.cases import sliced
from optlint.replay.pairs import Script, Unsliced, with_fixes
from optlint.replay.pool import Pool
from optlint.replay.script import ReplayScript
from optlint.replay.slicer.observed import Observed, observe
from optlint.replay.standin_numbers import StandInNumber, standin_numbers
from optlint.replay.trace import Kind, Trace
from optlint.replay.verify import Plan, Setting, run, run_all
from optlint.replay.wire import Outcome
from optlint.source.apply import select_fixes
from optlint.source.edits import Fix

Rates: TypeAlias = tuple[tuple[tuple[float, ...], ...], ...]
"""For each optimizer that made updates, in the order in which they were built, for each update the rates of groups."""

Check: TypeAlias = Callable[[Sequence[Path]], Sequence[Finding]]

_DEEPEST = 8_000
"""Frames, as in `optlint.engine`: the interpreter descends with the nesting of the code."""


@dataclass(frozen=True, slots=True)
class Variant:
    """The outcomes of one combination of opaque conditions; `fixed` is None where no fix has changed the script."""

    plan: Plan
    written: Outcome
    fixed: Outcome | None


@dataclass(frozen=True, slots=True)
class EntrySchedule:
    """What one way into the file does to the learning rates.

    Attributes:
        entry: Its name: `<module>`, `main`, `Trainer.fit`.
        written: The script of the text as it stands.
        fixed: That of the text with all fixes made; None where they change nothing on this way.
        fixes: Those fixes.
        findings: Those whose fix changes a learning rate; all that have a fix where only several together do.
        variants: The runs that differ in their rates, first the one in which all conditions hold.
        tried: How many combinations of opaque conditions were run.
        numbers: What the stand-ins of the script as written are worth.
    """

    entry: str
    written: Script
    fixed: Script | None = None
    fixes: tuple[Fix, ...] = ()
    findings: tuple[Finding, ...] = ()
    variants: tuple[Variant, ...] = ()
    tried: int = 0
    numbers: tuple[StandInNumber, ...] = ()

    @property
    def makes_updates(self) -> bool:
        """Whether any run made an update, so that there is a curve."""
        return any(rates_of(each) for variant in self.variants for each in (variant.written, variant.fixed))


@dataclass(frozen=True, slots=True)
class Scheduled:
    """The ways into a file on which an optimizer steps, with their scripts; made by `scheduled`.

    `fixed` has by entry the scripts of the text with all fixes made, `alone` those with the fix of one finding.
    """

    written: dict[str, Script]
    fixes: tuple[Fix, ...]
    fixed: dict[str, Script]
    alone: tuple[tuple[Finding, dict[str, Script]], ...]

    def replayed(self, entry: str, pool: Pool, setting: Setting) -> EntrySchedule:
        """Replay one entry.

        Raises:
            NoWorker: No process starts.
        """
        written, fixed = self.written[entry], self.fixed.get(entry)
        if isinstance(written, Unsliced):
            return EntrySchedule(entry, written)
        if isinstance(fixed, ReplayScript) and fixed.body == written.body:
            fixed = None
        scripts = [written, *([fixed] if isinstance(fixed, ReplayScript) else [])]
        variants = [
            Variant(plan, outcomes[0], outcomes[1] if len(outcomes) > 1 else None)
            for plan, outcomes in run_all(pool, scripts, setting).items()
        ]
        findings: tuple[Finding, ...] = ()
        if any(each.fixed is not None and rates_of(each.fixed) != rates_of(each.written) for each in variants):
            findings = tuple(self._blamed(scripts, entry, variants, pool, setting))
        numbers = standin_numbers(written, pool, setting.device)
        different = tuple(_different(variants))
        return EntrySchedule(entry, written, fixed, self.fixes, findings, different, len(variants), numbers)

    def _blamed(
        self, pair: Sequence[ReplayScript], entry: str, variants: Sequence[Variant], pool: Pool, setting: Setting
    ) -> Iterator[Finding]:
        """Yield the findings whose fix alone changes a rate, or else all that have a fix."""
        written, fixed = pair
        found = []
        for finding, scripts in self.alone:
            script = scripts.get(entry)
            if not isinstance(script, ReplayScript) or script.body == written.body:
                continue
            if script.body == fixed.body:
                found.append(finding)
                continue
            outcomes = run(pool, [script], [variant.plan for variant in variants], setting)
            if [rates_of(each) for each in outcomes] != [rates_of(each.written) for each in variants]:
                found.append(finding)
        yield from found or [finding for finding, _ in self.alone]


def scheduled(engine: Engine, path: Path, data: bytes, check: Check) -> Scheduled:
    """Return the ways into a file on which an optimizer steps.

    Args:
        engine: Knows the files around.
        path: Of the file.
        data: Its bytes.
        check: Returns the findings of some files.

    Raises:
        ParseError: the file is no Python.
        RecursionError: it is nested too deeply.
    """
    limit = sys.getrecursionlimit()
    sys.setrecursionlimit(max(limit, _DEEPEST))
    try:
        return _scheduled(engine, path, data, check)
    finally:
        sys.setrecursionlimit(limit)


def rates_of(outcome: Outcome | None) -> Rates:
    """Return the rates of all updates; nothing for a run that made none."""
    if not isinstance(outcome, Trace):
        return ()
    made: dict[int, list[tuple[float, ...]]] = {
        thing.number: [] for thing in outcome.things if thing.kind is Kind.OPTIMIZER
    }
    for update in outcome.updates:
        made[update.optimizer].append(update.rates)
    return tuple(tuple(rates) for rates in made.values() if rates)


def _scheduled(engine: Engine, path: Path, data: bytes, check: Check) -> Scheduled:
    engine.show(path)
    module = parse(path.absolute(), data)
    engine.project.add(module)
    with observe(engine.project, module) as seen:
        entries = [entry for entry in seen.program.entries if _steps(entry)]
        written = {entry.name: _sliced(seen, entry) for entry in entries}
    if not written:
        return Scheduled(written, (), {}, ())
    findings = check([path, *_files(written.values(), path.absolute())])
    mended = [(finding, finding.fix) for finding in findings if finding.fix is not None]
    fixes = tuple(_together([fix for _, fix in mended]))
    if not fixes:
        return Scheduled(written, (), {}, ())
    fixed = _fixed(engine, module, fixes, written)
    if len(mended) == 1:
        return Scheduled(written, fixes, fixed, ((mended[0][0], fixed),))
    alone = tuple((finding, _fixed(engine, module, (fix,), written)) for finding, fix in mended if fix in fixes)
    return Scheduled(written, fixes, fixed, alone)


def _sliced(seen: Observed, entry: Entry) -> Script:
    try:
        return sliced(seen, entry)
    except Exception as error:  # a defect on one way into the file leaves the others
        return Unsliced(f"optlint failed on it, {type(error).__name__}: {error}; please report this defect")


def _files(scripts: Iterable[Script], but: Path) -> list[Path]:
    """Return the other files that scripts come from."""
    origins = (each for script in scripts if isinstance(script, ReplayScript) for each in script.origins)
    return sorted({origin.path for origin in origins if origin is not None and origin.path != but})


def _steps(entry: Entry) -> bool:
    return any(entry.having(Act.STEP))


def _together(fixes: Sequence[Fix]) -> Iterator[Fix]:
    """Yield the fixes that can be made together, file by file."""
    for path in dict.fromkeys(fix.path for fix in fixes):
        yield from select_fixes([fix for fix in fixes if fix.path == path])


def _fixed(engine: Engine, module: ModuleInfo, fixes: Sequence[Fix], wanted: Collection[str]) -> dict[str, Script]:
    """Return by entry the scripts of the text with some fixes made; of entries that are gone there is none."""
    try:
        program = with_fixes(engine, module, fixes)
    except (OSError, ParseError) as error:
        return dict.fromkeys(wanted, Unsliced(f"the fixed text cannot be read: {error}"))
    with observe(program.project, program.module) as seen:
        return {entry.name: _sliced(seen, entry) for entry in seen.program.entries if entry.name in wanted}


def _different(variants: Sequence[Variant]) -> Iterator[Variant]:
    """Yield the first of the runs that have the same rates."""
    seen: set[tuple[Rates, Rates]] = set()
    for variant in variants:
        key = rates_of(variant.written), rates_of(variant.fixed)
        if key not in seen:
            seen.add(key)
            yield variant
