"""The monitor: an automaton run over one recorded sequence of events."""

from __future__ import annotations

from collections.abc import Iterable

from optlint.program.events import Event
from optlint.property.alphabet import Binding, Match
from optlint.property.automaton import Anchor, Automaton, Verdict


def monitor(
    automaton: Automaton, trace: Iterable[Event], binding: Binding
) -> list[tuple[Verdict, Event, Event | None]]:
    """Return each verdict other than neutral, with its event and the event that it refers to."""
    state, anchor = 0, None
    verdicts: list[tuple[Verdict, Event, Event | None]] = []
    for event in trace:
        symbol, match = automaton.symbol(event, binding)
        if match is Match.NO:
            continue
        transition = automaton.read(state, symbol)
        if transition.verdict is not Verdict.NEUTRAL and not (transition.anchored and anchor is None):
            verdicts.append((transition.verdict, event, anchor))
        anchor = {Anchor.KEEP: anchor, Anchor.SET: event, Anchor.DROP: None}[transition.anchor]
        state = transition.to
    return verdicts
