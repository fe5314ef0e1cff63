"""Parameters that a module keeps where torch does not look for them: in plain lists and dicts, and as plain tensors.

Nothing registers them, so that `parameters()` does not give them, and no optimizer that is made from it moves them.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

import torch
from torch import Tensor, nn

from optlint.replay.trace import Astray

if TYPE_CHECKING:
    from optlint.replay.roster import Roster

_DEEPEST = 3
"""Levels of lists in lists that are looked through."""


class Plain:
    """The attributes of modules that may hold such parameters, each with the row of the script that set it."""

    def __init__(self) -> None:
        self._attributes: dict[tuple[int, str], tuple[nn.Module, int]] = {}
        self._firsts: dict[int, tuple[Tensor, Tensor]] = {}
        self._reached: dict[int, Tensor] = {}
        """Tensors computed from others that a backward has come through."""

    def keep(self, module: nn.Module, name: str, value: Any, row: int) -> None:
        """A module got an attribute."""
        if isinstance(value, (list, tuple, dict)) or (isinstance(value, Tensor) and value.requires_grad):
            self._attributes[id(module), name] = (module, row)
            if isinstance(value, Tensor) and not value.is_leaf:
                self._watch(value)
        else:
            self._attributes.pop((id(module), name), None)

    def _watch(self, tensor: Tensor) -> None:
        def reached(_: Tensor) -> None:
            self._reached[id(tensor)] = tensor

        tensor.register_hook(reached)  # type: ignore[no-untyped-call]

    def held(self) -> Iterator[tuple[nn.Module, tuple[str, ...], object, int]]:
        """Yield all modules and tensors that are kept so: by whom, under which names, and in which row."""
        for (_, name), (module, row) in list(self._attributes.items()):
            value = vars(module).get(name, vars(module).get("_buffers", {}).get(name))
            for path, thing in _inside(value, (name,)):
                yield module, path, thing, row

    def keeper(self, thing: object) -> tuple[nn.Module, tuple[str, ...]] | None:
        """Return who keeps a module or tensor, and under which names."""
        found = (each for each in self.held() if each[2] is thing)
        return next(((module, path) for module, path, _, _ in found), None)

    def stands(self, tensor: Tensor) -> bool:
        """Whether a tensor that gets gradients is what it was at the first look."""
        if not tensor.is_leaf:
            return id(tensor) in self._reached
        if tensor.grad is None or tensor.grad.is_sparse or not bool(tensor.grad.any()):
            return False
        first = self._firsts.setdefault(id(tensor), (tensor, tensor.detach().clone()))[1]
        return torch.equal(first, tensor.detach())


def _inside(value: object, path: tuple[str, ...]) -> Iterator[tuple[tuple[str, ...], object]]:
    if isinstance(value, (nn.Module, Tensor)):
        yield path, value
    elif len(path) <= _DEEPEST:
        if isinstance(value, (list, tuple)):
            for index, each in enumerate(value):
                yield from _inside(each, (*path, str(index)))
        elif isinstance(value, dict):
            for key, each in value.items():
                if isinstance(key, (str, int)):
                    yield from _inside(each, (*path, str(key)))


def full_name(roster: Roster, module: nn.Module, *names: str) -> str:
    """The name of what a module has under some names, with those of the modules that keep it, registered or not."""
    root, path = roster.path(module)
    names, seen = (*path, *names), {id(root)}
    while (kept := roster.plain.keeper(root)) is not None and id(kept[0]) not in seen:
        seen.add(id(kept[0]))
        root, path = roster.path(kept[0])
        names = (*path, *kept[1], *names)
    return ".".join((roster.root_label(root), *names))


def astray(roster: Roster, roots: frozenset[int]) -> tuple[Astray, ...]:
    """The parameters that get gradients in vain, since modules of some outermost ones do not register them."""
    found: dict[Astray, None] = {}
    for owner, path, thing, row in roster.plain.held():
        root, _ = roster.path(owner)
        seen = {id(root)}
        while (kept := roster.plain.keeper(root)) is not None and id(kept[0]) not in seen:
            root, _ = roster.path(kept[0])
            seen.add(id(root))
        if not seen & roots:
            continue
        registered = set(map(id, nn.Module.parameters(root)))
        named = thing.named_parameters() if isinstance(thing, nn.Module) else (("", thing),)
        for name, tensor in named:
            assert isinstance(tensor, Tensor)
            if id(tensor) not in registered and not roster.holders((id(tensor),)) and roster.plain.stands(tensor):
                found[Astray(full_name(roster, owner, *path, *([name] if name else [])), row)] = None
    return tuple(sorted(found, key=lambda each: (each.row, each.name)))
