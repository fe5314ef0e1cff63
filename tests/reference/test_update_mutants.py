from __future__ import annotations

import inspect
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cache
from types import ModuleType
from typing import Any

import pytest

pytest.importorskip("torch", reason="the reference is made of tensors")

import torch
from formula_mutants import mutants, rewritten, unchanged
from torch import Tensor
from update_cases import CASES, Case

from optlint.reference.divergence import distance
from optlint.reference.optimizer import as_tensor
from optlint.reference.update_rule import UpdateRule
from optlint.reference.updates import RULES
from optlint.reference.updates.sgd import SGDHyperparameters, sgd_start, sgd_velocity_in_parameter_units
from optlint.reference.updates.sgd_l1_l2 import SGD_L1_L2, SGDL1L2Hyperparameters

RELATIVE = 1e-12
STEPS = 12
"""Enough for RAdam's rectification, for averages after `t0`, and for every first and second update."""

VELOCITY = UpdateRule("SGD", SGDHyperparameters, sgd_start, sgd_velocity_in_parameter_units, {})
ALL_RULES: list[UpdateRule[Any, Any]] = [*RULES.values(), VELOCITY, SGD_L1_L2]

MORE_CASES = (
    *(Case(name, {"lr": 0.02, "weight_decay": 1.0}) for name in ("SGD", "Adam", "AdamW", "Adagrad", "Adadelta")),
    *(Case(name, {"lr": 0.02, "weight_decay": 1.0}) for name in ("Adamax", "ASGD", "NAdam", "RAdam", "RMSprop")),
    Case("Adafactor", {"lr": 1.5, "eps": (2.0, 0.3), "weight_decay": 1.0}),
)
"""Where an option at its limits decides: a decay of one, a rate that falls with time, a large epsilon."""

PENALISED = (
    Case("SGD", {"lr": 0.02, "momentum": 0.9}, {"weight_decay": 0.05, "dampening": 0.3}),
    Case("SGD", {"lr": 0.02, "momentum": 0.9, "nesterov": True}, {"momentum": 0.5, "nesterov": False}),
)


@dataclass(frozen=True, slots=True)
class Step:
    """The gradient of one update, and what torch has after it: the parameter, and the state by field."""

    g: Tensor
    theta: Tensor
    state: Mapping[str, Tensor]


@dataclass(frozen=True, slots=True)
class Track:
    """One parameter's way under torch's single-tensor path, and the rule that has to go it."""

    rule: UpdateRule[Any, Any]
    start: Tensor
    h: Any
    steps: tuple[Step, ...]


def module_of(rule: UpdateRule[Any, Any]) -> ModuleType:
    module = inspect.getmodule(rule.update)
    assert module is not None
    return module


MODULES = {module.__name__.rpartition(".")[2]: module for module in map(module_of, ALL_RULES)}


@cache
def tracks_of(name: str) -> tuple[Track, ...]:
    """Torch's ways for all that a module computes."""
    if name == "sgd_l1_l2":
        return tuple(track for case in PENALISED for penalty in (0.0, 0.03, 1.0) for track in _tracks(case, penalty))
    names = {rule.name for rule in ALL_RULES if module_of(rule) is MODULES[name]}
    tracks = [track for case in (*CASES, *MORE_CASES) if case.optimizer in names for track in _tracks(case)]
    if name == "adafactor":
        tracks.extend(_tracks(Case("Adafactor", {"lr": 0.1, "eps": (1e-2, 0.3)}), scale=0.02))
    return (*tracks, *(_velocity(track) for track in tracks if name == "sgd" and _is_of_both_forms(track)))


def _tracks(case: Case, penalty: float | None = None, scale: float = 1.0) -> Iterator[Track]:
    """The ways of a case, with gradients times `scale`.

    With a `penalty` those of the L1 penalty's rule, under SGD with a penalised gradient.
    """
    parameters = [each.requires_grad_() for each in case.parameters(torch.float64, "cpu")]
    starts = [each.detach().clone() for each in parameters]
    optimizer: Any = case.build(parameters, "single")
    rule = RULES[case.optimizer]
    groups = {parameter: group for group in optimizer.param_groups for parameter in group["params"]}
    hs = [rule.read(groups[parameter]) for parameter in parameters]
    steps: list[list[Step]] = [[] for _ in parameters]
    for drawn in case.gradients(torch.float64, "cpu", STEPS):
        gradients = [None if g is None else g * scale for g in drawn]
        for parameter, g in zip(parameters, gradients, strict=True):
            parameter.grad = g if g is None or penalty is None else g + penalty * parameter.detach().sign()
        optimizer.step()
        for place, (parameter, g) in enumerate(zip(parameters, gradients, strict=True)):
            if g is not None:
                signed = -g if groups[parameter].get("maximize", False) else g.clone()
                steps[place].append(_step(parameter, signed, rule, optimizer.state[parameter]))
    for start, h, taken in zip(starts, hs, steps, strict=True):
        if penalty is None:
            yield Track(rule, start, h, tuple(taken))
        else:
            both = SGDL1L2Hyperparameters(h.lr, h.momentum, h.dampening, h.nesterov, penalty, h.weight_decay)
            yield Track(SGD_L1_L2, start, both, tuple(taken))


