"""Which rules the words of a file speak of: each word is looked for once at most, and only if an answer hangs on it."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from typing import TypeAlias

Groups: TypeAlias = tuple[tuple[str, ...], ...]
"""A rule's triggers: every word of at least one group stands in the file."""


class Triggers:
    """The triggers of many rules, taken together.

    Most rules share their groups with others, and most files lack the one word that nearly all groups have. So equal
    groups are asked once, the commonest word of a group first; and a word is missing where a part of it is.
    """

    def __init__(self, triggers: Iterable[Groups]) -> None:
        rules: dict[Groups, list[int]] = {}
        for rule, groups in enumerate(triggers):
            rules.setdefault(groups, []).append(rule)
        uses = Counter(word for groups in rules for group in groups for word in group)
        words = sorted(uses, key=lambda word: (-uses[word], word))
        number = {word: at for at, word in enumerate(words)}
        self._words = [word.encode() for word in words]
        self._parts = [
            [number[part] for part in sorted(words, key=len) if part in word and part != word] for word in words
        ]
        distinct = {group: at for at, group in enumerate({group: None for groups in rules for group in groups})}
        self._groups = [sorted(number[word] for word in group) for group in distinct]
        self._sets = [([distinct[group] for group in groups], found) for groups, found in rules.items()]

    def among(self, data: bytes) -> list[int]:
        """Return the numbers of the rules that could report something in a file with these bytes, in order."""
        known: list[bool | None] = [None] * len(self._words)
        stand: list[bool | None] = [None] * len(self._groups)
        found: list[int] = []
        for groups, rules in self._sets:
            for group in groups:
                stands = stand[group]
                if stands is None:
                    stands = stand[group] = self._all_stand(self._groups[group], data, known)
                if stands:
                    found += rules
                    break
        return sorted(found)

    def _all_stand(self, words: Iterable[int], data: bytes, known: list[bool | None]) -> bool:
        return all(self._stands(word, data, known) for word in words)

    def _stands(self, word: int, data: bytes, known: list[bool | None]) -> bool:
        found = known[word]
        if found is None:
            parts = all(self._stands(part, data, known) for part in self._parts[word])
            found = known[word] = parts and self._words[word] in data
        return found
