"""Torch without its compiler: replays compile nothing, and its import costs a worker as much as that of all else.

Around each step of an optimizer torch tells its compiler, `torch._dynamo`, that no graph goes on there. Here stands
something that hears this; whoever wants anything else of it gets the compiler itself. In a script's own process that
ends the replay, for the import touches what no script may.
"""

from __future__ import annotations

import importlib
import sys
from collections.abc import Callable, MutableSequence, Sequence
from importlib.abc import Loader, MetaPathFinder
from importlib.machinery import ModuleSpec, PathFinder
from types import ModuleType
from typing import Any

import torch

_NAME = "torch._dynamo"


class _Absent(ModuleType):
    """Stands for the compiler until it is wanted."""

    __path__: MutableSequence[str] = []  # noqa: RUF012 - of a package, so that imports of its parts come to `_Parts`

    def graph_break(self, *args: object, **kwargs: object) -> None:
        """There is no graph."""

    def disable(self, function: Callable[..., Any] | None = None, *args: object, **kwargs: object) -> Any:
        """A function that is not to be compiled."""
        return (lambda decorated: decorated) if function is None else function

    def __getattr__(self, name: str) -> Any:
        if name.startswith("__"):  # as of those who look at all modules
            raise AttributeError(f"module '{_NAME}' has no attribute '{name}'")
        return getattr(_present(), name)


class _Parts(MetaPathFinder):
    """Finds the parts of the compiler, for which it is imported as a whole."""

    def find_spec(
        self, fullname: str, path: Sequence[str] | None, target: ModuleType | None = None
    ) -> ModuleSpec | None:
        """Where a part of the compiler is, if that is not there yet; see `importlib`."""
        if not fullname.startswith(f"{_NAME}.") or not isinstance(sys.modules.get(_NAME), _Absent):
            return None
        whole = _present()
        found = sys.modules.get(fullname)
        return PathFinder.find_spec(fullname, whole.__path__) if found is None else ModuleSpec(fullname, _Found(found))


class _Found(Loader):
    """Loads what is loaded already."""

    def __init__(self, module: ModuleType) -> None:
        self._module = module

    def create_module(self, spec: ModuleSpec) -> ModuleType:
        """The module itself."""
        return self._module

    def exec_module(self, module: ModuleType) -> None:
        """It has run."""


def _present() -> ModuleType:
    """The compiler itself, in its place from now on."""
    if isinstance(sys.modules.get(_NAME), _Absent):
        del sys.modules[_NAME]
        del torch._dynamo
    return importlib.import_module(_NAME)


def leave_uncompiled() -> None:
    """Let the compiler be imported only when more is wanted of it than to leave code alone."""
    if _NAME not in sys.modules:
        absent = _Absent(_NAME)
        sys.modules[_NAME] = absent
        torch._dynamo = absent
        sys.meta_path.insert(0, _Parts())
