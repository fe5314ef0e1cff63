"""The cases of fixtures and of short texts, and their verdicts."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from functools import lru_cache
from pathlib import Path
from textwrap import dedent

from fixture_cases import Case, catalog
from optlint.engine import Engine
from optlint.replay.cases import Case as ReplayCase
from optlint.replay.cases import cases as replay_cases
from optlint.replay.pool import Pool
from optlint.replay.verdict import Verdict
from optlint.replay.verify import Setting, verify


@lru_cache(maxsize=2)
def replayed(case: Case) -> tuple[ReplayCase, ...]:
    """The cases of a fixture, each finding once."""
    return tuple(once(case.files))


def once(files: Sequence[Path], code: str = "") -> Iterator[ReplayCase]:
    """The cases of some files, of all rules or of one, each finding once."""
    engine = Engine(catalog())
    seen = set()
    for file in files:
        for each in replay_cases(engine, file, file.read_bytes()):
            key = (each.finding.location.path, each.finding.location.span, each.finding.code)
            if key not in seen and code in ("", each.finding.code):
                seen.add(key)
                yield each


def told(verdict: Verdict) -> list[str]:
    """A verdict as the table of the fixtures has it."""
    return [verdict.finding.value, "" if verdict.fix is None else verdict.fix.value]


def verdict_of_text(text: str, code: str, folder: Path, pool: Pool, setting: Setting = Setting()) -> Verdict:  # noqa: B008  # it is frozen
    """The verdict on the one finding of a rule in a text."""
    path = folder / "train.py"
    path.write_text(dedent(text), encoding="utf-8")
    [case] = once([path], code)
    return verify(case, pool, setting).verdict
