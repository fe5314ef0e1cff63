"""Configurations of every schedule, and the three ways to walk one: torch's, the recursion and the closed form."""

from __future__ import annotations

import math
import warnings
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field
from functools import partial
from typing import Any

import torch
from torch.optim import lr_scheduler, swa_utils

from optlint.reference.schedules import SCHEDULES
from optlint.reference.schedules.schedule import Rates

STEPS = 500
TOLERANCE = 1e-12
"""Relative, of the closed form; the recursion has none, it is torch to the last bit.

The largest departure measured in 500 steps is 3.7e-14 in 400 drawn examples of each class (ExponentialLR), but for
cosines past their valley: 1.33e-12 over all `T_max` up to 500 (243).
"""
ONE_A_GROUP = {"lr_lambda", "base_lr", "max_lr", "base_momentum", "max_momentum", "swa_lr", "min_lr"}
"""Arguments that torch takes as one number, or as a list of one a group."""

AGAINST_LARGEST = {
    "LinearLR": "a line to 0 ends at the rounding error of the recursion, and small rates beside it lose digits",
    "CosineAnnealingLR": "near a valley at 0 the wave is 1 + cos, which loses the digits that cancel",
    "CosineAnnealingWarmRestarts": "as CosineAnnealingLR",
    "CyclicLR": "a cycle from 0 up has no digits beside 0: torch finds the place in the cycle by a subtraction",
    "OneCycleLR": "the step beyond the end crosses 0",
    "SWALR": "a rate that anneals to 0 is the difference of two that are not",
}
"""Schedules whose values are compared by the largest rate of the walk instead of by themselves, and why."""


@dataclass(frozen=True, slots=True)
class Spec:
    """A scheduler to build: torch's class and the arguments of its constructor; those inside of one are specs too."""

    name: str
    arguments: Mapping[str, Any] = field(default_factory=dict)

    def torch(self, optimizer: torch.optim.Optimizer) -> Any:
        built: Any = swa_utils.SWALR if self.name == "SWALR" else getattr(lr_scheduler, self.name)
        arguments = dict(self.arguments)
        if "schedulers" in arguments:
            arguments["schedulers"] = [each.torch(optimizer) for each in arguments["schedulers"]]
        return (
            built(arguments.pop("schedulers"), optimizer) if "Chained" in self.name else built(optimizer, **arguments)
        )

    def reference(self, group: int = 0, classes: Mapping[str, Any] = SCHEDULES) -> Any:
        arguments = dict(self.arguments)
        for name in ONE_A_GROUP & arguments.keys():
            if isinstance(arguments[name], list):
                arguments[name] = arguments[name][group]
        if "schedulers" in arguments:
            arguments["schedulers"] = tuple(each.reference(group, classes) for each in arguments["schedulers"])
        return classes[self.name](**arguments)

    def all(self) -> list[Spec]:
        """This, and those inside of it."""
        return [self, *(inner for each in self.arguments.get("schedulers", ()) for inner in each.all())]

    def __str__(self) -> str:
        return f"{self.name}({', '.join(f'{name}={_word(value)}' for name, value in self.arguments.items())})"


@dataclass(frozen=True, slots=True)
class Case:
    """A scheduler on an optimizer.

    Attributes:
        spec: The scheduler.
        rates: The rates of the optimizer's groups, one each.
        steps: How many are walked.
        bases: The `initial_lr` of the groups, where the scheduler sets them otherwise.
        optimizer: A class with momentum or with betas.
        closed: Whether there is a closed form.
    """

    spec: Spec
    rates: tuple[float, ...] = (0.1,)
    steps: int = STEPS
    bases: tuple[float, ...] | None = None
    optimizer: type[torch.optim.Optimizer] = torch.optim.SGD
    closed: bool = True

    def initial(self, group: int) -> float:
        return (self.bases or self.rates)[group]

    @property
    def tolerance(self) -> float:
        """1e-12, and for a cosine that passes its valley what the recursion has lost there for good.

        That is the rounding of 1 - cos(pi / T_max), by itself: up to 5.6e-12 for 499 steps.
        """
        valleys = [each.arguments["T_max"] for each in self.spec.all() if each.name == "CosineAnnealingLR"]
        return TOLERANCE + sum(2.0**-53 / (1 - math.cos(math.pi / each)) for each in valleys if each < self.steps)

    def against(self, rates: Collection[Rates]) -> Rates:
        """The rates by which differences are divided where those are larger than the ones expected."""
        if not any(each.name in AGAINST_LARGEST for each in self.spec.all()):
            return Rates(0.0, 0.0)
        return Rates(max(abs(each.lr) for each in rates), max(abs(each.momentum or 0.0) for each in rates))

    @property
    def untouched(self) -> float:
        """The momentum that a group has when no schedule sets it."""
        return 0.5 if self.optimizer is torch.optim.SGD else 0.9

    def __str__(self) -> str:
        return f"{self.spec} of {self.rates}" if len(self.rates) > 1 else str(self.spec)


