"""What a loss weighs: the number that it was multiplied by, or divided, after it was computed."""

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
    tensors = [losses] if isinstance(losses, Tensor) else list(losses) if isinstance(losses, (list, tuple)) else []
    found = {_of_node(each.grad_fn, 0) for each in tensors if isinstance(each, Tensor)}
    return found.pop() if len(found) == 1 else 1.0


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
