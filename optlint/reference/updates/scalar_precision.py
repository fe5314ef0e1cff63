"""The precision in which torch keeps the single numbers of an optimizer's state."""

from __future__ import annotations

from typing import TYPE_CHECKING

import torch

if TYPE_CHECKING:
    from torch import Tensor


def kept_number(value: float) -> Tensor:
    """`value` as a tensor of no dimension, in float32, or in float64 where that is the default dtype.

    Torch keeps so numbers such as a rate or a product of momenta, whatever the parameter's dtype. For a parameter of
    float64 this rounding is by far the largest that an update makes, 6e-8 of the number. `load_state_dict` brings them
    to the parameter's dtype, in which they then stay: a resumed optimizer of bfloat16 has three digits of them.
    """
    return torch.tensor(value, dtype=torch.float64 if torch.get_default_dtype() == torch.float64 else torch.float32)
