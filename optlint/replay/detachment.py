"""Tensors that an optimizer has in the place of parameters: detached from them, so that no gradient comes to them."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

from torch import Tensor

from optlint.replay.rows import held_by_script

if TYPE_CHECKING:
    from optlint.replay.roster import Roster, Tracked


class Detachments:
    """Pairs of a tensor that an optimizer has and the leaf that it was detached from, by the optimizer's number."""

    def __init__(self, roster: Roster) -> None:
        self._roster = roster
        self._pairs: dict[int, list[tuple[Tensor, Tensor, str]]] = {}

    def meet(self, number: int, held: list[Tracked]) -> None:
        """An optimizer was given parameters."""
        pairs = self._pairs[number] = list[tuple[Tensor, Tensor, str]]()
        strangers = [each.tensor for each in held if not self._roster.is_of_a_module(each.tensor)]
        if not strangers:
            return
        leaves = list(self._leaves({id(each.tensor) for each in held}))
        taken: set[int] = set()
        # Tensors of one value everywhere, as new biases are, are alike by chance; where others were found, they follow.
        for is_telling in (_shares_memory, _is_copy, _is_like):
            for tensor in [each for each in strangers if all(each is not one for one, _, _ in pairs)]:
                found = (pair for pair in leaves if id(pair[1]) not in taken and is_telling(tensor, pair[1]))
                name, leaf = next(found, ("", None))
                if leaf is not None and (pairs or is_telling is not _is_like):
                    taken.add(id(leaf))
                    pairs.append((tensor, leaf, name))

    def _leaves(self, held: set[int]) -> Iterator[tuple[str, Tensor]]:
        """Yield the leaves that want gradients, of modules and of the script, each with its name."""
        self._roster.discover()
        seen = set(held)
        for each in list(self._roster.tracked.values()):
            if self._roster.is_of_a_module(each.tensor) and each.tensor.requires_grad:
                seen.add(id(each.tensor))
                yield self._roster.name(each), each.tensor
        for name, value in held_by_script():
            if isinstance(value, Tensor) and value.requires_grad and value.is_leaf and id(value) not in seen:
                seen.add(id(value))
                yield name, value

    def leaves(self, number: int) -> list[Tensor]:
        """What the tensors of an optimizer were detached from."""
        return [leaf for _, leaf, _ in self._pairs.get(number, ())]

    def left_out(self, number: int) -> tuple[str, ...]:
        """The leaves that have gradients and are in no optimizer, while what was detached from them has none."""
        found = (
            name
            for tensor, leaf, name in self._pairs.get(number, ())
            if tensor.grad is None and leaf.grad is not None and not self._roster.holders((id(leaf),))
        )
        return tuple(sorted(set(found)))


def _shares_memory(tensor: Tensor, leaf: Tensor) -> bool:
    return not tensor.is_meta and tensor.data_ptr() == leaf.data_ptr() != 0 and tensor.shape == leaf.shape


def _is_copy(tensor: Tensor, leaf: Tensor) -> bool:
    return _is_like(tensor, leaf) and tensor.numel() > 1 and bool(tensor.min() != tensor.max())


def _is_like(tensor: Tensor, leaf: Tensor) -> bool:
    if tensor.is_meta or leaf.is_meta or tensor.shape != leaf.shape or tensor.device != leaf.device:
        return False
    if tensor.is_complex() or leaf.is_complex() or not tensor.numel():
        return False
    return bool((leaf.detach().to(tensor.dtype) == tensor.detach()).all())
