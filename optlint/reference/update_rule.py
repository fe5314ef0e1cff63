"""What an update rule is: the mathematics of one optimizer on one parameter, as pure functions."""

from __future__ import annotations

import functools
from collections.abc import Callable, Mapping
from dataclasses import dataclass, fields
from typing import TYPE_CHECKING, Any, Generic, TypeAlias, TypeVar

import torch

if TYPE_CHECKING:
    from torch import Tensor

Evaluate: TypeAlias = "Callable[[Tensor], tuple[float, Tensor]]"
"""From a point, the vector of all parameters one after another, to the loss and its gradient there.

The gradient is a vector of the rule's own, that nobody changes later.
"""

S = TypeVar("S")
H = TypeVar("H")

IMPLEMENTATION_OPTIONS = frozenset({"params", "foreach", "fused", "capturable", "differentiable"})
"""Keys of a torch param group that choose how torch computes, and never what."""


@dataclass(frozen=True, slots=True)
class UpdateRule(Generic[S, H]):
    """One optimizer's mathematics: a state, what it starts as, and how a gradient changes it and the parameter.

    The functions change nothing that they are given. They see real tensors of one dtype and device (a complex
    parameter of shape `s` comes as the real one of shape `s + (2,)`), and the gradient of what is to be minimised.

    Attributes:
        name: The class of torch.optim that computes the same.
        hyperparameters: A dataclass whose fields are named as the options in that class's param groups.
        start: `(theta, h)` to the state before the first update.
        update: `(theta, g, state, h)` to the parameter and the state after one update.
        torch_state: The fields of the state, and the keys that torch keeps them under in `optimizer.state[p]`.
    """

    name: str
    hyperparameters: type[H]
    start: Callable[[Tensor, H], S]
    update: Callable[[Tensor, Tensor, S, H], tuple[Tensor, S]]
    torch_state: Mapping[str, str]

    def read(self, group: Mapping[str, Any]) -> H:
        """The hyperparameters in a param group of the torch optimizer; an option given as a tensor comes as a number.

        Options that the running torch does not have yet keep the default of this rule.
        """
        return _read(self.hyperparameters, group, number)

    def options(self) -> frozenset[str]:
        """The options of a param group that this rule takes part of, `maximize` among them."""
        return frozenset(_names(self.hyperparameters)) | {"maximize"}


@dataclass(frozen=True, slots=True)
class ClosureRule(Generic[S, H]):
    """The mathematics of an optimizer that asks for the loss and its gradient at points of its own choice.

    It sees all parameters as one vector of real numbers (a complex parameter as pairs), and has one state for all.
    The functions change nothing that they are given.

    Attributes:
        name: The class of torch.optim that computes the same.
        hyperparameters: A dataclass whose fields are named as the options in that class's param groups.
        start: `(theta, h)` to the state before the first update.
        update: `(theta, evaluate, state, h)` to the parameters and the state after one call of torch's `step`.
        torch_state: The fields of the state, and the keys that torch keeps them under in the state of the first
            parameter.
    """

    name: str
    hyperparameters: type[H]
    start: Callable[[Tensor, H], S]
    update: Callable[[Tensor, Evaluate, S, H], tuple[Tensor, S]]
    torch_state: Mapping[str, str]

    def read(self, group: Mapping[str, Any]) -> H:
        """The hyperparameters in a param group of the torch optimizer, as `UpdateRule.read` has them but for tensors.

        An option given as a tensor stays one, without dimensions: what is computed from it is rounded in its dtype.
        """
        return _read(self.hyperparameters, group, _own)

    def options(self) -> frozenset[str]:
        """The options of a param group that this rule takes part of."""
        return frozenset(_names(self.hyperparameters))


def _read(hyperparameters: type[H], group: Mapping[str, Any], taken: Callable[[Any], Any]) -> H:
    return hyperparameters(**{name: taken(group[name]) for name in _names(hyperparameters) if name in group})


def _names(hyperparameters: type[H]) -> tuple[str, ...]:
    return _names_once(hyperparameters)  # type: ignore[arg-type]


@functools.cache
def _names_once(hyperparameters: Any) -> tuple[str, ...]:
    return tuple(field.name for field in fields(hyperparameters))


def _own(option: Any) -> Any:
    """A tensor of one element as a copy without dimensions, so that no later change of it is seen; else as it is."""
    return option.detach().clone().squeeze() if hasattr(option, "detach") else option


def number(option: Any) -> Any:
    """An option as the mathematics takes it: a tensor of one element as a number, pairs likewise, else as it is."""
    if type(option) is float or type(option) is int:  # as most are
        return option
    if isinstance(option, (tuple, list)):
        return tuple(number(each) for each in option)
    return option.item() if hasattr(option, "item") else option


def as_real(tensor: Tensor) -> Tensor:
    """A complex tensor of shape `s` as the real one of shape `s + (2,)`; any other as it is."""
    return torch.view_as_real(tensor) if tensor.is_complex() else tensor
