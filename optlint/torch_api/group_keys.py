"""Keys of parameter groups that an optimizer does not read, and those that they were meant to be."""

from __future__ import annotations

from collections.abc import Set
from difflib import SequenceMatcher

_ELSEWHERE = {
    "learning_rate": "lr",
    "learningrate": "lr",
    "lrate": "lr",
    "learn_rate": "lr",
    "wd": "weight_decay",
    "decay": "weight_decay",
    "weight_decay_rate": "weight_decay",
    "l2_penalty": "weight_decay",
    "epsilon": "eps",
    "beta": "betas",
    "nesterov_momentum": "nesterov",
}
"""What other frameworks call what torch calls so."""
_LIKENESS = 0.86
_SHORTEST = 4
"""Names that are shorter look like many others."""


def meant_key(key: str, read: Set[str]) -> str:
    """Return the key among `read` that a key, which is none of them, was surely meant to be, or an empty string."""
    if key in read:
        return ""
    plain = key.lower().replace("-", "_").strip("_")
    meant = _ELSEWHERE.get(plain, "")
    if meant in read:
        return meant
    for candidate in sorted(read):
        if candidate.replace("_", "") == plain.replace("_", ""):
            return candidate
        near = len(plain) >= _SHORTEST and abs(len(candidate) - len(plain)) <= 2 and not any(map(str.isdigit, plain))
        if near and SequenceMatcher(None, plain, candidate, autojunk=False).ratio() >= _LIKENESS:
            return candidate
    return ""
