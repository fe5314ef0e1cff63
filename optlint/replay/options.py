"""With what optimizers, their groups and schedulers are made, as far as that decides what they compute."""

from __future__ import annotations

from typing import Any

import torch

from optlint.replay.trace import Group

_DECIDING = (
    "step_size gamma milestones T_max eta_min total_iters start_factor end_factor factor power max_lrs min_lrs "
    "total_steps patience threshold threshold_mode mode cooldown T_0 T_mult anneal_epochs base_lrs"
).split()
"""Attributes of schedulers that say how the rate runs."""
_IMPLEMENTATION = frozenset(("foreach", "fused", "capturable", "differentiable"))
_NO_OPTIONS = _IMPLEMENTATION | {"params", "param_names", "lr", "initial_lr"}


def options_of(made: Any) -> str:
    """What an optimizer or a scheduler was made with; schedules change the groups, and leave `defaults` alone."""
    if isinstance(made, torch.optim.Optimizer):
        found = {key: value for key, value in made.defaults.items() if key not in _IMPLEMENTATION}
    elif isinstance(made, torch.optim.lr_scheduler.LRScheduler):
        found = {key: value for key, value in vars(made).items() if key in _DECIDING}
    else:
        return ""
    return ", ".join(f"{key}={value!r}" for key, value in sorted(found.items()) if not callable(value))


def group_of(group: dict[str, Any], defaults: dict[str, Any]) -> Group:
    """A group with what it has beyond the defaults, but for its rate, which is looked at in each update."""
    own = {key: value for key, value in group.items() if key not in _NO_OPTIONS and not callable(value)}
    told = (f"{key}={value!r}" for key, value in sorted(own.items()) if key not in defaults or value != defaults[key])
    return Group(len(group["params"]), ", ".join(told))
