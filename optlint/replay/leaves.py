"""Whether a backward starts at a tensor that has no graph: a number that was made a new tensor."""

from __future__ import annotations

from collections.abc import Container
from typing import Any

from torch import Tensor

_NEAR = 8
"""Operations: a loss with a graph through a model has more of them, or ends at a parameter."""


def starts_at_a_leaf(roots: Any, parameters: Container[int]) -> bool:
    """Whether all that a backward from some roots can reach are single numbers, a few operations away.

    Args:
        roots: One tensor, or a list of them; of anything else nothing is said.
        parameters: The identities of tensors that an optimizer holds.
    """
    given = [roots] if isinstance(roots, Tensor) else list(roots) if isinstance(roots, (list, tuple)) else []
    pending: list[Any] = []
    for root in given:
        if root.grad_fn is not None:
            pending.append(root.grad_fn)
        elif not root.requires_grad or not _is_number(root, parameters):
            return False
    for count, node in enumerate(pending):
        variable = getattr(node, "variable", None)
        if count > _NEAR or (variable is not None and not _is_number(variable, parameters)):
            return False
        pending.extend(further for further, _ in node.next_functions if further is not None)
    return bool(given)


def _is_number(tensor: Tensor, parameters: Container[int]) -> bool:
    return tensor.numel() == 1 and id(tensor) not in parameters
