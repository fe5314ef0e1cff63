"""The fixed code against the code as written, run as it is meant (`hooks_meant`, and with calls that it only names).

Such a run does what the finding says is not done, and nothing else, so that a right fix does all that it does: it makes
the same updates with the same objects, and ends with the same parameters. A step that lacks its closure or its metric
is only noted in it: there the fixed code has to make one, and how far that leads is not compared.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence

from optlint.program.events import Act
from optlint.property.alphabet import Role
from optlint.property.patterns import Query
from optlint.replay.beginnings import otherwise_begun, otherwise_made, same_beginnings, same_values
from optlint.replay.counterparts import counterparts
from optlint.replay.movements import is_apart, plain_name
from optlint.replay.places import displaced
from optlint.replay.precision import RATES
from optlint.replay.quantities import highest_rate, rate_apart, role_of
from optlint.replay.remaking import is_about_remaking
from optlint.replay.trace import Kind, Trace, Update
from optlint.replay.verdict import Departure
from optlint.rule import Evidence, Rule

_WAYS = 50
"""Updates after which the ways are compared: rounding adds up, and where a fix leads elsewhere it soon does."""
_ROUNDING = 1e-5
"""Relative, of a way: a replay may run in float32, and a norm be summed in another order."""
_FEWEST = 3
"""Metrics that say whether they are numbers of the steps."""


def is_wanted(rule: Rule, original: Trace) -> bool:
    """Whether a rule's code as written shows too little, so that a run of it as meant is needed."""
    if original.failure is not None and original.failure.in_standin:
        return False
    if is_about_remaking(rule.property):
        return False  # what it means shows in its own numbers, once all that is made anew is taken for one
    refused = rule.evidence is Evidence.CRASH and isinstance(rule.property, Query)
    iterates = role_of(rule) is Role.ITERATOR
    moves = role_of(rule) is not None and rule.evidence is Evidence.CRASH
    return refused or iterates or moves or original.failure is not None


def called(body: str, rows: Sequence[int], word: str) -> str:
    """A script in which the flagged method is called where it is only named."""
    lines = body.split("\n")
    for row in rows:
        lines[row - 1] = re.sub(rf"\.{re.escape(word)}$", f".{word}()", lines[row - 1])
    return "\n".join(lines)


def departures_from_meant(meant: Trace, fixed: Trace, tolerance: float) -> Iterator[Departure]:
    """Where the fixed code does otherwise than what is meant, the most telling first."""
    match = counterparts(meant, fixed)
    yield from otherwise_made(meant, fixed, match, held=True, heirs={})
    yield from _steps(meant, fixed, match)
    if any(each.detail == "meant" for each in meant.happenings):
        yield from _of_own(fixed, tolerance)
        return
    pairs = list(zip(meant.updates, fixed.updates, strict=False))
    yield from _rates(meant, fixed, pairs)
    yield from _moved(meant, fixed, pairs)
    yield from _gradients(pairs, tolerance)
    yield from displaced(meant, fixed, names=True, but=())
    begun = otherwise_begun(meant, fixed)
    if begun is not None:
        yield begun
    elif same_beginnings(meant, fixed):
        yield from _ways(pairs, tolerance)


def _steps(meant: Trace, fixed: Trace, match: Mapping[int, int]) -> Iterator[Departure]:
    """The steps of optimizers and schedulers, one after another."""
    ours = [(act, match.get(thing), row) for act, thing, row in _stepped(meant)]
    theirs = list(_stepped(fixed))
    for before, after in zip(ours, theirs, strict=False):
        if before[:2] != after[:2]:
            words = f"row {after[2]} makes a step of `{_called(fixed, after[1])}`"
            yield _changed("events", after[2], f"{words}, where one of `{_called(fixed, before[1])}` is meant")
            return
    if len(ours) != len(theirs):
        words = f"{len(theirs)} steps are made of optimizers and schedules, and {len(ours)} are meant"
        yield _changed("events", 0, words)


