"""Measure what the catalogue's growth has cost: `optlint check` beside that of an older commit; write `growth.md`.

Run `python benchmarks/growth.py CORPUS`, the folder of `make corpus`. Each side is a process of its own that checks
one file when it is told to; the sides take turns file by file, and processor seconds are counted, so that whatever
else the machine does falls on both alike. `--every N` takes every Nth file; `--commit` names the older one.
"""

from __future__ import annotations

import argparse
import gc
import math
import platform
import subprocess
import sys
import tarfile
import tempfile
import time
from collections.abc import Sequence
from dataclasses import dataclass
from io import BytesIO
from pathlib import Path

HERE = Path(__file__).resolve()
ROOT = HERE.parents[1]
TABLE = HERE.with_name("growth.md")
FIRST_RULES = "4e5be04"
"""The last commit with sixteen rules."""
TARGET = 1.15
"""What twice as many rules may cost, at most."""


@dataclass(slots=True)
class Side:
    """The optlint of one folder, in a process of its own, and what it has taken so far."""

    name: str
    process: subprocess.Popen[str]
    rules: int = 0
    findings: int = 0
    seconds: float = 0.0

    @classmethod
    def started(cls, name: str, folder: Path) -> Side:
        """Start a side; its process tells first how many rules it has."""
        command = [sys.executable, "-P", str(HERE), "--serve", str(folder)]
        process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
        side = cls(name, process)
        side.rules = int(side._answer())
        return side

    def check(self, path: Path) -> None:
        """Check one file.

        Raises:
            RuntimeError: the process has ended.
        """
        assert self.process.stdin is not None
        self.process.stdin.write(f"{path}\n")
        self.process.stdin.flush()
        seconds, findings = self._answer().split()
        self.seconds += float(seconds)
        self.findings += int(findings)

    def _answer(self) -> str:
        assert self.process.stdout is not None
        line = self.process.stdout.readline()
        if not line:
            raise RuntimeError(f"the process of {self.name} has ended: its error stands above")
        return line


def serve(folder: Path) -> None:
    """Check the files that the standard input names with the optlint of a folder; answer with seconds and findings."""
    sys.path[:0] = [str(folder), str(folder / "rules")]
    from optlint.catalog import load_catalog
    from optlint.engine import Engine
    from optlint.scan.screen import may_matter

    rules = load_catalog()
    gc.freeze()
    gc.set_threshold(500_000, 20, 100)  # as the command has it
    engine = Engine(rules)
    print(len(rules), flush=True)
    for line in sys.stdin:
        path = Path(line.rstrip("\n"))
        start = time.process_time()
        data = path.read_bytes()
        found = engine.check(path, data) if may_matter(data) else []
        print(time.process_time() - start, len(found), flush=True)


def unpacked(commit: str, folder: Path) -> None:
    """Put the files of a commit into a folder."""
    archive = subprocess.run(["git", "archive", commit, "optlint", "rules"], cwd=ROOT, capture_output=True, check=True)
    with tarfile.open(fileobj=BytesIO(archive.stdout)) as files:
        files.extractall(folder, filter="data")


def page(before: Side, now: Side, commit: str, files: int) -> str:
    """Return the Markdown page."""
    ratio, doublings = now.seconds / before.seconds, math.log2(now.rules / before.rules)
    allowed = TARGET**doublings
    verdict = "reached" if ratio <= allowed else "missed"
    return "\n".join(
        (
            "# What the catalogue's growth has cost",
            "",
            f"One run of `make bench-growth`: Python {platform.python_version()}, {files:,} files of the corpus. "
            "Processor seconds of one process each, start left out; the sides take turns file by file.",
            "",
            "| side | rules | findings | processor s |",
            "| --- | ---: | ---: | ---: |",
            f"| commit {commit} | {before.rules} | {before.findings} | {before.seconds:.1f} |",
            f"| now | {now.rules} | {now.findings} | {now.seconds:.1f} |",
            "",
            f"Now ÷ then: {ratio:.2f}. A doubling of the rules may cost 15 %, so these {doublings:.1f} doublings "
            f"{allowed:.2f} in all: {verdict}.",
            "",
        )
    )


def measured(files: Sequence[Path], commit: str) -> tuple[Side, Side]:
    """Check all files on both sides."""
    with tempfile.TemporaryDirectory() as scratch:
        unpacked(commit, Path(scratch))
        before, now = Side.started(f"commit {commit}", Path(scratch)), Side.started("now", ROOT)
        for number, path in enumerate(files):
            for side in (before, now) if number % 2 else (now, before):
                side.check(path)
        for side in (before, now):
            side.process.communicate()
    return before, now


def main() -> int:
    """Measure, write the page and print it."""
    parser = argparse.ArgumentParser()
    parser.add_argument("corpus", type=Path)
    parser.add_argument("--every", type=int, default=1)
    parser.add_argument("--commit", default=FIRST_RULES)
    arguments = parser.parse_args()
    corpus = arguments.corpus.resolve()
    files = [path for path in sorted(corpus.rglob("*.py")) if path.is_file()][:: arguments.every]
    before, now = measured(files, arguments.commit)
    text = page(before, now, arguments.commit, len(files))
    if arguments.every == 1:
        TABLE.write_text(text, encoding="utf-8")
    print(text)
    return 0


if __name__ == "__main__":
    if sys.argv[1:2] == ["--serve"]:
        serve(Path(sys.argv[2]))
    else:
        sys.exit(main())
