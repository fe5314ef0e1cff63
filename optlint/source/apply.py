"""Applying fixes to a text, round after round, until nothing is left to mend."""

from __future__ import annotations

import ast
import itertools
import warnings
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import TypeAlias

from optlint.source.edits import Edit, Fix, apply_edits
from optlint.source.text import Source, SourceError, parse

Check: TypeAlias = Callable[[Source], Sequence[Fix]]
"""Returns the fixes that a text calls for; their edits are edits of that text."""

_RESTARTS = 3


@dataclass(frozen=True, slots=True)
class Mended:
    """A mended text.

    `applied` are the fixes in the order of their rounds; the edits of each are edits of its own round's text.
    `refused` are fixes that were not applied, each with the reason.
    """

    source: Source
    applied: tuple[Fix, ...]
    refused: tuple[tuple[Fix, str], ...]
    rounds: int


def select_fixes(fixes: Sequence[Fix]) -> list[Fix]:
    """Return those fixes of one text that can be applied together, in the order given.

    A fix is taken whole or not at all. One that overlaps or touches a fix taken before it is left for the next
    round, as is one without edits or with edits that overlap each other.
    """
    taken: list[Fix] = []
    edits: list[Edit] = []
    for fix in fixes:
        if not fix.edits or _overlaps_itself(fix):
            continue
        if not any(_touch(new, old) for new in fix.edits for old in edits):
            taken.append(fix)
            edits += fix.edits
    return taken


def mend(source: Source, check: Check, limit: int = 50) -> Mended:
    """Apply fixes to a fixed point, in at most `limit` rounds.

    Each round applies the fixes that go together and asks `check` about the new text. A fix is refused, and not
    tried again, where the text with it does not parse, does not change or comes back to an earlier one. Fixes that
    reach no fixed point are refused altogether: the text is mended anew without them.
    """
    unstable: dict[str, tuple[Fix, str]] = {}
    for _ in range(_RESTARTS):
        run = _Run(source, frozenset(unstable))
        leftover = run.mend(check, limit)
        if not leftover:
            return Mended(run.source, tuple(run.applied), (*unstable.values(), *run.refused.values()), run.rounds)
        reason = f"the text still changes after {limit} rounds"
        unstable.update({fix.title: (fix, reason) for fix in leftover})
    return Mended(source, (), tuple(unstable.values()), 0)


_Key: TypeAlias = tuple[str, tuple[str, ...]]


@dataclass
class _Run:
    """One way from a text to a fixed point."""

    source: Source
    unstable: frozenset[str]
    applied: list[Fix] = field(default_factory=list)
    refused: dict[_Key, tuple[Fix, str]] = field(default_factory=dict)
    rounds: int = 0

    def mend(self, check: Check, limit: int) -> list[Fix]:
        """Run the rounds; return the fixes that are still asked for after the last one."""
        compiles = _compiles(_parse(self.source.text))
        seen = {self.source.text}
        while chosen := self._choose(check(self.source)):
            if self.rounds == limit:
                return chosen
            self.rounds += 1
            if isinstance(result := _attempt(self.source, chosen, seen, compiles), str):
                chosen, result = self._one_at_a_time(chosen, seen, compiles)
            self.source = result
            self.applied += chosen
            seen.add(result.text)
        return []

    def _choose(self, fixes: Sequence[Fix]) -> list[Fix]:
        open_fixes: list[Fix] = []
        for fix in fixes:
            key = _key(fix, self.source.text)
            if not fix.edits or _overlaps_itself(fix):
                self.refused.setdefault(key, (fix, "its own edits overlap" if fix.edits else "it changes nothing"))
            if key not in self.refused and fix.title not in self.unstable:
                open_fixes.append(fix)
        return select_fixes(open_fixes)

    def _one_at_a_time(self, chosen: list[Fix], seen: set[str], compiles: bool) -> tuple[list[Fix], Source]:
        """Return the fixes that go together and the text with them; refuse those that go with none.

        A fix that is good alone and bad with the others is not refused: it waits for the next round.
        """
        good: list[Fix] = []
        best = self.source
        for fix in chosen:
            result = _attempt(self.source, [*good, fix], seen, compiles)
            if isinstance(result, Source):
                good.append(fix)
                best = result
                continue
            alone = _attempt(self.source, [fix], seen, compiles) if good else result
            if isinstance(alone, str):
                self.refused[_key(fix, self.source.text)] = (fix, alone)
        return good, best


def _attempt(source: Source, fixes: Sequence[Fix], seen: set[str], compiles: bool) -> Source | str:
    """Return the text with the fixes, or the reason why they are not to be applied."""
    try:
        text = apply_edits(source.text, [edit for fix in fixes for edit in fix.edits])
        changed = source.with_text(text)
    except (SourceError, ValueError) as error:
        return str(error)
    text = changed.text
    if text == source.text:
        return "it changes nothing"
    if text in seen:
        return "it undoes another fix"
    module = _parse(text)
    if isinstance(module, SourceError):
        return f"the mended text does not parse: {module.reason}"
    if compiles and not _compiles(module):
        return "the mended text does not compile"
    return changed


def _parse(text: str) -> ast.Module | SourceError:
    try:
        return parse(text)
    except SourceError as error:
        return error


def _compiles(module: ast.Module | SourceError) -> bool:
    """Say whether a tree compiles: `return` outside a function and the like parse and yet are errors."""
    if isinstance(module, SourceError):
        return False
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            compile(module, "<text>", "exec", flags=ast.PyCF_ALLOW_TOP_LEVEL_AWAIT, dont_inherit=True)
    except (SyntaxError, ValueError, RecursionError, MemoryError):
        return False
    return True


def _key(fix: Fix, text: str) -> _Key:
    """Know a fix again in another round: by its title and the text that it replaces, or the line it inserts into."""
    return fix.title, tuple(_replaced(text, edit) for edit in fix.edits)


def _replaced(text: str, edit: Edit) -> str:
    start, end = edit.span.start, edit.span.end
    if start < end:
        return text[start:end]
    return text[max(text.rfind("\n", 0, start), text.rfind("\r", 0, start)) + 1 :].partition("\n")[0]


def _overlaps_itself(fix: Fix) -> bool:
    ordered = sorted(fix.edits, key=lambda edit: (edit.span.start, edit.span.end))
    return any(later.span.start < earlier.span.end for earlier, later in itertools.pairwise(ordered))


def _touch(a: Edit, b: Edit) -> bool:
    return a.span.start <= b.span.end and b.span.start <= a.span.end
