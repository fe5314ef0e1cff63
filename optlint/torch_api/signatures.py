"""Typed access to what torch's classes and functions take; `tooling/torch_tables.py` writes the data."""

from __future__ import annotations

import ast
import json
from dataclasses import dataclass
from functools import cache
from importlib.resources import files
from typing import TypeAlias

Default: TypeAlias = "str | float | bool | list[float] | None"


@dataclass(frozen=True, slots=True)
class Formal:
    """One parameter of a signature; a default of infinity is the string `"inf"`, a tuple is a list."""

    name: str
    required: bool = False
    default: Default = None
    keyword_only: bool = False


@dataclass(frozen=True, slots=True)
class Signature:
    """What a class or function takes, without `self`.

    `step` are the parameters of an optimizer's or scheduler's `step`, `group_keys` what an optimizer reads in each
    of its parameter groups besides `params`, `state_on_init` what it allocates for a parameter when it is made.
    """

    name: str
    parameters: tuple[Formal, ...]
    step: tuple[Formal, ...] = ()
    group_keys: frozenset[str] = frozenset()
    state_on_init: frozenset[str] = frozenset()

    def formal(self, name: str) -> Formal | None:
        """Return the parameter of a name."""
        return next((each for each in self.parameters if each.name == name), None)

    def bind(self, call: ast.Call) -> dict[str, ast.expr] | None:
        """Return a call's arguments by the parameters that they are given to.

        A keyword that the signature lacks stands under its own name. None where `*` or `**` hide which argument
        goes where, or where there are too many.
        """
        if any(isinstance(each, ast.Starred) for each in call.args) or any(each.arg is None for each in call.keywords):
            return None
        places = [each.name for each in self.parameters if not each.keyword_only]
        if len(call.args) > len(places):
            return None
        bound = dict(zip(places, call.args, strict=False))
        bound.update({each.arg: each.value for each in call.keywords if each.arg is not None})
        return bound


@cache
def signatures() -> dict[str, Signature]:
    """Return all signatures by dotted name, such as `torch.optim.lr_scheduler.StepLR`; read once."""
    data = json.loads(files("optlint.torch_api").joinpath("signatures.json").read_text("utf-8"))
    return {
        name: Signature(
            name,
            _formals(each["parameters"]),
            _formals(each.get("step", [])),
            frozenset(each.get("group_keys", ())),
            frozenset(each.get("state_on_init", ())),
        )
        for name, each in data["signatures"].items()
    }


def optimizer_signature(class_name: str) -> Signature | None:
    """Return the signature of an optimizer of `torch.optim`, by the class's own name."""
    return signatures().get(f"torch.optim.{class_name}")


def scheduler_signature(class_name: str) -> Signature | None:
    """Return the signature of a scheduler of torch, by the class's own name."""
    found = signatures().get(f"torch.optim.lr_scheduler.{class_name}")
    return found if found is not None else signatures().get(f"torch.optim.swa_utils.{class_name}")


def _formals(described: list[dict[str, object]]) -> tuple[Formal, ...]:
    return tuple(
        Formal(
            str(each["name"]),
            "default" not in each,
            each.get("default"),  # type: ignore[arg-type]  # JSON's own types
            bool(each.get("keyword_only")),
        )
        for each in described
    )
