"""Misspellings of `requires_grad`, which torch takes for any other attribute."""

from __future__ import annotations

import re
from functools import lru_cache

from optlint.nearest import nearest

_PATTERN = re.compile(r"requires?d?_?(?:a_)?grad(?:s|ient|ients)?_?|grads?_requir\w+|need_?s?_grad", re.IGNORECASE)
_SHORTEST = len("needgrad")


@lru_cache(maxsize=4096)
def is_slip(name: str) -> bool:
    """Whether a name is near `requires_grad` and not that."""
    if len(name) < _SHORTEST or name == "requires_grad" or name.startswith("_"):
        return False
    return _PATTERN.fullmatch(name) is not None or nearest(name, ("requires_grad",), 0.9) is not None
