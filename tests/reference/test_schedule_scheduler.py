from __future__ import annotations

from typing import Any

import pytest

pytest.importorskip("torch", reason="the reference walks beside torch's schedulers")

import torch
from schedule_cases import CASES, Case, Spec, build, fading, rates_of, shrink, slowly, torch_step
from torch.optim.lr_scheduler import ExponentialLR, LambdaLR, LRScheduler, ReduceLROnPlateau, StepLR

from optlint.reference.errors import NoReferenceError
from optlint.reference.scheduler import ReferenceScheduler

EXACT = 0.0


def sgd(*rates: float) -> torch.optim.SGD:
    groups = [{"params": [torch.nn.Parameter(torch.zeros(1))], "lr": rate} for rate in rates]
    return torch.optim.SGD(groups, momentum=0.9)


def ready(scheduler: Any) -> Any:
    """The scheduler when its optimizer has stepped: torch warns else."""
    scheduler.optimizer.step()
    return scheduler


def nested() -> Spec:
    """A sequence that begins with a sequence, which torch steps once too often."""
    warmup = Spec("LinearLR", {"total_iters": 20})
    decay = Spec("ExponentialLR", {"gamma": 0.9})
    inner = Spec("SequentialLR", {"schedulers": [warmup, decay], "milestones": [20]})
    return Spec("SequentialLR", {"schedulers": [inner, Spec("StepLR", {"step_size": 9})], "milestones": [50]})


WITH_ONE_CYCLE = Spec(
    "SequentialLR",
    {
        "schedulers": [
            Spec("LinearLR", {"total_iters": 20}),
            Spec("OneCycleLR", {"max_lr": 0.3, "total_steps": 100}),
            Spec("MultiplicativeLR", {"lr_lambda": shrink}),
        ],
        "milestones": [30, 80],
    },
)
LATE_CYCLE = Spec(
    "ChainedScheduler",
    {
        "schedulers": [
            Spec("StepLR", {"step_size": 3}),
            Spec("CyclicLR", {"base_lr": 0.01, "max_lr": 0.2, "step_size_up": 7}),
        ]
    },
)


@pytest.mark.parametrize("case", [*CASES, Case(nested()), Case(WITH_ONE_CYCLE), Case(LATE_CYCLE)], ids=str)
@pytest.mark.parametrize("before", [0, 37])
def test_the_reference_walks_beside_torch_to_the_last_bit(case: Case, before: int) -> None:
    optimizer, scheduler = build(case)
    for _ in range(before):
        scheduler.step()
    reference = ReferenceScheduler(scheduler)
    for step in range(before + 1, min(case.steps, 130) + 1):
        reference.step()
        scheduler.step()
        assert reference.divergence(relative=EXACT) is None
        assert reference.last_epoch == step
    assert [rates.lr for rates in reference.rates] == [rates.lr for rates in rates_of(optimizer)]


@pytest.mark.parametrize("name", ["ExponentialLR", "PolynomialLR", "SWALR", "CosineAnnealingLR", "LinearLR"])
def test_a_resumed_scheduler_has_a_reference(name: str) -> None:
    optimizer, scheduler = build(next(case for case in CASES if case.spec.name == name))
    for _ in range(3):
        scheduler.step()
    spec = next(case.spec for case in CASES if case.spec.name == name)
    resumed = Spec(name, {**spec.arguments, "last_epoch": 3}).torch(optimizer)
    optimizer.step()
    reference = ReferenceScheduler(resumed)
    assert reference.last_epoch == 4
    for _ in range(60):
        reference.step()
        resumed.step()
        assert reference.divergence(relative=EXACT) is None


@pytest.mark.parametrize("t_mult", [1, 2])
def test_the_reference_follows_fractions_of_an_epoch(t_mult: int) -> None:
    optimizer, scheduler = build(Case(Spec("CosineAnnealingWarmRestarts", {"T_0": 3, "T_mult": t_mult})))
    scheduler.step(1.5)
    reference = ReferenceScheduler(scheduler)
    for epoch in (None, None, None, 7.25, 7.5, None, None, 2.75, None, None):
        reference.step(epoch=epoch)
        scheduler.step(epoch)
        assert reference.divergence(relative=1e-12) is None
        assert reference.last_epoch == scheduler.last_epoch
    assert reference.rates[0].lr == pytest.approx(rates_of(optimizer)[0].lr, rel=1e-12)


