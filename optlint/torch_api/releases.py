"""The releases of torch, and the range of them that a project must run with."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TypeAlias

Release: TypeAlias = tuple[int, int]
"""Major and minor number."""

RELEASES: tuple[Release, ...] = (
    *((0, minor) for minor in (3, 4)),
    *((1, minor) for minor in range(14)),
    *((2, minor) for minor in range(14)),
)
"""All that were published, up to the one that the facts were measured on."""

CURRENT = RELEASES[-1]


def release(text: str) -> Release:
    """Return a release from its text, such as `2.10`."""
    major, minor = map(int, text.split("."))
    return major, minor


def written(number: Release) -> str:
    """Return the text of a release."""
    return ".".join(map(str, number))


@dataclass(frozen=True, slots=True)
class TorchRange:
    """The oldest and the newest torch that code must run with; where nothing is said, the current one alone."""

    oldest: Release = CURRENT
    newest: Release = CURRENT

    def may_precede(self, release: Release) -> bool:
        """Whether the code must run with some torch before `release`."""
        return self.oldest < release

    def precedes(self, release: Release) -> bool:
        """Whether the code runs with nothing but what came before `release`."""
        return self.newest < release