def _step(parameter: Tensor, g: Tensor, rule: UpdateRule[Any, Any], state: Mapping[str, Any]) -> Step:
    kept = {field: state.get(key) for field, key in rule.torch_state.items()}
    copies = {field: as_tensor(value).detach().clone() for field, value in kept.items() if value is not None}
    return Step(g, parameter.detach().clone(), copies)


def _is_of_both_forms(track: Track) -> bool:
    return track.h.dampening == 0 and not track.steps[0].g.is_sparse


def _velocity(track: Track) -> Track:
    return Track(VELOCITY, track.start, track.h, tuple(Step(step.g, step.theta, {}) for step in track.steps))


def noticed(functions: Mapping[str, Any], tracks: tuple[Track, ...]) -> bool:
    """Whether any update with these functions is not torch's, or fails."""
    try:
        return differs(functions, tracks)
    except Exception:  # a formula that torch refuses
        return True


def differs(functions: Mapping[str, Any], tracks: tuple[Track, ...]) -> bool:
    """Whether any update with these functions is not torch's."""
    return any(_leaves(functions, track) for track in tracks)


def _leaves(functions: Mapping[str, Any], track: Track) -> bool:
    start, update = functions[track.rule.start.__name__], functions[track.rule.update.__name__]
    theta, state = track.start, start(track.start, track.h)
    for step in track.steps:
        theta, state = update(theta, step.g, state, track.h)
        values = {field: getattr(state, field) for field in track.rule.torch_state}
        present = {field for field, value in values.items() if value is not None}
        if present != set(step.state) or not _equal(theta, step.theta):
            return True
        if not all(_equal(as_tensor(values[field]), value) for field, value in step.state.items()):
            return True
    return False


def _equal(actual: Tensor, expected: Tensor) -> bool:
    return actual.shape == expected.shape and distance(actual, expected).relative <= RELATIVE


@pytest.fixture(autouse=True)
def _one_thread_and_no_checks() -> Iterator[None]:
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    with torch.sparse.check_sparse_tensor_invariants(enable=False):  # type: ignore[no-untyped-call]
        yield
    torch.set_num_threads(threads)


EQUIVALENT = {"radam": {"rectification: rho <= 5 -> rho < 5": "no betas of two or three digits give exactly 5"}}

