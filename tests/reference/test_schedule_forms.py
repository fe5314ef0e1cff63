from __future__ import annotations

import pytest

pytest.importorskip("torch", reason="the schedules are compared with torch's")

from schedule_cases import (
    CASES,
    STEPS,
    Case,
    Spec,
    apart,
    build,
    rates_of,
    slowly,
    third,
    torch_step,
    walk_closed_form,
    walk_recursion,
    walk_torch,
)

from optlint.reference.schedules.composition import ChainedScheduler, SequentialLR
from optlint.reference.schedules.cosine import CosineAnnealingLR, CosineAnnealingWarmRestarts
from optlint.reference.schedules.decay import ExponentialLR, PolynomialLR, StepLR
from optlint.reference.schedules.lambdas import LambdaLR
from optlint.reference.schedules.one_cycle import OneCycleLR
from optlint.reference.schedules.ramp import ConstantLR, LinearLR
from optlint.reference.schedules.schedule import NoClosedFormError, Rates

JUMPING = [case for case in CASES if case.spec.name not in {"SequentialLR", "ChainedScheduler", "SWALR"}]


@pytest.mark.parametrize("case", CASES, ids=str)
def test_the_recursion_is_torch_to_the_last_bit(case: Case) -> None:
    for group, walked in enumerate(walk_torch(case)):
        assert walk_recursion(case, group, case.spec.reference(group)) == walked


@pytest.mark.parametrize("case", [case for case in CASES if case.closed], ids=str)
def test_the_closed_form_is_torch(case: Case) -> None:
    for group, walked in enumerate(walk_torch(case)):
        closed = walk_closed_form(case, group, case.spec.reference(group))
        assert apart(closed, walked, case.against(walked)) <= case.tolerance


@pytest.mark.parametrize("case", [case for case in CASES if not case.closed], ids=str)
def test_a_composition_without_a_closed_form_says_so(case: Case) -> None:
    with pytest.raises(NoClosedFormError, match=r"`(SequentialLR|CosineAnnealingLR)`"):
        case.spec.reference().closed_form(0.1, 3)


@pytest.mark.parametrize("case", JUMPING, ids=str)
def test_a_jump_to_an_epoch_is_that_of_torch(case: Case) -> None:
    optimizer, scheduler = build(case)
    schedules = [case.spec.reference(group) for group in range(len(case.rates))]
    for epoch in (3, 40, 17, 0, min(case.steps, 250)):
        before = rates_of(optimizer)
        torch_step(scheduler, epoch)
        jumped = [each.jump(case.initial(i), before[i], epoch) for i, each in enumerate(schedules)]
        after = rates_of(optimizer)
        assert apart(jumped, after, case.against(before + after)) <= case.tolerance


@pytest.mark.parametrize("t_mult", [1, 2, 3])
def test_warm_restarts_take_fractions_of_an_epoch(t_mult: int) -> None:
    case = Case(Spec("CosineAnnealingWarmRestarts", {"T_0": 3, "T_mult": t_mult, "eta_min": 1e-3}))
    optimizer, scheduler = build(case)
    schedule = CosineAnnealingWarmRestarts(3, t_mult, 1e-3)
    for epoch in (0.25, 2.75, 3.0, 3.5, 8.875, 9.0, 11.96875, 12.0, 300.5):
        scheduler.step(epoch)
        assert schedule.closed_form(0.1, epoch).lr == pytest.approx(rates_of(optimizer)[0].lr, rel=1e-12)
        assert schedule.step(0.1, Rates(7.0), epoch).lr == pytest.approx(rates_of(optimizer)[0].lr, rel=1e-12)


def test_torch_misses_the_fifth_restart_when_it_is_told_the_epoch() -> None:
    restart = 121  # (3 ** 5 - 1) / 2, and math.log(243, 3) is less than 5
    case = Case(Spec("CosineAnnealingWarmRestarts", {"T_0": 1, "T_mult": 3}))
    walked = walk_torch(case)[0][restart].lr
    optimizer, scheduler = build(case)
    scheduler.step(restart)
    assert (walked, rates_of(optimizer)[0].lr) == (0.1, 0.0)
    assert CosineAnnealingWarmRestarts(1, 3).closed_form(0.1, restart).lr == 0.1


