"""The program model of one file: its entries, each with all that may happen when it runs."""

from __future__ import annotations

import ast
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from typing import TypeVar, cast

from optlint.program.definitions import Definitions
from optlint.program.events import Act, Event
from optlint.program.modules import ModuleInfo
from optlint.program.objects import Object, Optimizer, ParameterIterator, Scheduler, canonical
from optlint.program.regions import Region, events
from optlint.torch_api.releases import TorchRange

Answer = TypeVar("Answer")


@dataclass(frozen=True, eq=False)
class Entry:
    """A way into the file: its top level, a function that nobody in it calls, a method after `__init__`."""

    name: str
    region: Region
    events: tuple[Event, ...] = field(repr=False)

    @classmethod
    def of(cls, name: str, region: Region) -> Entry:
        """Return the entry of a region."""
        return cls(name, region, tuple(events(region)))

    @cached_property
    def _objects(self) -> tuple[Object, ...]:
        found = {canonical(subject) for event in self.events for subject in event.subjects}
        return tuple(sorted(found, key=lambda value: value.serial))

    def objects(self) -> tuple[Object, ...]:
        """Return all objects that something happens to, in the order in which they were made."""
        return self._objects

    @cached_property
    def optimizers(self) -> tuple[Optimizer, ...]:
        """The optimizers among the objects."""
        return tuple(value for value in self._objects if isinstance(value, Optimizer))

    @cached_property
    def schedulers(self) -> tuple[Scheduler, ...]:
        """The schedulers among the objects."""
        return tuple(value for value in self._objects if isinstance(value, Scheduler))

    @cached_property
    def iterators(self) -> tuple[ParameterIterator, ...]:
        """The iterators of parameters that can be used once, as far as they are used more than at one place."""
        uses: dict[ParameterIterator, list[Event]] = {}
        for event in self.having(Act.CONSUME):
            for subject in event.subjects:
                value = canonical(subject)
                if isinstance(value, ParameterIterator) and value.one_shot:
                    uses.setdefault(value, []).append(event)
        return tuple(value for value, found in uses.items() if len(found) > 1 or not _at_once(value, found[0]))

    @cached_property
    def by_act(self) -> Mapping[Act, Sequence[Event]]:
        """The events of each act that there is."""
        found: dict[Act, list[Event]] = {}
        for event in self.events:
            found.setdefault(event.act, []).append(event)
        return found

    def having(self, *acts: Act) -> Iterator[Event]:
        """Yield the events of some acts."""
        present = [act for act in acts if act in self.by_act]
        if len(present) > 1:
            return (event for event in self.events if event.act in present)
        return iter(self.by_act[present[0]] if present else ())

    def concerning(self, one: Object, *acts: Act) -> Iterator[Event]:
        """Yield the events of some acts that happen to one object."""
        return (event for event in self.having(*acts) if one in map(canonical, event.subjects))


class AnalysisError(Exception):
    """A defect of the interpreter's, which is no rule's fault."""

    def __init__(self, reason: Exception) -> None:
        super().__init__(str(reason))
        self.reason = reason


@dataclass(frozen=True, eq=False)
class Program:
    """The model of one file.

    `qualify` gives the dotted name that an expression of the file's top level stands for, such as
    `torch.optim.lr_scheduler._LRScheduler`, or an empty string. `torch` gives the releases of torch that the file must
    run with.
    """

    module: ModuleInfo
    enter: Callable[[], tuple[Entry, ...]]
    qualify: Callable[[ast.expr], str]
    torch: Callable[[], TorchRange] = TorchRange
    definitions: Definitions | None = None
    """What names are defined as, in this file and in those that it imports."""
    _answers: dict[str, object] = field(default_factory=dict, init=False, repr=False)

    @cached_property
    def entries(self) -> tuple[Entry, ...]:
        """The ways into the file, each with what happens there: interpreted when they are first asked for.

        Raises:
            AnalysisError: the interpreter failed.
        """
        try:
            return self.enter()
        except RecursionError:
            raise
        except Exception as error:
            raise AnalysisError(error) from error

    def once(self, name: str, find: Callable[[Program], Answer]) -> Answer:
        """Return what `find` says of the program, asked once under a name."""
        if name not in self._answers:
            self._answers[name] = find(self)
        return cast(Answer, self._answers[name])

    def nodes(self) -> Sequence[ast.AST]:
        """Return all nodes of the file's syntax tree, in the order of the text."""
        return self.module.nodes.all()


def _at_once(iterator: ParameterIterator, use: Event) -> bool:
    """Whether an iterator is used up by the very statement that makes it."""
    made = iterator.place
    return (
        made is not None
        and made.module is use.place.module
        and getattr(made.node, "lineno", 0) == getattr(use.place.node, "lineno", -1)
    )
