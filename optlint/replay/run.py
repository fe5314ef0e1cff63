"""One run of a script in this process: seeded, guarded, under the recorder; it gives a trace or a reason."""

from __future__ import annotations
import __future__

import ast
import dataclasses
import importlib.util
import random
import re
import sys
import traceback
import warnings
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from types import CodeType, TracebackType
from typing import Any, NoReturn

import torch

from optlint.replay import standin
from optlint.replay.guard import allowed
from optlint.replay.guard_names import Refused, names_for
from optlint.replay.placement import places_itself
from optlint.replay.reached import NOTE, noting
from optlint.replay.recorder import Recorder
from optlint.replay.rehearsal import SCRIPT
from optlint.replay.rows import FILE
from optlint.replay.trace import Failure
from optlint.replay.uncompiled import leave_uncompiled
from optlint.replay.wire import Job, to_json

HERE = str(Path(__file__).parent)
MADE = str(Path(__file__).parent / "standin" / "makers.py")
"""What fails here is the making of a stand-in."""
SEEN_THROUGH = tuple(
    str(Path(__file__).parent / f"{name}.py")
    for name in "guard_names guard_torch standin/arguments standin/factories standin/gradients".split()
)
"""Errors that come out of these are those of what they hand out, but for their refusals."""
UNREAD_ANNOTATIONS = __future__.annotations.compiler_flag
"""Annotations change nothing that is replayed, and name much that a script has not."""
LONGEST = 2000
"""Characters of an error's message."""
_OF_STANDINS = re.compile(r"\b(Unknown|UnknownMethod|Flow|Progress|optlint\.replay\.(?!standin\.modules\.Model))\b")
"""Messages that name a class of the stand-ins, but for modules, which are some like all others."""


