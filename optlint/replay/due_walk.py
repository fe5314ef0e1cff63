"""The way that an optimizer would have come, had each update used the rate and the gradient that were due.

The gradients are those that the code has computed, where its own parameters were: what is due is no other run. As long
as all is as it should be the way is the optimizer's own; the reference sets out where the first update departs, from
the parameters and the state that the optimizer has there.
"""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor

from optlint.reference.optimizer import ReferenceOptimizer
from optlint.reference.update_rule import ClosureRule
from optlint.replay.measure import Measure, flat, gradient_of, set_gradient

_ROUNDING = 1e-12
"""Relative, of a gradient."""


class DueWalk:
    """The walk of one optimizer."""

    def __init__(self) -> None:
        self._walker: _Walker | None = None
        self._lost = False

    def goes(self, measure: Measure, due: Sequence[Tensor | None], scale: float) -> None:
        """An update is about to be made, with these gradients due to it (to be multiplied by `scale`)."""
        if self._lost or measure.walked:
            return
        measure.walked = True
        if measure.reference is None or isinstance(measure.reference.rule, ClosureRule):
            self._lost = True
            return
        apart = measure.gradient is not None and not measure.gradient.relative <= _ROUNDING
        if self._walker is None and measure.rates == measure.due_rates and not apart:
            return
        try:
            self._walker = self._walker or _Walker(measure.optimizer)
            self._walker.goes(measure, due, scale)
        except Exception:  # what the optimizer refuses (sparse gradients, a strange option) the reference may as well
            self._lost = True

    def travelled(self, measure: Measure) -> float | None:
        """How far the parameters would have come, after the update; None where that is not known."""
        if self._lost or measure.reference is None:
            return None
        return measure.travelled() if self._walker is None else self._walker.travelled(measure)


class _Walker(ReferenceOptimizer):
    """The reference of an optimizer, which goes on from where it was itself, and not from where the optimizer is."""

    def goes(self, measure: Measure, due: Sequence[Tensor | None], scale: float) -> None:
        """Make the update that is due; the optimizer has its rates and gradients back afterwards."""
        groups: list[dict[str, object]] = [each for each in measure.optimizer.param_groups if "lr" in each]
        rates = [group["lr"] for group in groups]
        gradients = [gradient_of(each.tensor) for each in measure.parameters]
        try:
            for group, rate in zip(groups, measure.due_rates, strict=True):
                group["lr"] = rate
            for each, gradient in zip(measure.parameters, due, strict=True):
                set_gradient(each.tensor, None if gradient is None else (gradient * scale).to(each.tensor.dtype))
            self.step()
        finally:
            for group, kept in zip(groups, rates, strict=True):
                group["lr"] = kept
            for each, gradient in zip(measure.parameters, gradients, strict=True):
                set_gradient(each.tensor, gradient)

    def travelled(self, measure: Measure) -> float:
        """The distance from the start."""
        ways = [
            self._shadows[each.tensor].theta - flat([each.start]).reshape(self._shadows[each.tensor].theta.shape)
            for each in measure.parameters
            if each.start is not None and each.tensor in self._shadows and not each.tensor.is_meta
        ]
        return float(torch.linalg.vector_norm(flat(ways))) if ways else 0.0
