"""Measure the reference's update rules beside torch.optim; write `reference.json` and `reference.md`.

Run `python benchmarks/reference.py [CLASS ...]`. Each class has a process of its own, in which the contestants take
turns, step by step; and each contestant one more for its memory. What is measured of the reference is what replaying
a run computes: `rule.update` over many parameters. Ratios of one run are what counts: seconds depend on the machine.
"""

from __future__ import annotations

import json
import os
import platform
import resource
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from types import MappingProxyType
from typing import Any

from reference_contestants import (
    REFERENCE,
    SHAPE,
    SUBJECTS,
    TENSORS,
    Step,
    Subject,
    contestants,
    parameters_and_gradients,
    step_of,
)
from reference_tables import markdown

WARM_UP, LEAST_ROUNDS, MOST_ROUNDS, LEAST_SECONDS = 3, 10, 60, 10.0
MEMORY_STEPS = 4
WITHOUT_HOLES = {"MALLOC_MMAP_THRESHOLD_": "65536"}
"""With this glibc gives every tensor back to the system as it is freed: what is resident is then what is alive.

Else freed memory stays resident, as holes between other tensors.
"""
RESULTS = Path(__file__).with_name("reference.json")
_BYTES_PER_UNIT = 1 if sys.platform == "darwin" else 1024
"""What `ru_maxrss` counts in."""


def timed(subject: Subject, device: str) -> dict[str, Any]:
    """The least time of a step of each contestant, in seconds, when they take turns; and how many turns."""
    names = contestants(subject)
    steps = {name: step_of(subject, name, *parameters_and_gradients(subject, device, TENSORS)) for name in names}
    times: dict[str, list[float]] = {name: [] for name in names}
    for turn, _ in enumerate(_turns()):
        for name in names[turn % len(names) :] + names[: turn % len(names)]:
            took = _time(steps[name], device)
            if turn >= WARM_UP:
                times[name].append(took)
    return {"rounds": len(times[REFERENCE]), **{name: min(taken) for name, taken in times.items()}}


def _turns() -> Iterator[None]:
    start = time.perf_counter()
    for turn in range(WARM_UP + MOST_ROUNDS):
        if turn >= WARM_UP + LEAST_ROUNDS and time.perf_counter() - start > LEAST_SECONDS:
            return
        yield


def _time(step: Step, device: str) -> float:
    import torch

    if device == "cuda":
        torch.cuda.synchronize()
    start = time.perf_counter()
    step()
    if device == "cuda":
        torch.cuda.synchronize()
    return time.perf_counter() - start


def peak(subject: Subject, contestant: str, device: str) -> int:
    """The most bytes that parameters, gradients, state and temporaries take at once."""
    import torch

    small = step_of(subject, contestant, *parameters_and_gradients(subject, device, 1))
    small()
    small()
    del small
    if device == "cuda":
        torch.cuda.synchronize()
        torch.cuda.reset_peak_memory_stats()
    before = torch.cuda.memory_allocated() if device == "cuda" else _most_resident()
    step = step_of(subject, contestant, *parameters_and_gradients(subject, device, TENSORS))
    for _ in range(MEMORY_STEPS):
        step()
    return (torch.cuda.max_memory_allocated() if device == "cuda" else _most_resident()) - before


def _most_resident() -> int:
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * _BYTES_PER_UNIT


def in_a_process(*question: str, environment: Mapping[str, str] = MappingProxyType({})) -> Any:
    """What this file answers to a question in a process of its own; the asking one has no torch, so it stays small."""
    command = [sys.executable, "-W", "ignore", __file__, "--answer", *question]
    told = subprocess.run(command, check=True, stdout=subprocess.PIPE, text=True, env={**os.environ, **environment})
    return json.loads(told.stdout)


def answer(what: str, *arguments: str) -> Any:
    """The answer to a question, in the process that is asked."""
    import torch

    if what == "machine":
        cuda = torch.cuda.is_available()
        names = {"cpu": platform.machine(), **({"cuda": torch.cuda.get_device_name()} if cuda else {})}
        return {"torch": torch.__version__, "threads": torch.get_num_threads(), "devices": names}
    subject = next(each for each in SUBJECTS if each.optimizer == arguments[0])
    return timed(subject, arguments[1]) if what == "time" else peak(subject, arguments[1], arguments[2])


def measured(subject: Subject, device: str) -> dict[str, Any]:
    """All figures of one class."""
    name, names = subject.optimizer, contestants(subject)
    result: dict[str, Any] = {"options": subject.options, "shape": subject.shape}
    result["peak"] = {each: in_a_process("peak", name, each, device, environment=WITHOUT_HOLES) for each in names}
    if device == "cpu":
        result["resident"] = {each: in_a_process("peak", name, each, device) for each in names}
    result["time"] = in_a_process("time", name, device)
    return result


def main(arguments: Sequence[str]) -> int:
    if arguments[:1] == ["--answer"]:
        print(json.dumps(answer(*arguments[1:])))
        return 0
    subjects = [each for each in SUBJECTS if not arguments or each.optimizer in arguments]
    machine = in_a_process("machine")
    results = {
        "python": platform.python_version(),
        "cores": os.cpu_count(),
        **machine,
        "tensors": TENSORS,
        "shape": SHAPE,
        "classes": {device: {} for device in machine["devices"]},
    }
    for device, classes in results["classes"].items():
        for subject in subjects:
            classes[subject.optimizer] = measured(subject, device)
            print(f"  {subject.optimizer} on {device}: {classes[subject.optimizer]['time']}", flush=True)
    text = markdown(results)
    if not arguments:
        RESULTS.write_text(json.dumps(results, indent=2) + "\n", encoding="utf-8")
        RESULTS.with_suffix(".md").write_text(text, encoding="utf-8")
    print(f"\n{text}")
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
