"""Which parameters move, and which should: the evidence of MOVED."""

from __future__ import annotations

import re
from collections.abc import Iterator

from optlint.program.events import Act
from optlint.property.patterns import Precedence, Query, Response
from optlint.property.used import Used
from optlint.replay.cut_off import nothing_learned
from optlint.replay.monitoring import optimizers_of
from optlint.replay.trace import Apart, Trace, Update
from optlint.replay.verdict import Departure
from optlint.rule import Evidence, Rule


def own(trace: Trace, optimizers: frozenset[int]) -> Iterator[Update]:
    """The updates that some optimizers make."""
    return (update for update in trace.updates if update.optimizer in optimizers)


def is_apart(apart: Apart | None, tolerance: float) -> bool:
    """Whether something is further away than rounding makes it."""
    return apart is not None and not apart.relative <= tolerance


def movements(
    rule: Rule, trace: Trace, optimizers: frozenset[int], tolerance: float, rows: tuple[int, ...] = ()
) -> Iterator[Departure]:
    """Where the parameters that move are not those that should; what that means depends on the rule."""
    acts = rule.property.trigger.acts if isinstance(rule.property, Response) else frozenset[Act]()
    if Act.REPLACE in acts or Act.UNFREEZE in acts:
        yield from idle(trace, optimizers, named(trace, optimizers, *acts))
    if Act.FREEZE in acts or isinstance(rule.property, Query):
        for update in own(trace, optimizers):
            if update.frozen_moved:
                words = f"update {update.number} moves {_list(update.frozen_moved)}, which should stay"
                yield Departure("parameters", update.number, update.row, update.travelled, 0.0, words)
    if isinstance(rule.property, Query):
        yield from nothing_learned(trace, list(own(trace, optimizers)))
        moved = _ever_moved(trace)
        for update in own(trace, optimizers):
            still = [name for name in update.meant if name not in moved]
            if still:
                words = f"no update moves {_list(still)}, which a slip was to unfreeze"
                yield Departure("parameters", update.number, update.row, 0.0, 1.0, words)
        for update in own(trace, optimizers):
            lost = [each.name for each in update.astray if each.row in rows and each.name not in moved]
            if lost:
                words = f"no update moves {_list(lost)}, which gets gradients and is not registered"
                yield Departure("parameters", update.number, update.row, 0.0, 1.0, words)
        for update in own(trace, optimizers) if rows else ():
            replaced = [name for name in update.detached if name not in moved]
            if replaced:
                words = f"no update moves {_list(replaced)}: the optimizer has what was detached from that instead"
                yield Departure("parameters", update.number, update.row, 0.0, 1.0, words)
    if isinstance(rule.property, Used):
        yield from _to_no_use(trace, optimizers)
    if is_of_first_gradients(rule) and trace.failure is None:
        yield from _in_vain_at_first(list(own(trace, optimizers)), tolerance)
    if Act.CLEAR in acts or is_of_first_gradients(rule) or isinstance(rule.property, Used):
        for update in own(trace, optimizers):
            if is_apart(update.gradient, tolerance):
                assert update.gradient is not None
                what = "moves nothing, for it finds no gradient" if not update.moved else "does not use its gradient"
                words = f"update {update.number} {what}"
                apart = update.gradient
                yield Departure("parameters", update.number, update.row, apart.absolute, apart.relative, words)


def is_of_first_gradients(rule: Rule) -> bool:
    """Whether a rule is about steps that come before any backward, so that each update tells by its gradient."""
    return isinstance(rule.property, Precedence) and Act.BACKWARD in rule.property.first.acts


