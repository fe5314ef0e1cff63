"""What `reference.py` measures: the reference's update rules, and torch.optim on the same parameters."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from torch import Tensor

TENSORS, SHAPE = 100, (250, 400)
"""Ten million numbers, in matrices for the sake of Muon and Adafactor."""

REFERENCE, SINGLE, FOREACH = "reference", "single-tensor", "foreach"

Step = Callable[[], object]


@dataclass(frozen=True, slots=True)
class Subject:
    """A class of torch.optim with its options.

    Attributes:
        optimizer: Its name.
        options: The constructor's.
        shape: Of each parameter.
        rows: How many rows the gradient holds, where it is sparse.
    """

    optimizer: str
    options: dict[str, Any] = field(default_factory=dict)
    shape: tuple[int, int] = SHAPE
    rows: int | None = None


SUBJECTS = (
    Subject("SGD", {"lr": 1e-3, "momentum": 0.9, "weight_decay": 1e-4}),
    Subject("Adam"),
    Subject("AdamW"),
    Subject("Adagrad"),
    Subject("Adadelta"),
    Subject("Adamax"),
    Subject("ASGD"),
    Subject("NAdam"),
    Subject("RAdam"),
    Subject("RMSprop", {"momentum": 0.9}),
    Subject("Rprop"),
    Subject("Adafactor"),
    Subject("Muon"),
    Subject("SparseAdam", rows=64),
    Subject("LBFGS", {"max_iter": 5, "history_size": 20, "tolerance_grad": 0.0, "tolerance_change": 0.0}, (25, 400)),
)


def parameters_and_gradients(subject: Subject, device: str, tensors: int) -> tuple[list[Tensor], list[Tensor]]:
    """Normally distributed numbers in float32; of a sparse gradient a few rows."""
    import torch

    generator = torch.Generator(device).manual_seed(0)
    rows, columns = subject.shape
    parameters = [torch.randn(rows, columns, generator=generator, device=device) for _ in range(tensors)]
    if subject.rows is None:
        return parameters, [torch.randn(rows, columns, generator=generator, device=device) for _ in range(tensors)]
    index = torch.arange(0, rows, rows // subject.rows, device=device).unsqueeze(0)
    values = [torch.randn(index.shape[1], columns, generator=generator, device=device) for _ in range(tensors)]
    size = (rows, columns)  # coalesced, as the gradient of an embedding is in which no row comes twice
    sparse = [torch.sparse_coo_tensor(index, each, size, is_coalesced=True, check_invariants=True) for each in values]
    return parameters, sparse


def contestants(subject: Subject) -> list[str]:
    """What can be measured of a class."""
    without_foreach = {"LBFGS", "Muon", "SparseAdam"}
    return [REFERENCE, SINGLE] if subject.optimizer in without_foreach else [REFERENCE, SINGLE, FOREACH]


def step_of(subject: Subject, contestant: str, parameters: list[Tensor], gradients: list[Tensor]) -> Step:
    """One update of all parameters. The reference takes the list over, and puts new ones in the place of the old."""
    if contestant == REFERENCE:
        return _reference_step(subject, parameters, gradients)
    import torch

    for parameter, gradient in zip(parameters, gradients, strict=True):
        parameter.requires_grad_().grad = gradient
    how = {"foreach": contestant == FOREACH} if FOREACH in contestants(subject) else {}
    optimizer = getattr(torch.optim, subject.optimizer)(parameters, **subject.options, **how)
    if subject.optimizer != "LBFGS":
        return optimizer.step  # type: ignore[no-any-return]

    curvatures = _curvatures(sum(parameter.numel() for parameter in parameters), parameters[0].device)
    parts = curvatures.view(len(parameters), *subject.shape)

    @torch.no_grad()
    def closure() -> float:
        for parameter, part, gradient in zip(parameters, parts, gradients, strict=True):
            torch.mul(parameter, part, out=gradient)
        return 1.0

    return lambda: optimizer.step(closure)


def _reference_step(subject: Subject, parameters: list[Tensor], gradients: list[Tensor]) -> Step:
    import torch

    from optlint.reference.updates import CLOSURE_RULES, RULES

    if subject.optimizer == "LBFGS":
        return _reference_step_at_will(CLOSURE_RULES["LBFGS"], subject, parameters)
    rule = RULES[subject.optimizer]
    h = rule.hyperparameters(**subject.options)
    states = [rule.start(theta, h) for theta in parameters]

    @torch.no_grad()
    def step() -> None:
        for place, g in enumerate(gradients):
            parameters[place], states[place] = rule.update(parameters[place], g, states[place], h)

    return step


def _reference_step_at_will(rule: Any, subject: Subject, parameters: list[Tensor]) -> Step:
    import torch

    h = rule.hyperparameters(**subject.options)
    theta = torch.cat([parameter.reshape(-1) for parameter in parameters])
    parameters.clear()
    held = [theta, rule.start(theta, h)]
    curvatures = _curvatures(theta.numel(), theta.device)

    def evaluate(point: Tensor) -> tuple[float, Tensor]:
        return 1.0, point * curvatures

    def step() -> None:
        # Given away, so that the update may free what it replaces
        held[:] = rule.update(held.pop(0), evaluate, held.pop(0), h)

    return step


def _curvatures(numbers: int, device: Any) -> Tensor:
    """Of a function that L-BFGS does not come to the end of while it is measured; its loss is not looked at."""
    import torch

    return torch.logspace(-6, 0, numbers, device=device)
