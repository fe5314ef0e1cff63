"""Situations in which the installed torch raises, and which are no matter of one argument's value."""

from __future__ import annotations

from collections.abc import Callable

import torch
from torch import nn
from torch.optim import SGD, Adagrad, Adam, lr_scheduler


def layer() -> nn.Linear:
    """Return the smallest module with parameters."""
    return nn.Linear(2, 1)


def _sgd() -> SGD:
    return SGD(layer().parameters(), lr=0.1)


class _Net(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.layer = layer()


def _sequence(milestones: list[int]) -> object:
    optimizer = _sgd()
    return lr_scheduler.SequentialLR(optimizer, [lr_scheduler.StepLR(optimizer, 2)], milestones)


def _overlapping() -> object:
    parameters = list(layer().parameters())
    return SGD([{"params": parameters}, {"params": parameters[:1]}], lr=0.1)


SITUATIONS: dict[str, Callable[[], object]] = {
    "optimizer of a module": lambda: SGD(_Net(), lr=0.1),  # type: ignore[arg-type]
    "optimizer of modules": lambda: SGD([layer()], lr=0.1),  # type: ignore[arg-type]
    "optimizer of a method": lambda: SGD(layer().parameters, lr=0.1),  # type: ignore[arg-type]
    "optimizer of iterators": lambda: SGD((layer().parameters(), layer().parameters()), lr=0.1),  # type: ignore[arg-type]
    "optimizer of no parameters": lambda: SGD([], lr=0.1),
    "group without params": lambda: SGD([{"lr": 0.1}], lr=0.1),
    "group beside another with the same parameters": _overlapping,
    "optimizer of a computed tensor": lambda: SGD([nn.Parameter(torch.zeros(2)) * 2], lr=0.1),
    "unknown keyword of an optimizer": lambda: Adam(layer().parameters(), momentum=0.9),  # type: ignore[call-arg]
    "verbose": lambda: lr_scheduler.StepLR(_sgd(), 2, verbose=True),  # type: ignore[call-arg]
    "print_lr": lambda: lr_scheduler.StepLR(_sgd(), 2).print_lr(),  # type: ignore[attr-defined]
    "get_lr of a composite": lambda: lr_scheduler.ReduceLROnPlateau(_sgd()).get_lr(),
    "cycled momentum without momentum": lambda: lr_scheduler.OneCycleLR(
        Adagrad(layer().parameters()), max_lr=0.1, total_steps=10
    ),
    "one cycle without a length": lambda: lr_scheduler.OneCycleLR(_sgd(), max_lr=0.1),
    "milestones of another number": lambda: _sequence([1, 2]),
    "plateau without a metric": lambda: lr_scheduler.ReduceLROnPlateau(_sgd()).step(),  # type: ignore[call-arg]
}
"""What raises, by name: situations that are no matter of one argument's value."""
