"""The mutants of a program, and their trials one after the other."""

from __future__ import annotations

from dataclasses import replace
from functools import cache

from mutate.idioms import Idioms
from mutate.mutation import Mutant
from mutate.mutators import MISUSES
from mutate.programs import Program
from mutate.tree import Tree
from mutate.trial import Baseline, Outcome, trial
from optlint.catalog import load_catalog
from optlint.replay.pool import Pool


def mutants(program: Program, codes: frozenset[str]) -> list[Mutant]:
    """Return all mutants of a program, of some rules."""
    found: list[Mutant] = []
    whole = "\n".join(program.files.values())
    for name, text in program.files.items():
        idioms = Idioms(Tree(text), whole)
        for misuse in MISUSES:
            if misuse.code in codes:
                for mutation in misuse.inject(idioms):
                    if mutation.text != text:
                        elsewhere = len(program.files) > 1 and name != program.main
                        tree = mutation.tree or idioms.tree
                        place = "another file" if elsewhere else tree.place(mutation.at)
                        row = tree.row(mutation.at)
                        found.append(Mutant(misuse.code, name, mutation.text, mutation.right, row, place))
    return found


@cache
def _pool() -> Pool:
    """The worker that imports torch, once for all programs of this process, with which it ends."""
    return Pool().__enter__()


def tried(task: tuple[Program, list[Mutant]]) -> tuple[list[Outcome], list[str]]:
    """Try the mutants of one program; return the outcomes, and what is falsely reported in the right text.

    Of a program whose loop was moved there are none where no replay shows that it runs as before.
    """
    program, chosen = task
    by_code = {misuse.code: misuse for misuse in MISUSES}
    baselines: dict[tuple[str, str | None], Baseline] = {("", None): Baseline(program, load_catalog(), _pool())}
    if program.origin is not None:
        if not baselines["", None].is_run_of(Baseline(program.origin, load_catalog(), _pool())):
            return [], []
    outcomes: list[Outcome] = []
    false: list[str] = []
    for mutant in chosen:
        key = ("", None) if mutant.right is None else (mutant.file, mutant.right)
        if key not in baselines:
            right = replace(program, files={**program.files, mutant.file: key[1] or ""})
            baselines[key] = Baseline(right, load_catalog(), _pool())
        outcome = None if baselines[key].false else trial(baselines[key], by_code[mutant.code], mutant)
        if outcome is not None:
            outcomes.append(outcome)
    if not program.wild:  # what is reported in a package is for the ledger to judge
        for (_, right_text), baseline in baselines.items():
            how = "" if right_text is None else " (with what the misuse needs)"
            false += [f"{program.name}:{each.location.start.row}{how} {each.code}" for each in baseline.false]
    return outcomes, false
