"""Bodies of scripts, run under the recorder in this process."""

from __future__ import annotations

import ast
import traceback
import warnings
from dataclasses import replace
from textwrap import dedent
from typing import Any

import torch

from optlint.replay import standin
from optlint.replay.reached import NOTE, noting
from optlint.replay.recorder import Recorder
from optlint.replay.rows import FILE
from optlint.replay.trace import Failure, Trace
from optlint.replay.verdict import Flag

MARK = "# flag"


def run(body: str, *, most_updates: int = 500, as_meant: bool = False, **names: Any) -> Trace:
    """Run some statements that know `torch`, `nn`, `optim`, `lr_scheduler` and a `loss(model)`."""
    torch.set_num_threads(1)
    former = torch.get_default_dtype()
    torch.set_default_dtype(torch.float64)
    torch.manual_seed(0)
    failure = None
    recorder = Recorder(most_updates=most_updates, as_meant=as_meant)
    code = compile(noting(ast.parse(dedent(body))), FILE, "exec")
    reached: set[int] = set()
    known = {
        NOTE: reached.add,
        "torch": torch,
        "nn": torch.nn,
        "optim": torch.optim,
        "lr_scheduler": torch.optim.lr_scheduler,
    }
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        try:
            with recorder:
                exec(code, {**known, "loss": loss, "clip": torch.nn.utils, "small": small, "standin": standin, **names})
        except Exception as error:
            frames = list(traceback.walk_tb(error.__traceback__))
            rows = [line for frame, line in frames if frame.f_code.co_filename == FILE]
            own = "optlint/replay" in frames[-1][0].f_code.co_filename
            failure = Failure(type(error).__name__, str(error), rows[-1], own)
        finally:
            torch.set_default_dtype(former)
    trace = recorder.trace(failure)
    return replace(trace, reached=tuple(sorted(reached))) if isinstance(trace, Trace) else trace


def loss(*models: torch.nn.Module) -> torch.Tensor:
    """A loss of three inputs for a chain of models."""
    values = torch.linspace(-1.0, 2.0, 12).reshape(4, 3)
    for model in models:
        values = model(values)
    return (values - 0.7).square().mean()


def small() -> torch.nn.Sequential:
    """Two layers: `0` and `1`."""
    return torch.nn.Sequential(torch.nn.Linear(3, 2), torch.nn.Linear(2, 1))


def rows_of(body: str) -> tuple[int, ...]:
    """The rows that carry the mark."""
    return tuple(row for row, line in enumerate(dedent(body).splitlines(), start=1) if MARK in line)


def flag_of(original: str, fixed: str = "", word: str = "") -> Flag:
    """The marked rows of both."""
    return Flag(rows_of(original), rows_of(fixed), word)
