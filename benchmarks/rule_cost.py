"""Measure what the rules cost: all of them beside a half, and each for itself; write `rule_cost.md`.

Run `python benchmarks/rule_cost.py CORPUS`, the folder of `make corpus`. Processor seconds of one process: the sides
check each file one right after the other, the first of them in turn, so that whatever else the machine does falls
on all alike. `--every N` takes every Nth file; `--beside CODES` takes these rules for the last two sides, which
double the catalogue twice.
"""

from __future__ import annotations

import argparse
import gc
import math
import platform
import sys
import time
from collections import Counter, defaultdict
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import TypeVar

from optlint.catalog import CatalogEntry, load_catalog
from optlint.engine import Engine
from optlint.program.lower import Lowering
from optlint.program.project import ParseError, parse
from optlint.scan.screen import may_matter

TABLE = Path(__file__).with_name("rule_cost.md")
TARGET = 1.15
"""What twice as many rules may cost, at most, in relation to half as many."""
INTERPRETATION = "interpretation, with the files that are imported"
FIRST = (
    "OPT101,OPT102,OPT103,OPT104,OPT107,OPT201,OPT202,OPT203,OPT204,OPT205,OPT206,OPT209,OPT301,OPT303,OPT404,OPT418"
)
"""The rules from which the catalogue has grown."""
LISTED = 15
"""How many rules the page lists."""
Answer = TypeVar("Answer")


@dataclass(slots=True)
class Side:
    """Some rules, and the processor seconds that files take with them."""

    name: str
    engine: Engine
    rules: int
    seconds: float = 0.0


class Shares(defaultdict[str, float]):
    """Processor seconds by what they went for."""

    def __init__(self) -> None:
        super().__init__(float)

    def timed(self, name: str, work: Callable[[], Answer]) -> Answer:
        """Do some work and count its time."""
        start = time.process_time()
        try:
            return work()
        finally:
            self[name] += time.process_time() - start

    def ordered(self) -> list[tuple[str, float]]:
        """Return all, the dearest first."""
        return sorted(self.items(), key=lambda pair: -pair[1])


def side_by_side(sides: Sequence[Side], files: Sequence[Path]) -> None:
    """Check all files with each side's rules."""
    for number, path in enumerate(files):
        start = time.process_time()
        data = path.read_bytes()
        matters = may_matter(data)
        shared = time.process_time() - start
        for turn in range(len(sides)):
            side = sides[(number + turn) % len(sides)]
            side.seconds += shared
            if matters:
                start = time.process_time()
                side.engine.check(path, data)
                side.seconds += time.process_time() - start


def shares(rules: Sequence[CatalogEntry], files: Sequence[Path]) -> tuple[Shares, Shares, Counter[str]]:
    """Return the seconds by stage and by rule, and how many files each rule looks at."""
    stages, own, looked = Shares(), Shares(), Counter[str]()
    engine = Engine(rules)
    for path in files:
        data = stages.timed("reading", path.read_bytes)
        if not stages.timed("the first look", partial(may_matter, data)):
            continue
        chosen = stages.timed("triggers and screens", partial(engine.triggered, path, data))
        if not chosen:
            continue
        try:
            known = engine.project.loaded(path.absolute(), data)
            module = known or stages.timed("parsing", partial(parse, path.absolute(), data))
        except ParseError:
            continue
        engine.project.add(module)
        engine.show(path)
        lowering = Lowering(engine.project, module)
        program = lowering.lower()
        program = replace(program, enter=partial(stages.timed, INTERPRETATION, program.enter))
        for entry in chosen:
            before = stages[INTERPRETATION]
            own.timed(entry.rule.code, lambda: list(engine.judged(entry, program)))  # noqa: B023 (called at once)
            own[entry.rule.code] -= stages[INTERPRETATION] - before
            looked[entry.rule.code] += 1
        lowering.close()
    stages["rules"] = sum(own.values())
    return stages, own, looked


def page(sides: Sequence[Side], stages: Shares, own: Shares, looked: Counter[str], files: int) -> str:
    """Return the Markdown page."""
    whole = sides[0].seconds
    lines = [
        "# What the rules cost",
        "",
        f"One run of `make bench-rules`: Python {platform.python_version()}, {files:,} files. Processor seconds in one "
        "process, start left out; the sides take turns file by file, so the ratios hold on a busy machine as well.",
        "",
        "| rules | processor s | all ÷ these | target |",
        "| --- | --- | --- | --- |",
    ]
    for side in sides:
        ratio, target = whole / side.seconds, TARGET ** math.log2(sides[0].rules / side.rules)
        reached = f"at most {target:.2f}: {'reached' if ratio <= target else 'missed'}" if target > 1 else "-"
        lines.append(f"| {side.name} ({side.rules}) | {side.seconds:.1f} | {ratio:.3f} | {reached} |")
    total = sum(stages.values())
    lines += ["", "Where the time goes with all rules:", "", "| stage | processor s | share |", "| --- | --- | --- |"]
    lines += [f"| {name} | {seconds:.2f} | {seconds / total:.0%} |" for name, seconds in stages.ordered()]
    lines += ["", f"The {LISTED} dearest rules, without the interpretation that they share:", ""]
    lines += ["| rule | processor s | share | files looked at |", "| --- | --- | --- | --- |"]
    for code, seconds in own.ordered()[:LISTED]:
        lines.append(f"| {code} | {seconds:.2f} | {seconds / total:.1%} | {looked[code]} |")
    return "\n".join(lines) + "\n"


def sides_of(rules: Sequence[CatalogEntry], beside: str) -> Iterator[Side]:
    """Yield all rules, their two halves, some by their codes, and these with as many others as make a half."""
    yield Side("all", Engine(rules), len(rules))
    for name, part in (("every second, from the first", rules[::2]), ("every second, from the second", rules[1::2])):
        yield Side(name, Engine(part), len(part))
    codes = frozenset(beside.split(","))
    part = [entry for entry in rules if entry.rule.code in codes]
    name = "those that were there first" if beside == FIRST else "those named"
    more = [entry for entry in rules if entry.rule.code not in codes][::3][: len(rules) // 2 - len(part)]
    yield Side(name, Engine(part), len(part))
    yield Side(f"{name}, and every third of the others", Engine([*part, *more]), len(part) + len(more))


def main() -> int:
    """Measure, write the page and print it."""
    parser = argparse.ArgumentParser()
    parser.add_argument("corpus", type=Path)
    parser.add_argument("--every", type=int, default=1)
    parser.add_argument("--beside", default=FIRST)
    arguments = parser.parse_args()
    files = [path for path in sorted(arguments.corpus.rglob("*.py")) if path.is_file()][:: arguments.every]
    rules = load_catalog()
    gc.freeze()
    gc.set_threshold(500_000, 20, 100)  # as the command has it
    sides = list(sides_of(rules, arguments.beside))
    side_by_side(sides, files)
    sys.setrecursionlimit(8_000)
    text = page(sides, *shares(rules, files), len(files))
    if arguments.every == 1:
        TABLE.write_text(text, encoding="utf-8")
    print(text)
    return 0


if __name__ == "__main__":
    sys.exit(main())
