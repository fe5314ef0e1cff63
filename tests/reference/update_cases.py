"""Configurations of every optimizer: each option on and off, in two groups with different options."""

from __future__ import annotations

import inspect
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import torch

SHAPES = ((7,), (2, 3, 2, 2), (4, 5), (3, 4))
"""Of one, four and two dimensions: two for either group."""


@dataclass(frozen=True, slots=True)
class Case:
    """One optimizer to construct.

    Attributes:
        optimizer: The name of a class of torch.optim.
        options: The constructor's, which the first group has.
        second: What the second group has otherwise.
        shapes: Of the parameters, one half of them in either group.
        sparse: The gradients are sparse in the first dimension.
        without: The paths that torch does not have for these options.
        late: The first parameter has no gradient in the first step either. The fused SGD of torch 2.13 fails on it:
            it needs a momentum buffer of every parameter, or of none.
    """

    optimizer: str
    options: Mapping[str, Any] = field(default_factory=dict)
    second: Mapping[str, Any] = field(default_factory=dict)
    shapes: Sequence[tuple[int, ...]] = SHAPES
    sparse: bool = False
    without: frozenset[str] = frozenset()
    late: bool = True

    def __str__(self) -> str:
        groups = [",".join(f"{name}={_word(each[name])}" for name in each) for each in (self.options, self.second)]
        return "-".join([self.optimizer, *(["sparse"] if self.sparse else []), *groups])

    def paths(self, dtype: torch.dtype) -> list[str]:
        """The ways in which torch computes it, and rightly: `single`, `foreach`, `fused`."""
        taken = inspect.signature(getattr(torch.optim, self.optimizer)).parameters
        offered = ["single", *(path for path in ("foreach", "fused") if path in taken and path not in self.without)]
        offered = [path for path in offered if not (path == "fused" and dtype.is_complex)]
        return [path for path in offered if self.fault(path, dtype) is None]

    def fault(self, path: str, dtype: torch.dtype) -> str | None:
        """What torch 2.13 computes wrongly on that path; `test_updates` shows each."""
        if self.optimizer == "SGD" and path == "fused" and dtype == torch.bfloat16:
            return "pytorch/pytorch#191763: on CPUs whole vectors of elements are not updated"
        if self.optimizer == "Muon" and dtype == torch.bfloat16 and not self.options.get("nesterov", True):
            return "pytorch/pytorch#194664: the momentum is divided by its norm in each step"
        if self.optimizer == "Adagrad" and self.sparse and dtype.is_complex:
            return "the squares of a sparse gradient are complex ones, those of a dense gradient are not"
        return None

    def takes_complex(self) -> bool:
        """Whether torch has this for complex parameters, and right."""
        return (
            self.optimizer not in {"Adafactor", "Muon", "SparseAdam"} and self.fault("single", torch.complex128) is None
        )

    def build(self, parameters: Sequence[torch.Tensor], path: str) -> torch.optim.Optimizer:
        """The optimizer over parameters of the case's shapes, to compute on that path."""
        how = {name: name == path for name in ("foreach", "fused") if path != "single" or name == "foreach"}
        taken = inspect.signature(getattr(torch.optim, self.optimizer)).parameters
        half = len(parameters) // 2
        groups = [{"params": parameters[:half]}, {"params": parameters[half:], **_own(self.second)}]
        implementation = {name: chosen for name, chosen in how.items() if name in taken}
        built: torch.optim.Optimizer = getattr(torch.optim, self.optimizer)(
            groups, **_own(self.options), **implementation
        )
        return built

    def parameters(self, dtype: torch.dtype, device: str, seed: int = 0) -> list[torch.Tensor]:
        """The parameters to start from, normally distributed."""
        generator = torch.Generator().manual_seed(seed)
        drawn = [torch.randn(shape, generator=generator, dtype=_drawn(dtype)) for shape in self.shapes]
        return [each.to(device, dtype) for each in drawn]

    def gradients(
        self, dtype: torch.dtype, device: str, steps: int, seed: int = 1
    ) -> Iterator[list[torch.Tensor | None]]:
        """For each step a gradient for each parameter.

        Normally distributed around a mean, times a scale that changes by factors from step to step; one in sixteen
        elements is zero. The first parameter has none in one step of five.
        """
        generator = torch.Generator().manual_seed(seed)
        real = _drawn(dtype)
        scales = torch.randn(steps, generator=generator, dtype=torch.float64).exp()
        drawn = [_gradients(shape, steps, scales, real, generator) for shape in self.shapes]
        drawn = [each.to(device, dtype) for each in drawn]
        rows = [torch.randint(shape[0], (steps, 2), generator=generator).to(device) for shape in self.shapes]
        for step in range(steps):
            gradients: list[torch.Tensor | None] = [each[step] for each in drawn]
            if self.sparse:
                gradients = [
                    _sparse(each[step], touched[step], empty=step % 7 == 3)
                    for each, touched in zip(drawn, rows, strict=True)
                ]
            if step % 5 == (0 if self.late else 2):
                gradients[0] = None
            yield gradients


