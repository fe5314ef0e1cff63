"""The schedules, one family a file."""

from __future__ import annotations

from optlint.reference.schedules.composition import ChainedScheduler, SequentialLR
from optlint.reference.schedules.cosine import CosineAnnealingLR, CosineAnnealingWarmRestarts
from optlint.reference.schedules.cyclic import CyclicLR
from optlint.reference.schedules.decay import ExponentialLR, MultiStepLR, PolynomialLR, StepLR
from optlint.reference.schedules.lambdas import LambdaLR, MultiplicativeLR
from optlint.reference.schedules.one_cycle import OneCycleLR
from optlint.reference.schedules.plateau import ReduceLROnPlateau
from optlint.reference.schedules.ramp import ConstantLR, LinearLR
from optlint.reference.schedules.schedule import Schedule
from optlint.reference.schedules.swa import SWALR

SCHEDULES: dict[str, type[Schedule | ReduceLROnPlateau]] = {
    schedule.__name__: schedule
    for schedule in (
        ChainedScheduler,
        ConstantLR,
        CosineAnnealingLR,
        CosineAnnealingWarmRestarts,
        CyclicLR,
        ExponentialLR,
        LambdaLR,
        LinearLR,
        MultiStepLR,
        MultiplicativeLR,
        OneCycleLR,
        PolynomialLR,
        ReduceLROnPlateau,
        SWALR,
        SequentialLR,
        StepLR,
    )
}
"""By the name of the class of torch that runs the same."""
