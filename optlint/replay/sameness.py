"""What a fix must keep: everything but what the rule means to change.

===========================================  ==========================================================================
is to stay the same                          but for
===========================================  ==========================================================================
number of updates, and who makes them        WINDOWS, whose updates come in other iterations (so that their rates, and
                                             where gradients are clipped, are not compared, but the length of the
                                             windows is); a `step` that is not called; an optimizer that is made
                                             anew, alike, where parameters change
class and options of optimizers, schedulers  groups that a rule about what is held adds, with options that one has
values that parameters begin with            -
rates                                        LEARNING_RATE, whose cadence is to stay the same, PACE, whose is not, and a
                                             scheduler's `step` that is not called; of OPTIONS the first ones are
                                             those that the groups ask for
backwards that an update is the first to use a finding about a call that is missing; see `accumulated`
gradients of updates, as far as they are due  -
clipping, unscaling, loading: numbers, place what a rule about gradients speaks of itself (`meant_acts`)
which parameters an update moves             MOVED and used-up iterators: all that the code as written moves is
                                             moved, but for what is frozen; what is moved beside that got
                                             gradients in vain before. All others: updates at a rate of zero
how far parameters have come                 where the code as written departs
which acts there are                         CALL but of a scaler, CONSUME, SET_ATTRIBUTE, REPLACE, NEW, and CLEAR by
                                             hand; freezing and further clearing may come in
when which rates are reported                that no schedule is asked for them any more, which a replay cannot judge
===========================================  ==========================================================================

Where the code as written ends by an exception, all this holds up to there; and where it is known what it means instead
(`hooks_meant`), that is what is to stay the same, whatever the rule, and the fixed code has to lead where it leads.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

from optlint.program.events import Act
from optlint.property.alphabet import Role
from optlint.property.patterns import Alternation, Query, Response
from optlint.property.used import Used
from optlint.replay.accumulated import ACCUMULATED, regrouped, ungathered_unseen
from optlint.replay.beginnings import otherwise_made, without_what_replaces
from optlint.replay.cadence import off_beat
from optlint.replay.counterparts import counterparts, successors
from optlint.replay.cut_off import is_cut_off
from optlint.replay.meant_acts import acts_to_change
from optlint.replay.movements import in_vain, is_apart, is_of_first_gradients, plain_name
from optlint.replay.pace import out_of_step
from optlint.replay.places import displaced, scaled
from optlint.replay.precision import RATES
from optlint.replay.quantities import ACTS_OF, highest_rate, rate_apart, role_of
from optlint.replay.remaking import first_of, in_line, is_about_remaking
from optlint.replay.reports import otherwise_reported
from optlint.replay.superfluous import is_about_superfluous_steps, without_superfluous
from optlint.replay.trace import Trace, Update
from optlint.replay.turns import otherwise_in_turn, side_by_side
from optlint.replay.unread import other_rates
from optlint.replay.unscheduled import stepped_elsewhere
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
ADDED_BY_NONE = (Act.MOVE, Act.CLIP, Act.UNSCALE, Act.SET_RATE, Act.SET_GRADIENT, Act.CHANGE_GRADIENT, Act.LOAD)
"""Acts that no fix brings in."""
_BY_HAND = frozenset((Act.SET_GRADIENT, Act.CHANGE_GRADIENT))
"""Acts that may be one as written, and the other as fixed: in the place of a gradient, or where there is none yet."""


def differences(
    rule: Rule,
    original: Trace,
    fixed: Trace,
    optimizers: frozenset[int],
    *,
    word: str,
    harmless: bool,
    tolerance: float,
    rows: tuple[int, ...] = (),
    fixed_rows: tuple[int, ...] = (),
) -> Iterator[Departure]:
    """What a fix has changed that it should not have, the most telling first.

    `optimizers` are those of the original run that the finding is about; `harmless` tells that the original departs
    nowhere from what is due, so that the fixed one has to lead to the same parameters. `rows` and `fixed_rows` are
    those that are flagged.
    """
    remade = is_about_remaking(rule.property)
    if remade:
        optimizers = frozenset(first_of(original, each) for each in optimizers)
        original, fixed = in_line(original), in_line(fixed)
    if is_about_superfluous_steps(rule.property):
        original = without_superfluous(original, rows)
    match = counterparts(original, fixed)
    called = ACTS_OF.get(word, ()) if rule.evidence is Evidence.ORDER else ()
    held = is_about_holding(rule)
    heirs = successors(fixed, match) if held else {}
    resized = rule.evidence is Evidence.PACE
    rebound, rated = isinstance(rule.property, Used), rule.evidence is Evidence.OPTIONS
    yield from otherwise_made(
        original,
        fixed,
        match,
        held=held,
        heirs=heirs,
        resized=resized,
        rebound=rebound,
        rated=rated,
        steadied=rule.evidence is Evidence.FINITE,
    )
    yield from without_what_replaces(original, fixed)
    regroups = rule.evidence is Evidence.WINDOWS
    idle = isinstance(rule.property, Used) and rule.evidence is Evidence.MOVED  # it makes no updates as written
    counted = not regroups and not idle
    if Act.STEP not in called:
        yield from otherwise_in_turn(original, fixed, match, heirs, counted=counted)
    pairs = side_by_side(original, fixed, match, heirs, counted=counted) if Act.STEP not in called else []
    if rule.evidence is Evidence.LEARNING_RATE:
        superfluous = isinstance(rule.property, Alternation)
        if isinstance(rule.property, Used):  # there the optimizer that steps has no schedule as written
            yield from stepped_elsewhere(original, fixed, match)
        else:
            yield from off_beat(original, fixed, optimizers, match, superfluous=superfluous)
        yield from _rates(original, fixed, [pair for pair in pairs if pair[0].optimizer not in optimizers], RATES)
    elif rule.evidence is Evidence.PACE:
        yield from _rates(original, fixed, [pair for pair in pairs if pair[0].optimizer not in optimizers], RATES)
        yield from out_of_step(original, fixed, optimizers, match)
    elif rule.evidence is Evidence.OPTIONS:
        yield from other_rates(original, fixed, match)
    elif Act.SCHEDULE not in called and not regroups:
        yield from _rates(original, fixed, [(_as_kept(a), b) for a, b in pairs] if remade else pairs, RATES)
    if rule.evidence is Evidence.TEXT and original.failure is None:
        yield from otherwise_reported(original, fixed, match)
    if rule.evidence in ACCUMULATED:
        yield from regrouped(rule, original, fixed, optimizers, match, rows, fixed_rows)
    elif not called or called == (Act.CLEAR,):
        yield from _backwards(rule, pairs)
    if not called:
        yield from _gradients(pairs, tolerance)
    if not called and not regroups:
        yield from displaced(original, fixed, names=not held, but=acts_to_change(rule))
    if rule.evidence is Evidence.MOVED or role_of(rule) is Role.ITERATOR:
        if not idle:
            yield from _moved_as_meant(original, fixed, pairs, later=is_of_first_gradients(rule))
        yield from _still(in_vain(rule, original, optimizers, rows), fixed)
    elif Act.BACKWARD not in called:
        yield from _moved(pairs)
    if harmless and not called:
        yield from _travelled(pairs, tolerance)
    if regroups and not fixed.updates and ungathered_unseen(rule, original, optimizers, rows):
        return  # both runs end before a window does
    needless = (Act.MOVE,) if rule.evidence is Evidence.FINITE else ()  # parameters that stay in a wide type are right
    unseen = (Act.CHANGE_GRADIENT,) if isinstance(rule.property, Query) and not rows else ()  # it changed nothing
    yield from _acts(original, fixed, (*acts_to_change(rule), *unseen), needless)


def is_about_holding(rule: Rule) -> bool:
    """Whether the fix of a rule may change which parameters an optimizer holds."""
    if rule.evidence is Evidence.MOVED:
        return not (isinstance(rule.property, Response) and Act.CLEAR in rule.property.trigger.acts)
    return rule.evidence is Evidence.CRASH or role_of(rule) is Role.ITERATOR


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


def _as_kept(update: Update) -> Update:
    return replace(update, rates=update.kept_rates or update.rates)


def _backwards(rule: Rule, pairs: list[tuple[Update, Update]]) -> Iterator[Departure]:
    if any(before.detached for before, _ in pairs):
        # What is trained at last may be the first to make use of a backward that others used before.
        uses = [sum(each) for each in zip(*((a.backwards, b.backwards) for a, b in pairs), strict=True)]
        if uses[1] < uses[0]:
            words = f"the updates use {uses[1]} backwards, and {uses[0]} as written"
            yield _changed("gradient", pairs[-1][1].number, pairs[-1][1].row, words)
        return
    for before, after in pairs:
        if before.backwards == 0 and rule.evidence in (Evidence.MOVED, Evidence.GRADIENT):
            continue  # it held nothing that any backward reached
        if before.backwards != after.backwards:
            words = f"update {after.number} uses {after.backwards} backwards, and {before.backwards} as written"
            yield _changed("gradient", after.number, after.row, words)
            return


def _gradients(pairs: list[tuple[Update, Update]], tolerance: float) -> Iterator[Departure]:
    """Of all optimizers: what was due as written is due."""
    for before, after in pairs:
        if is_apart(after.gradient, tolerance) and not is_apart(before.gradient, tolerance):
            assert after.gradient is not None
            words = f"update {after.number} no longer uses the gradient that is due"
            apart = after.gradient
            yield Departure("gradient", after.number, after.row, apart.absolute, apart.relative, words)
            return
        if after.borrowed > before.borrowed:
            words = f"update {after.number} uses gradients of another loss, and did not as written"
            yield _changed("gradient", after.number, after.row, words)
            return


def _moved(pairs: list[tuple[Update, Update]]) -> Iterator[Departure]:
    """Over the whole run: in one update a parameter may stand still because its gradient happens to be zero."""
    ours = _plain(name for before, _ in pairs for name in before.moved)
    theirs = _plain(name for _, after in pairs for name in after.moved)
    # Gradients that were borrowed may have been all that moved a parameter.
    needed = _plain(name for before, _ in pairs if not before.borrowed for name in before.moved)
    if not needed <= theirs <= ours:
        last = pairs[-1][1]
        words = f"the run moves {len(theirs)} parameters, and {len(ours)} as written"
        yield _changed("parameters", last.number, last.row, words)


def _moved_as_meant(
    original: Trace, fixed: Trace, pairs: list[tuple[Update, Update]], *, later: bool
) -> Iterator[Departure]:
    """With `later`, what the code as written moves in any update, or never, may be moved from the first one on."""
    vain: set[str] = set()
    if later:
        vain |= _plain(name for update in original.updates for name in (*update.moved, *update.idle))
        vain |= _plain(value.name for value in original.starts)
    if is_cut_off(original):
        # Where no gradient came through, whatever moves now was to move.
        vain |= _plain(name for before, after in pairs if before.gradient is None for name in after.moved)
    ever: set[str] = set()
    if any(update.astray for update in original.updates):
        # What is trained at last leads elsewhere, where other gradients happen to be zero.
        ever = _plain(name for update in fixed.updates for name in update.moved)
        vain |= _plain(name for update in original.updates for name in update.moved)
    for before, after in pairs:
        # Where parameters were detached, no more are to be trained than those.
        vain |= _plain((*(before.detached or before.idle), *before.meant, *(each.name for each in before.astray)))
        ours, theirs, frozen = _plain(before.moved), _plain(after.moved), _plain(before.frozen_moved)
        lost, gained = ours - frozen - theirs - ever, theirs - ours - vain
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


def _acts(original: Trace, fixed: Trace, but: tuple[Act, ...], needless: tuple[Act, ...] = ()) -> Iterator[Departure]:
    present = {each.act for each in fixed.happenings}
    for each in original.happenings:
        of_tensor = each.act is Act.MOVE and not each.things
        wanted = each.act in KEPT and each.act not in needless
        if wanted and each.act not in present and not each.by_hand and not of_tensor:
            yield _changed("events", each.updates, 0, f"`{each.act.value}` no longer happens")
            return
    if not scaled(original) <= scaled(fixed):
        words = f"the scaler is no longer asked to `{min(scaled(original) - scaled(fixed))}`"
        yield _changed("events", 0, 0, words)
    former = {each.act for each in original.happenings}
    if former & _BY_HAND:
        former |= _BY_HAND
    for each in fixed.happenings if original.failure is None else ():
        if each.act in ADDED_BY_NONE and each.act not in (*former, *but):
            yield _changed("events", each.updates, each.row, f"`{each.act.value}` happens, and does not as written")
            return


def _changed(quantity: str, update: int, row: int, words: str) -> Departure:
    return Departure(quantity, update, row, 0.0, 0.0, words)
