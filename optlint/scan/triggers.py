"""Which rules the words of a file speak of: each word is looked for once at most, and only if an answer hangs on it."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from typing import TypeAlias

Groups: TypeAlias = tuple[tuple[str, ...], ...]
"""A rule's triggers: every word of at least one group stands in the file."""
_STEMS = ("LR", "optim", "backward", "t_lr", "requir")
"""Parts of several words that are looked for first: where one of them is missing, so are all these words."""


class Triggers:
    """The triggers of many rules, taken together.

    Most rules share their groups with others, and most files lack the one word that nearly all groups have. So equal
    groups are asked once, the word of a group first that is part of most of them; and a word is missing where a part
    of it is.
    """

    def __init__(self, triggers: Iterable[Groups]) -> None:
        rules: dict[Groups, list[int]] = {}
        for rule, groups in enumerate(triggers):
            rules.setdefault(groups, []).append(rule)
        distinct = {group: at for at, group in enumerate({group: None for groups in rules for group in groups})}
        written = {word for group in distinct for word in group}
        every = written.union(stem for stem in _STEMS if sum(stem in word for word in written) > 1)
        parts = {word: {part for part in every if part in word} for word in every}
        uses = Counter(part for group in distinct for part in {part for word in group for part in parts[word]})
        words = sorted(every, key=lambda word: (-uses[word], word))
        number = {word: at for at, word in enumerate(words)}
        first = {word: min(number[part] for part in parts[word]) for word in words}
        self._words = [word.encode() for word in words]
        self._parts = [sorted(number[part] for part in parts[word] if part != word) for word in words]
        self._groups = [[number[word] for word in sorted(group, key=first.__getitem__)] for group in distinct]
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
        for word in words:
            stands = known[word]
            if stands is None:
                stands = known[word] = self._all_stand(self._parts[word], data, known) and self._words[word] in data
            if not stands:
                return False
        return True
