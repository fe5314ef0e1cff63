"""Mutations: one rule's misuse at one place of a right text; and the table of those who make them."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import TypeAlias

import libcst as cst

from mutate.idioms import Idioms
from mutate.tree import Tree


@dataclass(frozen=True, slots=True)
class Mutation:
    """A mutated text, and the node at which the misuse was injected.

    Some misuse needs what the program does not do yet: an accumulation, a scaler, a clipping. Then `right` is the text
    with that done rightly, beside which the mutant is judged; else that is the program's own. `tree` is that of `right`
    where `at` is a node of it.
    """

    text: str
    at: cst.CSTNode
    right: str | None = None
    tree: Tree | None = None


@dataclass(frozen=True, slots=True)
class Mutant:
    """A program with one file changed: the rule's code, the file's name and text, and where the misuse was injected.

    Of one that is not replayed there is only to be seen whether it is found.
    """

    code: str
    file: str
    text: str
    right: str | None
    row: int
    place: str
    """`inline`, `function`, `method` or `another file`."""
    is_replayed: bool = True


Mutator: TypeAlias = "Callable[[Idioms], Iterator[Mutation]]"


@dataclass(frozen=True, slots=True)
class Misuse:
    """One rule's mutator.

    Attributes:
        code: The rule.
        inject: Yields the mutations of a text.
        or_codes: Rules that may say the same of the same place, and that count as having found it.
        harmless: Whether it changes no number on today's torch and a processor, so that a replay cannot show it.
    """

    code: str
    inject: Mutator
    or_codes: tuple[str, ...] = ()
    harmless: bool = False


MISUSES: list[Misuse] = []


def misuse(code: str, *or_codes: str, harmless: bool = False) -> Callable[[Mutator], Mutator]:
    """Enter a mutator in the table."""

    def enter(inject: Mutator) -> Mutator:
        MISUSES.append(Misuse(code, inject, or_codes, harmless))
        return inject

    return enter
