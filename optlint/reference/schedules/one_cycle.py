"""One cycle up to a large rate and down below where it began.

Smith, Topin: Super-convergence, very fast training of neural networks using large learning rates (2018; arXiv
1708.07120), for one cycle with a line in three phases; torch anneals by a cosine in two where it is not told otherwise.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

from optlint.reference.schedules.schedule import AbsoluteSchedule, Rates


@dataclass(frozen=True, slots=True)
class _Phase:
    """One stretch of the cycle: the step of its end, and from what to what it goes."""

    end: float
    lr: tuple[float, float]
    momentum: tuple[float, float]


@dataclass(frozen=True, slots=True)
class OneCycleLR(AbsoluteSchedule):
    r"""From `max_lr / div_factor` to `max_lr` and down to that first rate by `final_div_factor`; momentum against it.

    The first phase ends at step :math:`p N - 1` with :math:`p` = `pct_start` and :math:`N` = `total_steps` (or
    `epochs * steps_per_epoch`); with three phases the second, back to the first rate, ends at :math:`2 p N - 2`. The
    last ends at :math:`N - 1`: that is the rate of update :math:`N`.

    Construction sets the first rate and `max_momentum`, and the first rate as `initial_lr` of the group too, whatever
    earlier schedulers have left there: a `SequentialLR` that is built later starts all from it.

    Torch allows one step beyond the end, to :math:`t = N`, where a line has gone past its last rate (below zero it may
    be) and a cosine has turned up again; after it torch raises, and so does this.
    """

    max_lr: float
    total_steps: int | None = None
    epochs: int | None = None
    steps_per_epoch: int | None = None
    pct_start: float = 0.3
    anneal_strategy: str = "cos"
    cycle_momentum: bool = True
    base_momentum: float = 0.85
    max_momentum: float = 0.95
    div_factor: float = 25.0
    final_div_factor: float = 1e4
    three_phase: bool = False

    @property
    def steps(self) -> int:
        """:math:`N`, however it was given."""
        if self.total_steps is not None:
            return self.total_steps
        if self.epochs is None or self.steps_per_epoch is None:
            raise ValueError("`OneCycleLR` needs `total_steps`, or `epochs` and `steps_per_epoch`")
        return self.epochs * self.steps_per_epoch

    def closed_form(self, base: float, t: float) -> Rates:
        r""":math:`a + (b - a) \frac{1 - \cos \pi p}{2}`, or :math:`a + (b - a) p`, in the phase from a to b.

        `base` has no part in it. Raises ValueError beyond :math:`t = N`.
        """
        phase, pct = self._phase(t)
        progress = pct if self.anneal_strategy == "linear" else (1 - math.cos(math.pi * pct)) / 2
        lr, momentum = (a + (b - a) * progress for a, b in (phase.lr, phase.momentum))
        return Rates(lr, momentum if self.cycle_momentum else None)

    def evaluate(self, base: float, t: float) -> Rates:
        """The same in torch's order of operations."""
        phase, pct = self._phase(t)
        if self.anneal_strategy == "linear":
            lr, momentum = ((b - a) * pct + a for a, b in (phase.lr, phase.momentum))
        else:
            wave = math.cos(math.pi * pct) + 1
            lr, momentum = (b + (a - b) / 2.0 * wave for a, b in (phase.lr, phase.momentum))
        return Rates(lr, momentum if self.cycle_momentum else None)

    def _phase(self, t: float) -> tuple[_Phase, float]:
        """The phase that step `t` is in, and how much of it is behind: 0 at its begin, 1 at its end."""
        if t > self.steps:
            raise ValueError(f"`OneCycleLR` of {self.steps} steps has no value at step {t}")
        phases = self._phases()
        i = next((i for i, phase in enumerate(phases) if t <= phase.end), len(phases) - 1)
        begin = phases[i - 1].end if i > 0 else 0.0
        return phases[i], (t - begin) / (phases[i].end - begin)

    def _phases(self) -> tuple[_Phase, ...]:
        first = self.max_lr / self.div_factor
        last = first / self.final_div_factor
        high, low = self.max_momentum, self.base_momentum
        up = _Phase(self.pct_start * self.steps - 1, (first, self.max_lr), (high, low))
        if not self.three_phase:
            return up, _Phase(self.steps - 1, (self.max_lr, last), (low, high))
        down = _Phase(2 * self.pct_start * self.steps - 2, (self.max_lr, first), (low, high))
        return up, down, _Phase(self.steps - 1, (first, last), (high, high))
