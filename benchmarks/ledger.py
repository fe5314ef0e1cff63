"""Compare what optlint finds in the corpus with the findings that people judged in `ledger.toml`.

Run `python benchmarks/ledger.py CORPUS`, with `--draft FILE` to write the findings that nobody judged as entries to
be filled in. The exit code is 1 if there are such, if optlint failed on a file, or if the precision is too low.
"""

from __future__ import annotations

import argparse
import json
import re
import subprocess
import sys
import tomllib
from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

LEDGER = Path(__file__).with_name("ledger.toml")
LEAST_PRECISION = 0.95
LEVELS = frozenset({"warning", "error"})
"""Notes are not judged: they say that nothing is wrong today."""
UNREADABLE, INTERNAL = "OPT001", "OPT003"
PATIENCE = 900
"""Seconds for one package."""
_FOLDER = re.compile(r"(?P<package>.+?)-(?P<version>\d.*)")
_FIELDS = {"package": str, "version": str, "path": str, "line": int, "rule": str, "verdict": str, "reason": str}


class LedgerError(Exception):
    """The ledger cannot be used; the message names the entry and the remedy."""


@dataclass(frozen=True, slots=True, order=True)
class Place:
    """What a judgement is about: one rule on one line of one file."""

    package: str
    version: str
    path: str
    line: int
    rule: str

    def __str__(self) -> str:
        return f"{self.package}-{self.version}/{self.path}:{self.line} {self.rule}"


@dataclass(frozen=True, slots=True)
class Comparison:
    """Found and judged findings side by side; `verdicts` holds those that were found and judged."""

    verdicts: Mapping[Place, bool]
    unjudged: tuple[Place, ...]
    vanished: tuple[Place, ...]

    @property
    def precision(self) -> float | None:
        """The share of true findings among the judged ones, or None where nothing is judged."""
        return sum(self.verdicts.values()) / len(self.verdicts) if self.verdicts else None

    @property
    def holds(self) -> bool:
        """Whether every finding is judged and enough of them are true."""
        return not self.unjudged and (self.precision is None or self.precision >= LEAST_PRECISION)


def read_ledger(text: str) -> dict[Place, bool]:
    """Return the verdict of each judged place.

    Raises:
        LedgerError: no TOML, a missing or mistyped field, a verdict without a reason, or a place judged twice.
    """
    try:
        rows = tomllib.loads(text).get("finding", [])
    except tomllib.TOMLDecodeError as error:
        raise LedgerError(f"{LEDGER.name} is no TOML: {error}") from None
    verdicts: dict[Place, bool] = {}
    for number, row in enumerate(rows, 1):
        where = f"entry {number} of {LEDGER.name}"
        for field, kind in _FIELDS.items():
            if not isinstance(row.get(field), kind):
                raise LedgerError(f"{where} needs `{field}`, a {kind.__name__}")
        for field in row.keys() - _FIELDS.keys():
            raise LedgerError(f"{where} has an unknown field `{field}`: delete it")
        if row["verdict"] not in ("true", "false") or not row["reason"].strip():
            raise LedgerError(f'{where} needs a verdict, "true" or "false", and a reason')
        place = Place(row["package"], row["version"], row["path"], row["line"], row["rule"])
        if place in verdicts:
            raise LedgerError(f"{where} judges {place} once more: delete one of the two")
        verdicts[place] = row["verdict"] == "true"
    return verdicts


def compare(judged: Mapping[Place, bool], found: Iterable[Place]) -> Comparison:
    """Set what was found against what was judged."""
    places = set(found)
    return Comparison(
        {place: verdict for place, verdict in sorted(judged.items()) if place in places},
        tuple(sorted(places - judged.keys())),
        tuple(sorted(judged.keys() - places)),
    )


def optlint(folder: Path, *options: str) -> subprocess.CompletedProcess[str]:
    """Run `optlint check .` in a folder, deaf to configurations and ignore files.

    Raises:
        RuntimeError: it is not done in time.
    """
    command = [str(Path(sys.executable).with_name("optlint")), "check", ".", "--isolated", "--no-gitignore", "--quiet"]
    try:
        return subprocess.run([*command, *options], cwd=folder, capture_output=True, text=True, timeout=PATIENCE)
    except subprocess.TimeoutExpired:
        raise RuntimeError(f"optlint is not done with {folder.name} after {PATIENCE} seconds") from None


