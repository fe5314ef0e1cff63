"""L-BFGS, with a fixed step length or a line search.

Nocedal, Wright: Numerical optimization (2nd ed., Springer 2006), algorithms 7.4 (the two loops) and 7.5.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import partial
from typing import TYPE_CHECKING

from optlint.reference.update_rule import ClosureRule, Evaluate
from optlint.reference.updates.strong_wolfe import Scalar, Trial, strong_wolfe

if TYPE_CHECKING:
    from torch import Tensor

LEAST_CURVATURE = 1e-10
"""A pair whose `y.s` is not above this is not remembered; the book asks for more than zero."""


@dataclass(frozen=True, slots=True)
class LBFGSHyperparameters:
    """`lr` is a pure number, the step length along a direction in parameter units.

    The tolerances: `tolerance_grad` in gradient units, `tolerance_change` in units of the parameters, of the loss and
    of the slope alike, as torch has it. `max_eval` None is `max_iter * 5 // 4`.
    """

    lr: Scalar = 1.0
    max_iter: int = 20
    max_eval: int | None = None
    tolerance_grad: float = 1e-7
    tolerance_change: float = 1e-9
    history_size: int = 100
    line_search_fn: str | None = None


@dataclass(frozen=True, slots=True)
class LBFGSState:
    """What is known after `n_iter` directions and `func_evals` evaluations; the newest pair is the last.

    Attributes:
        d: The last direction.
        t: The length of the last step along it.
        y: Differences of gradients.
        s: Differences of parameters, pair by pair with `y`.
        rho: One by `y.s`, likewise.
        gamma: The inverse Hessian before any pair, a multiple of one, in parameter by gradient units.
        g: The gradient where `d` was taken.
        loss: The loss there.
    """

    n_iter: int = 0
    func_evals: int = 0
    d: Tensor | None = None
    t: Scalar | None = None
    y: tuple[Tensor, ...] = ()
    s: tuple[Tensor, ...] = ()
    rho: tuple[Tensor, ...] = ()
    gamma: Scalar | None = None
    g: Tensor | None = None
    loss: float | None = None


def lbfgs_start(theta: Tensor, h: LBFGSHyperparameters) -> LBFGSState:
    """Nothing is known yet."""
    return LBFGSState()


def lbfgs(theta: Tensor, evaluate: Evaluate, state: LBFGSState, h: LBFGSHyperparameters) -> tuple[Tensor, LBFGSState]:
    r"""One call of torch.optim.LBFGS: up to `max_iter` iterations, begun with an evaluation at `theta`.

    .. math::
        \theta_{k+1} = \theta_k + t_k d_k, \qquad d_k = -H_k g_k, \qquad d_1 = -g_1

    with the step length :math:`t_k` from the line search, or without one the rate; the first one is the rate times
    :math:`\min(1, 1 / \|g_1\|_1)`. Shapes: `theta`, gradients, directions and differences are all one vector, that of
    all parameters one after another; a parameter without gradient has zeros there.

    Torch goes on in the next call with the pairs that it has, whatever happened to the function in between; the book
    knows one function only. After `max_eval` evaluations no iteration begins; without a line search the point that
    the last iteration of a call reaches is not evaluated. Torch 2.13 remembers a rate given as a tensor itself as the
    last step length, so that a schedule, which changes that tensor, changes the :math:`s` of a step long taken; here
    the length is the one that was gone.
    """
    most_evaluations = h.max_iter * 5 // 4 if h.max_eval is None else h.max_eval
    t: Scalar
    loss, g = evaluate(theta)
    evaluations = 1
    state = replace(state, func_evals=state.func_evals + 1)
    if g.abs().max() <= h.tolerance_grad:
        return theta, state
    for iteration in range(1, h.max_iter + 1):
        state = _remembering(state, g, h)
        d = _direction(g, state)
        t = _first_length(g) * h.lr if state.n_iter == 1 else h.lr
        state = replace(state, d=d, t=t, g=g, loss=loss)
        slope = g.dot(d)
        if slope > -h.tolerance_change:
            break
        before, used = loss, 0
        if h.line_search_fn is not None:
            start, more = Trial(0.0, loss, g, slope), most_evaluations - evaluations
            found, used = strong_wolfe(partial(_along, theta, d, evaluate), start, t, d.abs().max(), more)
            t, loss, g = found.alpha, found.loss, found.g
        theta = theta.add(d, alpha=float(t))
        if h.line_search_fn is None and iteration < h.max_iter:
            loss, g = evaluate(theta)
            used = 1
        evaluations += used
        state = replace(state, t=t, func_evals=state.func_evals + used)
        if evaluations >= most_evaluations or g.abs().max() <= h.tolerance_grad:
            break
        if d.mul(t).abs().max() <= h.tolerance_change or abs(loss - before) < h.tolerance_change:
            break
    return theta, state


def _first_length(g: Tensor) -> Scalar:
    """No more than one, and no longer a first step than one parameter unit in all."""
    bounded = 1.0 / g.abs().sum()
    return bounded if bounded < 1.0 else 1.0


def _along(theta: Tensor, d: Tensor, evaluate: Evaluate, alpha: Scalar) -> Trial:
    """The trial at a step length."""
    loss, g = evaluate(theta.add(d, alpha=float(alpha)))
    return Trial(alpha, loss, g, g.dot(d))


def _remembering(state: LBFGSState, g: Tensor, h: LBFGSHyperparameters) -> LBFGSState:
    r"""The state with one iteration more and, if the last step has a curvature, with its pair.

    .. math::
        s = t d, \qquad y = g_k - g_{k-1}, \qquad \rho = \frac{1}{y^T s}, \qquad \gamma = \frac{y^T s}{y^T y}
    """
    state = replace(state, n_iter=state.n_iter + 1)
    if state.d is None or state.t is None or state.g is None:
        return replace(state, gamma=1)
    y, s = g.sub(state.g), state.d.mul(state.t)
    curvature = y.dot(s)
    if not curvature > LEAST_CURVATURE:
        return state
    kept = slice(max(0, len(state.y) + 1 - h.history_size), None)
    return replace(
        state,
        y=(*state.y, y)[kept],
        s=(*state.s, s)[kept],
        rho=(*state.rho, 1.0 / curvature)[kept],
        gamma=curvature / y.dot(y),
    )


def _direction(g: Tensor, state: LBFGSState) -> Tensor:
    r"""Algorithm 7.4 with the sign turned: :math:`-H_k g`, from the newest pair to the oldest and back.

    .. math::
        \alpha_i = \rho_i s_i^T q, \quad q \leftarrow q - \alpha_i y_i, \qquad r = \gamma q, \qquad
        r \leftarrow r + s_i (\alpha_i - \rho_i y_i^T r)
    """
    q = g.neg()
    alphas: list[Tensor] = []
    for y, s, rho in zip(reversed(state.y), reversed(state.s), reversed(state.rho), strict=True):
        alphas.append(s.dot(q) * rho)
        q.add_(y, alpha=-float(alphas[-1]))
    r = q if state.gamma is None else q.mul_(state.gamma)
    for y, s, rho, alpha in zip(state.y, state.s, state.rho, reversed(alphas), strict=True):
        r.add_(s, alpha=float(alpha - y.dot(r) * rho))
    return r


LBFGS = ClosureRule(
    "LBFGS",
    LBFGSHyperparameters,
    lbfgs_start,
    lbfgs,
    {
        "n_iter": "n_iter",
        "func_evals": "func_evals",
        "d": "d",
        "t": "t",
        "y": "old_dirs",
        "s": "old_stps",
        "rho": "ro",
        "gamma": "H_diag",
        "g": "prev_flat_grad",
        "loss": "prev_loss",
    },
)