def build(case: Case) -> tuple[torch.optim.Optimizer, Any]:
    """The optimizer, which has stepped once (torch warns else), and its scheduler."""
    groups = [{"params": [torch.nn.Parameter(torch.zeros(1))], "lr": rate} for rate in case.rates]
    momentum = {"momentum": case.untouched} if case.optimizer is torch.optim.SGD else {"betas": (case.untouched, 0.999)}
    optimizer = case.optimizer(groups, **momentum)
    with warnings.catch_warnings():
        # A chain in a sequence steps at construction, and torch takes this for a step before the optimizer's.
        warnings.simplefilter("ignore")
        scheduler = case.spec.torch(optimizer)
    optimizer.step()
    return optimizer, scheduler


def rates_of(optimizer: torch.optim.Optimizer) -> list[Rates]:
    return [Rates(g["lr"], g["betas"][0] if "betas" in g else g["momentum"]) for g in optimizer.param_groups]


def walk_torch(case: Case) -> list[list[Rates]]:
    """The rates of each group at each step, from the one at construction."""
    optimizer, scheduler = build(case)
    walked = [rates_of(optimizer)]
    for _ in range(case.steps):
        scheduler.step()
        walked.append(rates_of(optimizer))
    return [list(rates) for rates in zip(*walked, strict=True)]


def walk_recursion(case: Case, group: int, schedule: Any) -> list[Rates]:
    base = case.initial(group)
    rates = schedule.start(base, Rates(base, case.untouched))
    walked = [rates]
    for t in range(1, case.steps + 1):
        rates = schedule.step(base, rates, t)
        walked.append(rates)
    return walked


def walk_closed_form(case: Case, group: int, schedule: Any) -> list[Rates]:
    untouched, base = Rates(0.0, case.untouched), case.initial(group)
    return [untouched.then(schedule.closed_form(base, t)) for t in range(case.steps + 1)]


def apart(actual: Sequence[Rates], expected: Sequence[Rates], against: Rates) -> float:
    """The largest difference by the value expected, or by `against` where that is larger.

    Values that are subnormal in float64 have few digits and are not compared by them.
    """
    largest = 0.0
    for one, other in zip(actual, expected, strict=True):
        for a, b, floor in ((one.lr, other.lr, against.lr), (one.momentum, other.momentum, against.momentum)):
            assert a is not None
            assert b is not None
            assert floor is not None
            if a != b:
                difference = abs(a - b) / max(abs(b), floor, 1e-290)
                largest = max(largest, difference if difference == difference else math.inf)
    return largest