def report(folder: Path) -> list[dict[str, Any]]:
    """Return what optlint reports in a package, as it prints it with `--output-format json`.

    Raises:
        RuntimeError: it gives no report, or none in time.
    """
    outcome = optlint(folder, "--output-format", "json")
    try:
        rows: list[dict[str, Any]] = json.loads(outcome.stdout)
    except json.JSONDecodeError:
        raise RuntimeError(f"optlint gives no report on {folder.name}: {outcome.stderr.strip()[-800:]}") from None
    return rows


def place_of(folder: str, row: Mapping[str, Any]) -> Place:
    """Return the place of a reported finding; `folder` is the package's, such as `timm-1.0.31`."""
    match = _FOLDER.fullmatch(folder)
    package, version = match.group("package", "version") if match else (folder, "")
    return Place(package, version, row["filename"], row["location"]["row"], row["code"])


def draft(place: Place, message: str) -> str:
    """Return an entry of the ledger to be filled in."""
    strings = {"package": place.package, "version": place.version, "path": place.path}
    lines = [f"# {message}", "[[finding]]", *(f"{key} = {json.dumps(value)}" for key, value in strings.items())]
    return "\n".join([*lines, f"line = {place.line}", f'rule = "{place.rule}"', 'verdict = ""', 'reason = ""', "", ""])


def print_rules(comparison: Comparison) -> None:
    """Print the judged findings of each rule."""
    true = Counter(place.rule for place, verdict in comparison.verdicts.items() if verdict)
    false = Counter(place.rule for place, verdict in comparison.verdicts.items() if not verdict)
    open_ = Counter(place.rule for place in comparison.unjudged)
    print(f"\n{'rule':8}{'true':>6}{'false':>7}{'unjudged':>10}")
    for rule in sorted(true | false | open_):
        print(f"{rule:8}{true[rule]:6}{false[rule]:7}{open_[rule]:10}")
    print(f"{'all':8}{true.total():6}{false.total():7}{open_.total():10}")


def main(arguments: list[str]) -> int:
    parser = argparse.ArgumentParser(prog="ledger.py", description="Compare optlint's findings with the judged ones.")
    parser.add_argument("corpus", type=Path)
    parser.add_argument("--draft", type=Path, metavar="FILE", help="write the unjudged findings as entries to FILE")
    options = parser.parse_args(arguments)
    messages: dict[Place, str] = {}
    unreadable = 0
    failures: dict[str, list[str]] = defaultdict(list)
    try:
        judged = read_ledger(LEDGER.read_text("utf-8"))
        for folder in sorted(path for path in options.corpus.iterdir() if path.is_dir()):
            rows = report(folder)
            unreadable += sum(row["code"] == UNREADABLE for row in rows)
            for row in rows:
                if row["code"] == INTERNAL:
                    failures[row["message"]].append(f"{folder.name}/{row['filename']}")
            counted = [row for row in rows if row["level"] in LEVELS and row["code"] not in (UNREADABLE, INTERNAL)]
            messages |= {place_of(folder.name, row): f"{row['level']}: {row['message']}" for row in counted}
            print(f"{folder.name}: {len(counted)}", flush=True)
    except (LedgerError, RuntimeError) as error:
        print(error, file=sys.stderr)
        return 1
    comparison = compare(judged, messages)
    for title, places in (("Vanished", comparison.vanished), ("Unjudged", comparison.unjudged)):
        print(f"\n{title}: {len(places)}")
        for place in places:
            print(f"  {place} {messages.get(place, 'judged true' if judged.get(place) else 'judged false')}")
    print_rules(comparison)
    print(f"\nUnreadable files, which are not counted: {unreadable}")
    for message, files in failures.items():
        print(f"In {len(files)} files, such as {files[0]}: {message}")
    shown = "nothing is judged" if comparison.precision is None else f"{comparison.precision:.1%}"
    print(f"Precision: {shown} (at least {LEAST_PRECISION:.0%} is asked for)")
    if options.draft is not None:
        text = "".join(draft(place, messages[place]) for place in comparison.unjudged)
        options.draft.write_text(text, encoding="utf-8")
    return int(not comparison.holds or bool(failures))


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
