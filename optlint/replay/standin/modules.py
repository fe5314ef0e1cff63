"""Modules that stand in for what nobody knows: each has parameters of its own and the parts that the code names."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from typing import Any

import torch

from optlint.replay.standin.numbers import number_for
from optlint.replay.standin.values import BECOMES, Unknown, forward, is_called


class Model(torch.nn.Module):
    """A module with a weight and a bias of its own and with the parts that the code names: `model("net", "fc.0")`."""

    def __init__(self, label: str = "model", *parts: str) -> None:
        super().__init__()
        self.__dict__["_label"] = label
        self.register_parameter("weight", torch.nn.Parameter(torch.linspace(-1.0, 1.0, 3)))
        self.register_parameter("bias", torch.nn.Parameter(torch.linspace(0.5, 1.0, 2)))
        for part in parts:
            here: Any = self
            for name in filter(None, part.replace("[", ".").replace("]", "").split(".")):
                if name in ("weight", "bias"):
                    break
                if name not in here._modules:
                    here.add_module(name, Model(f"{here._label}.{name}"))
                here = here._modules[name]

    def register_parameter(self, name: str, param: torch.nn.Parameter | None) -> None:
        """Take a parameter in: every name is free, although each gives something."""
        self._parameters[name] = param

    def add_module(self, name: str, module: torch.nn.Module | None) -> None:
        """Take a part in."""
        self._modules[name] = module

    def register_buffer(self, name: str, tensor: torch.Tensor | None, persistent: bool = True) -> None:
        """Take a buffer in."""
        self._buffers[name] = tensor

    def forward(self, *args: Any, **kwargs: Any) -> Any:
        """A flow from all parameters."""
        return forward(self, (*args, *kwargs.values()))

    def __getattr__(self, name: str) -> Any:
        try:
            return super().__getattr__(name)
        except AttributeError:
            if name.startswith("__"):
                raise
            number = None if is_called(sys._getframe(1)) else number_for(name)
            if number is not None or name in ("config", "cfg", "args"):
                return Unknown(name) if number is None else number
            return UnknownMethod(self, name)

    def __getitem__(self, key: Any) -> Any:
        children = list(self._modules.values())
        if isinstance(key, str):
            return self._modules[key] if key in self._modules else Unknown(key)
        if isinstance(key, slice):
            return torch.nn.Sequential(*(each for each in children[key] if each is not None)) if children else self
        if isinstance(key, int) and -len(children) <= key < len(children):
            return children[key]
        return children[0] if children else self

    def __iter__(self) -> Iterator[Any]:
        return iter(self._modules.values())

    def __len__(self) -> int:
        return len(self._modules)


BECOMES["module"] = Model


class UnknownMethod:
    """A method of a stand-in's module that nobody knows: called, it is another forward."""

    def __init__(self, module: torch.nn.Module, name: str) -> None:
        self._module = module
        self._name = name

    def __call__(self, *args: Any, **kwargs: Any) -> Any:
        """Another forward of its module."""
        return forward(self._module, (*args, *kwargs.values()))

    def __getattr__(self, name: str) -> Any:
        if name.startswith("__"):
            raise AttributeError(name)
        return Unknown(f"{self._name}.{name}")