def torch_step(scheduler: Any, epoch: float) -> None:
    """Torch's `step(epoch)`, which is deprecated and says so."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        scheduler.step(epoch)


def third(t: float) -> float:
    return t // 3


def slowly(t: float) -> float:
    return float(0.95**t)


def shrink(t: float) -> float:
    return 1 - 1 / (t + 4)


def half(x: float) -> float:
    return float(0.5 ** (x - 1))


def fading(x: float) -> float:
    return 1 / (1 + 0.01 * x)


def _word(value: Any) -> str:
    if isinstance(value, (list, tuple)):
        return f"[{', '.join(_word(each) for each in value)}]"
    return str(getattr(value, "__name__", value))


def _spec(name: str, **arguments: Any) -> Spec:
    return Spec(name, arguments)


_PAIR = (0.1, 0.02)
_cyclic = partial(_spec, "CyclicLR", base_lr=0.01, max_lr=0.1)
_one_cycle = partial(_spec, "OneCycleLR", max_lr=0.3)
_WARM = _spec("LinearLR", total_iters=30)
_EACH = {"base_momentum": [0.7, 0.8], "max_momentum": [0.9, 0.95]}


def _sequence(milestones: list[int], *schedulers: Spec) -> Spec:
    return _spec("SequentialLR", schedulers=list(schedulers), milestones=milestones)


def _chain(*schedulers: Spec) -> Spec:
    return _spec("ChainedScheduler", schedulers=list(schedulers))


CASES = [
    Case(_spec("LambdaLR", lr_lambda=slowly)),
    Case(_spec("LambdaLR", lr_lambda=[third, slowly]), (0.001, 0.1)),
    Case(_spec("MultiplicativeLR", lr_lambda=shrink)),
    Case(_spec("MultiplicativeLR", lr_lambda=[shrink, lambda t: 0.99]), _PAIR),
    Case(_spec("StepLR", step_size=30), (0.05,)),
    Case(_spec("StepLR", step_size=2, gamma=0.97), _PAIR),
    Case(_spec("StepLR", step_size=7, gamma=1.05)),
    Case(_spec("StepLR", step_size=1, gamma=0.99)),
    Case(_spec("MultiStepLR", milestones=[30, 80])),
    Case(_spec("MultiStepLR", milestones=[90, 0, 7, 90, 90, 600], gamma=0.5), _PAIR),
    Case(_spec("ConstantLR")),
    Case(_spec("ConstantLR", factor=0.1, total_iters=40), _PAIR),
    Case(_spec("LinearLR")),
    Case(_spec("LinearLR", start_factor=0.05, end_factor=0.9, total_iters=40), _PAIR),
    Case(_spec("LinearLR", start_factor=1.0, end_factor=0.0, total_iters=333)),
    Case(_spec("ExponentialLR", gamma=0.98), _PAIR),
    Case(_spec("PolynomialLR")),
    Case(_spec("PolynomialLR", total_iters=400, power=0.9), _PAIR),
    Case(_spec("PolynomialLR", total_iters=37, power=3)),
    Case(_spec("PolynomialLR", total_iters=37, power=0)),
    Case(_spec("CosineAnnealingLR", T_max=50), _PAIR),
    Case(_spec("CosineAnnealingLR", T_max=7, eta_min=1e-3), _PAIR),
    Case(_spec("CosineAnnealingLR", T_max=1, eta_min=0.2)),
    Case(_spec("CosineAnnealingWarmRestarts", T_0=20), _PAIR),
    Case(_spec("CosineAnnealingWarmRestarts", T_0=10, T_mult=2, eta_min=1e-3)),
    Case(_spec("CosineAnnealingWarmRestarts", T_0=1, T_mult=3)),
    Case(_spec("CosineAnnealingWarmRestarts", T_0=4, T_mult=10)),
    Case(_cyclic()),
    Case(_cyclic(step_size_up=10)),
    Case(_cyclic(step_size_up=7, step_size_down=13, mode="triangular2")),
    Case(_cyclic(step_size_up=3, step_size_down=40, mode="exp_range", gamma=0.99, cycle_momentum=False)),
    Case(_cyclic(step_size_up=9, scale_fn=half, mode="ignored")),
    Case(_cyclic(step_size_up=9, scale_fn=fading, scale_mode="iterations", base_momentum=0.7, max_momentum=0.99)),
    Case(
        _spec("CyclicLR", base_lr=[0.01, 0.0], max_lr=[0.1, 0.5], step_size_up=20, **_EACH),
        _PAIR,
        optimizer=torch.optim.Adam,
    ),
    Case(_one_cycle(total_steps=500)),
    Case(_one_cycle(epochs=7, steps_per_epoch=70, anneal_strategy="linear"), steps=490),
    Case(_one_cycle(total_steps=300, three_phase=True, pct_start=0.4), steps=300),
    Case(_one_cycle(total_steps=101, three_phase=True, anneal_strategy="linear", cycle_momentum=False), steps=101),
    Case(_one_cycle(total_steps=50, pct_start=0.0, div_factor=10.0, final_div_factor=3.0), steps=50),
    Case(
        _spec("OneCycleLR", max_lr=[0.3, 0.1], total_steps=200, pct_start=0.25, **_EACH),
        _PAIR,
        200,
        optimizer=torch.optim.Adam,
    ),
    Case(_spec("SWALR", swa_lr=0.05)),
    Case(_spec("SWALR", swa_lr=[0.05, 0.5], anneal_epochs=100, anneal_strategy="linear"), _PAIR),
    Case(_spec("SWALR", swa_lr=0.0, anneal_epochs=333)),
    Case(_spec("SWALR", swa_lr=0.05, anneal_epochs=0)),
    Case(_spec("SWALR", swa_lr=0.05, anneal_epochs=1)),
    Case(_sequence([], _spec("StepLR", step_size=30))),
    Case(_sequence([1], _spec("ConstantLR"), _spec("StepLR", step_size=30))),
    Case(_sequence([20], _spec("ConstantLR", factor=0.1, total_iters=20), _spec("ExponentialLR", gamma=0.9)), _PAIR),
    Case(
        _sequence(
            [30, 130, 200, 300],
            _spec("LinearLR", start_factor=0.01, total_iters=30),
            _spec("CosineAnnealingLR", T_max=100, eta_min=1e-4),
            _spec("MultiplicativeLR", lr_lambda=shrink),
            _spec("MultiStepLR", milestones=[0, 20, 20], gamma=0.5),
            _spec("SWALR", swa_lr=0.005),
        )
    ),
    Case(
        _sequence(
            [15, 97, 200, 260],
            _spec("LinearLR", total_iters=10),
            _cyclic(step_size_up=10, mode="triangular2"),
            _spec("StepLR", step_size=10, gamma=0.5),
            _spec("PolynomialLR", total_iters=50),
            _spec("CosineAnnealingWarmRestarts", T_0=10, T_mult=2),
        )
    ),
    Case(_sequence([90], _one_cycle(total_steps=100), _spec("StepLR", step_size=10)), bases=(0.3 / 25.0,)),
    Case(_sequence([0, 60], _spec("ConstantLR"), _WARM, _spec("StepLR", step_size=50))),
    Case(_chain(_spec("ConstantLR", factor=0.1, total_iters=20), _spec("ExponentialLR", gamma=0.98)), _PAIR),
    Case(
        _chain(
            _WARM,
            _spec("MultiStepLR", milestones=[0, 9], gamma=0.7),
            _spec("PolynomialLR", total_iters=300),
            _spec("MultiplicativeLR", lr_lambda=shrink),
            _spec("StepLR", step_size=100, gamma=0.5),
        )
    ),
    Case(
        _chain(
            _spec("StepLR", step_size=9),
            _spec("MultiplicativeLR", lr_lambda=shrink),
            _spec("LambdaLR", lr_lambda=slowly),
        )
    ),
    Case(_chain(_cyclic(step_size_up=10), _spec("LambdaLR", lr_lambda=slowly)), bases=(0.01,)),
    Case(
        _chain(_WARM, _spec("CosineAnnealingLR", T_max=60, eta_min=1e-3), _spec("SWALR", swa_lr=0.05)),
        closed=False,
    ),
    Case(
        _sequence(
            [60],
            _chain(_WARM, _spec("StepLR", step_size=7, gamma=0.9), _spec("ExponentialLR", gamma=0.9)),
            _spec("StepLR", step_size=50),
        ),
        closed=False,
    ),
    Case(
        _chain(_sequence([30], _WARM, _spec("StepLR", step_size=50, gamma=0.5)), _spec("ExponentialLR", gamma=0.99)),
        closed=False,
    ),
]
