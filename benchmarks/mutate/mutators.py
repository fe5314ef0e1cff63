"""All mutators: importing their modules enters them in the table."""

from __future__ import annotations

from mutate import (
    device,
    gradients,
    modes,
    module_classes,
    order,
    parameters,
    plateaus,
    precision,
    schedule_paces,
    schedulers,
)
from mutate.mutation import MISUSES

FAMILIES = (
    order,
    parameters,
    module_classes,
    device,
    schedule_paces,
    schedulers,
    plateaus,
    precision,
    gradients,
    modes,
)

__all__ = ["FAMILIES", "MISUSES"]
