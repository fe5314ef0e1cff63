"""The words without which a file neither builds nor steps a scheduler: the triggers that the rules on them share."""

from __future__ import annotations

STEPPED = (
    (".step(", "optim", "torch"),
    (".step(", "chedul", "torch"),
    ("chedul", "optim", "torch"),
    ("lr_scheduler",),
)
"""Of a file in which a scheduler may be stepped."""
BUILT = (
    ("chedul", "optim", "torch"),
    (".step(", "chedul", "torch"),
    ("LR(", "torch"),
    ("lr_scheduler",),
)
"""Of a file in which one may be built or stepped by the name of its class."""
