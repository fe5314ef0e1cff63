"""One mutant's trial: is it found, what else is reported, does it do harm, and what does the fix bring back?"""

from __future__ import annotations

import enum
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cached_property

from mutate.mutation import Misuse, Mutant
from mutate.programs import Program
from optlint.catalog import CatalogEntry
from optlint.engine import Engine
from optlint.finding import Finding, Level
from optlint.program.project import ParseError, parse
from optlint.replay.cases import sliced
from optlint.replay.pool import Pool
from optlint.replay.script import ReplayScript
from optlint.replay.slicer.observed import observe
from optlint.replay.trace import Trace, Update
from optlint.replay.verify import Setting, run
from optlint.source.apply import select_fixes
from optlint.source.edits import Applicability, apply_edits

SETTING = Setting(dtype="float64", most_updates=300)
MOST_ENTRIES = 3
_NEAR = 1e-9
"""Relative; runs that are the same differ by rounding at most."""


class Harm(enum.Enum):
    """What a replay says of a text beside the right one."""

    NONE = "none"
    """The run is the same."""
    SHOWN = "shown"
    UNDECIDED = "undecided"
    """No replay came to pass that could show it."""


@dataclass(frozen=True, slots=True)
class Outcome:
    """What became of one mutant."""

    mutant: Mutant
    program: str
    wild: bool
    harm: Harm
    found: bool
    extra: tuple[str, ...]
    """Codes that are reported and were not before, beside the rule's own."""
    fixed: bool = False
    """Whether a fix was offered, for all that was found."""
    restored: Harm = Harm.UNDECIDED
    """What a replay says of the text with the fix beside the right one: NONE is what is wanted."""


@dataclass
class Baseline:
    """A right program: what is reported in it, and how it runs."""

    program: Program
    catalog: tuple[CatalogEntry, ...]
    pool: Pool

    @cached_property
    def counts(self) -> Counter[str]:
        """How often each code is reported, of level warning and above, and of notes."""
        return _counts(self.findings({}))

    @cached_property
    def false(self) -> list[Finding]:
        """What is reported although the program is right, of level warning and above."""
        return [finding for finding in self.findings({}) if finding.level > Level.NOTE]

    @cached_property
    def traces(self) -> dict[str, Trace]:
        """How each way into the program that makes updates runs, by its name."""
        found = self.run({}, None)
        sound = {name: each for name, each in found.items() if each.updates and each.failure is None}
        return dict(list(sound.items())[:MOST_ENTRIES])

    def texts(self, changed: Mapping[str, str]) -> dict[str, str]:
        """Return the program's texts with some of them changed."""
        return {**self.program.files, **changed}

    def engine(self, changed: Mapping[str, str]) -> Engine:
        """Return an engine that knows the program with some of its texts changed.

        Raises:
            ParseError: a text is no Python.
        """
        engine = Engine(self.catalog)
        for name, text in self.texts(changed).items() if len(self.program.files) > 1 else changed.items():
            path = (self.program.root / name).absolute()
            engine.project.add(parse(path, text.encode()))
        return engine

    def findings(self, changed: Mapping[str, str]) -> list[Finding]:
        """Return what is reported in the program with some of its texts changed, each finding once.

        Raises:
            ParseError: a text is no Python.
        """
        engine = self.engine(changed)
        unique = {
            (finding.location.path, finding.location.span, finding.code): finding
            for name, text in self.texts(changed).items()
            for finding in engine.check((self.program.root / name).absolute(), text.encode())
        }
        return sorted(unique.values(), key=lambda finding: finding.sort_key)

    def run(self, changed: Mapping[str, str], wanted: Sequence[str] | None) -> dict[str, Trace]:
        """Return the traces of the program with some of its texts changed, by the way into it.

        Only the main file is entered; `wanted` names the entries, None stands for all. Of an entry that cannot be
        replayed there is no trace.
        """
        engine = self.engine(changed)
        main = (self.program.root / self.program.main).absolute()
        module = parse(main, self.texts(changed)[self.program.main].encode())
        engine.project.add(module)
        scripts: dict[str, ReplayScript] = {}
        with observe(engine.project, module) as seen:
            for entry in seen.program.entries:
                if wanted is None or entry.name in wanted:
                    script = sliced(seen, entry)
                    if isinstance(script, ReplayScript):
                        scripts[entry.name] = script
        outcomes = run(self.pool, list(scripts.values()), [()], SETTING) if scripts else []
        return {name: outcome for name, outcome in zip(scripts, outcomes, strict=True) if isinstance(outcome, Trace)}

    def harm(self, changed: Mapping[str, str]) -> Harm:
        """Say whether the program with some of its texts changed runs as the right one."""
        if not self.traces:
            return Harm.UNDECIDED
        try:
            found = self.run(changed, list(self.traces))
        except ParseError:
            return Harm.SHOWN
        if found.keys() != self.traces.keys():
            return Harm.UNDECIDED
        return _verdict([_same(right, found[name]) for name, right in self.traces.items()])

    def is_run_of(self, origin: Baseline) -> bool:
        """Whether the program runs as another one does, update by update, but for the `self` of what it trains."""
        if not origin.traces or origin.traces.keys() != self.traces.keys():
            return False
        pairs = [(_unowned(right), _unowned(self.traces[name])) for name, right in origin.traces.items()]
        return _verdict([_same(right, own) for right, own in pairs]) is Harm.NONE


