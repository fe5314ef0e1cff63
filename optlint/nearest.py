"""The nearest known word to a mistyped one, for messages."""

from __future__ import annotations

from collections.abc import Iterable


def nearest(word: str, known: Iterable[str], likeness: float = 0.6) -> str | None:
    """Return the known word that looks most like `word`, in any case of letters, or None where none is near.

    `likeness` between 0 and 1 is the share of letters that the two must have in common.
    """
    import difflib

    by_lower = {candidate.lower(): candidate for candidate in known}
    lower = word.lower()
    matches = difflib.get_close_matches(lower, by_lower, n=len(by_lower) or 1, cutoff=likeness)
    if not matches:
        return None
    # Of equally near words the one with most letters in place was meant: `OPT1O1` is OPT101 and not OPT511.
    ranks = {each: (difflib.SequenceMatcher(None, each, lower).ratio(), _places_alike(each, lower)) for each in matches}
    return by_lower[max(sorted(matches), key=ranks.__getitem__)]


def _places_alike(one: str, other: str) -> int:
    """Return how many characters two words have in common at the same place."""
    return sum(a == b for a, b in zip(one, other, strict=False))


def did_you_mean(word: str, known: Iterable[str], likeness: float = 0.6) -> str:
    """Return ": did you mean `...`?", or an empty string where no known word is near."""
    match = nearest(word, known, likeness)
    return f": did you mean `{match}`?" if match else ""
