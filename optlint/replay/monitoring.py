"""The rule's own property as a monitor over a trace.

The events that the checker searches for in a program are here those that happened. The property's patterns look at
abstract objects, so each optimizer of the trace gets one: it holds all of one module (`held`), and of another one what
was trainable when it was built (`around`). What happened to parameters of the optimizer happened to the first; what
was unfrozen beside them, in the same module, is of the second.
"""

from __future__ import annotations

import ast
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, TypeAlias, cast

from optlint.program.events import Act, Event
from optlint.program.objects import (
    Model,
    Object,
    Optimizer,
    ParameterIterator,
    ParameterSource,
    Place,
    Scaler,
    Scheduler,
    Selection,
)
from optlint.program.scaling import BY_SCALER
from optlint.property.alphabet import Binding, Role
from optlint.property.automaton import Automaton, Verdict
from optlint.property.monitor import monitor
from optlint.property.patterns import Property, Query, Response
from optlint.property.used import Used
from optlint.replay.remaking import first_of, in_line, is_about_remaking
from optlint.replay.trace import Happening, Kind, Thing, Trace

if TYPE_CHECKING:
    from optlint.program.modules import ModuleInfo

Concern: TypeAlias = tuple[Happening, tuple[Object, ...]]
"""A happening, and those objects of one binding that it concerns."""

_CALLED = ast.parse("optimizer.zero_grad()", mode="eval").body
_WRITTEN = ast.Name("gradient")


@dataclass(frozen=True, slots=True)
class Break:
    """Where a trace breaks a property: the happening, and the objects that it is about."""

    happening: Happening
    things: tuple[int, ...]


def breaks(
    rule_property: Property, trace: Trace, optimizers: frozenset[int], rows: tuple[int, ...] = ()
) -> list[Break]:
    """Where a trace breaks a property, for some of its optimizers; a query has no automaton and is broken nowhere.

    Of several schedulers those count that something happens to in one of the rows, if there are such.
    """
    if isinstance(rule_property, Query):
        return []
    if isinstance(rule_property, Used):
        return unused(rule_property, trace, optimizers)
    if is_about_remaking(rule_property):
        optimizers = frozenset(first_of(trace, each) for each in optimizers)
        trace = in_line(trace)
    automaton = rule_property.automaton
    roles = {symbol.role for symbol in automaton.symbols}
    found: list[Break] = []
    if Role.ITERATOR in roles:
        return _iterators(automaton, trace)
    if Role.SCHEDULER not in roles:
        for number in sorted(optimizers):
            for part in _parts(rule_property, trace, number):
                found += _broken(automaton, part, number, None)
        return found
    schedulers = [each for each in trace.things if each.kind is Kind.SCHEDULER and each.optimizer in optimizers]
    flagged = {each for happening in trace.happenings if happening.row in rows for each in happening.things}
    inner = {child for each in schedulers for child in each.children}
    chosen = [each for each in schedulers if flagged.intersection((each.number, *each.children))] or schedulers
    for each in chosen:
        if each.number not in inner:
            found += _broken(automaton, trace, cast("int", each.optimizer), each)
    return found


def _parts(rule_property: Property, trace: Trace, number: int) -> list[Trace]:
    """The trace, or where a property begins with a freezing one for each frozen parameter: what happens to that.

    A clearing of some parameters says nothing of the others.
    """
    if not (isinstance(rule_property, Response) and Act.FREEZE in rule_property.trigger.acts):
        return _shares(trace, number)
    frozen = dict.fromkeys(name for each in trace.happenings if each.act is Act.FREEZE for name in each.parameters)
    return [
        replace(
            trace, happenings=tuple(each for each in trace.happenings if not each.parameters or name in each.parameters)
        )
        for name in frozen
    ]


_OF_GRADIENTS = frozenset((Act.CLEAR, Act.SET_GRADIENT, Act.CHANGE_GRADIENT))


def _shares(trace: Trace, number: int) -> list[Trace]:
    """The trace, or where only a part of an optimizer's gradients was cleared one for each part with its own lot."""
    held = trace.things[number - 1].parameters
    partly = [
        at
        for at, each in enumerate(trace.happenings)
        if each.act in _OF_GRADIENTS and number in each.things and not is_of_all(trace, each, number)
    ]
    if not partly or not held:
        return [trace]
    lots = dict.fromkeys(frozenset(at for at in partly if name not in trace.happenings[at].parameters) for name in held)
    return [
        replace(trace, happenings=tuple(each for at, each in enumerate(trace.happenings) if at not in passing))
        for passing in lots
    ]


def is_of_all(trace: Trace, happening: Happening, optimizer: int) -> bool:
    """Whether what happened to gradients happened to all that an optimizer ever had."""
    return not happening.parameters or set(trace.things[optimizer - 1].parameters) <= set(happening.parameters)