def _stepped(trace: Trace) -> Iterator[tuple[Act, int, int]]:
    for each in trace.happenings:
        if each.act in (Act.STEP, Act.SCHEDULE) and each.things:
            yield each.act, each.things[0], each.row


def _called(trace: Trace, number: int | None) -> str:
    if number is None:
        return "another object"
    thing = trace.things[number - 1]
    return thing.label or thing.name


def _of_own(fixed: Trace, tolerance: float) -> Iterator[Departure]:
    """What is wrong in itself about a step that is given its argument."""
    for update in fixed.updates:
        if update.stale:
            words = f"update {update.number} is given a closure that computes no gradient"
            yield Departure("gradient", update.number, update.row, 0.0, 0.0, words)
            return
        if is_apart(update.gradient, tolerance) or update.gradient is None:
            words = f"update {update.number} does not use the gradient that is due"
            yield Departure("gradient", update.number, update.row, 0.0, 0.0, words)
            return
    for thing in fixed.things:
        steps = (each for each in fixed.happenings if each.act is Act.SCHEDULE and thing.number in each.things)
        metrics = [each.given[0] for each in steps if each.given]
        counts = len(metrics) >= _FEWEST and metrics == [metrics[0] + step for step in range(len(metrics))]
        if thing.kind is Kind.SCHEDULER and thing.name == "ReduceLROnPlateau" and counts:
            words = f"`{_called(fixed, thing.number)}` is given the number of the step for its metric"
            yield _changed("events", 0, words)


def _rates(meant: Trace, fixed: Trace, pairs: list[tuple[Update, Update]]) -> Iterator[Departure]:
    highest = max(highest_rate(meant), highest_rate(fixed))
    for before, after in pairs:
        for rate, due in zip(after.rates, before.rates, strict=False):
            if rate_apart(rate, due, highest, RATES):
                words = f"update {after.number} uses the rate {rate:.6g} where {due:.6g} is meant"
                apart = abs(rate - due)
                relative = apart / abs(due) if due else float("inf")
                yield Departure("learning rate", after.number, after.row, apart, relative, words)
                return


def _moved(meant: Trace, fixed: Trace, pairs: list[tuple[Update, Update]]) -> Iterator[Departure]:
    """What is moved, by name; a tensor under another name is the same if a backward finds it with the same value."""
    ours = {plain_name(name) for before, _ in pairs for name in before.moved}
    theirs = {plain_name(name) for _, after in pairs for name in after.moved}
    if not same_values(meant, ours - theirs, fixed, theirs - ours):
        name = min(ours ^ theirs)
        words = f"no update moves `{name}`" if name in ours else f"`{name}` is moved, and is not meant to be"
        yield _changed("parameters", 0, words)


def _gradients(pairs: list[tuple[Update, Update]], tolerance: float) -> Iterator[Departure]:
    for before, after in pairs:
        missing = after.gradient is None and before.gradient is not None
        if missing or (is_apart(after.gradient, tolerance) and not is_apart(before.gradient, tolerance)):
            words = f"update {after.number} does not use the gradient that is due"
            yield Departure("gradient", after.number, after.row, 0.0, 0.0, words)
            return


def _ways(pairs: list[tuple[Update, Update]], tolerance: float) -> Iterator[Departure]:
    for before, after in pairs[:_WAYS]:
        apart = abs(after.travelled - before.travelled)
        if apart > max(_ROUNDING, tolerance) * abs(before.travelled):
            words = f"the parameters are elsewhere after update {after.number} than where is meant"
            relative = apart / before.travelled if before.travelled else float("inf")
            yield Departure("parameters", after.number, after.row, apart, relative, words)
            return


def _changed(quantity: str, row: int, words: str) -> Departure:
    return Departure(quantity, 0, row, 0.0, 0.0, words)