def trial(baseline: Baseline, misuse: Misuse, mutant: Mutant) -> Outcome | None:
    """Try one mutant; None where its text is no Python, so that there is nothing to try.

    What is missed is replayed in any case, for it may be no misuse.
    """
    changed = {mutant.file: mutant.text}
    try:
        findings = baseline.findings(changed)
    except ParseError:
        return None
    new = _counts(findings) - baseline.counts
    own = [finding for finding in findings if finding.code == misuse.code]
    accepted = {misuse.code, *misuse.or_codes}
    found = any(new[code] for code in accepted)
    levels = {finding.code: finding.level for finding in findings}
    extra = tuple(sorted(code for code in new if code not in accepted and levels[code] > Level.NOTE))
    compared = not misuse.harmless and (mutant.is_replayed or not found)
    harm = baseline.harm(changed) if compared else Harm.UNDECIDED
    outcome = Outcome(mutant, baseline.program.name, baseline.program.wild, harm, found, extra)
    fixes = [each.fix for each in own if each.fix is not None and each.fix.applicability is not Applicability.DISPLAY]
    if not new[misuse.code] or not fixes or len(fixes) < len(own):
        return outcome
    if misuse.harmless or not mutant.is_replayed:
        return replace(outcome, fixed=True)
    texts = baseline.texts(changed)
    mended = dict(changed)
    for name in texts:
        path = (baseline.program.root / name).absolute()
        edits = [edit for fix in select_fixes(fixes) if fix.path.absolute() == path for edit in fix.edits]
        if edits:
            mended[name] = apply_edits(texts[name], sorted(edits, key=lambda edit: edit.span))
    return replace(outcome, fixed=True, restored=baseline.harm(mended))


def _counts(findings: Sequence[Finding]) -> Counter[str]:
    return Counter(finding.code for finding in findings)


def _unowned(trace: Trace) -> Trace:
    updates = (
        replace(each, moved=tuple(sorted(name.removeprefix("self.") for name in each.moved))) for each in trace.updates
    )
    return replace(trace, updates=tuple(updates))


def _verdict(same: Sequence[bool | None]) -> Harm:
    if False in same:
        return Harm.SHOWN
    return Harm.UNDECIDED if None in same else Harm.NONE


def _same(right: Trace, other: Trace) -> bool | None:
    """Whether two runs are the same, update by update; None where the other one was ended by the replay itself."""
    if other.failure is not None:
        return None if other.failure.in_standin else False
    if len(right.updates) != len(other.updates):
        return False
    return all(_alike(one, two) for one, two in zip(right.updates, other.updates, strict=True))


def _alike(one: Update, two: Update) -> bool:
    return (
        len(one.rates) == len(two.rates)
        and all(map(_near, one.rates, two.rates))
        and one.moved == two.moved
        and _near(one.travelled, two.travelled)
    )


def _near(one: float, two: float) -> bool:
    return abs(one - two) <= _NEAR * max(abs(one), abs(two)) or one == two
