"""The learning rates of an optimizer's groups, as far as they have any: a class of one's own may rename them."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from torch.optim import Optimizer

from optlint.reference.schedules.schedule import Rates
from optlint.reference.update_rule import number


def rates_of(optimizer: Optimizer) -> tuple[float, ...]:
    """The learning rate of each group that has one."""
    return tuple(rates.lr for rates in present_rates(optimizer))


def present_rates(optimizer: Optimizer) -> list[Rates]:
    """The rates, and what schedules set beside them, that the groups of an optimizer have now; as `rates_of`."""
    rates = ((_number(group.get("lr")), _momentum(group)) for group in optimizer.param_groups)
    return [Rates(rate, momentum) for rate, momentum in rates if rate is not None]


def _momentum(group: Mapping[str, Any]) -> float | None:
    betas = group.get("betas")
    if isinstance(betas, (tuple, list)) and betas:
        return _number(betas[0])
    return _number(group.get("momentum"))


def _number(option: Any) -> float | None:
    """An option as a number; None for one that is not there, or is left to the optimizer (`lr=None`)."""
    try:
        return float(number(option))
    except (TypeError, ValueError, RuntimeError):  # RuntimeError: a tensor of several numbers, or on `meta`
        return None
