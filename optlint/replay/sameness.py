"""What a fix must keep: everything but what the rule means to change.

===========================================  ==========================================================================
is to stay the same                          but for
===========================================  ==========================================================================
number of updates, and who makes them        a finding about a `step` that is not called
class and options of optimizers, schedulers  -
rates                                        LEARNING_RATE, whose cadence is to stay the same, and a scheduler's `step`
                                             that is not called
backwards that an update is the first to use a finding about a call that is missing
which parameters an update moves             MOVED and used-up iterators: all that the code as written moves is
                                             moved, but for what is frozen; what is moved beside that got
                                             gradients in vain before. All others: updates at a rate of zero
how far parameters have come                 where the code as written departs
which acts there are                         CALL, CONSUME, SET_ATTRIBUTE, REPLACE, NEW, and CLEAR by hand; freezing and
                                             further clearing may come in
how often a rate is reported                 -
===========================================  ==========================================================================

Where the code as written ends by an exception, all this holds up to there.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from optlint.program.events import Act
from optlint.property.alphabet import Role
from optlint.property.patterns import Alternation
from optlint.replay.cadence import cadence, right_cadences, schedulers_of, steps_of
from optlint.replay.counterparts import counterparts
from optlint.replay.movements import in_vain, plain_name
from optlint.replay.quantities import ACTS_OF, highest_rate, rate_apart, role_of
from optlint.replay.trace import Kind, Thing, Trace, Update
from optlint.replay.verdict import Departure
from optlint.rule import Evidence, Rule

KEPT = (
    Act.BACKWARD,
    Act.CLEAR,
    Act.STEP,
    Act.SCHEDULE,
    Act.CLIP,
    Act.UNSCALE,
    Act.UPDATE_SCALE,
    Act.FREEZE,
    Act.UNFREEZE,
    Act.MOVE,
    Act.ADD_GROUP,
    Act.LOAD,
    Act.SET_RATE,
)
"""Acts that a fix does not take away."""
ADDED_BY_NONE = (Act.MOVE, Act.CLIP, Act.UNSCALE, Act.SET_RATE, Act.SET_GRADIENT, Act.LOAD)
"""Acts that no fix brings in."""


def differences(
    rule: Rule,
    original: Trace,
    fixed: Trace,
    optimizers: frozenset[int],
    *,
    word: str,
    harmless: bool,
    tolerance: float,
) -> Iterator[Departure]:
    """What a fix has changed that it should not have, the most telling first.

    `optimizers` are those of the original run that the finding is about; `harmless` tells that the original departs
    nowhere from what is due, so that the fixed one has to lead to the same parameters.
    """
    match = counterparts(original, fixed)
    called = ACTS_OF.get(word, ()) if rule.evidence is Evidence.ORDER else ()
    yield from _classes(original, fixed, match)
    if Act.STEP not in called:
        yield from _makers(original, fixed, match)
    pairs = list(zip(original.updates, fixed.updates, strict=False)) if Act.STEP not in called else []
    if rule.evidence is Evidence.LEARNING_RATE:
        yield from _cadences(rule, original, fixed, optimizers, match)
        yield from _rates(original, fixed, [pair for pair in pairs if pair[0].optimizer not in optimizers], tolerance)
    elif Act.SCHEDULE not in called:
        yield from _rates(original, fixed, pairs, tolerance)
    if rule.evidence is Evidence.TEXT and original.failure is None:
        yield from _reports(original, fixed)
    if not called or called == (Act.CLEAR,):
        yield from _backwards(rule, pairs)
    if rule.evidence is Evidence.MOVED or role_of(rule) is Role.ITERATOR:
        yield from _moved_as_meant(original, fixed, pairs)
        yield from _still(in_vain(rule, original, optimizers), fixed)
    elif Act.BACKWARD not in called:
        yield from _moved(pairs)
    if harmless and not called:
        yield from _travelled(pairs, tolerance)
    yield from _acts(original, fixed)


def _classes(original: Trace, fixed: Trace, match: Mapping[int, int]) -> Iterator[Departure]:
    for thing in original.things:
        if thing.kind in (Kind.OPTIMIZER, Kind.SCHEDULER) and thing.number in match:
            other = fixed.things[match[thing.number] - 1]
            if other.name != thing.name:
                yield _changed("updates", 0, 0, f"`{_called(thing)}` is of the class `{other.name}` after the fix")
            elif other.options != thing.options:
                words = f"`{_called(thing)}` is made with `{other.options}`, and with `{thing.options}` as written"
                yield _changed("options", 0, 0, words)


def _called(thing: Thing) -> str:
    return thing.label or thing.name


def _makers(original: Trace, fixed: Trace, match: Mapping[int, int]) -> Iterator[Departure]:
    for before, after in zip(original.updates, fixed.updates, strict=False):
        if match.get(before.optimizer) != after.optimizer:
            yield _changed("updates", after.number, after.row, f"update {after.number} is made by another optimizer")
            return
    ours, theirs = len(original.updates), len(fixed.updates)
    if theirs < ours or (theirs > ours and original.failure is None):
        yield _changed(
            "updates", min(ours, theirs) + 1, 0, f"the fixed code makes {theirs} updates, the code as written {ours}"
        )


def _rates(original: Trace, fixed: Trace, pairs: list[tuple[Update, Update]], tolerance: float) -> Iterator[Departure]:
    highest = max(highest_rate(original), highest_rate(fixed))
    for before, after in pairs:
        for rate, was in zip(after.rates, before.rates, strict=False):
            if rate_apart(rate, was, highest, tolerance):
                words = f"update {after.number} uses the rate {rate:.6g}, and {was:.6g} as written"
                apart = abs(rate - was)
                relative = apart / abs(was) if was else float("inf")
                yield Departure("learning rate", after.number, after.row, apart, relative, words)
                return


def _cadences(
    rule: Rule, original: Trace, fixed: Trace, optimizers: frozenset[int], match: Mapping[int, int]
) -> Iterator[Departure]:
    superfluous = isinstance(rule.property, Alternation)
    for optimizer in sorted(optimizers):
        for scheduler in schedulers_of(original, optimizer):
            if scheduler.number not in match:
                continue
            other = fixed.things[match[scheduler.number] - 1]
            present = cadence(fixed, other, steps_of(fixed, other))
            right = right_cadences(original, scheduler, superfluous=superfluous)
            if any(each[: len(present)] == present[: len(each)] for each in right):
                continue
            wanted = min(right)
            at = next((k for k, pair in enumerate(zip(present, wanted, strict=False)) if pair[0] != pair[1]), 0)
            numbers = [update for update in fixed.updates if update.optimizer == other.optimizer]
            if at < len(numbers):
                update = numbers[at]
                words = (
                    f"the schedule is at step {present[at]} in update {update.number}, and should be at {wanted[at]}"
                )
                yield Departure(
                    "schedule", update.number, update.row, abs(present[at] - wanted[at]), float("inf"), words
                )


def _reports(original: Trace, fixed: Trace) -> Iterator[Departure]:
    ours, theirs = (
        len([each for each in trace.happenings if each.act is Act.CALL and each.apart is not None])
        for trace in (original, fixed)
    )
    if ours != theirs:
        yield _changed("reported rate", 0, 0, f"the rate is reported {theirs} times, and {ours} times as written")


def _backwards(rule: Rule, pairs: list[tuple[Update, Update]]) -> Iterator[Departure]:
    for before, after in pairs:
        if before.backwards == 0 and rule.evidence in (Evidence.MOVED, Evidence.GRADIENT):
            continue  # it held nothing that any backward reached
        if before.backwards != after.backwards:
            words = f"update {after.number} uses {after.backwards} backwards, and {before.backwards} as written"
            yield _changed("gradient", after.number, after.row, words)
            return


def _moved(pairs: list[tuple[Update, Update]]) -> Iterator[Departure]:
    """Over the whole run: in one update a parameter may stand still because its gradient happens to be zero."""
    ours = _plain(name for before, _ in pairs for name in before.moved)
    theirs = _plain(name for _, after in pairs for name in after.moved)
    if ours != theirs:
        last = pairs[-1][1]
        words = f"the run moves {len(theirs)} parameters, and {len(ours)} as written"
        yield _changed("parameters", last.number, last.row, words)


def _moved_as_meant(original: Trace, fixed: Trace, pairs: list[tuple[Update, Update]]) -> Iterator[Departure]:
    vain: set[str] = set()
    for before, after in pairs:
        vain |= _plain((*before.idle, *before.meant))
        ours, theirs, frozen = _plain(before.moved), _plain(after.moved), _plain(before.frozen_moved)
        lost, gained = ours - frozen - theirs, theirs - ours - vain
        for names, what in ((lost, "no longer moves"), (gained, "moves also"), (frozen & theirs, "still moves")):
            if names:
                words = f"update {after.number} {what} `{min(names)}`"
                yield _changed("parameters", after.number, after.row, words)
                return
    vain |= _plain(name for update in original.updates for name in update.idle)
    moved = _plain(name for update in fixed.updates for name in update.moved)
    for update in fixed.updates:
        for name in update.idle:
            if plain_name(name) not in moved | vain:
                yield _changed("parameters", update.number, update.row, f"`{name}` gets gradients and never moves")
                return


def _still(names: frozenset[str], fixed: Trace) -> Iterator[Departure]:
    moved = _plain(name for update in fixed.updates for name in update.moved)
    for name in sorted(names - moved):
        yield _changed("parameters", len(fixed.updates), 0, f"`{name}` still never moves")


def _plain(names: object) -> set[str]:
    return {plain_name(name) for name in names}  # type: ignore[attr-defined]


def _travelled(pairs: list[tuple[Update, Update]], tolerance: float) -> Iterator[Departure]:
    for before, after in pairs:
        apart = abs(after.travelled - before.travelled)
        if not apart <= max(tolerance, 1e-12) * abs(before.travelled):
            words = f"the parameters are elsewhere after update {after.number} than as written"
            relative = apart / before.travelled if before.travelled else float("inf")
            yield Departure("parameters", after.number, after.row, apart, relative, words)
            return


def _acts(original: Trace, fixed: Trace) -> Iterator[Departure]:
    present = {each.act for each in fixed.happenings}
    for each in original.happenings:
        of_tensor = each.act is Act.MOVE and not each.things
        if each.act in KEPT and each.act not in present and not each.by_hand and not of_tensor:
            yield _changed("events", each.updates, 0, f"`{each.act.value}` no longer happens")
            return
    former = {each.act for each in original.happenings}
    for each in fixed.happenings if original.failure is None else ():
        if each.act in ADDED_BY_NONE and each.act not in former:
            yield _changed("events", each.updates, each.row, f"`{each.act.value}` happens, and does not as written")
            return


def _changed(quantity: str, update: int, row: int, words: str) -> Departure:
    return Departure(quantity, update, row, 0.0, 0.0, words)