def _gradients(
    shape: tuple[int, ...], steps: int, scales: torch.Tensor, dtype: torch.dtype, generator: torch.Generator
) -> torch.Tensor:
    mean = torch.randn(shape, generator=generator, dtype=dtype)
    noise = torch.randn((steps, *shape), generator=generator, dtype=dtype)
    present = torch.rand((steps, *shape), generator=generator) > 1 / 16
    return (mean + 2 * noise) * present * scales.view(steps, *(1 for _ in shape))


def _sparse(dense: torch.Tensor, rows: torch.Tensor, *, empty: bool) -> torch.Tensor:
    """Two rows of a gradient, now and then the same one twice; or none."""
    rows = rows[:0] if empty else rows
    return torch.sparse_coo_tensor(rows.unsqueeze(0), dense[rows], dense.shape, check_invariants=True)


def _drawn(dtype: torch.dtype) -> torch.dtype:
    return torch.complex128 if dtype.is_complex else torch.float64


def _own(options: Mapping[str, Any]) -> dict[str, Any]:
    """The options with tensors of their own, for the rate of one optimizer is not another's."""
    return {name: value.clone() if isinstance(value, torch.Tensor) else value for name, value in options.items()}


def _word(value: Any) -> str:
    if isinstance(value, torch.Tensor):
        return f"tensor({value.item():g})"
    if isinstance(value, tuple):
        return "(" + ",".join(_word(each) for each in value) + ")"
    return f"{value:g}" if isinstance(value, float) else str(value)


def _tensor(value: float) -> torch.Tensor:
    return torch.tensor(value, dtype=torch.float64)


_EMBEDDING = ((6, 3), (5, 2, 2, 3), (8, 2), (4,))
_MATRICES = ((4, 5), (5, 3), (3, 3), (6, 2))
_NO_FOREACH = frozenset({"foreach"})
_NOT_FUSED = frozenset({"fused"})