@pytest.mark.parametrize("name", ["StepLR", "CosineAnnealingLR", "MultiplicativeLR", "SWALR", "OneCycleLR"])
def test_the_reference_jumps_with_torch(name: str) -> None:
    _, scheduler = build(next(case for case in CASES if case.spec.name == name))
    reference = ReferenceScheduler(scheduler)
    for epoch in (4, None, 40, None, None, 2, None):
        reference.step(epoch=epoch)
        scheduler.step() if epoch is None else torch_step(scheduler, epoch)
        assert reference.divergence(relative=1e-12) is None


def test_a_rate_changed_by_hand_is_a_divergence() -> None:
    optimizer = sgd(0.1, 0.2)
    scheduler = ready(ExponentialLR(optimizer, 0.5))
    reference = ReferenceScheduler(scheduler)
    for _ in range(3):
        reference.step()
        scheduler.step()
    optimizer.param_groups[1]["lr"] = 0.05
    parted = reference.divergence(relative=1e-12)
    assert parted is not None
    assert (parted.step, parted.parameter, parted.quantity) == (3, "group 1", "lr")
    assert parted.distance.absolute == pytest.approx(0.025)
    assert parted.distance.relative == pytest.approx(1.0)
    reference.adopt()
    reference.step()
    scheduler.step()
    assert reference.divergence(relative=EXACT) is None
    assert [rates.lr for rates in reference.rates] == [0.1 / 16, 0.025]


@pytest.mark.parametrize("optimizer", [torch.optim.SGD, torch.optim.Adam])
def test_a_momentum_changed_by_hand_is_a_divergence(optimizer: type[torch.optim.Optimizer]) -> None:
    spec = Spec("OneCycleLR", {"max_lr": 0.1, "total_steps": 50})
    built, scheduler = build(Case(spec, optimizer=optimizer))
    reference = ReferenceScheduler(scheduler)
    reference.step()
    scheduler.step()
    assert reference.divergence(relative=EXACT) is None
    built.param_groups[0] |= {"momentum": 0.1, "betas": (0.1, 0.9)}
    parted = reference.divergence(relative=1e-12)
    assert parted is not None
    assert (parted.step, parted.parameter, parted.quantity) == (1, "group 0", "momentum")


def test_a_step_too_many_is_a_divergence() -> None:
    scheduler = ready(StepLR(sgd(0.1), 5))
    reference = ReferenceScheduler(scheduler)
    parted = []
    for _ in range(5):
        reference.step()
        scheduler.step()
        scheduler.step()  # optlint: ignore[OPT102] a step too many is the subject
        parted.append(reference.divergence(relative=1e-12))
    assert [each is None for each in parted] == [True, True, False, False, False]
    assert parted[2] is not None
    assert parted[2].step == 3


def test_a_plateau_steps_on_its_metric() -> None:
    optimizer = sgd(0.1, 0.2)
    scheduler = ReduceLROnPlateau(optimizer, patience=1, cooldown=1, min_lr=[0.0, 0.02], factor=0.5)
    scheduler.step(1.0)
    scheduler.step(1.0)
    reference = ReferenceScheduler(scheduler)
    metrics: list[Any] = [1.0, 0.9, 1.0, torch.tensor(1.0), 1.0, 1.0, 0.5, *[0.6] * 6]
    for metric in metrics:
        reference.step(metric)
        scheduler.step(metric)
        assert reference.divergence(relative=EXACT) is None
        assert reference.last_epoch == scheduler.last_epoch
    assert optimizer.param_groups[0]["lr"] < 0.03
    with pytest.raises(TypeError, match="steps on a metric"):
        reference.step()


