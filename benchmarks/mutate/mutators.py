"""All mutators: importing their modules enters them in the table."""

from __future__ import annotations

from mutate import (
    device,
    gradients,
    made_anew,
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
    made_anew,
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
