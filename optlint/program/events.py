"""Events: what happens to the objects of a training program, in the words of torch."""

from __future__ import annotations

import enum
from dataclasses import dataclass

from optlint.program.objects import Model, Object, Place, Scaler


class Act(enum.Enum):
    """What happens. The values are the words that the printer shows."""

    __hash__ = object.__hash__  # acts are asked for so often that the one of Enum, written in Python, shows

    NEW = "new"
    FORWARD = "forward"
    BACKWARD = "backward"
    """`detail` is `scaled` where a scaler has multiplied the loss, and `maybe scaled` where that is not known."""
    CLEAR = "clear"
    """Gradients are cleared; `detail` is `zero` where they become zeros instead of None."""
    SET_GRADIENT = "set-gradient"
    """Gradients are written by hand."""
    CHANGE_GRADIENT = "change-gradient"
    """Gradients are changed in their place: multiplied, clamped and the like."""
    STEP = "step"
    """An optimizer step, by whatever call; `detail` is `scaler` where a scaler makes it, and `maybe scaler` where that
    is not known."""
    SCHEDULE = "schedule"
    """A scheduler step; `detail` is `argument` where it is given an epoch or a metric."""
    CLIP = "clip"
    """Gradients are clipped; `detail` says what was given in the place of parameters."""
    UNSCALE = "unscale"
    UPDATE_SCALE = "update-scale"
    FREEZE = "freeze"
    """`requires_grad` becomes false; `detail` is `some` where that holds for an unknown part only."""
    UNFREEZE = "unfreeze"
    MOVE = "move"
    """A module goes to another device or dtype; `detail` is the method."""
    REPLACE = "replace"
    """Parameters of a module are exchanged for new ones; `detail` says what was replaced."""
    SHARD = "shard"
    """Parameters of a module become parts of others, spread over processes; `detail` is the function."""
    CONSUME = "consume"
    """An iterator of parameters is used up; `detail` is `kept` where a group dict keeps what it gave as a list."""
    ADD_GROUP = "add-group"
    TRAIN = "train"
    """A module is put into training mode; `known` is false where an argument decides."""
    EVAL = "eval"
    """A module is put into evaluation mode."""
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
    DETACHED = "detached"
    """An optimizer is given tensors that were taken out of the graph; `detail` says how, and the place is where."""
    NOT_PARAMETERS = "not-parameters"
    """An optimizer is given something else than parameters; `detail` says what."""


@dataclass(frozen=True, slots=True, eq=False)
class Event:
    """One act on some objects at one place, in one calling context.

    `subjects` is empty where the object is unknown. For `BACKWARD` the subjects are the modules that gradients
    reach, and `known` tells whether there may be others. `stack` holds the call sites that lead here, outermost
    first. `scaler` has multiplied the loss of a `BACKWARD`, or makes a `STEP` or
    `UNSCALE`.
    """

    act: Act
    subjects: tuple[Object, ...]
    place: Place
    stack: tuple[Place, ...] = ()
    detail: str = ""
    known: bool = True
    scaler: Scaler | None = None

    def models(self) -> tuple[Model, ...]:
        """Return those subjects that are modules."""
        return tuple(subject for subject in self.subjects if isinstance(subject, Model))
