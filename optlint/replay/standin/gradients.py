"""Gradients that are asked for instead of gathered, and those that are written by hand, where stand-ins are in them."""

from __future__ import annotations

import functools
from collections.abc import Sequence
from typing import Any

import torch

from optlint.replay.standin.values import Flow, Unknown, holds_standins, pull


def write_here() -> None:
    """Let a parameter be given a stand-in for its gradient, which becomes a tensor of its own shape."""
    plain = torch.Tensor.__setattr__

    def setattr_(self: torch.Tensor, name: str, value: Any) -> None:
        plain(self, name, _written_on(self, value) if name in ("grad", "_grad") else value)

    torch.Tensor.__setattr__ = setattr_  # type: ignore[method-assign,assignment]


def _written_on(parameter: torch.Tensor, value: Any) -> Any:
    if not isinstance(value, (Unknown, Flow)):
        return value
    with torch.no_grad(), torch._C.DisableTorchFunctionSubclass():
        is_whole = isinstance(value, Flow) and value.shape == parameter.shape
        return value.plain() if is_whole else pull(parameter)


def ask_here() -> None:
    """Let `torch.autograd.grad` give gradients in the shapes of the parameters that a stand-in is computed from."""
    torch.autograd.grad = _asking(torch.autograd.grad)


def _asking(grad: Any) -> Any:
    @functools.wraps(grad)
    def asked_for(outputs: Any, inputs: Any, grad_outputs: Any = None, *args: Any, **options: Any) -> Any:
        if not isinstance(inputs, (torch.Tensor, Unknown)):
            inputs = list(inputs)
        leaves = [inputs] if isinstance(inputs, torch.Tensor) else inputs
        given = [outputs] if isinstance(outputs, (torch.Tensor, Unknown)) else list(outputs)
        is_real = isinstance(leaves, Unknown) or not all(map(_takes_gradient, leaves)) or not holds_standins((given,))
        if is_real or not leaves:
            return grad(outputs, inputs, grad_outputs, *args, **options)
        numbers = [_computed_from(leaves, each) for each in given]
        begun = [grad_outputs] if isinstance(grad_outputs, (torch.Tensor, Unknown)) else list(grad_outputs or [])
        weights = [_begun_with(one, number) for one, number in zip(begun, numbers, strict=False)] or None
        # What a stand-in is not computed from, the output may depend on in truth.
        options |= {"allow_unused": True, "materialize_grads": True}
        with torch._C.DisableTorchFunctionSubclass():
            return grad(numbers, leaves, weights, *args[:2], **options)

    return asked_for


def _takes_gradient(value: Any) -> bool:
    is_own = isinstance(value, torch.Tensor) and not isinstance(value, Flow)
    return is_own and value.is_leaf and value.requires_grad


def _computed_from(leaves: Sequence[torch.Tensor], output: Any) -> torch.Tensor:
    if isinstance(output, torch.Tensor) and output.requires_grad:
        return output.plain() if isinstance(output, Flow) else output
    return torch.stack([0.5 * each.square().sum() for each in leaves]).sum()


def _begun_with(begun: Any, number: torch.Tensor) -> torch.Tensor | None:
    if not isinstance(begun, torch.Tensor):
        return None
    found = begun.plain() if isinstance(begun, Flow) else begun
    return found if found.shape == number.shape else found.mean().expand(number.shape)