class Runner:
    """Runs scripts in this process.

    Attributes:
        torch: The version.
        folder: Where torch lies.
    """

    def __init__(self, unguarded: bool = False) -> None:
        """Import what scripts need; `unguarded` (for tests) gives them all of Python and of torch."""
        self.torch = str(torch.__version__)
        self.folder = Path(torch.__file__).parent
        self._unguarded = unguarded
        self._ahead: Recorder | None = None
        self._has_met_meta = False
        leave_uncompiled()
        if importlib.util.find_spec("numpy") is None:  # torch looks for it in each operation on `meta`
            sys.modules["numpy"] = None  # type: ignore[assignment]
        torch.set_num_threads(1)
        standin.install()

    def warm(self) -> None:
        """Let torch do what it does once a process, such as to change each class of optimizers at its first instance.

        There is no backward, since autograd may start threads on the first one, and no fork inherits threads.
        """
        module = torch.nn.Linear(2, 2, bias=False)
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            for kind in vars(torch.optim).values():
                if isinstance(kind, type) and issubclass(kind, torch.optim.Optimizer):
                    with suppress(Exception):  # of one that is made otherwise, as their base is
                        kind(module.parameters(), lr=0.1)  # type: ignore[call-arg]
            optimizer = torch.optim.Adam(module.parameters())
            scheduler = torch.optim.lr_scheduler.StepLR(optimizer, 1)
            module.weight.grad = torch.ones_like(module.weight)
            torch.nn.utils.clip_grad_norm_(module.parameters(), 1.0)
            optimizer.step()
            scheduler.step()
            optimizer.zero_grad()
        self.run(Job(SCRIPT, "cpu", "float64"), refuse=_refused)

    def get_ready(self, job: Job) -> bool:
        """Do ahead what each fork would do for itself; returns whether there was anything to do.

        Hooks change classes, which a fork would have to copy; and for the shapes of `meta` torch imports sympy.
        """
        meets_meta = not self._has_met_meta and "meta" in f"{job.absent} {job.device} {job.body}"
        if self._ahead is not None and not meets_meta:
            return False
        self._put_back()
        if meets_meta:
            torch.ones(2, device="meta") * 2
            self._has_met_meta = True
        self._ahead = Recorder()
        self._ahead.install()
        return True

    def _put_back(self) -> None:
        if self._ahead is not None:
            self._ahead.uninstall()
            self._ahead = None

    def begin(self, device: str, memory_mb: int) -> None:
        """Make a device ready whose state stays in this process, and bound its memory."""
        self._put_back()
        place = torch.device(device)
        torch.zeros(1, device=place)
        if place.type == "cuda":
            place = torch.device("cuda", place.index or 0)  # torch wants a number for all that follows
            torch.cuda.set_device(place)  # what a script calls `cuda` is the one that was asked for
            total = torch.cuda.get_device_properties(place).total_memory
            torch.cuda.set_per_process_memory_fraction(min(1.0, memory_mb * 2**20 / total), place)

    def finish(self) -> bool:
        """Undo what a script may have set; returns whether the devices still answer."""
        torch.set_grad_enabled(True)
        torch.set_anomaly_enabled(False)
        torch.set_default_device(None)
        try:
            if torch.cuda.is_initialized():  # type: ignore[no-untyped-call]
                torch.cuda.synchronize()
                torch.cuda.empty_cache()
        except RuntimeError:
            return False
        return True

    def fingerprint(self) -> int:
        """A number that changes when someone changes torch's own classes and functions, as some scripts do."""
        parts: set[tuple[int, str, int]] = set()
        for path, module in list(sys.modules.items()):
            if path in ("torch", "torch._tensor") or path.startswith(("torch.nn", "torch.optim", "torch.amp")):
                for name, value in list(vars(module).items()):
                    if not callable(value) or name == "Storage":  # that goes with the default dtype
                        continue
                    parts.add((id(module), name, id(value)))
                    if isinstance(value, type) and value.__module__.startswith("torch"):
                        owned = vars(value).items()
                        parts.update((id(value), inner, id(each)) for inner, each in owned if callable(each))
        return hash(frozenset(parts))

    def run(self, job: Job, refuse: Callable[[str], NoReturn]) -> dict[str, Any]:
        """Run a job's script and return the answer: `{"trace": ...}` or `{"lost": reason}`.

        Args:
            job: The job; its device must be ready.
            refuse: Called when the script does at run time what the guard refuses; must not return.
        """
        try:
            tree = ast.parse(job.body, FILE)
            refusals = [] if self._unguarded else allowed(tree)
            if refusals:
                return {"lost": f"refused: row {refusals[0].row}: it {refusals[0].reason}"}
            code = compile(noting(tree), FILE, "exec", flags=UNREAD_ANNOTATIONS, dont_inherit=True)
            self._prepare(job)
            answer = self._run(job, code, refuse)
            if standin.is_too_large():
                self._prepare(job, standin.CUT)
                answer = self._run(job, code, refuse)
                if answer.get("trace", {}).get("failure") is not None:  # it may compute with tensors of its own
                    self._prepare(job, standin.FREE)
                    answer = self._run(job, code, refuse)
            return answer
        except (SyntaxError, RecursionError, ValueError) as error:
            return {"lost": f"refused: {type(error).__name__}: {error}"[:LONGEST]}
        except MemoryError:
            return {"lost": "memory"}

    def _prepare(self, job: Job, mode: int = standin.LIMITED) -> None:
        place = torch.device(job.device)
        if place.type == "cpu":
            torch.default_generator.manual_seed(job.seed)
        else:
            torch.manual_seed(job.seed)
        random.seed(job.seed)
        torch.set_default_dtype(getattr(torch, job.dtype))
        torch._C._set_deterministic_algorithms(True, warn_only=True)  # torch's own function imports its compiler
        if place.type != "cpu" and not places_itself(job.body):
            torch.set_default_device(place)
        standin.restart(dict(job.plan), mode, second=job.absent if place.type == "cpu" else job.device)

    def _run(self, job: Job, code: CodeType, refuse: Callable[[str], NoReturn]) -> dict[str, Any]:
        if self._unguarded:
            names: dict[str, Any] = {"__name__": "__main__", "torch": torch, "standin": standin}
        else:
            names = names_for(standin, refuse)
        rows: set[int] = set()
        names[NOTE] = rows.add
        failure: Failure | None = None
        recorder, self._ahead = self._ahead or Recorder(), None
        recorder.about(job.most_updates, as_meant=job.as_meant)
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            try:
                with recorder:
                    exec(code, names)
            except BaseException as error:
                if _is_want_of_memory(error):
                    return {"lost": "memory"}
                failure = _failure(error)
            trace = recorder.trace(failure=failure)
        trace = dataclasses.replace(
            trace,
            asked=tuple(standin.asked()),
            asked_in=tuple(standin.asked_in()),
            held=tuple(standin.held()),
            reached=tuple(sorted(rows)),
            away=standin.moved_away(),
        )
        if not trace.updates and job.device != "cpu":
            trace = dataclasses.replace(trace, device=job.device)
        if standin.stood_in():
            trace = dataclasses.replace(trace, device="meta", shapes_only=True, state_apart=standin.state_apart())
        try:
            return {"trace": to_json(trace)}
        except TypeError:  # as of a rate that the code computes from a stand-in
            return {"lost": "failed: a stand-in is where a number should be"}


def _refused(reason: str) -> NoReturn:
    raise RuntimeError(f"The rehearsal does what no script may: it {reason}")


def _is_want_of_memory(error: BaseException) -> bool:
    if isinstance(error, (MemoryError, torch.OutOfMemoryError)):
        return True
    words = str(error) if isinstance(error, RuntimeError) else ""
    return "can't allocate memory" in words or "not enough memory" in words


def _failure(error: BaseException) -> Failure:
    """What a script's error says.

    It is one of the replay, not of the code, when the innermost frame is of a stand-in or of the recorder, when it is a
    refusal, and when a name is missing: the code may have had it from where a script has nothing.
    """
    row, innermost, own = 0, FILE, False
    for frame, line in _frames(error.__traceback__):
        innermost = frame.f_code.co_filename
        own = own or innermost == MADE
        row = line if innermost == FILE else row
    own = own or (innermost.startswith(HERE) and innermost not in SEEN_THROUGH)
    try:
        message = str(error)[:LONGEST]
    except BaseException:  # of a class of the script's own
        message = ""
    own = own or isinstance(error, (Refused, standin.StandInError, NameError))
    own = own or _OF_STANDINS.search(message) is not None
    return Failure(type(error).__name__, message, row, own)


def _frames(found: TracebackType | None) -> list[tuple[Any, int]]:
    return list(traceback.walk_tb(found))
