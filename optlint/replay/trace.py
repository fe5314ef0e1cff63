"""The trace of a replay: what happened, update by update, in numbers; plain data that goes through a pipe as JSON."""

from __future__ import annotations

import enum
from dataclasses import dataclass

from optlint.program.events import Act


class Kind(enum.Enum):
    """What an object of the replay is."""

    OPTIMIZER = "optimizer"
    SCHEDULER = "scheduler"
    SCALER = "scaler"
    MODULE = "module"
    ITERATOR = "iterator"
    """An iterator of parameters that can be gone through once."""


@dataclass(frozen=True, slots=True)
class Group:
    """A parameter group as an optimizer was given it: how many tensors, and its options beyond the defaults.

    Keys that the optimizer does not read stand there as what they were meant to be, and in `unread` as they are. Where
    one was meant to be the rate, `rate` is what it asks for, and else the rate that the group begins with.
    `inherited` are options that another optimizer has left in the dict; what this one was built with stands for them.
    """

    size: int
    options: str
    unread: tuple[str, ...] = ()
    rate: float = 0.0
    inherited: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Thing:
    """An object of the replay.

    Attributes:
        number: From 1, in the order in which the objects are first seen.
        kind: What it is.
        name: The name of its class.
        optimizer: The number of the optimizer that a scheduler drives.
        label: What the script calls it, where it has a name there: `optimizer`, `self.scheduler`, `optimizers[0]`.
        children: The schedulers that a scheduler is composed of.
        length: How many steps a scheduler is made for (`total_steps`, `T_max`, `total_iters`), where it says.
        options: What it was made with, as far as that decides what it computes: `lr=0.1, momentum=0.9`.
        groups: Those that an optimizer was given, without their rates.
        former: The number of the one that the same row made before it, of the same class and with the same options: of
            an optimizer, for the same parameters; of a scheduler, for the same optimizer or one in whose place that is.
        narrow: The type of an optimizer's parameters at its first step, where it is `float16` or `bfloat16`.
        outside: Whether a stand-in made it, as for the argument of a function: there may be more to it than one sees.
        parameters: Names of those that an optimizer has held at any time and that have had a gradient.
        from_zero: What becomes of these in an update of a gradient of zero: `nan`, `inf`, `finite`; empty if untried.
    """

    number: int
    kind: Kind
    name: str
    optimizer: int | None = None
    label: str = ""
    children: tuple[int, ...] = ()
    length: float | None = None
    options: str = ""
    groups: tuple[Group, ...] = ()
    former: int | None = None
    narrow: str = ""
    from_zero: str = ""
    outside: bool = False
    parameters: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Apart:
    """How far a quantity is from what it should be; as `optlint.reference.divergence.Distance`."""

    absolute: float
    relative: float
    ulps: float


@dataclass(frozen=True, slots=True)
class Happening:
    """One act on some objects, at a row of the script (from 1), after so many updates of all optimizers.

    Attributes:
        act: What happened.
        row: Of the script; of what was done by hand and is seen only later (`p.grad.data.zero_()`), where it is seen.
        things: The objects acted on, and the optimizers that hold parameters which the act concerns.
        updates: Made so far.
        detail: As of the act in `optlint.program.events`; of MOVE the method, ` in place` after it where nothing moved;
            `wound` of SCHEDULE where a schedule is wound forward before the first update; `skipped` of STEP where a
            scaler left the update out; `empty` of NEW and ADD_GROUP where the optimizer was given nothing; `failed` of
            NEW where the construction raised, and of STEP where a scaler did; `meant` of STEP and SCHEDULE where a run
            that lets pass what the code means leaves out a call that lacks its argument; `scaled` of BACKWARD where a
            scaler has multiplied the loss, and `leaf` where it starts at a tensor that has no graph; `unknown` of LOAD
            where a stand-in stands for what is loaded; `kept` of ESCAPE
            where unknown code may use the object later, and hardly does so there, and `acted on` where it may be what
            a stand-in stands for that was asked to step or to clear.
        rates: Of NEW, those that the optimizer of a scheduler had before; of SCHEDULE, those that it has after.
        given: The numbers that the act was given: limit and order of the norm of CLIP, the epoch or metric of SCHEDULE;
            of BACKWARD by what the loss was multiplied last of all, where that is not 1.
        apart: Where the act gave a number that can be wrong, how wrong: of `get_lr()` and `get_last_lr()` against the
            rates in force, of the norm from `clip_grad_norm_` against that of the gradients it was to clip.
        outside: For UNFREEZE, optimizers that hold a part of the same module and none of these parameters.
        lost: Of SCHEDULE, where other schedules have changed the rates since its last step: by what factor they did
            where the step has undone that, and else 1, for each group.
        parameters: Names of those concerned by CLIP, FREEZE, UNFREEZE, REPLACE, MOVE and SET_ATTRIBUTE, and by CLEAR
            SET_GRADIENT and CHANGE_GRADIENT where they are not all of an optimizer.
        by_hand: Whether nothing that is made for it did it: `p.grad = None`, `group["lr"] = 0.1`.
    """

    act: Act
    row: int
    things: tuple[int, ...]
    updates: int
    detail: str = ""
    apart: Apart | None = None
    outside: tuple[int, ...] = ()
    parameters: tuple[str, ...] = ()
    by_hand: bool = False
    given: tuple[float, ...] = ()
    rates: tuple[float, ...] = ()
    lost: tuple[float, ...] = ()


