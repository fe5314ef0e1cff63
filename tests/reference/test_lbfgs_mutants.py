"""Planted errors in L-BFGS and its line search; those in the other update rules are in `test_update_mutants`."""

from __future__ import annotations

import sys
from array import array
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from functools import cache
from typing import Any

import pytest

pytest.importorskip("torch", reason="the reference is made of tensors")

import torch
from formula_mutants import mutants, unchanged
from torch import Tensor
from torch.optim import lbfgs as torchs

from optlint.reference.updates import CLOSURE_RULES
from optlint.reference.updates.lbfgs import LBFGSState
from optlint.reference.updates.strong_wolfe import Trial

LBFGS = CLOSURE_RULES["LBFGS"]
UPDATE = sys.modules[LBFGS.update.__module__]
SEARCH = sys.modules[Trial.__module__]
LINES = 600
ENDLESS = 2000

TIE = "differs only where two numbers are equal to the last bit, or one is zero"
EQUIVALENT_IN_UPDATE = {
    "lbfgs: g.abs().max() <= h.tolerance_grad -> g.abs().max() < h.tolerance_grad": TIE,
    "lbfgs: g.abs().max() <= h.tolerance_grad -> g.abs().max() < h.tolerance_grad (2)": TIE,
    "lbfgs: slope > -h.tolerance_change -> slope >= -h.tolerance_change": TIE,
    "lbfgs: d.mul(t).abs().max() <= h.tolerance_change -> d.mul(t).abs().max() < h.tolerance_change": TIE,
    "lbfgs: abs(loss - before) < h.tolerance_change -> abs(loss - before) <= h.tolerance_change": TIE,
    "_first_length: bounded < 1.0 -> bounded <= 1.0": "1.0 either way",
    "_remembering: curvature > LEAST_CURVATURE -> curvature >= LEAST_CURVATURE": TIE,
    "_direction: q if state.gamma is None else q.mul_(state.gamma) -> q.mul_(state.gamma)": "None is for the type only",
    "_direction: True -> False": "the histories have one length",
    "_direction: True -> False (2)": "the histories have one length",
}
EQUIVALENT_IN_SEARCH = {
    "strong_wolfe: _apart(ends[0].alpha, ends[1].alpha) * reach < SMALLEST_MOVE"
    " -> _apart(ends[0].alpha, ends[1].alpha) * reach <= SMALLEST_MOVE": TIE,
    "strong_wolfe: trial.loss >= ends[low].loss -> trial.loss > ends[low].loss": TIE,
    "strong_wolfe: ends[0].loss <= ends[1].loss -> ends[0].loss < ends[1].loss": TIE,
    "strong_wolfe: trial.slope * (ends[1 - low].alpha - ends[low].alpha) >= 0"
    " -> trial.slope * (ends[1 - low].alpha - ends[low].alpha) > 0": TIE,
    "strong_wolfe: trial.slope * (ends[1 - low].alpha - ends[low].alpha)"
    " -> trial.slope / (ends[1 - low].alpha - ends[low].alpha)": "only the sign counts, and it is the same",
    "_bracket: trial.slope >= 0 -> trial.slope > 0": TIE,
    "_bracket: trial.loss >= before.loss -> trial.loss > before.loss": TIE,
    "_away_from_ends: min(most - alpha, alpha - least) < margin -> min(most - alpha, alpha - least) <= margin": TIE,
    "_away_from_ends: alpha >= most -> alpha > most": TIE,
    "_away_from_ends: alpha <= least -> alpha < least": TIE,
    "_away_from_ends: _apart(alpha, most) < _apart(alpha, least) -> _apart(alpha, most) <= _apart(alpha, least)": TIE,
    "_cubic_minimiser: one.alpha <= two.alpha -> one.alpha < two.alpha": TIE,
    "_cubic_minimiser: square >= 0 -> square > 0": TIE,
}


@pytest.fixture(autouse=True)
def _one_thread() -> Iterator[None]:
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(threads)