CASES = (
    Case("SGD", {"lr": 0.05}, {"weight_decay": 0.1}),
    Case("SGD", {"lr": 0.02, "momentum": 0.9}, {"weight_decay": 0.05, "dampening": 0.3}, late=False),
    Case("SGD", {"lr": 0.02, "momentum": 0.9, "nesterov": True}, {"momentum": 0.5, "weight_decay": 0.05}, late=False),
    Case("SGD", {"lr": 0.02, "momentum": 0.8, "maximize": True}, {"momentum": 0.0, "weight_decay": 0.01}, late=False),
    Case("SGD", {"lr": _tensor(0.03), "momentum": 0.9}, {"lr": 0.01, "dampening": 0.5}, without=_NOT_FUSED),
    Case("SGD", {"lr": 0.05}, {"maximize": True}, _EMBEDDING, sparse=True, without=_NOT_FUSED),
    Case("SGD", {"lr": 0.05, "momentum": 0.7}, {"nesterov": True}, _EMBEDDING, sparse=True, without=_NOT_FUSED),
    Case("Adam", {}, {"lr": 0.01, "betas": (0.8, 0.99), "eps": 1e-3}),
    Case("Adam", {"lr": 0.01, "amsgrad": True}, {"weight_decay": 0.1, "amsgrad": False}),
    Case("Adam", {"lr": 0.01, "weight_decay": 0.1}, {"decoupled_weight_decay": True}),
    Case("Adam", {"lr": 0.01, "maximize": True, "amsgrad": True}, {"weight_decay": 0.02, "betas": (0.0, 0.9)}),
    Case("Adam", {"lr": _tensor(0.01)}, {"weight_decay": 0.1, "amsgrad": True}, without=_NO_FOREACH),
    Case("AdamW", {}, {"lr": 0.01, "weight_decay": 0.3}),
    Case("AdamW", {"lr": 0.01, "amsgrad": True, "eps": 1e-4}, {"weight_decay": 0.0, "betas": (0.5, 0.9)}),
    Case("AdamW", {"lr": 0.02, "maximize": True, "weight_decay": 0.2}, {"amsgrad": True}),
    Case("AdamW", {"lr": _tensor(0.01), "weight_decay": 0.1}, {"betas": (0.8, 0.9)}, without=_NO_FOREACH),
    Case("Adagrad", {}, {"lr": 0.1, "lr_decay": 0.01}),
    Case("Adagrad", {"lr": 0.1, "initial_accumulator_value": 0.5}, {"eps": 1e-3}),
    Case("Adagrad", {"lr": 0.1, "weight_decay": 0.1}, {"maximize": True, "lr_decay": 0.1}),
    Case("Adagrad", {"lr": _tensor(0.1), "lr_decay": 0.001}, {"weight_decay": 0.05}, without=_NOT_FUSED),
    Case("Adagrad", {"lr": 0.1}, {"lr_decay": 0.01, "maximize": True}, _EMBEDDING, sparse=True, without=_NOT_FUSED),
    Case("Adadelta", {}, {"lr": 0.5, "rho": 0.5, "eps": 1e-3}),
    Case("Adadelta", {"lr": 0.7, "weight_decay": 0.1}, {"rho": 0.99}),
    Case("Adadelta", {"lr": 2.0, "maximize": True}, {"weight_decay": 0.05, "lr": 1.0}),
    Case("Adadelta", {"lr": _tensor(0.7)}, {"weight_decay": 0.1}),
    Case("Adamax", {}, {"lr": 0.01, "betas": (0.5, 0.9), "eps": 1e-2}),
    Case("Adamax", {"lr": 0.02, "weight_decay": 0.1}, {"betas": (0.9, 0.99)}),
    Case("Adamax", {"lr": 0.02, "maximize": True}, {"weight_decay": 0.05}),
    Case("Adamax", {"lr": _tensor(0.02)}, {"weight_decay": 0.1}),
    Case("ASGD", {}, {"lr": 0.05, "lambd": 0.1, "alpha": 0.5}),
    Case("ASGD", {"lr": 0.05, "t0": 100.0}, {"t0": 0.0, "weight_decay": 0.1}),
    Case("ASGD", {"lr": 0.02, "maximize": True, "t0": 10}, {"weight_decay": 0.05, "lambd": 0.01}),
    Case("ASGD", {"lr": _tensor(0.05), "t0": 500.0}, {"lambd": 0.05}),
    Case("NAdam", {}, {"lr": 0.01, "betas": (0.5, 0.9), "momentum_decay": 0.1}),
    Case("NAdam", {"lr": 0.01, "weight_decay": 0.1}, {"decoupled_weight_decay": True}),
    Case("NAdam", {"lr": 0.01, "maximize": True}, {"weight_decay": 0.05, "eps": 1e-3, "momentum_decay": 0.0}),
    Case("NAdam", {"lr": _tensor(0.01), "decoupled_weight_decay": True}, {"weight_decay": 0.1}),
    Case("RAdam", {}, {"lr": 0.01, "betas": (0.8, 0.99), "eps": 1e-3}),
    Case("RAdam", {"lr": 0.01, "weight_decay": 0.1}, {"decoupled_weight_decay": True}),
    Case("RAdam", {"lr": 0.02, "maximize": True}, {"weight_decay": 0.05, "betas": (0.9, 0.9)}),
    Case("RAdam", {"lr": _tensor(0.01), "decoupled_weight_decay": True}, {"weight_decay": 0.1}),
    Case("RMSprop", {}, {"lr": 0.02, "alpha": 0.9, "eps": 1e-3}),
    Case("RMSprop", {"momentum": 0.9}, {"lr": 0.001, "weight_decay": 0.1}),
    Case("RMSprop", {"centered": True}, {"momentum": 0.5, "alpha": 0.95, "eps": 1e-4}),
    Case("RMSprop", {"maximize": True, "momentum": 0.5, "centered": True}, {"weight_decay": 0.05, "momentum": 0.0}),
    Case("RMSprop", {"lr": _tensor(0.005)}, {"weight_decay": 0.1, "momentum": 0.9}),
    Case("Rprop", {}, {"lr": 0.001, "etas": (0.3, 1.5)}),
    Case("Rprop", {"lr": 0.05, "step_sizes": (1e-4, 0.1)}, {"maximize": True}),
    Case("Rprop", {"lr": _tensor(0.02), "maximize": True}, {"etas": (0.7, 1.1), "maximize": False}),
    Case("Adafactor", {}, {"lr": 0.05, "beta2_decay": -0.5, "eps": (1e-3, 1e-2)}),
    Case("Adafactor", {"lr": 0.02, "weight_decay": 0.1}, {"d": 2.0, "eps": (None, 1.0)}),
    Case("Adafactor", {"lr": 0.05, "maximize": True}, {"weight_decay": 0.5, "d": 1.5}),
    Case("Adafactor", {"lr": _tensor(0.02)}, {"weight_decay": 0.2}),
    Case("Muon", {"lr": 0.02}, {"momentum": 0.5, "weight_decay": 0.0}, _MATRICES),
    Case("Muon", {"lr": 0.01, "adjust_lr_fn": "match_rms_adamw"}, {"adjust_lr_fn": "original", "eps": 0.1}, _MATRICES),
    Case("Muon", {"lr": 0.02, "ns_steps": 2}, {"ns_coefficients": (2.0, -1.5, 0.5), "weight_decay": 0.5}, _MATRICES),
    Case("Muon", {"lr": _tensor(0.02), "nesterov": False}, {"momentum": 0.0}, _MATRICES),
    Case("SparseAdam", {}, {"lr": 0.01, "betas": (0.5, 0.9), "eps": 1e-3}, _EMBEDDING, sparse=True),
    Case("SparseAdam", {"lr": 0.02, "maximize": True}, {"maximize": False}, _EMBEDDING, sparse=True),
    Case("SparseAdam", {"lr": _tensor(0.02)}, {"betas": (0.0, 0.5)}, _EMBEDDING, sparse=True),
)
"""Five to ten of a class."""
