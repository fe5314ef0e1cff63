"""The abstract objects of a training program: models, parameters, optimizers, schedulers, scalers.

One object stands for all that one allocation site makes in one calling context. Objects that exclusive branches
make for one variable are merged into one (`merge`), so that `if adam: opt = Adam(...) else: opt = SGD(...)` is one
optimizer of two classes.
"""

from __future__ import annotations

import ast
import enum
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, TypeVar

if TYPE_CHECKING:
    from optlint.program.modules import ClassInfo, ModuleInfo
    from optlint.program.parameter_groups import GivenGroup
    from optlint.program.scheduling import Construction


class Confidence(enum.IntEnum):
    """How one knows what an object is; ordered."""

    NAME = 1
    """Only by its name."""
    USE = 2
    """By how it is used, or by what an unknown constructor was given."""
    CERTAIN = 3
    """By a constructor, a subclass or an annotation."""


@dataclass(frozen=True, slots=True)
class Place:
    """A node of a file; the call sites that led there stand in `Event.stack`."""

    module: ModuleInfo
    node: ast.AST


@dataclass(eq=False, slots=True)
class Object:
    """What all abstract objects have.

    `serial` orders objects by creation; `label` is the name people know the object by (`optimizer`, `self.optim`).
    """

    serial: int
    label: str
    place: Place | None
    confidence: Confidence = Confidence.CERTAIN
    merged_into: Object | None = None


@dataclass(eq=False, slots=True)
class Model(Object):
    """An `nn.Module`, or a part of one (`parent` and `attribute` say of which)."""

    info: ClassInfo | None = None
    parent: Model | None = None
    attribute: str = ""
    has_parameters: bool = True
    copied: bool = False
    """Whether it is a copy of another module, as targets and averages are."""
    parts: dict[str, Model] = field(default_factory=dict)
    wraps: tuple[Model, ...] = ()
    """Modules that this one was built from: `nn.Sequential(model.fc, nn.Dropout())` trains what `model.fc` held."""

    def root(self) -> Model:
        """Return the outermost module that this one is a part of."""
        model = canonical(self)
        seen = {model}
        while model.parent is not None and canonical(model.parent) not in seen:
            model = canonical(model.parent)
            seen.add(model)
        return model

    def within(self, other: Model) -> bool:
        """Whether this module is `other` or a part of it."""
        target = canonical(other)
        seen: set[Model] = set()
        pending = [canonical(self)]
        while pending:
            model = pending.pop()
            if model is target:
                return True
            if model not in seen:
                seen.add(model)
                pending.extend(map(canonical, model.wraps))
                if model.parent is not None:
                    pending.append(canonical(model.parent))
        return False

    def overlaps(self, other: Model) -> bool:
        """Whether the two share parameters: one is the other or a part of it."""
        return self.within(other) or other.within(self)


class Selection(enum.Enum):
    """Which of a module's parameters a source takes."""

    ALL = "all"
    TRAINABLE = "trainable"
    """Those whose `requires_grad` was true when the source was read."""
    SOME = "some"
    """An unknown part: by name, by index, by identity."""


@dataclass(frozen=True, slots=True)
class ParameterSource:
    """Parameters of one module, as `model.parameters()` or a filter over it gives them."""

    model: Model
    selection: Selection = Selection.ALL


@dataclass(eq=False, slots=True)
class ParameterIterator(Object):
    """An iterable of parameters; `one_shot` where a second pass finds nothing (generators, `filter`, `map`)."""

    sources: tuple[ParameterSource, ...] = ()
    one_shot: bool = False
    named: bool = False
    complete: bool = True
    """Whether `sources` is all that it may give."""
    optimizer: Optimizer | None = None
    """The optimizer out of whose `param_groups` it was taken."""


@dataclass(eq=False, slots=True)
class Parameter(Object):
    """One parameter, or any one of an iterator's: the variable of `for p in model.parameters()`.

    `depth` is the number of branches around the place where the variable got it: deeper down, what happens to it
    happens to some of the parameters only.
    """

    sources: tuple[ParameterSource, ...] = ()
    optimizer: Optimizer | None = None
    depth: int = 0
    leaf: bool = True


@dataclass(eq=False, slots=True)
class Optimizer(Object):
    """An optimizer; `classes` are the names that its class may have, without module."""

    classes: frozenset[str] = frozenset()
    sources: tuple[ParameterSource, ...] = ()
    complete: bool = True
    """Whether `sources` is all that it was given."""
    info: ClassInfo | None = None
    groups: int | None = None
    """How many parameter groups it was made with, where that is known."""
    given: tuple[GivenGroup, ...] = ()
    """The dicts that it was given as groups, also later."""
    taken_from: tuple[Optimizer, ...] = ()
    """Other optimizers whose `param_groups` it was given."""
    constructions: tuple[Construction, ...] = ()
    """The calls that may have made it, one for each branch."""

    def holds(self, model: Model) -> bool:
        """Whether some parameters of `model` are among the optimizer's, as far as one can see."""
        return any(source.model.overlaps(model) for source in self.sources)


@dataclass(eq=False, slots=True)
class Scheduler(Object):
    """A learning-rate scheduler and the optimizers that it may drive."""

    classes: frozenset[str] = frozenset()
    optimizers: tuple[Optimizer, ...] = ()
    children: tuple[Scheduler, ...] = ()
    info: ClassInfo | None = None
    constructions: tuple[Construction, ...] = ()
    """The calls that may have made it, one for each branch."""


@dataclass(eq=False, slots=True)
class Scaler(Object):
    """A `GradScaler`, or what stands in for one; `enabled` is None where that is not known."""

    enabled: bool | None = True


@dataclass(eq=False, slots=True)
class Instance(Object):
    """An instance of a project class that is none of the above."""

    info: ClassInfo | None = None


Known = TypeVar("Known", bound=Object)


def canonical(value: Known) -> Known:
    """Return the object that `value` was merged into, or itself."""
    current: Object = value
    while current.merged_into is not None:
        current = current.merged_into
    return current  # type: ignore[return-value]
