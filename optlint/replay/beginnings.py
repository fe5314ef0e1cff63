"""With what the objects of a run begin: the classes and options of optimizers and schedulers, the values of parameters.

A fix keeps all that, but for the parameters that a rule about them lets an optimizer hold.
"""

from __future__ import annotations

import math
import re
from collections.abc import Iterator, Mapping, Set
from operator import attrgetter

from optlint.replay.counted import is_turned
from optlint.replay.finite import without_eps
from optlint.replay.late_groups import has_late_groups, is_of_more_groups
from optlint.replay.movements import plain_name
from optlint.replay.pace import without_length
from optlint.replay.trace import Kind, Thing, Trace, Value
from optlint.replay.verdict import Departure

_ROUNDING = 1e-6
"""Relative, of a norm: a replay may run in float32."""


def otherwise_made(
    original: Trace,
    fixed: Trace,
    match: Mapping[int, int],
    *,
    held: bool,
    heirs: Mapping[int, int],
    resized: bool = False,
    rebound: bool = False,
    rated: bool = False,
    steadied: bool = False,
) -> Iterator[Departure]:
    """The optimizers and schedulers that are of another class after the fix, or made with other options.

    `held` tells that the fix changes what is held, so that groups may come, go and shrink; the options of each must
    still be those of one as written. `heirs` are optimizers of the fixed run that take the place of others there.
    `resized` tells that the fix may change how long a schedule is, `rebound` that it may give it another optimizer,
    whose rates it then has, and `rated` that its own optimizer begins with other rates. With `steadied`
    it may change what optimizers add to what they divide by.
    """
    for thing in original.things:
        if thing.kind not in (Kind.OPTIMIZER, Kind.SCHEDULER) or thing.number not in match:
            continue
        other = fixed.things[match[thing.number] - 1]
        called = thing.label or thing.name
        if other.name != thing.name:
            yield _changed("updates", f"`{called}` is of the class `{other.name}` after the fix")
        elif (
            (resized and without_length(other.options) == without_length(thing.options))
            or (
                (rebound or (rated and thing.kind is Kind.SCHEDULER))
                and without_rates(other.options) == without_rates(thing.options)
            )
            or (steadied and without_eps(other.options) == without_eps(thing.options))
            or _is_mended(original, thing, other)
        ):
            continue
        elif other.options != thing.options:
            yield _changed(
                "options", f"`{called}` is made with `{other.options}`, and with `{thing.options}` as written"
            )
        else:
            family = [other, *(fixed.things[heir - 1] for heir, former in heirs.items() if former == other.number)]
            yield from _groups(thing, family, called, held=held)


def _is_mended(original: Trace, scheduler: Thing, other: Thing) -> bool:
    """Whether a scheduler differs in what was wrong with it: it knew too few groups, or watched upside down."""
    before, after = scheduler.options, other.options
    if scheduler.kind is not Kind.SCHEDULER or before == after:
        return False
    late = has_late_groups(original, scheduler) and is_of_more_groups(before, after)
    return late or is_turned(original, scheduler, before, after)


def without_rates(options: str) -> str:
    """The options of a scheduler but for the rates that its optimizer was built with."""
    return re.sub(r"base_lrs=\[[^]]*\]", "base_lrs", options)


def _groups(thing: Thing, family: list[Thing], called: str, *, held: bool) -> Iterator[Departure]:
    former = {each.options for each in thing.groups}
    for each in family:
        strange = next((group for group in each.groups if group.options not in former), None)
        if former and strange is not None:
            told = strange.options or "the defaults"
            yield _changed("options", f"a group of `{called}` has {told} after the fix, and none has as written")
        elif not held and _sizes(each) != _sizes(thing):
            yield _changed("options", f"the groups of `{called}` are others after the fix")


def _sizes(thing: Thing) -> list[tuple[int, str]]:
    return [(group.size, group.options) for group in thing.groups]


def without_what_replaces(original: Trace, fixed: Trace) -> Iterator[Departure]:
    """Parameters that still begin as what something takes the place of in the code as written."""
    starts = _by_name(fixed.starts)
    begun = _by_name(original.starts)
    for former in original.formers:
        name = plain_name(former.name)
        now, then = starts.get(name), begun.get(name)
        if now is not None and then is not None and _same(now, former) and not _same(then, former):
            words = f"`{name}` begins as what is replaced as written, and nothing takes its place"
            yield _changed("parameters", words)
            return


def maybe_without_what_replaces(original: Trace, fixed: Trace) -> str:
    """A parameter that nothing takes the place of any more, and that may begin with the right value all the same."""
    taken = set(map(plain_name, fixed.taken))
    starts = _by_name(fixed.starts)
    replaced = set(map(plain_name, original.taken))
    names = (plain_name(each.name) for each in original.formers)
    return next((name for name in names if name in replaced and name in starts and name not in taken), "")


def otherwise_begun(original: Trace, fixed: Trace) -> Departure | None:
    """The first parameter of both runs that begins with another shape, or as nothing but zeros in one of them alone."""
    starts = _by_name(fixed.starts)
    for name, then in _by_name(original.starts).items():
        now = starts.get(name)
        if now is not None and (now.shape != then.shape or (now.size == 0) != (then.size == 0)):
            return _changed("parameters", f"`{name}` begins as another one than as written")
    return None


def same_beginnings(original: Trace, fixed: Trace) -> bool:
    """Whether all parameters begin with the same values: not so where random numbers are drawn in another way."""
    starts, begun = _by_name(fixed.starts), _by_name(original.starts)
    return all(_same(starts[name], then) for name, then in begun.items() if name in starts)


def same_values(original: Trace, names: Set[str], fixed: Trace, others: Set[str]) -> bool:
    """Whether some parameters of the one run begin as others of the other run do, whatever they are called."""
    starts, begun = _by_name(fixed.starts), _by_name(original.starts)
    first = [begun[name] for name in sorted(names) if name in begun]
    second = [starts[name] for name in sorted(others) if name in starts]
    if not len(names) == len(first) == len(second) == len(others):
        return False
    key = attrgetter("shape", "size")
    return all(map(_same, sorted(first, key=key), sorted(second, key=key)))


def _by_name(values: tuple[Value, ...]) -> dict[str, Value]:
    """The last of each name: what takes another one's place."""
    return {plain_name(each.name): each for each in values}


def _same(first: Value, second: Value) -> bool:
    close = math.isclose(first.size, second.size, rel_tol=_ROUNDING)
    return first.shape == second.shape and (close or repr(first.size) == repr(second.size))


def _changed(quantity: str, words: str) -> Departure:
    return Departure(quantity, 0, 0, 0.0, 0.0, words)
