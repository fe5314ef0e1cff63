"""With what optimizers, their groups and schedulers are made, as far as that decides what they compute."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

import torch

from optlint.replay.trace import Group
from optlint.torch_api.group_keys import meant_key

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


def group_of(
    group: dict[str, Any], defaults: dict[str, Any], kind: type = object, inherited: tuple[str, ...] = ()
) -> Group:
    """A group with what it has beyond the defaults, but for its rate, which is looked at in each update.

    `kind` is the class of its optimizer, and `inherited` are options that another one had left in the dict.
    """
    unread = dict(_unread_keys(kind, group, defaults))
    asked = {key: value for key, value in group.items() if key not in unread}
    asked |= {meant: group[key] for key, meant in unread.items()}
    own = {key: value for key, value in asked.items() if key not in _NO_OPTIONS and not callable(value)}
    told = (f"{key}={value!r}" for key, value in sorted(own.items()) if key not in defaults or value != defaults[key])
    rate = asked.get("lr", 0.0)
    given = isinstance(rate, (int, float, torch.Tensor))
    return Group(len(group["params"]), ", ".join(told), tuple(unread), float(rate) if given else 0.0, inherited)


def _unread_keys(optimizer: type, group: Mapping[str, Any], defaults: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    """Yield the keys of a group that a class of torch's own does not read, each with the key that was meant.

    What an optimizer reads of its groups are the names of its defaults.
    """
    if vars(torch.optim).get(optimizer.__name__) is optimizer:
        for key in group:
            meant = meant_key(key, defaults.keys() | {"params"})
            if meant and group.get(meant) == defaults.get(meant):
                yield key, meant
