"""Configurations: in which states a search is at one place, by which events it got there, and what it assumes."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import NamedTuple, TypeAlias

from optlint.program.events import Event
from optlint.program.regions import Guard

Assumption: TypeAlias = "tuple[Guard, bool]"


@dataclass(frozen=True, slots=True)
class Trail:
    """The events that led to a configuration, the last one first."""

    event: Event
    before: Trail | None

    def events(self) -> list[Event]:
        """Return the events in the order in which they happened."""
        found: list[Event] = []
        trail: Trail | None = self
        while trail is not None:
            found.append(trail.event)
            trail = trail.before
        return found[::-1]


class Configuration(NamedTuple):
    """A state of the automaton, the event that put it there, and what is assumed of conditions.

    A tuple, since searches do little else than to look them up.
    """

    state: int
    anchor: Event | None = None
    assumptions: frozenset[Assumption] = frozenset()
    doubtful: bool = False
    """Whether only unknown code can have led here: then nothing that follows is certainly wrong."""


Configurations: TypeAlias = "dict[Configuration, Trail | None]"


def merge(target: Configurations, more: Configurations) -> None:
    """Put more configurations to those that are there; of two trails to one the first stays."""
    if not target:
        target.update(more)
        return
    for configuration, trail in more.items():
        target.setdefault(configuration, trail)


def forget(configurations: Configurations, forgets: Callable[[Guard], bool]) -> Configurations:
    """Return the configurations without the assumptions on guards that no longer hold what they held."""
    if not any(configuration.assumptions for configuration in configurations):
        return configurations
    after: Configurations = {}
    for configuration, trail in configurations.items():
        if configuration.assumptions:
            kept = frozenset(pair for pair in configuration.assumptions if not forgets(pair[0]))
            configuration = Configuration(configuration.state, configuration.anchor, kept, configuration.doubtful)
        after.setdefault(configuration, trail)
    return after


def implied(guard: Guard, assumptions: frozenset[Assumption]) -> bool | None:
    """Return the outcome of a guard that the assumptions leave, or None where both are possible."""
    for assumed, outcome in assumptions:
        if assumed.subject == guard.subject:
            if assumed.constant == guard.constant:
                return outcome
            if assumed.constant and guard.constant and outcome:
                return False
    return None
