"""Calling a closure of torch at points of one's own, and leaving everything as it was."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any, TypeAlias

import torch

from optlint.reference.update_rule import as_real

if TYPE_CHECKING:
    from torch import Tensor

Closure: TypeAlias = Callable[[], Any]
"""Clears the gradients, computes the loss, calls `backward` and returns the loss."""


@contextmanager
def borrowed(parameters: Sequence[Tensor]) -> Iterator[None]:
    """Parameters, their gradients and the random numbers are at the end as they were at the start."""
    values = [parameter.detach().clone() for parameter in parameters]
    gradients = [parameter.grad for parameter in parameters]
    contents = [None if gradient is None else gradient.clone() for gradient in gradients]
    devices = {parameter.device for parameter in parameters if parameter.device.type != "cpu"}
    kind = next((device.type for device in devices), None)
    with torch.random.fork_rng([device.index for device in devices], device_type=kind):
        try:
            yield
        finally:
            for parameter, value, gradient, content in zip(parameters, values, gradients, contents, strict=True):
                parameter.copy_(value)
                parameter.grad = gradient
                if gradient is not None and content is not None:
                    gradient.copy_(content)


def evaluate(parameters: Sequence[Tensor], closure: Closure, point: Tensor) -> tuple[float, Tensor]:
    """The loss and its gradient where the parameters are those of `point`, one after another in real numbers.

    The parameters stay there, so this is for within `borrowed`. The gradient is a new vector like `point`, with zeros
    for parameters that have none.
    """
    for parameter, values in zip(parameters, split_as(point, [as_real(each) for each in parameters]), strict=True):
        as_real(parameter).copy_(values)
    loss = float(torch.enable_grad()(closure)())
    return loss, torch.cat([_flat_gradient(parameter) for parameter in parameters])


def split_as(theta: Tensor, likes: Sequence[Tensor]) -> list[Tensor]:
    """The vector of all parameters, cut into pieces of the shapes of these."""
    pieces = torch.split(theta, [like.numel() for like in likes])
    return [piece.view_as(like) for piece, like in zip(pieces, likes, strict=True)]


def _flat_gradient(parameter: Tensor) -> Tensor:
    if parameter.grad is None:
        return torch.zeros_like(as_real(parameter)).reshape(-1)
    gradient = parameter.grad if parameter.grad.layout == torch.strided else parameter.grad.to_dense()
    return as_real(gradient).reshape(-1)
