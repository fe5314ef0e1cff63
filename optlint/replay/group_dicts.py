"""The dicts that optimizers are given as groups: what they had of their own, and what an optimizer has added."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any


class GroupDicts:
    """Remembers each dict, by identity, with the keys that it came with and what the first optimizer filled in."""

    def __init__(self) -> None:
        self._own: dict[int, tuple[dict[str, Any], frozenset[str]]] = {}
        self._filled: dict[int, dict[str, Any]] = {}

    def given(self, groups: object) -> None:
        """An optimizer is about to be built with groups, if these are any."""
        for group in groups if isinstance(groups, (list, tuple)) else ():
            if isinstance(group, dict):
                self._own.setdefault(id(group), (group, frozenset(group)))

    def filled(self, group: dict[str, Any]) -> None:
        """An optimizer has made a dict its own; one that it was not given holds nothing but parameters by itself."""
        _, own = self._own.setdefault(id(group), (group, frozenset(("params",))))
        self._filled.setdefault(id(group), {key: value for key, value in group.items() if key not in own})

    def inherited(self, group: Mapping[str, Any], defaults: Mapping[str, Any]) -> tuple[str, ...]:
        """The options that another optimizer has left in a dict, where its new one was built with others.

        What was written by hand since then is meant. Of rates under a schedule one cannot tell, and they count.
        """
        former = self._filled.get(id(group), {})
        return tuple(
            key
            for key, value in former.items()
            if key in defaults
            and not callable(value)
            and group.get(key) != defaults[key]
            and (group.get(key) == value or (key == "lr" and "initial_lr" in group))
        )

    def without(self, group: dict[str, Any], inherited: tuple[str, ...], defaults: Mapping[str, Any]) -> dict[str, Any]:
        """A group as it would be, had no other optimizer left anything in its dict."""
        former = self._filled.get(id(group), {})
        kept = {key: value for key, value in group.items() if key not in former or key in defaults}
        return kept | {key: defaults[key] for key in inherited}
