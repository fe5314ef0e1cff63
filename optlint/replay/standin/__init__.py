"""Stand-ins: what a replay script has in the place of all that is not torch.

A *stand-in* (`Unknown`) is some value: it can be called, indexed, entered, iterated (two elements), counted (two) and
given to torch; numbers that people name (`args.lr`, `config["epochs"]`) are real ones. A *flow* (`Flow`) is what comes
out of a module that was given a stand-in: a number with a real graph over all of the module's parameters, so that
`backward()` gives real gradients, whatever shapes the data would have had. The loss surface is a quadratic one with
its minimum elsewhere in each forward, as mini-batches have it.

Nothing here needs anything but torch, and the files of this package, one after the other, are one program: kept
scripts have them before them, and run alone. So they import by name what they have of each other.
"""

from __future__ import annotations

from optlint.replay.standin.conditions import StandInError, asked, asked_in, held
from optlint.replay.standin.installing import install, restart
from optlint.replay.standin.makers import (
    Open,
    Progress,
    cosine_warm_up,
    exercise,
    flag,
    is_none,
    item,
    linear_warm_up,
    model,
    named,
    namespace,
    optimizer,
    option,
    outlives,
    progress,
    progress_range,
    registered,
    scheduler,
    tensor,
    trained,
    unknown,
    unset,
    wrapped,
)
from optlint.replay.standin.modules import Model
from optlint.replay.standin.moves import device, forget_moves, moved_away, state_apart, stood_in
from optlint.replay.standin.numbers import cover
from optlint.replay.standin.questions import is_instance, told
from optlint.replay.standin.records import record
from optlint.replay.standin.sizes import CUT, FREE, LIMITED, is_too_large
from optlint.replay.standin.values import Flow, Unknown

__all__ = [
    "CUT",
    "FREE",
    "LIMITED",
    "Flow",
    "Model",
    "Open",
    "Progress",
    "StandInError",
    "Unknown",
    "asked",
    "asked_in",
    "cosine_warm_up",
    "cover",
    "device",
    "exercise",
    "flag",
    "forget_moves",
    "held",
    "install",
    "is_instance",
    "is_none",
    "is_too_large",
    "item",
    "linear_warm_up",
    "model",
    "moved_away",
    "named",
    "namespace",
    "optimizer",
    "option",
    "outlives",
    "progress",
    "progress_range",
    "record",
    "registered",
    "restart",
    "scheduler",
    "state_apart",
    "stood_in",
    "tensor",
    "told",
    "trained",
    "unknown",
    "unset",
    "wrapped",
]