def test_a_group_that_comes_later_is_taken_up() -> None:
    optimizer = sgd(0.1)
    scheduler = ready(ExponentialLR(optimizer, 0.5))
    reference = ReferenceScheduler(scheduler)
    optimizer.add_param_group({"params": [torch.nn.Parameter(torch.zeros(1))], "lr": 1.0})
    for _ in range(3):
        reference.step()
        scheduler.step()
    assert reference.divergence(relative=EXACT) is None
    assert [rates.lr for rates in reference.rates] == [0.0125, 0.125]


@pytest.mark.parametrize(
    ("name", "arguments", "message"),
    [
        ("LambdaLR", {"lr_lambda": slowly}, "`LambdaLR` has no schedule for group 1"),
        ("ReduceLROnPlateau", {"min_lr": [0.1]}, "`ReduceLROnPlateau` has no `min_lr` for group 1"),
        ("OneCycleLR", {"max_lr": 0.1, "total_steps": 9}, "`OneCycleLR` has no schedule for group 1"),
        ("SWALR", {"swa_lr": 0.1}, "`SWALR` has no schedule for group 1"),
    ],
)
def test_a_group_that_torch_has_no_schedule_for_has_no_reference(
    name: str, arguments: dict[str, Any], message: str
) -> None:
    optimizer, scheduler = build(Case(Spec(name, arguments)))
    reference = ReferenceScheduler(scheduler)
    optimizer.add_param_group({"params": [torch.nn.Parameter(torch.zeros(1))]})
    with pytest.raises(NoReferenceError, match=message):
        reference.step(1.0)


def test_a_rate_that_is_a_tensor_is_compared_as_the_number_it_is() -> None:
    optimizer = torch.optim.SGD([torch.nn.Parameter(torch.zeros(1))], lr=torch.tensor(0.1, dtype=torch.float64))
    scheduler = ready(ExponentialLR(optimizer, 0.9))
    reference = ReferenceScheduler(scheduler)
    for _ in range(20):
        reference.step()
        scheduler.step()
    assert reference.divergence(relative=1e-14) is None
    optimizer.param_groups[0]["lr"].mul_(1.001)
    assert reference.divergence(relative=1e-14) is not None


class WithItsOwnRates(StepLR):
    def get_lr(self) -> Any:
        return [0.1 for _ in self.base_lrs]


class WithItsOwnStep(LambdaLR):
    def step(self, epoch: int | None = None) -> None:
        super().step(epoch)


class WithItsOwnOpinion(ReduceLROnPlateau):
    def _is_better(self, a: float, best: float) -> bool:
        return a < best


class OfTheUser(LRScheduler):
    def get_lr(self) -> Any:
        return [group["lr"] for group in self.optimizer.param_groups]


class Preset(StepLR):
    def __init__(self, optimizer: torch.optim.Optimizer) -> None:
        super().__init__(optimizer, step_size=3, gamma=0.5)

    def state_dict(self) -> dict[str, Any]:
        return super().state_dict() | {"preset": True}


@pytest.mark.parametrize(
    ("kind", "arguments"),
    [(WithItsOwnRates, (3,)), (WithItsOwnStep, (fading,)), (WithItsOwnOpinion, ()), (OfTheUser, ())],
)
def test_a_class_with_its_own_rates_has_no_reference(kind: Any, arguments: tuple[Any, ...]) -> None:
    scheduler = kind(sgd(0.1), *arguments)
    with pytest.raises(NoReferenceError, match=f"`{kind.__name__}` of `{__name__}` has no reference"):
        ReferenceScheduler(scheduler)


def test_what_is_inside_of_a_composition_needs_a_reference_too() -> None:
    optimizer = sgd(0.1)
    chain = torch.optim.lr_scheduler.ChainedScheduler([StepLR(optimizer, 3), OfTheUser(optimizer)])
    with pytest.raises(NoReferenceError, match="`OfTheUser`"):
        ReferenceScheduler(chain)


def test_a_class_that_only_presets_arguments_has_the_reference_of_the_class_it_is_derived_from() -> None:
    scheduler = ready(Preset(sgd(0.1)))
    reference = ReferenceScheduler(scheduler)
    for _ in range(10):
        reference.step()
        scheduler.step()
    assert reference.divergence(relative=EXACT) is None
    assert reference.rates[0].lr == 0.1 / 8
