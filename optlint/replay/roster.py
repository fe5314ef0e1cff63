"""Who is who in a replay: the objects that things happen to, the parameters, and what they are called."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Any

import torch
from torch import Tensor, nn

from optlint.replay.astray import Plain, full_name
from optlint.replay.group_dicts import GroupDicts
from optlint.replay.options import group_of, options_of
from optlint.replay.rows import label_of, made_by_standin
from optlint.replay.trace import Group, Kind, Thing

_LENGTHS = ("total_steps", "T_max", "total_iters")
"""Attributes of schedulers that say how many steps they are made for."""


@dataclass(slots=True, eq=False)
class Tracked:
    """A parameter, and what was last seen of it.

    Attributes:
        tensor: The parameter.
        name: Unique in the replay: `model.fc.weight`, and `model.fc.weight (2)` for the one that takes its place.
        start: Its value when an optimizer was first given it.
        wants: Its `requires_grad`.
        meant: What a misspelt attribute was to make of that.
        gradient: A copy of its `.grad`.
        place: That itself.
        reached: Whether a backward gave it more than zero since the last update of any optimizer.
        moved: Whether an update has moved it.
        begun: Whether any backward has reached it.
    """

    tensor: Tensor
    wants: bool
    name: str = ""
    start: Tensor | None = None
    meant: bool | None = None
    gradient: Tensor | None = None
    place: Tensor | None = None
    reached: bool = False
    moved: bool = False
    begun: bool = False

    @property
    def has_had_gradient(self) -> bool:
        """Whether a backward has reached it, or a gradient was written on it by hand that is there still."""
        return self.begun or self.gradient is not None


@dataclass(slots=True, eq=False)
class _Entry:
    """An object under its number; it is kept, so that its identity stays its own."""

    object: Any
    number: int
    kind: Kind
    row: int
    optimizer: int | None = None
    label: str = ""
    searches: int = 0
    groups: tuple[Group, ...] = ()
    former: int | None = None
    outside: bool = False
    held: dict[int, None] = field(default_factory=dict)
    """The parameters of an optimizer at any time, by identity."""


class Roster:
    """Numbers of objects, and all parameters: those of the modules that the script made and of its optimizers.

    Attributes:
        tracked: The parameters by identity, in the order in which they were seen.
        stale: Whether modules were made or changed since `discover`.
    """

    def __init__(self) -> None:
        self.tracked: dict[int, Tracked] = {}
        self.stale = False
        self._entries: list[_Entry] = []
        self._numbers: dict[int, int] = {}
        self._modules: dict[int, nn.Module] = {}
        self._parents: dict[int, tuple[nn.Module, str]] = {}
        self._roots: dict[int, frozenset[int]] = {}
        self._homes: dict[int, tuple[nn.Module, str]] = {}
        self._root_labels: dict[int, str] = {}
        self._names: dict[str, int] = {}
        self.plain = Plain()
        self.dicts = GroupDicts()
        self._members: dict[int, tuple[int, ...]] = {}
        self._holders: dict[int, list[int]] = {}

    # -- objects --------------------------------------------------------------------------------------------------

    def number(self, thing: Any, kind: Kind, *, row: int = 0, optimizer: int | None = None) -> int:
        """The number of an object, a new one at first sight."""
        number = self._numbers.get(id(thing))
        if number is None:
            number = len(self._entries) + 1
            self._numbers[id(thing)] = number
            self._entries.append(_Entry(thing, number, kind, row, optimizer, outside=made_by_standin()))
        return number

    def known(self, thing: Any) -> bool:
        """Whether an object has a number."""
        return id(thing) in self._numbers

    def call_by_name(self, number: int) -> None:
        """Look for what the script calls an object, unless that is known or was looked for often enough."""
        entry = self._entries[number - 1]
        if not entry.label and entry.searches < 3:
            entry.searches += 1
            entry.label = label_of(entry.object)

    def things(self) -> tuple[Thing, ...]:
        """All objects, by number."""
        return tuple(map(self._thing, self._entries))

    def _thing(self, entry: _Entry) -> Thing:
        name, children, length = type(entry.object).__name__, (), None
        if entry.kind is Kind.SCHEDULER:
            found = (self._numbers.get(id(each)) for each in getattr(entry.object, "_schedulers", ()))
            children = tuple(number for number in found if number is not None)  # type: ignore[assignment]
            lengths = (getattr(entry.object, name, None) for name in _LENGTHS)
            length = next((float(each) for each in lengths if isinstance(each, (int, float))), None)
        options, label = options_of(entry.object), entry.label
        groups, former = entry.groups, entry.former
        return Thing(
            entry.number,
            entry.kind,
            name,
            entry.optimizer,
            label,
            children,
            length,
            options,
            groups,
            former,
            outside=entry.outside,
            parameters=self.names(each for each in map(self.tracked.__getitem__, entry.held) if each.has_had_gradient),
        )

    def former_of(self, number: int) -> int | None:
        """The number of the optimizer in whose place another one is."""
        return self._entries[number - 1].former

    def succeeds(self, scheduler: Any) -> Any:
        """The scheduler in whose place another one is, which has a number already; None where there is none."""
        entry = self._entries[self._numbers[id(scheduler)] - 1]
        for other in reversed(self._entries[: entry.number - 1]):
            if other.kind is entry.kind and self._same_row(other.number, entry.number):
                line = {entry.optimizer}
                if entry.optimizer is not None:
                    line.add(self.former_of(entry.optimizer))
                if not self._alike(other.number, entry.number) or other.optimizer not in line:
                    return None
                entry.former = other.number
                return other.object
        return None

    # -- optimizers and their parameters --------------------------------------------------------------------------

    def group(self, optimizer: torch.optim.Optimizer, number: int) -> None:
        """Take note of the groups that an optimizer was given since the last look, before a schedule changes them."""
        entry = self._entries[number - 1]
        fresh = optimizer.param_groups[len(entry.groups) :]
        for each in fresh:
            inherited = self.dicts.inherited(each, optimizer.defaults)
            given = self.dicts.without(each, inherited, optimizer.defaults)
            entry.groups += (group_of(given, optimizer.defaults, type(optimizer), inherited),)
            self.dicts.filled(each)

    def hold(self, optimizer: torch.optim.Optimizer, number: int) -> tuple[list[Tracked], bool]:
        """The parameters that an optimizer has now, and whether they are others than before.

        Of optimizers that one row of the script makes, one after another for the same parameters, the last to be made
        or to step holds them.
        """
        parameters = [parameter for group in optimizer.param_groups for parameter in group["params"]]
        identities = tuple(dict.fromkeys(map(id, parameters)))
        changed = self._members.get(number) != identities
        if changed or any(number not in self._holders[each] for each in identities):
            changed = True
            self.discover()
            for each in self._members.get(number, ()):
                self._holders[each].remove(number)
            for parameter in parameters:
                tracked = self.track(parameter)
                self.name(tracked)
                if tracked.start is None and not nn.parameter.is_lazy(parameter):
                    tracked.start = parameter.detach().clone()
            for each in identities:
                others = self._holders.get(each, [])
                for other in [other for other in others if self._same_row(other, number)]:
                    if other < number and self._alike(other, number) and self._members[other] == identities:
                        self._entries[number - 1].former = other
                    others.remove(other)
                    self._members[other] = tuple(one for one in self._members[other] if one != each)
                self._holders[each] = [*others, number]
            self._members[number] = identities
            self._entries[number - 1].held.update(dict.fromkeys(identities))
        return [self.tracked[each] for each in identities], changed

    def _alike(self, first: int, second: int) -> bool:
        one, other = (self._entries[number - 1].object for number in (first, second))
        return type(one) is type(other) and options_of(one) == options_of(other)

    def _same_row(self, first: int, second: int) -> bool:
        return 0 < self._entries[first - 1].row == self._entries[second - 1].row

    def holders(self, parameters: Iterable[int]) -> tuple[int, ...]:
        """The optimizers that hold any of some parameters, by identity."""
        found = {number for parameter in parameters for number in self._holders.get(parameter, ())}
        return tuple(sorted(found))

    def optimizers(self) -> list[tuple[int, torch.optim.Optimizer]]:
        """The optimizers that hold parameters, with their numbers."""
        return [(number, self._entries[number - 1].object) for number, ids in self._members.items() if ids]

    def holds_no_others(self, optimizers: Iterable[int], parameters: Iterable[int]) -> bool:
        """Whether some parameters, by identity, are all that some optimizers hold."""
        whole = set(parameters)
        return all(whole.issuperset(self._members[number]) for number in optimizers)

    def holders_of_part(self, parameters: Iterable[int]) -> tuple[int, ...]:
        """The optimizers that hold a part of a module to which some parameters, by identity, belong."""
        roots = frozenset[int]().union(*map(self.roots, parameters))
        members = ((number, identities) for number, identities in self._members.items() if identities)
        return tuple(sorted(number for number, ids in members if any(roots & self.roots(each) for each in ids)))

    # -- parameters and modules -----------------------------------------------------------------------------------

    def meet(self, module: nn.Module) -> None:
        """Take a module in, which is being made."""
        self._modules[id(module)] = module
        self.stale = True

    def track(self, parameter: Tensor) -> Tracked:
        """Take a parameter in."""
        tracked = self.tracked.get(id(parameter))
        if tracked is None:
            tracked = self.tracked[id(parameter)] = Tracked(parameter, parameter.requires_grad)
        return tracked

    def name(self, tracked: Tracked) -> str:
        """The name of a parameter; it is looked for when it is first asked for, when the modules are complete."""
        if not tracked.name:
            self.discover()
            home = self._homes.get(id(tracked.tensor))
            if home is None:
                name = label_of(tracked.tensor) or "tensor"
            else:
                name = full_name(self, home[0], home[1])
            self._names[name] = count = self._names.get(name, 0) + 1
            tracked.name = name if count == 1 else f"{name} ({count})"
        return tracked.name

    def names(self, parameters: Iterable[Tracked]) -> tuple[str, ...]:
        """The names of some parameters, sorted."""
        return tuple(sorted(map(self.name, parameters)))

    def discover(self) -> None:
        """Take in the parameters of all modules, and to which modules they belong."""
        if not self.stale:
            return
        self.stale = False
        self._parents = {}
        modules = list(self._modules.values())
        for module in modules:
            for name, child in vars(module).get("_modules", {}).items():
                if child is not None:
                    self._modules.setdefault(id(child), child)
                    self._parents.setdefault(id(child), (module, name))
        roots: dict[int, set[int]] = {}
        self._homes = {}
        for module in list(self._modules.values()):
            root, _ = self.path(module)
            for name, parameter in vars(module).get("_parameters", {}).items():
                if parameter is not None:
                    roots.setdefault(id(parameter), set()).add(id(root))
                    self._homes.setdefault(id(parameter), (module, name))
                    self.track(parameter)
        # What is no longer in any module stays a part of the one that it was in.
        self._roots |= {parameter: frozenset(found) for parameter, found in roots.items()}

    def home(self, parameter: Tensor) -> nn.Module | None:
        """The module that has registered a parameter, if any has."""
        self.discover()
        return self._homes.get(id(parameter), (None, ""))[0]

    def is_of_a_module(self, parameter: Tensor) -> bool:
        """Whether any module has registered a tensor."""
        self.discover()
        return id(parameter) in self._roots

    def roots(self, parameter: int) -> frozenset[int]:
        """The outermost modules that a parameter, by identity, belongs to; of a tensor of its own itself."""
        self.discover()
        return self._roots.get(parameter) or frozenset((parameter,))

    def parameters_around(self, module: nn.Module) -> dict[int, Tensor]:
        """All parameters of the outermost module that a module is a part of."""
        self.discover()
        root, _ = self.path(module)
        return {id(parameter): parameter for parameter in nn.Module.parameters(root)}

    def path(self, module: nn.Module) -> tuple[nn.Module, list[str]]:
        """The outermost module that a module is registered in, and the names that lead there."""
        path: list[str] = []
        seen = {id(module)}
        while (parent := self._parents.get(id(module))) is not None and id(parent[0]) not in seen:
            module = parent[0]
            seen.add(id(module))
            path.insert(0, parent[1])
        return module, path

    def root_label(self, root: nn.Module) -> str:
        """What an outermost module is called."""
        label = self._root_labels.get(id(root))
        if label is None:
            label = self._root_labels[id(root)] = label_of(root) or type(root).__name__.lower()
        return label
