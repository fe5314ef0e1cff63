"""The alphabet of properties: patterns of events, seen from one optimizer, scheduler or iterator."""

from __future__ import annotations

import enum
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from optlint.program.events import Act, Event
from optlint.program.objects import (
    Confidence,
    Model,
    Object,
    Optimizer,
    ParameterIterator,
    Scheduler,
    Selection,
    canonical,
)

if TYPE_CHECKING:
    from optlint.program.program import Entry


class Role(enum.Enum):
    """The part that an object plays in a property."""

    __hash__ = object.__hash__  # as that of acts

    OPTIMIZER = "optimizer"
    SCHEDULER = "scheduler"
    ITERATOR = "iterator"


OPTIMIZER, SCHEDULER, ITERATOR = Role.OPTIMIZER, Role.SCHEDULER, Role.ITERATOR


@dataclass(frozen=True, slots=True)
class Binding:
    """The objects that play the parts; `alone` where there is only one optimizer around.

    A scheduler is bound together with the optimizers that it drives.
    """

    optimizers: tuple[Optimizer, ...] = ()
    scheduler: Scheduler | None = None
    iterator: ParameterIterator | None = None
    alone: bool = True
    held: dict[Model, bool] = field(default_factory=dict, compare=False, repr=False)
    """What was asked of `holds` before."""
    entry: Entry | None = field(default=None, compare=False, repr=False)

    def holds(self, model: Model) -> bool:
        """Whether some parameters of a module are among those of the optimizers."""
        found = self.held.get(model)
        if found is None:
            found = self.held[model] = any(optimizer.holds(model) for optimizer in self.optimizers)
        return found

    @property
    def optimizer(self) -> Optimizer:
        """The one optimizer, or the first of several."""
        return self.optimizers[0]


class Match(enum.Enum):
    """Whether an event is an instance of a pattern."""

    NO = 0
    MAYBE = 1
    YES = 2


@dataclass(frozen=True, slots=True)
class EventPattern:
    """Events of some acts that happen to the object in a role; `where` narrows them down.

    What `sure` denies may be one of them, or none.
    """

    role: Role
    acts: frozenset[Act]
    where: Callable[[Event, Binding], bool] | None = None
    sure: Callable[[Event, Binding], bool] | None = None

    def match(self, event: Event, binding: Binding) -> Match:
        """Return whether the event is one of these, for the bound objects."""
        if event.act not in self.acts:
            return Match.NO
        found = _concerns(event, binding, self.role)
        if found is not Match.NO and self.where is not None and not self.where(event, binding):
            return Match.NO
        if found is Match.YES and self.sure is not None and not self.sure(event, binding):
            return Match.MAYBE
        return found


def _concerns(event: Event, binding: Binding, role: Role) -> Match:
    subjects = [canonical(subject) for subject in event.subjects]
    match role:
        case Role.SCHEDULER:
            scheduler = binding.scheduler
            assert scheduler is not None
            family: list[Object] = [scheduler, *scheduler.children]
            return Match.YES if any(subject in family for subject in subjects) else Match.NO
        case Role.ITERATOR:
            return Match.YES if binding.iterator in subjects else Match.NO
        case Role.OPTIMIZER:
            return _concerns_optimizer(event, subjects, binding)


def _concerns_optimizer(event: Event, subjects: list[Object], binding: Binding) -> Match:
    if any(optimizer in subjects for optimizer in binding.optimizers):
        return Match.YES
    if event.act in (Act.STEP, Act.NEW, Act.ADD_GROUP):
        return Match.NO
    models = [subject for subject in subjects if isinstance(subject, Model)]
    if any(map(binding.holds, models)):
        return Match.YES
    if event.act is Act.CLEAR:
        shared = _clears_shared([subject for subject in subjects if isinstance(subject, Optimizer)], binding)
        if shared is not Match.NO:
            return shared
    if event.act is Act.UNFREEZE:
        roots = {source.model.root() for optimizer in binding.optimizers for source in optimizer.sources}
        return Match.YES if any(model.root() in roots for model in models) else Match.NO
    if event.act in (Act.BACKWARD, Act.CLIP):
        unsure = not event.known or any(not optimizer.complete for optimizer in binding.optimizers)
        if unsure:
            return Match.YES if binding.alone else Match.MAYBE
        if not _surely_apart(models, binding):
            return Match.MAYBE
    if event.act is Act.UPDATE_SCALE:
        return Match.YES  # a scaler is updated for all optimizers at once
    if event.act is Act.UNSCALE:
        # Of an optimizer that is not surely another one: silence rather than a false alarm.
        others = [subject for subject in subjects if isinstance(subject, Optimizer)]
        sure = all(each.confidence is Confidence.CERTAIN for each in (*others, *binding.optimizers))
        return Match.NO if others and sure else Match.YES
    if event.act in (Act.CLEAR, Act.SET_GRADIENT, Act.CHANGE_GRADIENT) and (
        not event.known or any(not optimizer.complete for optimizer in binding.optimizers)
    ):
        # Clearing something unknown is taken to clear this optimizer's gradients: silence rather than a false alarm.
        return Match.YES
    return Match.NO