@pytest.mark.parametrize(
    ("name", "schedule", "recursion", "closed"),
    [
        ("ConstantLR", ConstantLR(0.5, 0), 0.05, 0.1),
        ("LinearLR", LinearLR(0.5, 1.0, 0), 0.05, 0.1),
        ("PolynomialLR", PolynomialLR(0), 0.1, 0.0),
    ],
    ids=str,
)
def test_without_iterations_the_recursion_never_arrives(
    name: str, schedule: ConstantLR | LinearLR | PolynomialLR, recursion: float, closed: float
) -> None:
    arguments = {each: getattr(schedule, each) for each in schedule.__dataclass_fields__}
    case = Case(Spec(name, arguments), steps=5)
    assert [rates.lr for rates in walk_torch(case)[0]] == [recursion] * 6
    assert [rates.lr for rates in walk_recursion(case, 0, schedule)] == [recursion] * 6
    assert [rates.lr for rates in walk_closed_form(case, 0, schedule)] == [closed] * 6


def test_one_cycle_has_no_value_beyond_its_steps() -> None:
    _, scheduler = build(Case(Spec("OneCycleLR", {"max_lr": 0.1, "total_steps": 10})))
    for _ in range(10):
        scheduler.step()
    with pytest.raises(ValueError, match="The specified number of total steps is 10"):
        scheduler.step()
    for value in (OneCycleLR(0.1, 10).closed_form, OneCycleLR(0.1, 10).evaluate):
        value(0.1, 10)
        with pytest.raises(ValueError, match="`OneCycleLR` of 10 steps has no value at step 11"):
            value(0.1, 11)


def test_one_cycle_on_a_line_ends_its_step_beyond_the_end_below_zero() -> None:
    last = OneCycleLR(0.1, 10, anneal_strategy="linear").closed_form(0.1, 10).lr
    assert last == pytest.approx(-0.0143, abs=1e-4)


def test_one_cycle_needs_a_number_of_steps() -> None:
    with pytest.raises(ValueError, match="needs `total_steps`"):
        OneCycleLR(0.1, epochs=3).closed_form(0.1, 0)


def test_the_cosine_goes_on_past_its_valley() -> None:
    schedule = CosineAnnealingLR(10)
    walked = [schedule.closed_form(0.1, t).lr for t in range(41)]
    assert walked[10] == walked[30] == 0.0
    assert walked[20] == walked[40] == 0.1
    assert walked[15] == pytest.approx(0.05)


def test_a_chain_that_a_sequence_begins_with_takes_a_whole_step_at_construction() -> None:
    inner = Spec("ChainedScheduler", {"schedulers": [Spec("ExponentialLR", {"gamma": 0.9})]})
    case = Case(Spec("SequentialLR", {"schedulers": [inner], "milestones": []}), steps=2)
    assert [rates.lr for rates in walk_torch(case)[0]] == [0.1 * 0.9, 0.1 * 0.9 * 0.9, 0.1 * 0.9 * 0.9 * 0.9]


@pytest.mark.parametrize("name", ["ChainedScheduler", "SequentialLR"])
def test_a_composition_cannot_come_at_a_milestone(name: str) -> None:
    inner = {"schedulers": [Spec("ExponentialLR", {"gamma": 0.9})]} | ({"milestones": []} if name[0] == "S" else {})
    outer = {"schedulers": [Spec("ExponentialLR", {"gamma": 0.9}), Spec(name, inner)], "milestones": [2]}
    case = Case(Spec("SequentialLR", outer), steps=2)
    with pytest.raises(NotImplementedError):
        walk_torch(case)
    with pytest.raises(NotImplementedError, match=f"`step\\(epoch\\)` for `{name}`"):
        walk_recursion(case, 0, case.spec.reference())


