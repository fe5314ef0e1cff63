"""What a sparse gradient touches."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from torch import Tensor


def touched_elements(g: Tensor) -> tuple[tuple[Tensor, ...], Tensor]:
    """The index of what a sparse gradient holds, to be used on a dense tensor of its shape, and the values there.

    Entries of one place are summed first, so each place comes once. An embedding's gradient of shape `(n, d)` that
    holds `k` rows has one index of shape `(k,)` and values of shape `(k, d)`.
    """
    g = g.coalesce()
    return tuple(g.indices()), g.values()
