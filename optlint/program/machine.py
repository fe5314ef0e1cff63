"""The state of the abstract interpreter: variables, the regions built so far, and the ways to branch."""

from __future__ import annotations

import ast
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field

from optlint.program.counters import Counter
from optlint.program.detached import Detached
from optlint.program.events import Act, Event
from optlint.program.measures import Measures
from optlint.program.modules import ClassInfo, ModuleInfo
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
    merge,
)
from optlint.program.project import Project
from optlint.program.regions import Region, Variable, sequence
from optlint.program.scaling import scaled_throughout, scalers_of_all
from optlint.program.values import Const, Default, Entries, Frame, Function, Items, Join, Opaque, Value

MOST_ALTERNATIVES = 6
"""Values that a variable may have before it becomes unknown."""
MOST_STATEMENTS = 5_000
"""Statements interpreted for one file; calls met after that are taken to be unknown."""
MOST_ENTRY_STATEMENTS = 1_500
"""The same for one entry of the file."""
DEEPEST_CALL = 10

Stored = Value | tuple[Value, ...] | tuple[tuple[Value, Value], ...]

ITEMS = "*items"
"""The name under which a list's items are stored: a tuple of values."""
OPEN = "*open"
"""The name under which a list or dict says that it may have more items than are known."""


@dataclass(slots=True)
class Activation:
    """A running function: what it returns, and how it was reached."""

    frame: Frame
    function: Function | None
    returns: list[Value] = field(default_factory=list)
    owner: ClassInfo | None = None
    receiver: Value | None = None
    counters: dict[str, Counter] = field(default_factory=dict)
    """Counters of the loops that run, as far as a test asks for them."""


