"""Inject each rule's misuse into right programs, check, fix and replay the mutants, and write `mutate.md`.

Run `python -m mutate CORPUS` in the folder `benchmarks`; `--rules OPT101,OPT103` tries some rules only, `--list` names
what was missed, reported beside it, or not restored.
"""

from __future__ import annotations

import argparse
import sys
from collections import Counter
from concurrent.futures import ProcessPoolExecutor
from functools import partial
from multiprocessing import get_context
from pathlib import Path
from tempfile import TemporaryDirectory

from mutate.campaign import mutants, tried
from mutate.drawing import MOST_OF_A_RULE, MOST_REPLAYED, drawn
from mutate.mutation import Mutant
from mutate.mutators import MISUSES
from mutate.programs import Program, corpus, fixtures
from mutate.relocation import relocated
from mutate.table import TABLE, complaints, markdown
from mutate.trial import Outcome


def main() -> int:
    """Run the benchmark; the exit code is 1 where a right program is reported."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("corpus", type=Path, nargs="?")
    parser.add_argument("--rules", default="")
    parser.add_argument("--list", action="store_true")
    parser.add_argument("--most", type=int, default=MOST_OF_A_RULE)
    parser.add_argument("--replayed", type=int, default=MOST_REPLAYED)
    parser.add_argument("--jobs", type=int, default=2)
    options = parser.parse_args()
    codes = frozenset(options.rules.split(",")) if options.rules else frozenset(each.code for each in MISUSES)
    programs = [*fixtures(), *(corpus(options.corpus) if options.corpus is not None else ())]
    with TemporaryDirectory() as folder, ProcessPoolExecutor(options.jobs, mp_context=get_context("spawn")) as workers:
        programs += [moved for program in programs for moved in relocated(program, Path(folder))]
        return _report(options, codes, programs, workers)


def _report(
    options: argparse.Namespace, codes: frozenset[str], programs: list[Program], workers: ProcessPoolExecutor
) -> int:
    by_program = zip(programs, workers.map(partial(mutants, codes=codes), programs, chunksize=8), strict=True)
    everything = [(program, mutant) for program, found in by_program for mutant in found]
    kept = []
    for code in sorted(codes):
        kept += drawn([each for each in everything if each[1].code == code], options.most, options.replayed)
    chosen: dict[str, list[Mutant]] = {program.name: [] for program in programs}
    for program, mutant in kept:
        chosen[program.name].append(mutant)
    tasks = [
        (program, chosen[program.name])
        for program in programs
        if chosen[program.name] or not (program.wild or program.origin)
    ]
    print(f"{len(kept)} of {len(everything)} mutants in {len(tasks)} programs", flush=True)
    outcomes: list[Outcome] = []
    false: list[str] = []
    for some, reported in workers.map(tried, tasks):
        outcomes += some
        false += reported
    table = markdown(outcomes, false, Counter(mutant.code for _, mutant in everything))
    print(table)
    if options.list:
        print("\n".join(complaints(outcomes)))
    if not options.rules and options.corpus is not None:
        TABLE.write_text(table, "utf-8")
    return 1 if false else 0


if __name__ == "__main__":
    sys.exit(main())