NAMED = {
    "Adam: epsilon inside the root": (
        "adam",
        "denominator = root.div_((1 - beta2**t) ** 0.5).add_(epsilon)",
        "denominator = root.square().div_(1 - beta2**t).add_(epsilon).sqrt_()",
    ),
    "Adam: epsilon before the bias correction": (
        "adam",
        "root.div_((1 - beta2**t) ** 0.5).add_(epsilon)",
        "root.add_(epsilon).div_((1 - beta2**t) ** 0.5)",
    ),
    "Adam: no bias correction of the mean": ("adam", "value=-alpha / (1 - beta1**t)", "value=-alpha"),
    "Adam: no bias correction of the squares": ("adam", "root.div_((1 - beta2**t) ** 0.5)", "root"),
    "Adam: bias correction of the update before": ("adam", "(1 - beta2**t)", "(1 - beta2 ** max(1, t - 1))"),
    "Adam: AMSGrad's largest square after the bias correction": (
        "adam",
        "torch.maximum(state.largest_v, v)",
        "torch.maximum(state.largest_v, v / (1 - beta2**t))",
    ),
    "AdamW: the decay coupled": ("adam", "if h.decoupled_weight_decay:", "if False:"),
    "Adam: the decay decoupled": ("adam", "if h.decoupled_weight_decay:", "if True:"),
    "AdamW: the decay without the rate": ("adam", "theta * (1 - alpha * lam)", "theta * (1 - lam)"),
    "SGD: dampening on the first update": ("sgd", "v = g.clone() if", "v = g * (1 - tau) if"),
    "SGD: no dampening": ("sgd", "add_(g, alpha=1 - tau)", "add_(g)"),
    "SGD: Nesterov without the gradient": ("sgd", "g.add(v, alpha=mu) if h.nesterov", "mu * v if h.nesterov"),
    "SGD: the L2 penalty doubled": ("sgd_l1_l2", "h.weight_decay2, h.nesterov", "2 * h.weight_decay2, h.nesterov"),
    "RMSprop: epsilon inside the root": (
        "rmsprop",
        "variance.sqrt().add_(epsilon)",
        "variance.add(epsilon).sqrt_()",
    ),
    "RMSprop: the rate inside of the momentum": (
        "rmsprop",
        "b = (mu * state.b).addcdiv_(g, deviation)",
        "b = (mu * state.b).addcdiv_(g, deviation, value=gamma)",
    ),
    "Adagrad: epsilon inside the root": (
        "adagrad",
        "theta.addcdiv(g, total.sqrt().add_(epsilon), value=-rate)",
        "theta.addcdiv(g, total.add(epsilon).sqrt_(), value=-rate)",
    ),
    "Adagrad: the decay of the rate one update early": ("adagrad", "(t - 1) * h.lr_decay", "t * h.lr_decay"),
    "Adadelta: epsilon outside of the root": (
        "adadelta",
        "v.add(epsilon).sqrt_()",
        "v.sqrt().add_(epsilon)",
    ),
    "Adadelta: the step of this update in its own average": (
        "adadelta",
        "u = (rho * state.u).addcmul_(delta, delta, value=1 - rho)",
        "u = (rho * state.u).addcmul_(delta, delta, value=h.lr**2 * (1 - rho))",
    ),
    "Adamax: epsilon outside of the maximum": (
        "adamax",
        "torch.maximum(beta2 * state.u, g.abs().add_(epsilon))",
        "torch.maximum(beta2 * state.u, g.abs()).add_(epsilon)",
    ),
    "NAdam: the momentum of this update for the next": ("nadam", "momentum(t + 1, h)", "momentum(t, h)"),
    "RAdam: rectified from 4": ("radam", "rho <= 5", "rho <= 4"),
    "RAdam: epsilon after the bias correction": (
        "radam",
        "v.sqrt().add_(epsilon).reciprocal_().mul_((1 - beta2**t) ** 0.5)",
        "v.sqrt().div_((1 - beta2**t) ** 0.5).add_(epsilon).reciprocal_()",
    ),
    "Rprop: the turned gradient is remembered": ("rprop", "g = g.masked_fill(turned, 0)", "g = g + 0"),
    "ASGD: the rate one update early": ("asgd", "lambd * gamma * t)", "lambd * gamma * (t + 1))"),
    "ASGD: the average one update early": ("asgd", "max(1, t - h.t0)", "max(1, t + 1 - h.t0)"),
    "Adafactor: epsilon added to the squares": (
        "adafactor",
        "v = state.v.lerp(g * g,",
        "v = state.v.lerp(g * g + epsilon1,",
    ),
    "Adafactor: the decay with the falling rate": (
        "adafactor",
        "theta * (1 - gamma * lam)",
        "theta * (1 - min(gamma, 1 / t**0.5) * lam)",
    ),
    "Muon: gradients added up": ("muon", "b = state.b.lerp(g, 1 - mu)", "b = mu * state.b + g"),
    "SparseAdam: epsilon after the bias correction": (
        "sparse_adam",
        "m.div(v.sqrt().add_(epsilon)).mul_(rate)",
        "m.div(v.sqrt().add_(epsilon * (1 - beta2**t) ** 0.5)).mul_(rate)",
    ),
}
"""Errors that people make, each a piece of text and what is there in its place."""


@pytest.mark.parametrize("name", MODULES)
def test_what_is_unchanged_goes_unnoticed(name: str) -> None:
    assert tracks_of(name)
    assert not differs(unchanged(MODULES[name]), tracks_of(name))


@pytest.mark.parametrize("name", MODULES)
def test_every_planted_error_is_noticed(name: str) -> None:
    found = {mutant.name: noticed(mutant.functions, tracks_of(name)) for mutant in mutants(MODULES[name])}
    assert len(found) >= 5
    assert {mutant for mutant, is_noticed in found.items() if not is_noticed} == set(EQUIVALENT.get(name, {}))


@pytest.mark.parametrize("error", NAMED)
def test_an_error_that_people_make_is_noticed(error: str) -> None:
    name, before, after = NAMED[error]
    assert differs(rewritten(MODULES[name], before, after), tracks_of(name))