class Machine:
    """Variables, regions and contexts of one analysis.

    Every write to the store is journaled, so that the arms of a branch run one after the other from the same
    state and are then joined.
    """

    def __init__(self, project: Project, module: ModuleInfo) -> None:
        self.project = project
        self.module = module
        self.store: dict[Variable, Stored] = {}
        self.journal: list[tuple[Variable, Stored | None]] = []
        self.versions: dict[Variable, int] = {}
        self.owned: dict[int, set[str]] = {}
        """Names ever written, by owner."""
        self.frames: dict[ModuleInfo, Frame] = {}
        self.activations: list[Activation] = []
        self.stack: list[Place] = []
        self.out: list[Region] = []
        self.assigned: list[set[Variable]] = []
        self.unseen = Model(0, "unseen", None, Confidence.NAME)
        """Stands for whatever an attribute that was set elsewhere may have been computed through."""
        self.divided: list[Model] = []
        """Modules that have parts, which in turn know them."""
        self.models: dict[int, Object] = {}
        """Objects that unknown values turned out to be, by the value's serial."""
        self.foreign_scaler = Scaler(0, "", None, Confidence.NAME, enabled=None)
        """Stands for the one in another package's protocol, as that of apex."""
        self.scaled = False
        """Whether a scaler has multiplied anything."""
        self.moved: dict[int, list[tuple[list[Region], Place, str]]] = {}
        """Moves of unknown values, which may turn out to be modules: in which block, where, and the event's detail."""
        self.scalers: dict[int, Scaler] = {}
        """Scalers that unknown values turned out to be, by the value's serial."""
        self.awaited: dict[int, Optimizer] = {}
        """Optimizers that unknown values were taken for by their names alone, when they were given away."""
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
        self.measures = Measures(self)
        self.entered: set[ast.AST] = set()
        """Functions that were followed."""
        self.made: set[ast.AST] = set()
        """Classes of which the program makes objects."""
        self.depth = 0
        self.grad_enabled = True
        self.quiet = 0
        self.statements = 0
        self.entry_statements = 0
        self._serial = 0
        self.evaluate_in: Callable[[ast.expr, Frame], Value] = lambda _node, _frame: self.opaque()
        """Evaluates an expression among a module's globals, without events; set by the interpreter."""

    def exhausted(self) -> bool:
        """Whether so much has been interpreted that further calls are not followed."""
        return self.statements > MOST_STATEMENTS or self.entry_statements > MOST_ENTRY_STATEMENTS

    # -- names and places ---------------------------------------------------------------------------------------

    def serial(self) -> int:
        """Return a new number, larger than all before."""
        self._serial += 1
        return self._serial

    @property
    def frame(self) -> Frame:
        """The frame of the running function."""
        return self.activations[-1].frame

    def place(self, node: ast.AST) -> Place:
        """Return a node of the running file as a place."""
        return Place(self.frame.module, node)

    def module_frame(self, module: ModuleInfo) -> Frame:
        """Return the frame of a module's globals."""
        frame = self.frames.get(module)
        if frame is None:
            frame = self.frames[module] = Frame(self.serial(), module)
        return frame

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

    def close(self) -> None:
        """Forget everything, and part what refers to each other in a circle."""
        for model in self.divided:
            model.parts.clear()
        vars(self).clear()

    # -- the store ----------------------------------------------------------------------------------------------

    def read(self, owner: int, name: str) -> Value | None:
        """Return a variable's value, or None where it is unbound."""
        value = self.store.get((owner, name))
        assert not isinstance(value, tuple)
        return canonical(value) if isinstance(value, Object) else value

    def write(self, owner: int, name: str, value: Stored) -> None:
        """Assign a variable."""
        key = (owner, name)
        self.journal.append((key, self.store.get(key)))
        self.store[key] = value
        self.owned.setdefault(owner, set()).add(name)
        self.versions[key] = self.versions.get(key, 0) + 1
        for names in self.assigned:
            names.add(key)

    def items(self, container: Items | Entries) -> tuple[Value, ...]:
        """Return the known items of a list, or keys and values of a dict one after the other."""
        stored = self.store.get((container.serial, ITEMS), ())
        assert isinstance(stored, tuple)
        flat: list[Value] = []
        for item in stored:
            flat.extend(item if isinstance(item, tuple) else (item,))
        return tuple(canonical(item) if isinstance(item, Object) else item for item in flat)

    def entries(self, container: Entries) -> list[tuple[Value, Value]]:
        """Return the known entries of a dict."""
        flat = self.items(container)
        return list(zip(flat[::2], flat[1::2], strict=True))

    def is_open(self, container: Items | Entries) -> bool:
        """Whether the container may hold more than is known."""
        return (container.serial, OPEN) in self.store

    def open(self, container: Items | Entries) -> None:
        """Note that the container may hold more than is known."""
        self.write(container.serial, OPEN, Const(True))

    def new_items(self, values: Sequence[Value], is_open: bool = False) -> Items:
        """Return a new list of the values."""
        made = Items(self.serial())
        self.write(made.serial, ITEMS, tuple(values))
        if is_open:
            self.open(made)
        return made

    def new_entries(self, pairs: Sequence[tuple[Value, Value]], is_open: bool = False) -> Entries:
        """Return a new dict of the pairs."""
        made = Entries(self.serial())
        self.write(made.serial, ITEMS, tuple(pairs))
        if is_open:
            self.open(made)
        return made

    # -- regions ------------------------------------------------------------------------------------------------

    def emit(self, region: Region) -> None:
        """Append a region to the ones of the running block."""
        if not self.quiet:
            self.out.append(region)

    def event(
        self,
        act: Act,
        subjects: Sequence[Object],
        node: ast.AST | Place,
        detail: str = "",
        known: bool = True,
        scaler: Scaler | None = None,
    ) -> None:
        """Append an event at a node of the running file, or at a place in any."""
        if not self.quiet:
            unique = tuple(dict.fromkeys(map(canonical, subjects)))
            place = node if isinstance(node, Place) else self.place(node)
            self.out.append(Event(act, unique, place, tuple(self.stack), detail, known, scaler))

    @contextmanager
    def collect(self) -> Iterator[list[Region]]:
        """Gather the regions that are emitted inside the `with` block."""
        saved, self.out = self.out, []
        gathered = self.out
        try:
            yield gathered
        finally:
            self.out = saved

    @contextmanager
    def tentatively(self) -> Iterator[list[Region]]:
        """Gather the regions that are emitted inside the `with` block, and take back all that is written in it."""
        mark = len(self.journal)
        with self.collect() as gathered:
            try:
                yield gathered
            finally:
                self._undo(mark)

    @contextmanager
    def silent(self) -> Iterator[None]:
        """Emit nothing inside the `with` block."""
        self.quiet += 1
        try:
            yield
        finally:
            self.quiet -= 1

    @contextmanager
    def counting(self, counter: Counter | None) -> Iterator[None]:
        """Know inside the `with` block which iteration of a loop is running."""
        if counter is None:
            yield
            return
        counters = self.activations[-1].counters
        outer = counters.get(counter.name)
        counters[counter.name] = counter
        try:
            yield
        finally:
            del counters[counter.name]
            if outer is not None:
                counters[counter.name] = outer

    def outcome(self, test: ast.expr) -> bool | None:
        """Whether a test holds in the iteration that is running, or None where it asks for something else."""
        found = (counter.outcome(test) for counter in self.activations[-1].counters.values())
        return next((outcome for outcome in found if outcome is not None), None)

    # -- branching ----------------------------------------------------------------------------------------------

    def fork(self, arms: Sequence[Callable[[], bool]]) -> tuple[list[Region], bool]:
        """Run each arm from the present state, and join the states of those that reach their end.

        An arm returns whether control reaches its end. What an arm that leaves (by return or the like) has written
        to objects counts all the same, as somebody may see it; its local variables are gone.

        Returns:
            The region of each arm, and whether control reaches the end of any.
        """
        born_since = self._serial
        locals_ = {activation.frame.serial for activation in self.activations}
        regions: list[Region] = []
        deltas: list[tuple[bool, dict[Variable, Stored]]] = []
        self.depth += 1
        for arm in arms:
            mark = len(self.journal)
            with self.collect() as out:
                falls = arm()
            regions.append(sequence(out))
            deltas.append((falls, {key: self.store[key] for key, _ in self.journal[mark:]}))
            self._undo(mark)
        self.depth -= 1
        any_falls = any(falls for falls, _ in deltas)
        keys = dict.fromkeys(key for _, delta in deltas for key in delta)
        for key in keys:
            values: list[Stored] = []
            for falls, delta in deltas:
                if not falls and any_falls and key[0] in locals_:
                    continue
                value = delta.get(key, self.store.get(key))
                if value is not None:
                    values.append(value)
            if values:
                self.write(*key, self._join_stored(values, born_since))
        return regions, any_falls

    def _undo(self, mark: int) -> None:
        while len(self.journal) > mark:
            key, old = self.journal.pop()
            if old is None:
                self.store.pop(key, None)
            else:
                self.store[key] = old

    def _join_stored(self, values: list[Stored], born_since: int) -> Stored:
        if len(values) == 1 and not isinstance(values[0], Join | Object):
            return values[0]
        plain = [value for value in values if not isinstance(value, tuple)]
        if len(plain) == len(values):
            return self.join(plain, born_since)
        # Items of containers: what any arm put in may be there; the longest list is taken as the truth.
        return max((value for value in values if isinstance(value, tuple)), key=len)

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

    # -- what values reach --------------------------------------------------------------------------------------

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

    def reach(self, value: Value, depth: int = 3) -> frozenset[Object]:
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

    def flow(self, value: Value) -> frozenset[Model]:
        """Return the modules whose parameters a backward from this value reaches."""
        match value:
            case Opaque(flows=flows):
                return flows
            case Join(alternatives=inner):
                return frozenset().union(*(self.flow(item) for item in inner))
            case Items() | Entries():
                return frozenset().union(*(self.flow(item) for item in self.items(value)))
            case ParameterIterator(sources=sources):
                return frozenset(source.model for source in sources)
            case Parameter(sources=sources):
                return frozenset(source.model for source in sources)
            case Object():
                return frozenset()
            case _:
                receiver = getattr(value, "receiver", None)
                return self.flow(receiver) if receiver is not None and not isinstance(receiver, Object) else frozenset()

    def label(self, value: Value) -> str:
        """Return the name that a value goes by, or an empty string."""
        match value:
            case Opaque(serial=serial, label=label):
                return self.names.get(serial, label)
            case Object(label=label):
                return label
            case _:
                return ""
