"""The nearest known word to a mistyped one, for messages."""

from __future__ import annotations

from collections.abc import Iterable


def nearest(word: str, known: Iterable[str], likeness: float = 0.6) -> str | None:
    """Return the known word that looks most like `word`, in any case of letters, or None where none is near.

    `likeness` between 0 and 1 is the share of letters that the two must have in common.
    """
    import difflib

    by_lower = {candidate.lower(): candidate for candidate in known}
    matches = difflib.get_close_matches(word.lower(), by_lower, n=1, cutoff=likeness)
    return by_lower[matches[0]] if matches else None


def did_you_mean(word: str, known: Iterable[str], likeness: float = 0.6) -> str:
    """Return ": did you mean `...`?", or an empty string where no known word is near."""
    match = nearest(word, known, likeness)
    return f": did you mean `{match}`?" if match else ""
