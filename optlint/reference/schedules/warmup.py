"""The factors of the warm-up schedules of transformers, for `LambdaLR`.

Devlin, Chang, Lee, Toutanova: BERT, pre-training of deep bidirectional transformers (NAACL 2019), appendix A.2, for the
linear warm-up with a linear decay; Loshchilov, Hutter: SGDR (ICLR 2017) for the cosines.

Each is named as the function of transformers that builds the `LambdaLR`, with its arguments: `LambdaLR(factor)` is the
schedule. All rise from 0 at `t = 0` to 1 at `num_warmup_steps`, so that the first update has the rate 0.
"""

from __future__ import annotations

import math
from dataclasses import dataclass


def _warmup(t: float, num_warmup_steps: int) -> float:
    """A line from 0 to 1."""
    return t / num_warmup_steps


def _progress(t: float, num_warmup_steps: int, num_training_steps: int) -> float:
    """How much of the steps after the warm-up is done: from 0 to 1, and more after the end."""
    return (t - num_warmup_steps) / max(1, num_training_steps - num_warmup_steps)


@dataclass(frozen=True, slots=True)
class ConstantScheduleWithWarmup:
    """1 after the warm-up."""

    num_warmup_steps: int

    def __call__(self, t: float) -> float:
        """The factor at step `t`."""
        return _warmup(t, self.num_warmup_steps) if t < self.num_warmup_steps else 1.0


@dataclass(frozen=True, slots=True)
class LinearScheduleWithWarmup:
    """A line from 1 after the warm-up to 0 at `num_training_steps`, and 0 from then on."""

    num_warmup_steps: int
    num_training_steps: int

    def __call__(self, t: float) -> float:
        """The factor at step `t`."""
        if t < self.num_warmup_steps:
            return _warmup(t, self.num_warmup_steps)
        left = self.num_training_steps - t
        return max(0.0, left / max(1, self.num_training_steps - self.num_warmup_steps))


@dataclass(frozen=True, slots=True)
class CosineScheduleWithWarmup:
    r""":math:`(1 + \cos 2 \pi c p) / 2` of the progress :math:`p`: half a wave down to 0 with :math:`c = 1/2`.

    After `num_training_steps` the wave goes on, and the rate up again.
    """

    num_warmup_steps: int
    num_training_steps: int
    num_cycles: float = 0.5

    def __call__(self, t: float) -> float:
        """The factor at step `t`."""
        if t < self.num_warmup_steps:
            return _warmup(t, self.num_warmup_steps)
        progress = _progress(t, self.num_warmup_steps, self.num_training_steps)
        return 0.5 * (1.0 + math.cos(math.pi * self.num_cycles * 2.0 * progress))


@dataclass(frozen=True, slots=True)
class CosineWithHardRestartsScheduleWithWarmup:
    r""":math:`(1 + \cos \pi (c p \bmod 1)) / 2`: `num_cycles` half waves from 1 down to 0, and 0 after the last."""

    num_warmup_steps: int
    num_training_steps: int
    num_cycles: int = 1

    def __call__(self, t: float) -> float:
        """The factor at step `t`."""
        if t < self.num_warmup_steps:
            return _warmup(t, self.num_warmup_steps)
        progress = _progress(t, self.num_warmup_steps, self.num_training_steps)
        return 0.5 * (1.0 + math.cos(math.pi * (self.num_cycles * progress % 1.0))) if progress < 1.0 else 0.0


@dataclass(frozen=True, slots=True)
class PolynomialDecayScheduleWithWarmup:
    r"""From `lr_init` to `lr_end` along :math:`(1 - p)^q`, by `lr_init`; `lr_end` after `num_training_steps`.

    Transformers takes `lr_init` from `optimizer.defaults["lr"]`: a group with a rate of its own ends at its own
    multiple of `lr_end`.
    """

    num_warmup_steps: int
    num_training_steps: int
    lr_init: float
    lr_end: float = 1e-7
    power: float = 1.0

    def __call__(self, t: float) -> float:
        """The factor at step `t`."""
        if t < self.num_warmup_steps:
            return _warmup(t, self.num_warmup_steps)
        if t > self.num_training_steps:
            return self.lr_end / self.lr_init
        remaining = 1 - (t - self.num_warmup_steps) / (self.num_training_steps - self.num_warmup_steps)
        lr: float = (self.lr_init - self.lr_end) * remaining**self.power + self.lr_end
        return lr / self.lr_init
