"""Typed access to the tables of torch's optimizers, schedulers and modules."""

from __future__ import annotations

import tomllib
from dataclasses import dataclass
from functools import cache
from importlib.resources import files

from optlint.torch_api.releases import Release, release


@dataclass(frozen=True, slots=True)
class SchedulerFacts:
    """What rules need to know of one scheduler class.

    `per` is the unit that its `step()` is meant for ("batch", "epoch", or "" where its arguments decide); `get_lr`
    tells what calling it from outside gives ("right", "wrong", "raises").
    """

    name: str
    get_lr: str
    per: str = ""
    metric: bool = False
    children: bool = False
    total: str = ""


@dataclass(frozen=True, slots=True)
class Tables:
    """All tables of `tables.toml`."""

    optimizers: frozenset[str]
    state_on_init: frozenset[str]
    closure_required: frozenset[str]
    still_on_zero_gradient: frozenset[str]
    touches_frozen: frozenset[str]
    other_optimizers: frozenset[str]
    since: dict[str, Release]
    schedulers: dict[str, SchedulerFacts]
    warmup_factories: frozenset[str]
    constant_factories: frozenset[str]
    without_parameters: frozenset[str]
    endings_without_parameters: tuple[str, ...]
    containers: frozenset[str]
    wrappers: frozenset[str]
    replacing: frozenset[str]
    module_bases: frozenset[str]
    moves: frozenset[str]

    def has_parameters(self, module_class: str) -> bool:
        """Whether a module class of `torch.nn`, named without its module, may have parameters."""
        return module_class not in self.without_parameters and not module_class.endswith(
            self.endings_without_parameters
        )


@cache
def tables() -> Tables:
    """Return the tables, read once."""
    data = tomllib.loads(files("optlint.torch_api").joinpath("tables.toml").read_text("utf-8"))
    optimizers, modules, factories = data["optimizers"], data["modules"], data["factories"]
    return Tables(
        optimizers=frozenset(optimizers["names"]),
        state_on_init=frozenset(optimizers["state_on_init"]),
        closure_required=frozenset(optimizers["closure_required"]),
        still_on_zero_gradient=frozenset(optimizers["still_on_zero_gradient"]),
        touches_frozen=frozenset(optimizers["touches_frozen"]),
        other_optimizers=frozenset(optimizers["others"]),
        since={name: release(text) for name, text in data["since"].items()},
        schedulers={name: SchedulerFacts(name, **facts) for name, facts in data["schedulers"].items()},
        warmup_factories=frozenset(factories["warmup"]),
        constant_factories=frozenset(factories["constant"]),
        without_parameters=frozenset(modules["without_parameters"]),
        endings_without_parameters=tuple(modules["endings_without_parameters"]),
        containers=frozenset(modules["containers"]),
        wrappers=frozenset(modules["wrappers"]),
        replacing=frozenset(modules["replacing"]),
        module_bases=frozenset(modules["bases"]),
        moves=frozenset(modules["moves"]),
    )
