"""What is known of values: what unknown ones turned out to be, what each refers to and was computed through."""

from __future__ import annotations

from collections.abc import Sequence

from optlint.program.detached import Detached
from optlint.program.merging import merge
from optlint.program.objects import (
    Confidence,
    Model,
    Object,
    Optimizer,
    Parameter,
    ParameterIterator,
    Place,
    Scaler,
    canonical,
)
from optlint.program.regions import Region
from optlint.program.scaling import scaled_throughout, scalers_of_all
from optlint.program.store import Store
from optlint.program.values import DEEPEST_LIST, Const, Default, Entries, Function, Items, Join, Opaque, Value

MOST_ALTERNATIVES = 6
"""Values that a variable may have before it becomes unknown."""


class Knowledge(Store):
    """A store that knows more of its values than they say themselves."""

    def __init__(self) -> None:
        super().__init__()
        self.unseen = Model(0, "unseen", None, Confidence.NAME)
        """Stands for whatever an attribute that was set elsewhere may have been computed through."""
        self.divided: list[Model] = []
        """Modules that have parts, which in turn know them."""
        self.models: dict[int, Object] = {}
        """Objects that unknown values turned out to be, by the value's serial."""
        self.scalers: dict[int, Scaler] = {}
        """Scalers that unknown values turned out to be, by the value's serial."""
        self.awaited: dict[int, Optimizer] = {}
        """Optimizers that unknown values were taken for by their names alone, when they were given away."""
        self.foreign_scaler = Scaler(0, "", None, Confidence.NAME, enabled=None)
        """Stands for the one in another package's protocol, as that of apex."""
        self.scaled = False
        """Whether a scaler has multiplied anything."""
        self.moved: dict[int, list[tuple[list[Region], Place, str]]] = {}
        """Moves of unknown values, which may turn out to be modules: in which block, where, and the event's detail."""
        self.displays: dict[int, Place] = {}
        """Where the dicts of the store were written, by serial."""
        self.detached: dict[int, Detached] = {}
        """Unknown values that are detached tensors, by serial; of a parameter what its `data` is."""
        self.names: dict[int, str] = {}
        """Names that unknown values were assigned to, by the value's serial."""
        self.unsaid: set[int] = set()
        """Unknown values that parameters of entries may be which are `None` by default, by serial."""
        self.asked: dict[int, str] = {}
        """By what name a condition first asked for an unknown value, by the value's serial."""

    def opaque(
        self, label: str = "", holds: frozenset[Object] = frozenset(), flows: frozenset[Model] = frozenset()
    ) -> Opaque:
        """Return a new unknown value."""
        return Opaque(self.serial(), label, holds, flows)

    def computed(self, result: Const, *operands: Const) -> Const:
        """Return what was computed of literals: where one of them may be another, so may the result."""
        is_open = any(isinstance(operand, Default) for operand in operands)
        return Default(result.value, self.serial()) if is_open else result

    def attach(self, model: Model, name: str, part: Model) -> None:
        """Note that a module is a part of another, under a name."""
        model.parts[name] = part
        self.divided.append(model)

    def join(self, values: Sequence[Value], born_since: int = 0) -> Value:
        """Return the value that is one of `values`.

        Objects of one kind that were made after `born_since`, that is in the arms themselves, become one object.
        """
        flat: dict[Value, None] = {}
        for value in values:
            for inner in value.alternatives if isinstance(value, Join) else (value,):
                flat.setdefault(canonical(inner) if isinstance(inner, Object) else inner)
        kept: list[Value] = []
        for value in flat:
            if isinstance(value, Object) and value.serial > born_since:
                partner = next(
                    (o for o in kept if isinstance(o, Object) and o.serial > born_since and merge(o, value)), None
                )
                if partner is not None:
                    continue
            kept.append(value)
        unknown = [value for value in kept if isinstance(value, Opaque)]
        if len(unknown) > 1:
            kept = [value for value in kept if not isinstance(value, Opaque)]
            kept.append(self.mix("", unknown))
        if len(kept) == 1:
            return kept[0]
        if len(kept) > MOST_ALTERNATIVES:
            return self.mix("", kept)
        return Join(tuple(kept))

    def mix(self, label: str, values: Sequence[Value]) -> Opaque:
        """Return an unknown value that was made of the given ones."""
        holds: set[Object] = set()
        flows: set[Model] = set()
        for value in values:
            holds |= self.reach(value)
            flows |= self.flow(value)
        scalers = scalers_of_all(self, values) if self.scaled else frozenset()
        if scalers and not scaled_throughout(self, values):
            holds |= scalers
            scalers = frozenset()
        return Opaque(self.serial(), label, frozenset(holds), frozenset(flows), scalers)

    def reach(self, value: Value, depth: int = DEEPEST_LIST) -> frozenset[Object]:
        """Return the objects to which a value holds a reference."""
        match value:
            case Opaque(serial=serial, holds=holds):
                known = self.models.get(serial)
                return holds | {canonical(known)} if known is not None else holds
            case Join(alternatives=inner):
                return frozenset().union(*(self.reach(item, depth) for item in inner))
            case Items() | Entries() if depth:
                return frozenset().union(*(self.reach(item, depth - 1) for item in self.items(value)))
            case Function(receiver=receiver) if receiver is not None:
                return self.reach(receiver, depth)
            case Object():
                return self._reach_object(canonical(value), depth)
            case _:
                receiver = getattr(value, "receiver", None)
                if receiver is not None:
                    return self.reach(receiver, depth)
                if hasattr(value, "optimizer"):
                    return frozenset((canonical(value.optimizer),))
                return frozenset()

    def _reach_object(self, value: Object, depth: int) -> frozenset[Object]:
        found: set[Object] = {value}
        if isinstance(value, ParameterIterator):
            found.update(source.model for source in value.sources)
        if depth and getattr(value, "info", None) is not None:
            for name in sorted(self.owned.get(value.serial, ())):
                stored = self.store.get((value.serial, name))
                if stored is not None and not isinstance(stored, tuple):
                    found |= self.reach(stored, max(0, depth - 2))
        return frozenset(found)

    def flow(self, value: Value, depth: int = DEEPEST_LIST) -> frozenset[Model]:
        """Return the modules whose parameters a backward from this value reaches."""
        match value:
            case Opaque(flows=flows):
                return flows
            case Join(alternatives=inner):
                return frozenset().union(*(self.flow(item, depth) for item in inner))
            case Items() | Entries() if depth:
                return frozenset().union(*(self.flow(item, depth - 1) for item in self.items(value)))
            case ParameterIterator(sources=sources):
                return frozenset(source.model for source in sources)
            case Parameter(sources=sources):
                return frozenset(source.model for source in sources)
            case Object():
                return frozenset()
            case _:
                receiver = getattr(value, "receiver", None)
                if receiver is None or isinstance(receiver, Object):
                    return frozenset()
                return self.flow(receiver, depth)

    def label(self, value: Value) -> str:
        """Return the name that a value goes by, or an empty string."""
        match value:
            case Opaque(serial=serial, label=label):
                return self.names.get(serial, label)
            case Object(label=label):
                return label
            case _:
                return ""
