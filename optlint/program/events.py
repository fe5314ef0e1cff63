"""Events: what happens to the objects of a training program, in the words of torch."""

from __future__ import annotations

import enum
from dataclasses import dataclass

from optlint.program.objects import Model, Object, Place


class Act(enum.Enum):
    """What happens. The values are the words that the printer shows."""

    NEW = "new"
    FORWARD = "forward"
    BACKWARD = "backward"
    CLEAR = "clear"
    """Gradients are cleared; `detail` is `zero` where they become zeros instead of None."""
    SET_GRADIENT = "set-gradient"
    """Gradients are written by hand."""
    STEP = "step"
    """An optimizer step, by whatever call."""
    SCHEDULE = "schedule"
    """A scheduler step; `detail` is `argument` where it is given an epoch or a metric."""
    CLIP = "clip"
    UNSCALE = "unscale"
    UPDATE_SCALE = "update-scale"
    FREEZE = "freeze"
    """`requires_grad` becomes false; `detail` is `some` where that holds for an unknown part only."""
    UNFREEZE = "unfreeze"
    MOVE = "move"
    """A module goes to another device or dtype; `detail` is the method."""
    REPLACE = "replace"
    """Parameters of a module are exchanged for new ones; `detail` says what was replaced."""
    CONSUME = "consume"
    """An iterator of parameters is used up."""
    ADD_GROUP = "add-group"
    SAVE = "save"
    LOAD = "load"
    SET_RATE = "set-rate"
    ESCAPE = "escape"
    """The object goes where optlint cannot follow: anything may happen to it there."""
    CALL = "call"
    """Another method, named by `detail`, is called."""
    MENTION = "mention"
    """A method, named by `detail`, stands as a statement of its own and is not called."""
    SET_ATTRIBUTE = "set-attribute"
    """An attribute, named by `detail`, is assigned on a parameter or a module."""
    NON_LEAF = "non-leaf"
    """A tensor that is not a leaf is given to an optimizer."""
    NOT_PARAMETERS = "not-parameters"
    """An optimizer is given something else than parameters; `detail` says what."""


@dataclass(frozen=True, slots=True, eq=False)
class Event:
    """One act on some objects at one place, in one calling context.

    `subjects` is empty where the object is unknown. For `BACKWARD` the subjects are the modules that gradients
    reach, and `known` tells whether there may be others. `stack` holds the call sites that lead here, outermost
    first.
    """

    act: Act
    subjects: tuple[Object, ...]
    place: Place
    stack: tuple[Place, ...] = ()
    detail: str = ""
    known: bool = True

    def models(self) -> tuple[Model, ...]:
        """Return those subjects that are modules."""
        return tuple(subject for subject in self.subjects if isinstance(subject, Model))
