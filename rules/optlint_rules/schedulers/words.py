"""The words without which a file neither builds nor steps a scheduler: the triggers that the rules on them share."""

from __future__ import annotations

OPTIMIZERS = (("optimizer", "torch"), ("optim.", "torch"), ("torch.optim",))
"""Of which each file that makes an optimizer, or gets one, has one."""
STEPPED = (
    *((".step(", *words) for words in OPTIMIZERS),
    (".step(", "chedul", "torch"),
    *(("chedul", *words) for words in OPTIMIZERS),
    ("lr_scheduler",),
)
"""Of a file in which a scheduler may be stepped."""
BUILT = (
    *(("chedul", *words) for words in OPTIMIZERS),
    (".step(", "chedul", "torch"),
    ("LR(", "torch"),
    ("lr_scheduler",),
)
"""Of a file in which one may be built or stepped by the name of its class."""