@dataclass(frozen=True, slots=True)
class Line:
    """A function of one number whose slope at 0 is negative, and what torch's line search makes of it.

    It has waves, and kinks, where no slope is flat enough. The direction `d` is one number. Most planted errors ask for
    the same points, so what it has been asked for is `known`.
    """

    waves: Tensor
    kinks: Tensor
    alpha: float
    more: int
    d: Tensor
    known: dict[bytes, tuple[float, Tensor]] = field(default_factory=dict)

    def __call__(self, alpha: float | Tensor) -> tuple[float, Tensor]:
        place = _bits([float(alpha)])
        if place not in self.known:
            self.known[place] = self._at(alpha)
        loss, g = self.known[place]
        return loss, g.clone()

    def _at(self, alpha: float | Tensor) -> tuple[float, Tensor]:
        height, frequency, phase = self.waves
        angle = frequency * float(alpha) + phase
        steepness, place = self.kinks
        beyond = float(alpha) - place
        slope = (height * frequency * angle.cos()).sum() + (steepness * beyond.sign()).sum()
        return ((height * angle.sin()).sum() + (steepness * beyond.abs()).sum()).item(), slope / self.d

    def trial(self, alpha: float | Tensor) -> Trial:
        loss, g = self(alpha)
        return Trial(alpha, loss, g, g.dot(self.d))


@cache
def lines() -> tuple[tuple[Line, tuple[float, float, int]], ...]:
    """The lines, and for each of them the loss, the step length and the number of evaluations that torch comes to."""
    generator = torch.Generator().manual_seed(1)
    made: list[tuple[Line, tuple[float, float, int]]] = []
    while len(made) < LINES:
        waves = torch.randn(3, 4, generator=generator, dtype=torch.float64)
        waves[1] = waves[1].exp() * [0.3, 1.0, 1.0, 4.0, 1.0, 1.0, 1.0][len(made) % 7]
        kinks = torch.randn(2, 3, generator=generator, dtype=torch.float64).exp()
        alpha, more = [1.0, 0.01, 5.0, 1e-10][len(made) % 4], [25, 4, 100, 9, 0][len(made) % 5]
        d = torch.tensor([[1.0, 2.0**-13, 2.0**10][len(made) % 3]], dtype=torch.float64)
        line = Line(waves, kinks * (len(made) % 2), alpha, more, d)
        if line.trial(0.0).slope < 0:
            made.append((line, _torchs_result(line)))
    return tuple(made)


def _torchs_result(line: Line) -> tuple[float, float, int]:
    loss, g = line(0.0)
    search: Any = torchs._strong_wolfe
    found, _, t, used = search(
        lambda x, t, d: line(t), [], line.alpha, line.d, loss, g, g.dot(line.d), max_ls=line.more
    )
    return found, float(t), used


def is_noticed_on_lines(search: Callable[..., tuple[Trial, int]]) -> bool:
    for line, found in lines():
        calls: list[None] = []

        def phi(alpha: float | Tensor, line: Line = line, calls: list[None] = calls) -> Trial:
            calls.append(None)
            if len(calls) > ENDLESS:
                raise RecursionError("no end")
            return line.trial(alpha)

        try:
            trial, used = search(phi, line.trial(0.0), line.alpha, line.d.abs().max(), line.more)
        except Exception:  # what torch refuses is noticed too
            return True
        if (trial.loss, float(trial.alpha), used) != found:
            return True
    return False


@dataclass(frozen=True, slots=True)
class Run:
    """Three calls of torch's LBFGS: the function, the options, and point and state after each call."""

    function: Callable[[Tensor], Tensor]
    h: Any
    start: Tensor
    calls: tuple[tuple[Tensor, dict[str, Any]], ...]
    known: dict[bytes, tuple[float, Tensor]] = field(default_factory=dict)

    def at(self, point: Tensor) -> tuple[float, Tensor]:
        """The loss and its gradient at a point, computed once."""
        place = _bits(point.tolist())
        if place not in self.known:
            x = point.detach().clone().requires_grad_()
            value = self.function(x)
            self.known[place] = value.item(), torch.autograd.grad(value, x)[0]
        loss, g = self.known[place]
        return loss, g.clone()


def _bits(numbers: list[float]) -> bytes:
    """What tells numbers apart, those of zero too."""
    return array("d", numbers).tobytes()


def valley(x: Tensor) -> Tensor:
    return torch.sum(100 * (x[1:] - x[:-1] ** 2) ** 2 + (1 - x[:-1]) ** 2)


def hills(x: Tensor) -> Tensor:
    return torch.sum(torch.sin(3 * x) * x + 0.1 * x**2)


def bowl(x: Tensor) -> Tensor:
    """Every part of its gradient is negative at first, and it is short: 1 by its 1-norm is between 1 and 2."""
    return torch.sum(0.2 * (x - 2.5) ** 2 / x.numel())


def ridge(x: Tensor) -> Tensor:
    return torch.sum(torch.tensor([1.0, 1.0, 1e-3, 1e-6], dtype=x.dtype) * x.abs())