def test_a_sequence_of_closed_forms_begins_each_at_the_base_rate() -> None:
    sequence = SequentialLR((ConstantLR(0.1, 20), ExponentialLR(0.9)), (20,))
    assert [sequence.closed_form(0.05, t).lr for t in (0, 19, 20, 21, 22)] == pytest.approx(
        [0.005, 0.005, 0.05, 0.045, 0.0405], rel=1e-15
    )


def test_a_chain_of_factors_is_their_product() -> None:
    chain = ChainedScheduler((ConstantLR(0.1, 20), ExponentialLR(0.9)))
    assert [chain.closed_form(0.05, t).lr for t in (0, 1, 19, 20)] == pytest.approx(
        [0.005, 0.0045, 0.005 * 0.9**19, 0.05 * 0.9**20], rel=1e-15
    )


def table(spec: Spec, rates: tuple[float, ...], steps: int) -> list[tuple[float, ...]]:
    """The rates of all groups, step by step; asserted to be torch's, the recursion's and the closed form's."""
    case = Case(spec, rates, steps - 1)
    schedules = [spec.reference(i) for i in range(len(rates))]
    walks = [
        walk_torch(case),
        [walk_recursion(case, i, schedule) for i, schedule in enumerate(schedules)],
        [walk_closed_form(case, i, schedule) for i, schedule in enumerate(schedules)],
    ]
    tables = [[tuple(rate.lr for rate in step) for step in zip(*walk, strict=True)] for walk in walks]
    for each in tables[1:]:
        assert each == [pytest.approx(row, rel=1e-12) for row in tables[0]]
    return tables[2]


def rounded(rows: list[tuple[float, ...]]) -> list[tuple[float, ...]]:
    return [tuple(float(f"{value:.12g}") for value in row) for row in rows]


def test_ten_by_a_tenth_every_two_epochs() -> None:
    walked = rounded(table(Spec("StepLR", {"step_size": 2, "gamma": 0.1}), (10.0,), 8))
    assert walked == [(10.0,), (10.0,), (1.0,), (1.0,), (0.1,), (0.1,), (0.01,), (0.01,)]


def test_two_groups_decay_alike() -> None:
    walked = rounded(table(Spec("StepLR", {"step_size": 2, "gamma": 0.1}), (10.0, 5.0), 6))
    assert walked == [(10.0, 5.0), (10.0, 5.0), (1.0, 0.5), (1.0, 0.5), (0.1, 0.05), (0.1, 0.05)]


def test_a_lambda_for_each_group() -> None:
    walked = rounded(table(Spec("LambdaLR", {"lr_lambda": [third, slowly]}), (0.001, 0.1), 7))
    assert walked == [
        (0.0, 0.1),
        (0.0, 0.095),
        (0.0, 0.09025),
        (0.001, 0.0857375),
        (0.001, 0.081450625),
        (0.001, 0.07737809375),
        (0.002, 0.0735091890625),
    ]


def test_a_decay_every_thirty_epochs() -> None:
    walked = rounded(table(Spec("StepLR", {"step_size": 30, "gamma": 0.1}), (0.05,), 100))
    assert walked == [(0.05,)] * 30 + [(0.005,)] * 30 + [(0.0005,)] * 30 + [(0.00005,)] * 10


def test_a_decay_at_thirty_and_at_eighty() -> None:
    walked = rounded(table(Spec("MultiStepLR", {"milestones": [30, 80], "gamma": 0.1}), (0.05,), 100))
    assert walked == [(0.05,)] * 30 + [(0.005,)] * 50 + [(0.0005,)] * 20


def test_a_schedule_is_a_value_and_changes_nothing_it_is_given() -> None:
    assert StepLR(3) == StepLR(3, 0.1)
    before = Rates(0.1, 0.9)
    StepLR(1).step(0.1, before, 1)
    LambdaLR(slowly).step(0.1, before, 1)
    assert before == Rates(0.1, 0.9)


def test_all_cases_walk_far_enough() -> None:
    assert {case.spec.name for case in CASES if case.steps < STEPS} == {"OneCycleLR"}