@dataclass(frozen=True, slots=True)
class Value:
    """What a parameter was at some time: its shape, and its Euclidean norm; after so many updates of all optimizers."""

    name: str
    shape: tuple[int, ...]
    size: float
    updates: int


@dataclass(frozen=True, slots=True)
class Astray:
    """A parameter that is kept where no optimizer gets it from; `row` of the script keeps it there."""

    name: str
    row: int


@dataclass(frozen=True, slots=True)
class Update:
    """One step of an optimizer that moved on to the next state of its parameters.

    Attributes:
        number: From 1, over all optimizers.
        optimizer: The number of the optimizer.
        row: Of the script.
        rates: The learning rate of each group that has one, as the update used it.
        due_rates: The rates that the schedule, stepped once after each update at most, has for this update; equal to
            `rates` where no scheduler drives the optimizer.
        gradient: The gradient that the update used, against the sum of all backwards since the optimizer's last
            update; None where the optimizer has no parameter with a gradient in either.
        arithmetic: The update, against the reference optimizer; None where there is no reference.
        moved: Names of the parameters that changed, sorted.
        frozen_moved: Those of them that the program has frozen (or meant to, by a misspelt attribute).
        idle: Parameters that want a gradient, got one by a backward since the last update of any optimizer, belong to
            a module of which this optimizer holds a part, and were not moved by it nor by another optimizer so far.
        travelled: The Euclidean distance of all parameters of the optimizer from where they were at the start.
        backwards: How many backwards this update is the first of all updates to make use of.
        borrowed: How many more it uses that another optimizer's update was the first to use, and that come from other
            rows than its own: gradients of another loss, which nobody has cleared.
        meant: Parameters that a misspelt attribute was to unfreeze, and that are frozen.
        stale: How many evaluations of a closure gave no gradient.
        kept_rates: As `due_rates`, had no optimizer and no scheduler been made in the place of another one.
        stateful: Whether the optimizer has a state that the next update begins with, beyond a count of its steps.
        travelled_reference: As `travelled`, had each update so far been the reference's, with the rate and the gradient
            that were due; None where it has none.
        astray: Parameters that got gradients and were not moved so far, that no optimizer holds, and that a module of
            which this optimizer holds a part keeps without registering them.
        detached: Parameters that have gradients and that no optimizer holds, while this one holds what was detached
            from them, which has none.
    """

    number: int
    optimizer: int
    row: int
    rates: tuple[float, ...]
    due_rates: tuple[float, ...]
    gradient: Apart | None
    arithmetic: Apart | None
    moved: tuple[str, ...]
    frozen_moved: tuple[str, ...]
    idle: tuple[str, ...]
    travelled: float
    backwards: int = 0
    borrowed: int = 0
    meant: tuple[str, ...] = ()
    stale: int = 0
    travelled_reference: float | None = None
    astray: tuple[Astray, ...] = ()
    detached: tuple[str, ...] = ()
    kept_rates: tuple[float, ...] = ()
    stateful: bool = False


@dataclass(frozen=True, slots=True)
class Failure:
    """The exception that ended a replay; `row` of the script, 0 where it has none."""

    kind: str
    message: str
    row: int
    in_standin: bool
    """Whether it was raised by a stand-in or by the replay, so that it says nothing about the code."""


@dataclass(frozen=True, slots=True)
class Trace:
    """All that one run of a script showed.

    `cut` tells that the run was ended because it had made as many updates as it may. `starts` are the parameters as the
    first backward that reaches them finds them, `formers` as they were before something else took their place; `taken`
    are the names of those that took another one's place, or loaded a state.
    """

    things: tuple[Thing, ...]
    happenings: tuple[Happening, ...]
    updates: tuple[Update, ...]
    failure: Failure | None
    cut: bool
    device: str
    torch: str
    """The version."""
    asked: tuple[str, ...] = ()
    """Conditions that depended on stand-ins, in the words of the stand-ins, in the order in which they were met."""
    asked_in: tuple[int, ...] = ()
    """The rows of the script in which they were first met."""
    reached: tuple[int, ...] | None = None
    """The rows of the script that ran, where that is known."""
    held: tuple[str, ...] = ()
    """Those of them that came out true."""
    starts: tuple[Value, ...] = ()
    formers: tuple[Value, ...] = ()
    taken: tuple[str, ...] = ()
    away: bool = False
    """Whether something was to go to a device that is not here, and stayed."""
    shapes_only: bool = False
    """Whether `meta`, which has no numbers, stood for a device that is not here."""
    state_apart: bool = False
    """Whether the last step found an optimizer's state on another device than its parameters, `meta` being one."""
