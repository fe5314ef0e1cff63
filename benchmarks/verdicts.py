"""Measure the verifier: what it says of the findings in the corpus, and what a verdict costs; write `verdicts.md`.

Run `python benchmarks/verdicts.py CORPUS`, the folder of `make corpus`. The cost is measured on the fixtures: each
finding in one worker that has imported torch, and all of them in one call of the command.
"""

from __future__ import annotations

import json
import os
import platform
import resource
import statistics
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from optlint.catalog import load_catalog
from optlint.engine import Engine
from optlint.replay.cases import cases
from optlint.replay.pool import Pool
from optlint.replay.verify import Setting, verify

FIXTURES = Path(__file__).parent.parent / "fixtures"
TABLE = Path(__file__).with_name("verdicts.md")
_MIB = 2**20 if sys.platform == "darwin" else 2**10
"""What of `ru_maxrss` a MiB is."""


def seconds_a_finding() -> list[float]:
    """The seconds that each finding of the faulty fixtures takes, one after the other, without torch's import."""
    taken: list[float] = []
    engine = Engine(load_catalog())
    with Pool() as pool:
        for path in _faulty():
            for at, case in enumerate(cases(engine, path, path.read_bytes())):
                if not taken and not at:
                    verify(case, pool, Setting())  # the first one waits for the worker
                start = time.perf_counter()
                verify(case, pool, Setting())
                taken.append(time.perf_counter() - start)
    return taken


def _faulty() -> Iterator[Path]:
    for path in sorted(FIXTURES.glob("*/bad_*")):
        if path.is_dir() and not path.name.endswith(".fixed"):
            yield from sorted(path.rglob("*.py"))
        elif path.suffix == ".py" and not path.name.endswith(".fixed.py"):
            yield path


def command(*arguments: str) -> tuple[list[dict[str, Any]], float]:
    """What `optlint verify` says of some files, and the seconds that it takes."""
    start = time.perf_counter()
    call = [sys.executable, "-m", "optlint", "verify", "--output-format", "json", *arguments]
    done = subprocess.run(call, capture_output=True, text=True, check=False)
    if done.returncode > 1:
        raise SystemExit(done.stderr)
    return json.loads(done.stdout), time.perf_counter() - start


def is_conclusive(finding: dict[str, Any]) -> bool:
    """Whether both the finding and its fix, where it has one, have a verdict."""
    verdict = finding["verdict"]
    return "inconclusive" not in (verdict["finding"], verdict["fix"])


def markdown(found: list[dict[str, Any]], root: Path, seconds: float, cost: list[str]) -> str:
    """The text of `verdicts.md`."""
    with_fix = [each for each in found if each["fix"]]
    settled = sum(map(is_conclusive, with_fix))
    pairs = Counter((each["verdict"]["finding"], each["verdict"]["fix"] or "no fix") for each in found)
    reasons = Counter(reason for each in found for reason in _reasons(each))
    lines = [
        "# What the verifier says of the corpus, and what it costs",
        "",
        f"One run of `make bench-verdicts`: Python {platform.python_version()}, {os.cpu_count()} cores, no GPU.",
        "",
        "## Cost",
        "",
        *cost,
        "",
        "## Verdicts",
        "",
        f"{len(found)} findings, in {seconds:.0f} s. Of the {len(with_fix)} that carry a fix, {settled} "
        f"({settled / max(len(with_fix), 1):.0%}) have a conclusive verdict for both; the target is 85 %.",
        "",
        "| finding | fix | number |",
        "| --- | --- | --- |",
        *(f"| {finding} | {fix} | {number} |" for (finding, fix), number in sorted(pairs.items())),
        "",
        f"Reasons: {', '.join(f'{reason} {number}' for reason, number in reasons.most_common()) or 'none'}.",
        "",
        "| place | rule | finding | fix | in words |",
        "| --- | --- | --- | --- | --- |",
        *(_row(each, root) for each in found),
    ]
    return "\n".join(lines) + "\n"


def _reasons(finding: dict[str, Any]) -> list[str]:
    return list(dict.fromkeys(finding["verdict"]["reason"]))


def _row(finding: dict[str, Any], root: Path) -> str:
    verdict = finding["verdict"]
    place = f"{Path(finding['filename']).absolute().relative_to(root)}:{finding['location']['row']}"
    settled = verdict["finding"] != "inconclusive"
    words = (verdict["fix_sentence"] or verdict["sentence"]) if settled else verdict["sentence"]
    words = " ".join(words.split()).replace("|", "\\|")
    return f"| {place} | {finding['code']} | {verdict['finding']} | {verdict['fix'] or '-'} | {words[:200]} |"


def main() -> None:
    """Measure, and write the table."""
    [corpus] = sys.argv[1:] or [".corpus"]
    root = Path(corpus).absolute()
    each = seconds_a_finding()
    faulty, together = command(*map(str, _faulty()))
    found, seconds = command(str(root))
    peak = resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss / _MIB
    cost = [
        "| what | measured | target |",
        "| --- | --- | --- |",
        f"| a finding of the fixtures, median of {len(each)} | {statistics.median(each):.2f} s | 0.5 s |",
        f"| the slowest of them | {max(each):.2f} s | |",
        f"| {len(faulty)} findings in one call, torch's import included | {together:.1f} s | 60 s for 100 |",
        f"| peak memory of the largest process | {peak:.0f} MiB | |",
    ]
    TABLE.write_text(markdown(found, root, seconds, cost), encoding="utf-8")
    print("\n".join(cost))
    print(f"Wrote {TABLE}")


if __name__ == "__main__":
    main()
