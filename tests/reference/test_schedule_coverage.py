from __future__ import annotations

import inspect
from collections.abc import Iterable, Mapping
from dataclasses import MISSING, dataclass, fields
from typing import Any

import pytest

pytest.importorskip("torch", reason="the schedules are compared with torch's")

from schedule_cases import CASES
from torch.optim import lr_scheduler, swa_utils
from torch.optim.lr_scheduler import LRScheduler

from optlint.reference.schedules import SCHEDULES
from optlint.reference.schedules.schedule import AbsoluteSchedule, Rates

WITHOUT_MEANING = {"self", "optimizer", "last_epoch", "verbose"}
"""Arguments that say on what a schedule runs, from where, and whether it speaks; never what its values are."""

NOT_SCHEDULES = {"LRScheduler", "_LRScheduler"}


def schedulers_of_torch() -> list[type]:
    classes = [each for module in (lr_scheduler, swa_utils) for each in vars(module).values() if inspect.isclass(each)]
    found = {each for each in classes if issubclass(each, LRScheduler) and each.__name__ not in NOT_SCHEDULES}
    return sorted(found, key=lambda each: each.__name__)


def without_reference(schedulers: Iterable[type], schedules: Mapping[str, Any]) -> list[str]:
    """Every class, argument and default of torch that the reference does not have."""
    missing = []
    for scheduler in schedulers:
        name = scheduler.__name__
        if name not in schedules:
            missing.append(f"{name} has no reference")
            continue
        defaults = {field.name: field.default for field in fields(schedules[name])}
        for argument in inspect.signature(scheduler.__init__).parameters.values():  # type: ignore[misc]
            if argument.name in WITHOUT_MEANING:
                continue
            expected = MISSING if argument.default is argument.empty else argument.default
            if argument.name not in defaults:
                missing.append(f"{name} has no field for its argument {argument.name}")
            elif defaults[argument.name] != expected:
                missing.append(f"{name} has another default for its argument {argument.name}")
    return missing


def test_every_scheduler_of_torch_and_every_argument_has_a_reference() -> None:
    assert without_reference(schedulers_of_torch(), SCHEDULES) == []


def test_the_walk_finds_all_schedulers() -> None:
    assert {each.__name__ for each in schedulers_of_torch()} >= {*lr_scheduler.__all__, "SWALR"} - NOT_SCHEDULES
    assert {each.__name__ for each in schedulers_of_torch()} == set(SCHEDULES)


def test_what_is_missing_is_named() -> None:
    class StepLR(LRScheduler):
        def __init__(self, optimizer: Any, step_size: int, gamma: float = 0.2, floor: float = 0.0) -> None: ...

    class InverseRootLR(LRScheduler): ...

    assert without_reference([StepLR, InverseRootLR], SCHEDULES) == [
        "StepLR has another default for its argument gamma",
        "StepLR has no field for its argument floor",
        "InverseRootLR has no reference",
    ]


def test_every_schedule_but_the_plateau_is_in_the_table_and_every_option_is_set_in_it() -> None:
    specs = [spec for case in CASES for spec in case.spec.all()]
    names = set(SCHEDULES) - {"ReduceLROnPlateau"}
    assert {spec.name for spec in specs} == names
    for name in names:
        given = {argument for spec in specs if spec.name == name for argument in spec.arguments}
        assert given == {field.name for field in fields(SCHEDULES[name])}  # type: ignore[arg-type]


def test_a_schedule_without_torch_order_of_operations_cannot_be_built() -> None:
    @dataclass(frozen=True, slots=True)
    class Half(AbsoluteSchedule):
        def closed_form(self, base: float, t: float) -> Rates:
            return Rates(base / 2)

    with pytest.raises(TypeError, match=r"abstract method '?evaluate'?"):
        Half()  # type: ignore[abstract]
