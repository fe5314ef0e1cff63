"""The line search for the strong Wolfe conditions, in the form that torch's L-BFGS has.

Nocedal, Wright: Numerical optimization (2nd ed., Springer 2006), algorithms 3.5 (bracketing) and 3.6 (zoom), and
equation 3.59 (the minimiser of a cubic).
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, TypeAlias

if TYPE_CHECKING:
    from torch import Tensor

Scalar: TypeAlias = "float | Tensor"
"""A number, or a tensor without dimensions; which of the two decides how torch rounds in float32."""

C1, C2 = 1e-4, 0.9
"""How much the loss has to fall, and how much its slope, as parts of what the slope at the start promises."""

SMALLEST_MOVE = 1e-9
"""The bracket, in parameter units, below which the search ends; torch does not put `tolerance_change` here."""


@dataclass(frozen=True, slots=True, eq=False)
class Trial:
    """A point on the line: the step length `alpha`, the loss there, its gradient `g`, and its slope along the line."""

    alpha: Scalar
    loss: float
    g: Tensor
    slope: Tensor


def strong_wolfe(
    phi: Callable[[Scalar], Trial], start: Trial, alpha: Scalar, reach: Tensor, more: int
) -> tuple[Trial, int]:
    r"""A step length that fulfils the strong Wolfe conditions, and the number of evaluations that it took.

    .. math::
        \phi(\alpha) \le \phi(0) + c_1 \alpha \phi'(0), \qquad |\phi'(\alpha)| \le c_2 |\phi'(0)|

    Args:
        phi: The trial at a step length.
        start: The trial at step length 0, whose slope is negative.
        alpha: The first step length that is tried.
        reach: The largest magnitude in the direction; times a step length it is a move in parameter units.
        more: How many evaluations may follow the first. When they are spent, the better end of the bracket is taken.
    """
    ends, used = _bracket(phi, start, alpha, more)
    low = 0 if ends[0].loss <= ends[-1].loss else 1
    stalled = False
    while len(ends) == 2 and used < more and not _apart(ends[0].alpha, ends[1].alpha) * reach < SMALLEST_MOVE:
        alpha, stalled = _away_from_ends(_cubic_minimiser(ends[0], ends[1]), ends[0].alpha, ends[1].alpha, stalled)
        trial = phi(alpha)
        used += 1
        if not _falls_enough(trial, start) or trial.loss >= ends[low].loss:
            ends[1 - low] = trial
            low = 0 if ends[0].loss <= ends[1].loss else 1
        elif _is_flat_enough(trial, start):
            return trial, used + 1
        else:
            if trial.slope * (ends[1 - low].alpha - ends[low].alpha) >= 0:
                ends[1 - low] = ends[low]
            ends[low] = trial
    return ends[low], used + 1


def _bracket(phi: Callable[[Scalar], Trial], start: Trial, alpha: Scalar, more: int) -> tuple[list[Trial], int]:
    """Algorithm 3.5: two trials with a good step length between them, or a good one alone; and the evaluations used.

    The book compares a trial with the one before it from the second on (`i > 1`, counted from 1), torch from the third.
    The next step length, which the book leaves open, is the minimiser of a cubic within 1.01 and 10 times the last.
    """
    before, trial = start, phi(alpha)
    for used in range(more):
        if not _falls_enough(trial, start) or (used > 1 and trial.loss >= before.loss):
            return [before, trial], used
        if _is_flat_enough(trial, start):
            return [trial], used
        if trial.slope >= 0:
            return [before, trial], used
        least, most = trial.alpha + 0.01 * (trial.alpha - before.alpha), trial.alpha * 10
        before, trial = trial, phi(_cubic_minimiser(before, trial, least, most))
    return [start, trial], more


def _falls_enough(trial: Trial, start: Trial) -> bool:
    return not trial.loss > start.loss + C1 * trial.alpha * start.slope


def _is_flat_enough(trial: Trial, start: Trial) -> bool:
    return bool(trial.slope.abs() <= -C2 * start.slope)


def _away_from_ends(alpha: Scalar, first: Scalar, second: Scalar, stalled: bool) -> tuple[Scalar, bool]:
    """The next step length of algorithm 3.6, which asks for one that is not too close to an end of the bracket.

    Within a tenth of the bracket from an end is too close when it is so for the second time in turn (`stalled`), or
    beyond the end: then it is a tenth away.
    """
    most, least = max(first, second), min(first, second)
    margin = 0.1 * (most - least)
    if not min(most - alpha, alpha - least) < margin:
        return alpha, False
    if not (stalled or alpha >= most or alpha <= least):
        return alpha, True
    return (most - margin if _apart(alpha, most) < _apart(alpha, least) else least + margin), False


def _apart(one: Scalar, two: Scalar) -> Scalar:
    return one - two if one >= two else two - one


def _cubic_minimiser(one: Trial, two: Trial, least: Scalar | None = None, most: Scalar | None = None) -> Scalar:
    r"""The minimiser of the cubic through two trials and their slopes, held within bounds (else within the two).

    .. math::
        d_1 = \phi'_a + \phi'_b - 3 \frac{\phi_a - \phi_b}{a - b}, \qquad d_2 = \sqrt{d_1^2 - \phi'_a \phi'_b}, \qquad
        \alpha = b - (b - a) \frac{\phi'_b + d_2 - d_1}{\phi'_b - \phi'_a + 2 d_2}

    for :math:`a < b`. The middle of the bounds where the cubic has no minimiser.
    """
    a, b = (one, two) if one.alpha <= two.alpha else (two, one)
    least, most = a.alpha if least is None else least, b.alpha if most is None else most
    d1 = a.slope + b.slope - 3 * (a.loss - b.loss) / (a.alpha - b.alpha)
    square = d1**2 - a.slope * b.slope
    if not square >= 0:
        return (least + most) / 2.0
    d2 = square.sqrt()
    best = b.alpha - (b.alpha - a.alpha) * ((b.slope + d2 - d1) / (b.slope - a.slope + 2 * d2))
    return min(max(best, least), most)
