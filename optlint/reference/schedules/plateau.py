"""A rate that is cut when a metric no longer improves: ReduceLROnPlateau.

It has no closed form in `t`: the rate depends on the metrics, so it is a fold over them. What can be told at once is
which steps cut (`cuts`, from the steps that improve alone), and the rate after a number of cuts (`closed_form`).
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class PlateauState:
    """What the schedule keeps between two metrics: the rate, and the machine's counters."""

    lr: float
    best: float
    num_bad_epochs: int = 0
    cooldown_counter: int = 0


@dataclass(frozen=True, slots=True)
class ReduceLROnPlateau:
    r"""The rate by `factor` after more than `patience` metrics in a row that do not improve on the best so far.

    A metric :math:`x` improves on the best :math:`b`, with the mode `min`, if :math:`x < b (1 - \theta)` (threshold
    mode `rel`) or :math:`x < b - \theta` (`abs`); with `max`, if :math:`x > b (1 + \theta)` or :math:`x > b + \theta`.
    The first metric improves; a NaN does not. Note that with `rel` and metrics below zero the margin lies on the wrong
    side: what is a little worse improves.

    After a cut `cooldown` metrics are not counted. The rate is not cut below `min_lr`, and not at all where that would
    change it by `eps` or less.

    Construction changes nothing: no initial step, no `initial_lr`, `last_epoch` is 0; the count of metrics it is then.
    """

    mode: str = "min"
    factor: float = 0.1
    patience: int = 10
    threshold: float = 1e-4
    threshold_mode: str = "rel"
    cooldown: int = 0
    min_lr: float = 0.0
    eps: float = 1e-8

    def start(self, lr: float) -> PlateauState:
        """The state before the first metric: no rate cut, and nothing so bad that it would not improve."""
        return PlateauState(lr, math.inf if self.mode == "min" else -math.inf)

    def step(self, state: PlateauState, metric: float) -> PlateauState:
        """The state after one metric more."""
        best, bad, cooldown = state.best, state.num_bad_epochs + 1, state.cooldown_counter
        if self.improves(metric, best):
            best, bad = metric, 0
        if cooldown > 0:
            bad, cooldown = 0, cooldown - 1
        if bad > self.patience:
            return PlateauState(self.cut(state.lr), best, 0, self.cooldown)
        return PlateauState(state.lr, best, bad, cooldown)

    def fold(self, base: float, metrics: Iterable[float]) -> list[float]:
        """The rate after each metric, from a group with the rate `base`."""
        state, rates = self.start(base), []
        for metric in metrics:
            state = self.step(state, metric)
            rates.append(state.lr)
        return rates

    def improves(self, metric: float, best: float) -> bool:
        """Whether a metric is better than the best so far by more than the threshold."""
        relative = self.threshold_mode == "rel"
        if self.mode == "min":
            return metric < (best * (1.0 - self.threshold) if relative else best - self.threshold)
        return metric > (best * (1.0 + self.threshold) if relative else best + self.threshold)

    def cut(self, lr: float) -> float:
        """The rate after one cut."""
        lower = max(lr * self.factor, self.min_lr)
        return lower if lr - lower > self.eps else lr

    def cuts(self, metrics: Sequence[float]) -> list[int]:
        r"""The steps, from 1, that cut the rate.

        Step :math:`t` cuts if it is more than `patience` after whichever is later: the last step that improved, and
        the end of the cooldown of the last cut before, :math:`u + c`.
        """
        best, quiet_until, found = self.start(0.0).best, 0, []
        for t, metric in enumerate(metrics, start=1):
            if self.improves(metric, best):
                best, quiet_until = metric, max(t, quiet_until)
            if t - quiet_until > self.patience:
                found.append(t)
                quiet_until = t + self.cooldown
        return found

    def closed_form(self, base: float, cuts: int) -> float:
        r"""The rate after :math:`k` cuts, :math:`\max(\eta_0 f^k, \eta_{min})`, for :math:`0 \le f < 1`.

        The differences between two cuts only shrink: the first that is not more than `eps` is the end of it.
        """

        def rate(k: int) -> float:
            return max(base * self.factor**k, self.min_lr) if k > 0 else base

        effective = next((k for k in range(cuts) if not rate(k) - rate(k + 1) > self.eps), cuts)
        return rate(effective)