def _to_no_use(trace: Trace, optimizers: frozenset[int]) -> Iterator[Departure]:
    """Gradients that no update uses, and updates that no gradient comes to."""
    for number in sorted(optimizers):
        gradients = [each for each in trace.happenings if each.act is Act.BACKWARD and number in each.things]
        updates = list(own(trace, frozenset((number,))))
        sharing = frozenset(other for each in gradients for other in each.things)
        if gradients and not any(own(trace, sharing)):
            words = f"{len(gradients)} backwards reach its parameters, and no update moves them"
            yield Departure("parameters", gradients[0].updates, gradients[0].row, 0.0, 1.0, words)
        elif updates and not gradients and not any(update.moved for update in updates):
            words = f"none of {len(updates)} updates moves anything, for no backward comes before them"
            yield Departure("parameters", updates[0].number, updates[0].row, 0.0, 1.0, words)


def _in_vain_at_first(updates: list[Update], tolerance: float) -> Iterator[Departure]:
    """An update before all gradients, in a row that goes on to make right ones: each of those comes one too late."""
    first = updates[0] if updates else None
    if first is None or first.gradient is not None or first.moved:
        return
    later = [update for update in updates if update.row == first.row and update.gradient is not None]
    if later and not any(is_apart(update.gradient, tolerance) for update in later):
        words = f"update {first.number} moves nothing, for no backward comes before it"
        yield Departure("parameters", first.number, first.row, 0.0, 1.0, words)


def idle(trace: Trace, optimizers: frozenset[int], names: frozenset[str] | None) -> Iterator[Departure]:
    """Parameters (of these names) that get gradients, and that no update of the whole trace moves."""
    moved = _ever_moved(trace)
    for update in own(trace, optimizers):
        still = [name for name in update.idle if name not in moved and (names is None or name in names)]
        if still:
            words = f"no update moves {_list(still)}, whatever the gradients"
            yield Departure("parameters", update.number, update.row, 0.0, 1.0, words)


def named(trace: Trace, optimizers: frozenset[int], *acts: Act) -> frozenset[str]:
    """The parameters that some acts concern, which concern some optimizers."""
    return frozenset(
        name
        for each in trace.happenings
        if each.act in acts and optimizers.intersection(optimizers_of(trace, each))
        for name in each.parameters
    )


def all_moved(rule: Rule, trace: Trace, optimizers: frozenset[int]) -> bool:
    """Whether all moves that a rule is afraid for, so that its property is met in another way than it names."""
    acts = rule.property.trigger.acts if isinstance(rule.property, Response) else frozenset[Act]()
    if rule.evidence is not Evidence.MOVED or not acts & {Act.REPLACE, Act.UNFREEZE}:
        return False
    names = named(trace, optimizers, *acts)
    return bool(names) and names <= _ever_moved(trace)


def _ever_moved(trace: Trace) -> frozenset[str]:
    return frozenset(name for update in trace.updates for name in update.moved)


def _list(names: list[str] | tuple[str, ...]) -> str:
    shown = ", ".join(f"`{name}`" for name in names[:2])
    return shown if len(names) <= 2 else f"{shown} and {len(names) - 2} more"


def in_vain(rule: Rule, trace: Trace, optimizers: frozenset[int], rows: tuple[int, ...] = ()) -> frozenset[str]:
    """Parameters (by plain name) that never move in a trace, and that this rule's fix lets move."""
    found: set[str] = set()
    moved = _ever_moved(trace)
    if rule.evidence is Evidence.MOVED:
        acts = rule.property.trigger.acts if isinstance(rule.property, Response) else frozenset[Act]()
        if Act.REPLACE in acts or Act.UNFREEZE in acts:
            names = named(trace, optimizers, *acts)
            found.update(name for each in own(trace, optimizers) for name in each.idle if name in names - moved)
        if isinstance(rule.property, Query):
            found.update(name for each in own(trace, optimizers) for name in each.meant if name not in moved)
            astray = (one for each in own(trace, optimizers) for one in each.astray if one.row in rows)
            found.update(one.name for one in astray if one.name not in moved)
            if rows:
                found.update(name for each in own(trace, optimizers) for name in each.detached if name not in moved)
    return frozenset(map(plain_name, found))


def plain_name(name: str) -> str:
    """The name of a parameter without the number that tells it from the one whose place it took."""
    return re.sub(r" \(\d+\)$", "", name)