def _iterators(automaton: Automaton, trace: Trace) -> list[Break]:
    found: list[Break] = []
    for thing in trace.things:
        if thing.kind is Kind.ITERATOR:
            iterator = ParameterIterator(thing.number, thing.label, None)
            own: list[Concern] = [(each, (iterator,)) for each in trace.happenings if thing.number in each.things]
            found += _run(automaton, own, Binding((), None, iterator), (thing.number,))
    # A group without parameters was made of what another use had left of an iterator.
    empty = [each for each in trace.happenings if each.act in (Act.NEW, Act.ADD_GROUP) and each.detail == "empty"]
    return found + [Break(each, each.things) for each in empty]


def _broken(automaton: Automaton, trace: Trace, number: int, scheduler: Thing | None) -> list[Break]:
    held, around = Model(0, "held", None), Model(0, "around", None)
    sources = (ParameterSource(held), ParameterSource(around, Selection.TRAINABLE))
    name = next(each.name for each in trace.things if each.number == number)
    optimizer = Optimizer(number, name, None, classes=frozenset((name,)), sources=sources)
    family: dict[int, Scheduler] = {}
    if scheduler is not None:
        for thing in trace.things:
            if thing.number in (scheduler.number, *scheduler.children):
                classes = frozenset((thing.name,))
                family[thing.number] = Scheduler(
                    thing.number, thing.name, None, classes=classes, optimizers=(optimizer,)
                )
        family[scheduler.number].children = tuple(family[each] for each in scheduler.children if each in family)
    concerning: list[Concern] = []
    by_scaler = False
    for happening in trace.happenings:
        subjects: list[Object] = [family[each] for each in happening.things if each in family]
        if number in happening.things:
            subjects += [optimizer] if happening.act in _OF_OPTIMIZERS else [optimizer, held]
        if number in happening.outside:
            subjects.append(around)
        if happening.act is Act.UPDATE_SCALE:
            subjects.append(Scaler(0, "", None))
        if happening.act is Act.STEP and number in happening.things:
            subjects += [Scaler(0, "", None)] if by_scaler else []
            by_scaler = False
        if happening.act is Act.CALL and number in happening.things and happening.detail == "step":
            by_scaler = True  # the optimizer's own step comes next
        if subjects:
            concerning.append((happening, tuple(subjects)))
    head = None if scheduler is None else family[scheduler.number]
    things = (number,) if scheduler is None else (number, scheduler.number)
    return _run(automaton, concerning, Binding((optimizer,), head), things)


_OF_OPTIMIZERS = frozenset((Act.NEW, Act.STEP, Act.ADD_GROUP))


def _run(
    automaton: Automaton,
    concerning: Sequence[Concern],
    binding: Binding,
    things: tuple[int, ...],
) -> list[Break]:
    events = {_event(happening, subjects): happening for happening, subjects in concerning}
    verdicts = list(monitor(automaton, events, binding))
    # Where a pattern tells what takes effect later, only that counts: a schedule that runs early without any update
    # to follow harms none.
    decisive = Verdict.CONFIRMED if _confirms(automaton) else Verdict.BAD
    return [Break(events[event], things) for verdict, event, _ in verdicts if verdict is decisive]


def _confirms(automaton: Automaton) -> bool:
    return any(transition.verdict is Verdict.CONFIRMED for transition in automaton.transitions.values())


def _event(happening: Happening, subjects: tuple[Object, ...]) -> Event:
    node = _WRITTEN if happening.by_hand else _CALLED
    place = Place(cast("ModuleInfo", None), node)
    detail = happening.detail.removesuffix(" in place")
    if happening.act is Act.STEP and any(isinstance(each, Scaler) for each in subjects):
        detail = BY_SCALER  # whether it made it, left it out, or raised
    return Event(happening.act, subjects, place, detail=detail)


def unused(used: Used, trace: Trace, optimizers: frozenset[int]) -> list[Break]:
    """What begins in a whole trace, and comes to nothing; a trace that was cut short or failed does not tell."""
    if trace.cut or trace.failure is not None:
        return []
    found: list[Break] = []
    of_schedulers = Role.SCHEDULER in (used.begun.role, used.use.role)
    for thing in trace.things:
        driven = thing.number if thing.kind is Kind.OPTIMIZER else thing.optimizer
        if driven not in optimizers or thing.kind is not (Kind.SCHEDULER if of_schedulers else Kind.OPTIMIZER):
            continue
        if any(thing.number in other.children for other in trace.things):
            continue
        concerned = {
            role: {thing.number, *thing.children} if role is Role.SCHEDULER else {driven}
            for role in (used.begun.role, used.use.role)
        }
        begun, use = (
            [each for each in trace.happenings if each.act in pattern.acts and concerned[pattern.role] & {*each.things}]
            for pattern in (used.begun, used.use)
        )
        if used.mutual and use and not begun:
            begun, use = use, []
        if begun and not use:
            found.append(Break(begun[0], tuple(each for each in (driven, thing.number) if each is not None)))
    return found


def optimizers_of(trace: Trace, happening: Happening) -> Iterator[int]:
    """The optimizers that a happening concerns: themselves, their parameters or their schedules."""
    for number in (*happening.things, *happening.outside):
        thing = trace.things[number - 1]
        if thing.kind is Kind.OPTIMIZER:
            yield number
        elif thing.optimizer is not None:
            yield thing.optimizer
