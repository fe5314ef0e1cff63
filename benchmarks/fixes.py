"""Try every fix on a copy of the corpus: each one on its own, then all of them as `--fix --unsafe-fixes` does.

Run `python benchmarks/fixes.py CORPUS`. A fix on its own is good if the file still parses, its finding is gone and
no rule finds more in the file than before. A package mended as a whole is good if no rule finds more in any file
and a second run changes nothing. The exit code is 1 if anything is not.
"""

from __future__ import annotations

import shutil
import sys
import tempfile
from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from ledger import INTERNAL, optlint, report
from optlint.catalog import CatalogEntry, load_catalog
from optlint.engine import Engine
from optlint.finding import Finding
from optlint.source.edits import Applicability, Fix, apply_edits
from optlint.source.text import Source, SourceError, Span, parse

Counts = Counter[tuple[Path, str]]
"""How often each code is reported in each file."""


@dataclass(slots=True)
class Reported:
    """A finding with a fix, and the files whose analysis reports it: its own, and those that call into it."""

    finding: Finding
    fix: Fix
    entries: list[Path]


@dataclass(slots=True)
class Package:
    """What the rules find in one package before anything is mended; `counts` by the analysed file."""

    reported: dict[tuple[Path, Span, str], Reported]
    counts: dict[Path, Counts]


def count(findings: Iterable[Finding]) -> Counts:
    """Return how often each code is reported in each file."""
    return Counter((finding.location.path, finding.code) for finding in findings)


def examine(rules: Sequence[CatalogEntry], folder: Path) -> Package:
    """Return what there is to mend below a folder."""
    engine = Engine(rules)
    package = Package({}, {})
    for path in sorted(file for file in folder.rglob("*.py") if file.is_file()):
        findings = engine.check(path, path.read_bytes())
        package.counts[path] = count(findings)
        for finding in findings:
            if finding.fix is not None and finding.fix.applicability is not Applicability.DISPLAY:
                key = (finding.location.path, finding.location.span, finding.code)
                package.reported.setdefault(key, Reported(finding, finding.fix, [])).entries.append(path)
    return package


def try_alone(rules: Sequence[CatalogEntry], reported: Reported, before: Mapping[Path, Counts]) -> list[str]:
    """Apply one fix, look again from every file that reported it, take it back; return what is wrong with it."""
    path = reported.fix.path
    original = path.read_bytes()
    source = Source.from_bytes(path, original)
    try:
        text = apply_edits(source.text, reported.fix.edits)
        parse(text)
        path.write_bytes(source.encode(text))
    except (SourceError, ValueError) as error:
        return [f"the file with the fix is no Python: {error}"]
    faults: list[str] = []
    own = (reported.finding.location.path, reported.finding.code)
    try:
        engine = Engine(rules)
        for entry in dict.fromkeys((*reported.entries, path)):
            after = count(engine.check(entry, entry.read_bytes()))
            if entry in reported.entries and after[own] >= before[entry][own]:
                faults.append(f"the finding is still there, seen from {entry.name}")
            faults += [f"{code} is new in {file.name}" for file, code in sorted(after - before[entry])]
    finally:
        path.write_bytes(original)
    return faults


def mend_package(folder: Path, before: Counter[tuple[str, str]]) -> list[str]:
    """Mend a whole package on the disk; return what is wrong with the outcome."""
    mended = optlint(folder, "--fix", "--unsafe-fixes")
    faults = []
    if mended.returncode not in (0, 1):
        faults.append(f"--fix ends with exit code {mended.returncode}: {mended.stderr.strip()[-400:]}")
    again = optlint(folder, "--diff", "--unsafe-fixes")
    if again.stdout.strip():
        faults.append(f"a second run changes the files again:\n{again.stdout.strip()[:800]}")
    after = Counter((row["filename"], row["code"]) for row in report(folder))
    faults += [f"{code} is new in {name} after all fixes" for name, code in sorted(after - before)]
    return faults


def main(arguments: list[str]) -> int:
    if len(arguments) != 1:
        print("usage: fixes.py CORPUS", file=sys.stderr)
        return 2
    rules = load_catalog()
    good: Counter[tuple[str, str]] = Counter()
    bad: dict[tuple[str, str], list[str]] = defaultdict(list)
    broken: list[str] = []
    for origin in sorted(path for path in Path(arguments[0]).iterdir() if path.is_dir()):
        with tempfile.TemporaryDirectory() as scratch:
            folder = Path(scratch).resolve() / origin.name
            shutil.copytree(origin, folder)
            package = examine(rules, folder)
            if any(code == INTERNAL for counts in package.counts.values() for _, code in counts):
                broken.append(f"{origin.name}: optlint fails on a file")
            for reported in package.reported.values():
                key = (reported.finding.code, reported.fix.applicability.value)
                place = (
                    f"{reported.finding.location.path.relative_to(folder.parent)}:{reported.finding.location.start.row}"
                )
                faults = try_alone(rules, reported, package.counts)
                bad[key] += [f"{place} {reported.finding.code}: {fault}" for fault in faults]
                good[key] += not faults
            if package.reported:
                whole = Counter((row["filename"], row["code"]) for row in report(folder))
                broken += [f"{origin.name}: {fault}" for fault in mend_package(folder, whole)]
            print(f"{origin.name}: {len(package.reported)} fixes", flush=True)
    print(f"\n{'rule':8}{'fix':8}{'good':>6}{'faults':>8}")
    for key in sorted(good.keys() | bad.keys()):
        print(f"{key[0]:8}{key[1]:8}{good[key]:6}{len(bad[key]):8}")
    problems = [*(fault for key in sorted(bad) for fault in bad[key]), *broken]
    print("\n".join(("", *problems)) if problems else "\nEvery fix is good.")
    return int(bool(problems))


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
