"""A violation: where a program breaks a property, and the events that lead there."""

from __future__ import annotations

from dataclasses import dataclass, field

from optlint.finding import Level
from optlint.program.events import Event
from optlint.program.objects import Place
from optlint.program.program import Entry, Program
from optlint.property.alphabet import Binding

NO_BINDING = Binding()


@dataclass(frozen=True, slots=True, eq=False)
class Violation:
    """One place where a property is broken.

    `roles` names the events that matter (`early`, `late`, ...); a rule's message and repair use these names.
    `path` are the events in the order in which they run, and `notes` words for some of them. `level` overrides
    the rule's own, `parts` fills further holes of the message.
    """

    program: Program
    at: Place
    roles: dict[str, Event] = field(default_factory=dict)
    path: tuple[Event, ...] = ()
    binding: Binding = NO_BINDING
    entry: Entry | None = None
    notes: dict[Event, str] = field(default_factory=dict)
    parts: dict[str, str] = field(default_factory=dict)
    level: Level | None = None