def _clears_shared(others: list[Optimizer], binding: Binding) -> Match:
    """Whether other optimizers hold all that the bound ones do, so that they clear it as well.

    Where they may hold all of it, it is not known.
    """
    theirs = [source for other in others for source in other.sources]
    found = Match.YES if theirs else Match.NO
    for own in (source for optimizer in binding.optimizers for source in optimizer.sources):
        around = [each for each in theirs if own.model.within(each.model)]
        if not around:
            return Match.NO
        if all(each.selection is not Selection.ALL for each in around):
            found = Match.MAYBE
    return found


def _surely_apart(models: list[Model], binding: Binding) -> bool:
    """Whether modules are known well enough to say that they share nothing with those of the optimizers.

    What is known by its use alone may be a part of another one, or be wrapped around it.
    """
    held = [source.model for optimizer in binding.optimizers for source in optimizer.sources]
    return all(model.confidence is Confidence.CERTAIN and model.root().place is not None for model in (*models, *held))


def step(role: Role) -> EventPattern:
    """A step of the optimizer, or a step of the scheduler."""
    return EventPattern(role, frozenset((Act.SCHEDULE if role is Role.SCHEDULER else Act.STEP,)))


def new(role: Role) -> EventPattern:
    """The object is made."""
    return EventPattern(role, frozenset((Act.NEW,)))


def backward(role: Role) -> EventPattern:
    """A backward that reaches the optimizer's parameters."""
    return EventPattern(role, frozenset((Act.BACKWARD,)))


def clear(role: Role) -> EventPattern:
    """The optimizer's gradients are cleared, in whatever way."""
    return EventPattern(role, frozenset((Act.CLEAR,)))


def freeze(role: Role) -> EventPattern:
    """Parameters of the optimizer are frozen."""
    return EventPattern(role, frozenset((Act.FREEZE,)))


def unfreeze(role: Role) -> EventPattern:
    """Parameters of a module of which the optimizer holds some are unfrozen."""
    return EventPattern(role, frozenset((Act.UNFREEZE,)))


def add_group(role: Role) -> EventPattern:
    """The optimizer gets another parameter group."""
    return EventPattern(role, frozenset((Act.ADD_GROUP,)))


def replace(role: Role) -> EventPattern:
    """Parameters of a module that the optimizer holds are exchanged for new ones."""
    return EventPattern(role, frozenset((Act.REPLACE,)))


def move(role: Role) -> EventPattern:
    """A module that the optimizer holds goes to another device or dtype."""
    return EventPattern(role, frozenset((Act.MOVE,)))


def consume(role: Role) -> EventPattern:
    """The iterator is used up."""
    return EventPattern(role, frozenset((Act.CONSUME,)))


def escapes(event: Event, binding: Binding) -> bool:
    """Whether a bound object goes where anything may happen to it."""
    if event.act is not Act.ESCAPE:
        return False
    subjects = [canonical(subject) for subject in event.subjects]
    return bool(binding.scheduler in subjects or any(optimizer in subjects for optimizer in binding.optimizers))


def may_touch_gradients(event: Event, binding: Binding) -> bool:
    """Whether a module of the optimizer goes where its gradients may be made or cleared."""
    if event.act is not Act.ESCAPE:
        return False
    return any(map(binding.holds, event.models()))
