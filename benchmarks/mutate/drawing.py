"""Which mutants are tried: the same ones each time, and nearly the same ones when programs come and go."""

from __future__ import annotations

import hashlib
from collections import Counter
from collections.abc import Sequence
from dataclasses import replace
from itertools import zip_longest

from mutate.mutation import Mutant
from mutate.programs import Program

MOST_OF_A_RULE = 100
"""Mutants of one rule that are checked, where there are more; of each kind of place in turn."""
MOST_REPLAYED = 20
"""Mutants of one rule of which the runs are compared, too, which takes twenty times as long."""


def drawn(own: Sequence[tuple[Program, Mutant]], most: int, most_replayed: int) -> list[tuple[Program, Mutant]]:
    """Return some of one rule's mutants, of each kind of place as many as there are, up to the same number.

    A hash of each one's own program decides, so that a program that is added takes the place of few. The first of them
    are replayed as well.
    """
    places: dict[str, list[tuple[Program, Mutant]]] = {}
    for each in _shuffled(own):
        places.setdefault(each[1].place, []).append(each)
    turns = zip_longest(*(places[name] for name in sorted(places)))
    taken = [each for turn in turns for each in turn if each is not None][:most]
    return [
        (program, replace(mutant, is_replayed=index < most_replayed)) for index, (program, mutant) in enumerate(taken)
    ]


def _shuffled(own: Sequence[tuple[Program, Mutant]]) -> list[tuple[Program, Mutant]]:
    counted: Counter[str] = Counter()
    keyed = []
    for program, mutant in own:
        text = f"{mutant.code} {program.name} {counted[program.name]}"
        counted[program.name] += 1
        keyed.append((hashlib.sha256(text.encode()).digest(), program, mutant))
    return [(program, mutant) for _, program, mutant in sorted(keyed, key=lambda each: each[0])]
