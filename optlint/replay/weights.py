"""What a loss weighs: the number that it was multiplied by, or divided, after it was computed, or begins with."""

from __future__ import annotations

from typing import Any

from torch import Tensor

_PASSING = frozenset(
    ("CloneBackward0", "AliasBackward0", "ViewBackward0", "SqueezeBackward0", "SqueezeBackward1", "ToCopyBackward0")
)
_DEEPEST = 64


def weight_of(losses: Any) -> float:
    """The number that all of some losses were multiplied by last, or 1 where that is not one number.

    Only what the graph says counts, down to the first node that does more than to multiply: `(loss / 4) * 3` weighs
    0.75, and of a sum each part has to weigh the same.
    """
    found = {_of_node(each.grad_fn, 0) for each in _tensors(losses) if isinstance(each, Tensor)}
    return found.pop() if len(found) == 1 else 1.0


def begun_with(gradients: Any) -> float:
    """The number that a backward begins with, where it is given gradients, or 1 where that is not one number."""
    found = [each.detach().flatten() for each in _tensors(gradients) if _is_of_numbers(each)]
    if not found:
        return 1.0
    first = found[0][0]
    return float(first) if all(bool((each == first).all()) for each in found) else 1.0


def heaviest(losses: Any, gradients: Any) -> float:
    """The greatest size of a number that any of some losses is multiplied by, with what its backward begins with."""
    begun = _tensors(gradients)
    sizes = []
    for i, loss in enumerate(_tensors(losses)):
        given = begun[i] if i < len(begun) else None
        size = float(given.detach().abs().max()) if given is not None and _is_of_numbers(given) else 1.0
        sizes.append(size * abs(_of_node(loss.grad_fn, 0)) if isinstance(loss, Tensor) else 0.0)
    return max(sizes, default=0.0)


def scaled_by_hand(heaviest: float, unscaling: float | None) -> float | None:
    """The factor that unscales a loss of some weight, where the code has the scale that it is the inverse of.

    What the code makes of the scale is not seen, but its size: a loss is scaled where it weighs nearer to the scale
    than to 1.
    """
    return unscaling if unscaling is not None and 0.0 < unscaling < 1.0 < heaviest**2 * unscaling else None


def _tensors(given: Any) -> list[Any]:
    return [given] if isinstance(given, Tensor) else list(given) if isinstance(given, (list, tuple)) else []


def _is_of_numbers(given: Any) -> bool:
    return isinstance(given, Tensor) and given.numel() > 0 and not given.is_meta and not given.is_complex()


def _of_node(node: Any, depth: int) -> float:
    if node is None or depth > _DEEPEST:
        return 1.0
    name, before = node.name(), [inner for inner, _ in node.next_functions if inner is not None]
    if len(before) == 1 and name in _PASSING:
        return _of_node(before[0], depth + 1)
    if len(before) == 1 and name in ("MulBackward0", "DivBackward0"):
        number = node._saved_other
        if not isinstance(number, Tensor) or number.numel() != 1 or number.is_meta:
            return 1.0
        factor = float(number)
        if name == "DivBackward0":
            factor = 1.0 / factor if factor else 1.0
        return factor * _of_node(before[0], depth + 1)
    if name == "AddBackward0" and len(before) > 1 and node._saved_alpha == 1:
        parts = {_of_node(inner, depth + 1) for inner in before}
        return parts.pop() if len(parts) == 1 else 1.0
    return 1.0