OPTIONS: tuple[dict[str, Any], ...] = (
    {"line_search_fn": "strong_wolfe", "max_iter": 4, "max_eval": None},
    {"line_search_fn": "strong_wolfe", "max_iter": 5, "max_eval": 200, "tolerance_change": 0.05},
    {"line_search_fn": "strong_wolfe", "history_size": 3},
    {"line_search_fn": "strong_wolfe", "max_iter": 10, "max_eval": 3},
    {"line_search_fn": "strong_wolfe", "max_iter": 9, "lr": 30.0},
    {"lr": 0.1, "max_iter": 8, "max_eval": None, "history_size": 2},
    {"lr": 0.02, "max_eval": 6, "tolerance_change": 1e-3},
    {"lr": 0.1, "tolerance_grad": 1e-1, "tolerance_change": 0.0},
    {"lr": 0.1, "max_iter": 3, "tolerance_change": 0.5},
)


@cache
def runs() -> tuple[Run, ...]:
    return tuple(_run(function, options) for function in (valley, hills, bowl, ridge) for options in OPTIONS)


def _run(function: Callable[[Tensor], Tensor], options: dict[str, Any]) -> Run:
    start = torch.randn(4, generator=torch.Generator().manual_seed(1), dtype=torch.float64)
    x = start.clone().requires_grad_()
    optimizer: Any = torch.optim.LBFGS([x], **options)

    def closure() -> Tensor:
        optimizer.zero_grad()
        loss = function(x)
        torch.autograd.backward(loss)
        return loss

    calls = []
    for _ in range(3):
        optimizer.step(closure)
        calls.append((x.detach().clone(), _copied(optimizer.state[x])))
    bound = {"max_eval": None} if options.get("max_eval", 0) is None else {}
    return Run(function, LBFGS.read(optimizer.param_groups[0] | bound), start, tuple(calls))


def _copied(state: dict[str, Any]) -> dict[str, Any]:
    kept = {key: state[key] for key in LBFGS.torch_state.values() if key in state}
    return {key: value.clone() if isinstance(value, Tensor) else value for key, value in kept.items()} | {
        key: [each.clone() for each in value] for key, value in kept.items() if isinstance(value, list)
    }


def is_noticed_in_runs(update: Callable[..., tuple[Tensor, LBFGSState]]) -> bool:
    return any(_leaves(update, run) for run in runs())


def _leaves(update: Callable[..., tuple[Tensor, LBFGSState]], run: Run) -> bool:
    evaluations: list[None] = []

    def evaluate(point: Tensor) -> tuple[float, Tensor]:
        evaluations.append(None)
        if len(evaluations) > ENDLESS:
            raise RecursionError("no end")
        return run.at(point)

    try:
        theta, state = run.start, LBFGS.start(run.start, run.h)
        for point, kept in run.calls:
            theta, state = update(theta, evaluate, state, run.h)
            values = {key: getattr(state, field) for field, key in LBFGS.torch_state.items()}
            if not torch.equal(theta, point) or not all(_equal(values[key], kept[key]) for key in kept):
                return True
    except Exception:  # what torch refuses is noticed too
        return True
    return False


def _equal(value: Any, kept: Any) -> bool:
    if isinstance(kept, list):
        return len(value) == len(kept) and all(map(_equal, value, kept))
    return torch.equal(value, kept) if isinstance(kept, Tensor) and isinstance(value, Tensor) else bool(value == kept)


def test_what_is_unchanged_goes_unnoticed() -> None:
    search = unchanged(SEARCH)["strong_wolfe"]
    assert not is_noticed_on_lines(search)
    assert not is_noticed_in_runs(unchanged(UPDATE, strong_wolfe=search)["lbfgs"])


def test_every_planted_error_in_the_update_is_noticed() -> None:
    found = {mutant.name: is_noticed_in_runs(mutant.functions["lbfgs"]) for mutant in mutants(UPDATE)}
    assert len(found) > 100
    assert {name for name, is_noticed in found.items() if not is_noticed} == set(EQUIVALENT_IN_UPDATE)


def test_every_planted_error_in_the_line_search_is_noticed() -> None:
    found = {mutant.name: is_noticed_on_lines(mutant.functions["strong_wolfe"]) for mutant in mutants(SEARCH)}
    assert len(found) > 150
    assert {name for name, is_noticed in found.items() if not is_noticed} == set(EQUIVALENT_IN_SEARCH)
