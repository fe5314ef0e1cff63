"""Abstract values: what an expression may be, as far as optimizers care."""

from __future__ import annotations

import ast
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TypeAlias

from optlint.program.modules import ClassInfo, FunctionNode, ModuleInfo
from optlint.program.objects import Model, Object, Optimizer, Scaler


@dataclass(frozen=True, slots=True)
class Const:
    """A literal: a string, number, bool or None."""

    value: str | bytes | int | float | complex | bool | None


@dataclass(frozen=True, slots=True)
class Default(Const):
    """What a parameter is where a caller says nothing, in a function whose callers are not seen.

    A rate, a length or a name is taken to be this one; no condition is: a caller may turn a flag around. `serial` tells
    one such parameter from another: whatever it is, it is the same everywhere.
    """

    serial: int


@dataclass(frozen=True, slots=True)
class External:
    """A name of a package outside of the project, dotted: `torch.optim.SGD`."""

    name: str


@dataclass(frozen=True, slots=True)
class Imported:
    """An imported name that has not been looked up yet; `name` is empty for the module itself."""

    module: str
    name: str
    level: int
    importer: ModuleInfo


@dataclass(frozen=True, slots=True)
class ModuleValue:
    """A module of the project."""

    module: ModuleInfo


@dataclass(frozen=True, slots=True, eq=False)
class Frame:
    """The variables of one function call or of one module; they live in the machine's store under `serial`."""

    serial: int
    module: ModuleInfo
    outer: Frame | None = None
    global_names: frozenset[str] = frozenset()
    nonlocal_names: frozenset[str] = frozenset()


@dataclass(frozen=True, slots=True, eq=False)
class Function:
    """A function of the project. `frame` is where it was defined, `receiver` what a method is bound to."""

    node: FunctionNode | ast.Lambda
    frame: Frame
    owner: ClassInfo | None = None
    receiver: Value | None = None


@dataclass(frozen=True, slots=True)
class ClassValue:
    """A class of the project."""

    info: ClassInfo


@dataclass(frozen=True, slots=True)
class Method:
    """An attribute of a value that is not a variable: a method not yet called, or some part of an unknown value."""

    receiver: Value
    name: str


@dataclass(frozen=True, slots=True)
class Partial:
    """`functools.partial(function, ...)`; the arguments stay syntax, with their values beside them."""

    function: Value
    positional: tuple[Value, ...]
    keywords: tuple[tuple[str, Value], ...]


@dataclass(frozen=True, slots=True)
class Super:
    """`super()` in a method of `info`."""

    info: ClassInfo
    receiver: Value


@dataclass(frozen=True, slots=True)
class Items:
    """A list, tuple or set; its items are kept in the machine's store under `serial`."""

    serial: int


@dataclass(frozen=True, slots=True)
class Entries:
    """A dict; its entries are kept in the machine's store under `serial`."""

    serial: int


@dataclass(frozen=True, slots=True)
class Groups:
    """`optimizer.param_groups`."""

    optimizer: Optimizer


@dataclass(frozen=True, slots=True)
class Group:
    """One of `optimizer.param_groups`."""

    optimizer: Optimizer


@dataclass(frozen=True, slots=True)
class Gradient:
    """`p.grad`, or tensors got from it."""

    parameter: Object


@dataclass(frozen=True, slots=True)
class Opaque:
    """A value that is not understood.

    It may hold references to `holds`; it was computed through the modules `flows`, so that a backward from it
    reaches their parameters. `serial` tells one such value from another; `label` is a name it goes by. `scalers` have
    multiplied it; one that may have is among those that it holds.
    """

    serial: int
    label: str = ""
    holds: frozenset[Object] = frozenset()
    flows: frozenset[Model] = frozenset()
    scalers: frozenset[Scaler] = frozenset()


@dataclass(frozen=True, slots=True)
class Join:
    """One of several values, depending on the path."""

    alternatives: tuple[Value, ...]


Value: TypeAlias = (
    Const
    | External
    | Imported
    | ModuleValue
    | Function
    | ClassValue
    | Method
    | Partial
    | Super
    | Items
    | Entries
    | Groups
    | Group
    | Gradient
    | Opaque
    | Join
    | Object
)

Keywords: TypeAlias = Sequence[tuple[str, Value]]
"""The keyword arguments of a call; one that was written `**` goes by that name."""

NONE = Const(None)
DEEPEST_LIST = 3
"""How deep lists and dicts that lie in each other are looked into; one may lie in itself."""


def settled(value: Value) -> Value:
    """Return a value as it is where no caller says otherwise."""
    return Const(value.value) if isinstance(value, Default) else value


def alternatives(value: Value) -> tuple[Value, ...]:
    """Return the values that a value may be, without `None` where there is something else."""
    if not isinstance(value, Join):
        return (value,)
    solid = tuple(inner for inner in value.alternatives if inner != NONE)
    return solid or (NONE,)
