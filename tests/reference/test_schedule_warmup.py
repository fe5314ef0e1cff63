from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import pytest

pytest.importorskip("torch", reason="the factors are compared with what torch has in their place")

from schedule_cases import STEPS, Case, Spec, walk_torch

from optlint.reference.schedules import warmup
from optlint.reference.schedules.lambdas import LambdaLR


@dataclass(frozen=True, slots=True)
class Warmup:
    """A factor of transformers, and what of torch comes after its line: a schedule from 1, and what it is made into.

    Attributes:
        name: The class of the factor.
        arguments: Its own.
        after: Torch's schedule after the warm-up, or None for a constant.
        rate: From its value to the factor.
        end: The step after which the factor is that of this step.
    """

    name: str
    arguments: Mapping[str, Any]
    after: Spec | None = None
    rate: Callable[[float], float] = float
    end: int = STEPS

    def expected(self) -> list[float]:
        warm = self.arguments["num_warmup_steps"]
        after = [1.0] * (STEPS + 1)
        if self.after is not None:
            after = [self.rate(rates.lr) for rates in walk_torch(Case(self.after, (1.0,)))[0]]
        factors = [*(t / warm for t in range(warm)), *after][: self.end + 1]
        return factors + [factors[-1]] * (STEPS - self.end)

    def __str__(self) -> str:
        return f"{self.name}({', '.join(f'{name}={value}' for name, value in self.arguments.items())})"


def spec(name: str, **arguments: Any) -> Spec:
    return Spec(name, arguments)


def after(name: str, after: Spec | None, arguments: Mapping[str, Any], **options: Any) -> Warmup:
    return Warmup(f"{name}ScheduleWithWarmup", arguments, after, **options)


def steps(warm: int, total: int, **others: Any) -> dict[str, Any]:
    return {"num_warmup_steps": warm, "num_training_steps": total, **others}


RESTARTS = [spec("CosineAnnealingWarmRestarts", T_0=75), spec("LambdaLR", lr_lambda=lambda t: 0.0)]

WARMUPS = [
    after("Constant", None, {"num_warmup_steps": 20}),
    after("Constant", None, {"num_warmup_steps": 0}),
    after("Linear", spec("PolynomialLR", total_iters=270), steps(30, 300)),
    after("Linear", spec("PolynomialLR", total_iters=300), steps(0, 300)),
    after("Linear", spec("PolynomialLR", total_iters=1), steps(30, 31)),
    after("Linear", spec("LambdaLR", lr_lambda=lambda t: 0.0), steps(30, 30)),
    after("Cosine", spec("CosineAnnealingLR", T_max=200), steps(30, 230)),
    after("Cosine", spec("CosineAnnealingLR", T_max=200), steps(0, 200)),
    after("Cosine", spec("CosineAnnealingLR", T_max=50), steps(30, 230, num_cycles=2.0)),
    after("Cosine", spec("CosineAnnealingLR", T_max=1), steps(30, 30)),
    after("CosineWithHardRestarts", spec("CosineAnnealingLR", T_max=300), steps(30, 330), end=330),
    after("CosineWithHardRestarts", spec("CosineAnnealingLR", T_max=300), steps(0, 300), end=300),
    after(
        "CosineWithHardRestarts",
        spec("SequentialLR", schedulers=RESTARTS, milestones=[300]),
        steps(30, 330, num_cycles=4),
    ),
    after("CosineWithHardRestarts", spec("CosineAnnealingLR", T_max=1), steps(30, 30), end=31),
    after(
        "PolynomialDecay",
        spec("PolynomialLR", total_iters=270, power=2.0),
        steps(30, 300, lr_init=0.1, lr_end=1e-3, power=2.0),
        rate=lambda share: ((0.1 - 1e-3) * share + 1e-3) / 0.1,
    ),
    after(
        "PolynomialDecay",
        spec("PolynomialLR", total_iters=300),
        steps(0, 300, lr_init=0.5),
        rate=lambda share: ((0.5 - 1e-7) * share + 1e-7) / 0.5,
    ),
]


@pytest.mark.parametrize("case", WARMUPS, ids=str)
def test_a_factor_is_a_line_and_then_what_torch_has_for_it(case: Warmup) -> None:
    factor = getattr(warmup, case.name)(**case.arguments)
    assert [factor(t) for t in range(STEPS + 1)] == pytest.approx(case.expected(), rel=1e-12, abs=1e-12)


@pytest.mark.parametrize("case", WARMUPS, ids=str)
def test_a_factor_is_a_lambda_for_torch_too(case: Warmup) -> None:
    factor = getattr(warmup, case.name)(**case.arguments)
    walked = walk_torch(Case(Spec("LambdaLR", {"lr_lambda": factor}), (0.02,)))[0]
    assert [rates.lr for rates in walked] == [LambdaLR(factor).closed_form(0.02, t).lr for t in range(STEPS + 1)]


def test_the_first_update_has_the_rate_zero_and_the_warm_up_ends_at_one() -> None:
    factors: list[Callable[[float], float]] = [
        warmup.ConstantScheduleWithWarmup(10),
        warmup.LinearScheduleWithWarmup(10, 100),
        warmup.CosineScheduleWithWarmup(10, 100),
        warmup.CosineWithHardRestartsScheduleWithWarmup(10, 100),
        warmup.PolynomialDecayScheduleWithWarmup(10, 100, 0.1),
    ]
    assert [[factor(t) for t in (0, 5, 10)] for factor in factors] == [[0.0, 0.5, 1.0]] * 5
    assert [factor(100) for factor in factors] == pytest.approx([1.0, 0.0, 0.0, 0.0, 1e-6])
    assert [factor(145) for factor in factors] == pytest.approx([1.0, 0.0, 0.5, 0.0, 1e-6])
