"""The state of the abstract interpreter: the functions that run, the regions built so far, and the ways to branch."""

from __future__ import annotations

import ast
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field

from optlint.program.counters import Counter
from optlint.program.events import Act, Event
from optlint.program.knowledge import Knowledge
from optlint.program.measures import Measures
from optlint.program.modules import ClassInfo, ModuleInfo
from optlint.program.objects import Object, Place, Scaler, canonical
from optlint.program.project import Project
from optlint.program.regions import Region, Variable, sequence
from optlint.program.store import Stored
from optlint.program.values import Frame, Function, Join, Value

MOST_STATEMENTS = 5_000
"""Statements interpreted for one file; calls met after that are taken to be unknown."""
MOST_ENTRY_STATEMENTS = 1_500
"""The same for one entry of the file."""
DEEPEST_CALL = 10


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


class Machine(Knowledge):
    """Variables, what is known of their values, regions and contexts of one analysis."""

    def __init__(self, project: Project, module: ModuleInfo) -> None:
        super().__init__()
        self.project = project
        self.module = module
        self.frames: dict[ModuleInfo, Frame] = {}
        self.activations: list[Activation] = []
        self.stack: list[Place] = []
        self.out: list[Region] = []
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
        self.evaluate_in: Callable[[ast.expr, Frame], Value] = lambda _node, _frame: self.opaque()
        """Evaluates an expression among a module's globals, without events; set by the interpreter."""

    def exhausted(self) -> bool:
        """Whether so much has been interpreted that further calls are not followed."""
        return self.statements > MOST_STATEMENTS or self.entry_statements > MOST_ENTRY_STATEMENTS

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

    def frame_of(self, info: ClassInfo) -> Frame:
        """Return where a class was defined."""
        return info.frame if isinstance(info.frame, Frame) else self.module_frame(info.module)

    def close(self) -> None:
        """Forget everything, and part what refers to each other in a circle."""
        for model in self.divided:
            model.parts.clear()
        vars(self).clear()

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
                self.undo(mark)

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

    def fork(self, arms: Sequence[Callable[[], bool]]) -> tuple[list[Region], bool]:
        """Run each arm from the present state, and join the states of those that reach their end.

        An arm returns whether control reaches its end. What an arm that leaves (by return or the like) has written
        to objects counts all the same, as somebody may see it; its local variables are gone.

        Returns:
            The region of each arm, and whether control reaches the end of any.
        """
        born_since = self.last_serial
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
            self.undo(mark)
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

    def _join_stored(self, values: list[Stored], born_since: int) -> Stored:
        if len(values) == 1 and not isinstance(values[0], Join | Object):
            return values[0]
        plain = [value for value in values if not isinstance(value, tuple)]
        if len(plain) == len(values):
            return self.join(plain, born_since)
        # Items of containers: what any arm put in may be there; the longest list is taken as the truth.
        return max((value for value in values if isinstance(value, tuple)), key=len)
