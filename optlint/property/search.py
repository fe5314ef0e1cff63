"""Search of a program for paths that break a property: abstract interpretation on sets of automaton states.

Loops run to a fixed point and are taken to run at least once. Two branches with one unmodified condition take the
same arm. An event that may or may not concern the bound objects is both taken and passed over; where an object goes
to unknown code, every state that any events lead to is possible after it.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field

from optlint.program.events import Event
from optlint.program.program import Entry
from optlint.program.regions import (
    EMPTY,
    Branch,
    Call,
    Guard,
    Jump,
    Leave,
    Loop,
    Region,
    Sequence,
    Try,
    Unrolled,
)
from optlint.property.alphabet import Binding, Match, escapes
from optlint.property.automaton import Anchor, Automaton, Transition, Verdict
from optlint.property.configurations import Configuration, Configurations, Trail, forget, implied, merge
from optlint.property.reading import Reading
from optlint.property.shape import shape_of

MOST_CONFIGURATIONS = 32
"""Beyond that, what is assumed of conditions is forgotten."""
MOST_WORK = 20_000
"""Configurations that a search takes through regions before it gives up, which means silence."""


@dataclass(slots=True)
class Hits:
    """What was seen at one event, over all paths to it."""

    good: bool = False
    bad: dict[Event | None, Trail] = field(default_factory=dict)
    """By anchor, the trail that ends with this event."""
    confirmed: dict[Event, Trail] = field(default_factory=dict)
    """By the event that confirms what was wrong here, the trail that ends with that event."""


def search(
    automaton: Automaton,
    entry: Entry,
    binding: Binding,
    loop: Loop | None = None,
    cautious: bool = False,
) -> dict[Event, Hits]:
    """Run the automaton over all paths of an entry, or over any number of iterations of one of its loops.

    Where `cautious`, unknown code is taken to have mended whatever was wrong before it.

    Returns:
        For each event at which a verdict was reached, what was seen there; nothing where there are too many paths, or
        where nothing can be wrong whatever the path.
    """
    if not automaton.may_break_on(entry.by_act):
        return {}
    reading = Reading(automaton, binding)
    if not reading.may_break(entry, again=loop is not None):
        return {}
    run = _Run(reading, cautious)
    try:
        run.start(entry, loop)
    except _TooManyPathsError:
        return {}
    return run.hits


def pending(automaton: Automaton, entry: Entry, binding: Binding, state: int) -> list[Event]:
    """Return the events that have put the automaton into `state` on some path that ends there."""
    reading = Reading(automaton, binding)
    if not reading.may_reach(entry, state):
        return []
    try:
        ends = _Run(reading, cautious=True).start(entry, None)
    except _TooManyPathsError:
        return []
    found = {configuration.anchor: None for configuration in ends if configuration.state == state}
    return [anchor for anchor in found if anchor is not None]


class _TooManyPathsError(Exception):
    """The search would take too long."""


class _Run:
    def __init__(self, reading: Reading, cautious: bool) -> None:
        self.reading = reading
        self.cautious = cautious
        self.work = 0
        self.hits: dict[Event, Hits] = {}
        self.repeated: frozenset[str] = frozenset()
        """The conditions that are asked more than once: at several places, or anew in each iteration."""
        self.ends: dict[Leave, list[Configurations]] = {leave: [] for leave in Leave}
        """What holds where control leaves: at the end of each loop, call or `try` around, the innermost last."""
        self.watchers: list[Configurations] = []

    def start(self, entry: Entry, loop: Loop | None) -> Configurations:
        """Run over an entry or a loop of it; return what holds at the end."""
        relevant = self.reading.relevant(entry)
        if not relevant:
            return {}
        shape = shape_of(entry)
        region = shape.reduce(entry.region if loop is None else loop.body, relevant)
        self.repeated = shape.repeated(region)
        begin: Configurations = {Configuration(0): None}
        if loop is None:
            return self.run(region, begin)
        return self.iterate(region, begin, lambda _guard: True)[0]

    # -- running ------------------------------------------------------------------------------------------------

    def run(self, region: Region, configurations: Configurations) -> Configurations:
        """Return the configurations at the region's end."""
        if not configurations:
            return {}
        self.work += len(configurations)
        if self.work > MOST_WORK:
            raise _TooManyPathsError
        match region:
            case Event():
                after = self.read(region, configurations)
                for watcher in self.watchers:
                    merge(watcher, after)
                return after
            case Jump(leave=leave):
                ends = self.ends[leave]
                if ends:
                    merge(ends[-1], configurations)
                return {}
            case Sequence(items=items):
                for item in items:
                    configurations = self.run(item, configurations)
                    if not configurations:
                        break
                return configurations
            case Branch():
                return self._branch(region, configurations)
            case Loop(body=body, orelse=orelse, assigned=assigned, endless=endless):

                def forgets(guard: Guard) -> bool:
                    return not guard.variables.isdisjoint(assigned)

                finished, broken = self.iterate(body, configurations, forgets)
                after = {} if endless else self.run(orelse, finished)
                merge(after, broken)
                return after
            case Unrolled(iterations=iterations):
                self.ends[Leave.BREAK].append({})
                for iteration in iterations:
                    self.ends[Leave.CONTINUE].append({})
                    configurations = self.run(iteration, configurations)
                    configurations = dict(configurations)
                    merge(configurations, self.ends[Leave.CONTINUE].pop())
                merge(configurations, self.ends[Leave.BREAK].pop())
                return configurations
            case Call(body=body):
                self.ends[Leave.RETURN].append({})
                after = dict(self.run(body, configurations))
                merge(after, self.ends[Leave.RETURN].pop())
                return after
            case Try():
                return self._try(region, configurations)

    def iterate(
        self, body: Region, configurations: Configurations, forgets: Callable[[Guard], bool]
    ) -> tuple[Configurations, Configurations]:
        """Run a loop body to a fixed point; return what holds after its last iteration, and after a `break`."""
        finished: Configurations = {}
        broken: Configurations = {}
        seen: Configurations = {}
        head = configurations
        while head:
            head = forget(head, forgets)
            head = {key: trail for key, trail in head.items() if key not in seen}
            seen.update(head)
            self.ends[Leave.BREAK].append({})
            self.ends[Leave.CONTINUE].append({})
            after = dict(self.run(body, head))
            merge(after, self.ends[Leave.CONTINUE].pop())
            merge(broken, self.ends[Leave.BREAK].pop())
            merge(finished, after)
            head = after
        return finished, broken

    def _branch(self, region: Branch, configurations: Configurations) -> Configurations:
        guard = region.guard
        after: Configurations = {}
        if guard is None or guard.subject not in self.repeated:
            for arm in (region.then, region.otherwise):
                merge(after, configurations if arm is EMPTY else self.run(arm, configurations))
        else:
            for arm, outcome in ((region.then, region.positive), (region.otherwise, not region.positive)):
                merge(after, self.run(arm, _where(guard, outcome, configurations)))
        if len(after) > MOST_CONFIGURATIONS:
            after = forget(after, lambda _guard: True)
        return after

    def _try(self, region: Try, configurations: Configurations) -> Configurations:
        watched: Configurations = dict(configurations)
        self.watchers.append(watched)
        self.ends[Leave.RAISE].append({})
        after = self.run(region.body, configurations)
        raised = self.ends[Leave.RAISE].pop()
        self.watchers.pop()
        merge(watched, raised)
        after = dict(self.run(region.orelse, after))
        for handler in region.handlers:
            merge(after, self.run(handler, watched))
        return self.run(region.final, after)

    def read(self, event: Event, configurations: Configurations) -> Configurations:
        """Return the configurations after an event."""
        if escapes(event, self.reading.binding):
            return self._anything(configurations)
        symbol, match = self.reading.symbol(event)
        if symbol < 0:
            return self._anything(configurations, gradients_only=True)
        sure = match is Match.YES
        after: Configurations = {} if sure else dict(configurations)
        transitions = self.reading.automaton.transitions
        for configuration, trail in configurations.items():
            transition = transitions.get((configuration.state, symbol))
            if transition is None:
                after.setdefault(configuration, trail)  # stays as it is
                continue
            idle = transition.to == configuration.state and transition.verdict is Verdict.NEUTRAL
            longer = trail if idle and transition.anchor is not Anchor.SET else Trail(event, trail)
            if sure:
                self._note(event, configuration, transition, longer)
            keeps = transition.anchor is Anchor.KEEP
            anchor = configuration.anchor if keeps else event if transition.anchor is Anchor.SET else None
            following = Configuration(transition.to, anchor, configuration.assumptions, configuration.doubtful)
            after.setdefault(following, longer)
        return after

    def _note(self, event: Event, configuration: Configuration, transition: Transition, trail: Trail | None) -> None:
        verdict = transition.verdict
        if verdict is Verdict.NEUTRAL or trail is None or (transition.anchored and configuration.anchor is None):
            return
        if configuration.doubtful and verdict is not Verdict.GOOD:
            return
        hits = self.hits.setdefault(event, Hits())
        if verdict is Verdict.GOOD:
            hits.good = True
        elif verdict is Verdict.BAD:
            hits.bad.setdefault(configuration.anchor, trail)
        elif configuration.anchor is not None:
            self.hits.setdefault(configuration.anchor, Hits()).confirmed.setdefault(event, trail)

    def _anything(self, configurations: Configurations, gradients_only: bool = False) -> Configurations:
        """Return what may hold after unknown code had a bound object, or only a module of the optimizer."""
        after: Configurations = {} if self.cautious else dict(configurations)
        for configuration, trail in configurations.items():
            for state in self.reading.after_anything(configuration.state, gradients_only):
                after.setdefault(Configuration(state, None, configuration.assumptions, doubtful=True), trail)
        return after


def _where(guard: Guard, outcome: bool, configurations: Configurations) -> Configurations:
    """Return the configurations in which a condition may have an outcome, which they then assume."""
    found: Configurations = {}
    for configuration, trail in configurations.items():
        known = implied(guard, configuration.assumptions)
        if known is outcome:
            found[configuration] = trail
        elif known is None:
            state, anchor, assumptions, doubtful = configuration
            found.setdefault(Configuration(state, anchor, assumptions | {(guard, outcome)}, doubtful), trail)
    return found
