"""The worker: a process that imports torch once and runs many scripts, each in a fork of its own.

It is the *template*: it reads a job a line, forks, lets the fork run the script within the limits, and writes the
fork's answer, one line; asked on which device jobs can run, it says that itself. Lines are JSON. The first line it
writes says that it is ready, or why it cannot be; one before each answer, that the script has its turn now, so that a
worker that dies without it has cost no job. On devices whose state no fork can inherit the script runs in the template
itself; whatever then goes wrong ends it, and the pool starts another. When its input ends, so does it, with the fork
that it may have.
"""

from __future__ import annotations

import argparse
import gc
import json
import os
import select
import signal
import time
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING, Any, NoReturn

from optlint.replay.landlock import confine, die_with_parent
from optlint.replay.limits import Limits, bound, die_first, readable, refuse_outside
from optlint.replay.wire import Job, job_from_json

if TYPE_CHECKING:
    from optlint.replay.run import Runner

LONGEST = 64 * 2**20
"""Bytes that an answer may have."""
CHUNK = 1 << 16
ANSWER = 3
"""The descriptor of a fork's answer; it has no other, but for those of nowhere."""


def main(arguments: list[str] | None = None) -> None:
    """Answer jobs until the input ends."""
    parser = argparse.ArgumentParser(prog="python -m optlint.replay.worker", description=main.__doc__)
    parser.add_argument("--seconds", type=float, default=20.0, help="of time for a script")
    parser.add_argument("--memory", type=int, default=2048, help="megabytes for a script, beyond those of torch")
    parser.add_argument("--unguarded", action="store_true", help="for tests: only the limits hold scripts back")
    parser.add_argument("--in-process", action="store_true", help="for tests: no forks on any device")
    options = parser.parse_args(arguments)
    limits = Limits(options.seconds, options.memory)
    jobs, answers = _private_streams()
    die_first()
    try:
        from optlint.replay.run import Runner

        runner = Runner(unguarded=options.unguarded)
        runner.warm()
    except Exception as error:
        _write(answers, {"failed": f"{type(error).__name__}: {error}"})
        return
    _settle()
    folders = readable(runner.folder)
    _write(answers, {"ready": runner.torch})
    lines = Lines(jobs)
    resident: Resident | None = None
    while (line := lines.next()) is not None:
        try:
            data = json.loads(line)
            if isinstance(data, dict) and "choose" in data:
                _write(answers, _choice(str(data["choose"])))
                continue
            job = job_from_json(data)
        except ValueError as error:
            _write(answers, {"lost": f"failed: the job cannot be read: {error}"})
            continue
        if job.device.partition(":")[0] in ("cpu", "meta") and hasattr(os, "fork") and not options.in_process:
            _write(answers, {"started": "in a fork"})
            if runner.get_ready(job):
                _settle()
            _write_bytes(answers, _in_fork(runner, job, limits, folders, jobs))
            continue
        resident = resident or Resident(runner, limits, folders, answers)
        if resident.run(job):
            return
    folder = Path.cwd()
    if os.environ.get("TMPDIR") == str(folder):  # the pool's, and the pool has died: else it kills its workers
        with suppress(OSError):
            folder.rmdir()


def _settle() -> None:
    """Let what is there now stay: forks need not copy its pages to count references."""
    gc.collect()
    gc.freeze()


def _choice(wanted: str) -> dict[str, Any]:
    """The answer to the question for a device."""
    from optlint.replay.device_choice import NoDeviceError, chosen

    try:
        return {"device": chosen(wanted)}
    except NoDeviceError as error:
        return {"absent": str(error)}


def _private_streams() -> tuple[int, int]:
    """The descriptors of jobs and answers; what anyone reads from or prints to the usual ones is nowhere."""
    jobs, answers = os.dup(0), os.dup(1)
    nowhere = os.open(os.devnull, os.O_RDWR)
    for usual in (0, 1, 2):
        os.dup2(nowhere, usual)
    os.close(nowhere)
    return jobs, answers


class Lines:
    """The lines of a descriptor; None at its end."""

    def __init__(self, descriptor: int) -> None:
        self._descriptor = descriptor
        self._rest = b""

    def next(self) -> bytes | None:
        """Wait for the next line."""
        parts = [self._rest]
        while b"\n" not in parts[-1]:
            part = os.read(self._descriptor, CHUNK)
            if not part:
                return None
            parts.append(part)
        line, _, self._rest = b"".join(parts).partition(b"\n")
        return line


def _write(descriptor: int, data: dict[str, Any]) -> None:
    _write_bytes(descriptor, json.dumps(data, allow_nan=False).encode() + b"\n")


def _write_bytes(descriptor: int, data: bytes, write: Callable[[int, Any], int] = os.write) -> None:
    rest = memoryview(data)
    with suppress(BrokenPipeError):  # nobody reads any more: the next read ends the worker
        while rest:
            rest = rest[write(descriptor, rest) :]


# -- one fork a script --------------------------------------------------------------------------------------------


def _in_fork(runner: Runner, job: Job, limits: Limits, folders: tuple[Path, ...], jobs: int) -> bytes:
    """Run a job in a fork and return the line that answers it."""
    template = os.getpid()
    incoming, outgoing = os.pipe()
    try:
        child = os.fork()
    except OSError as error:
        os.close(incoming)
        os.close(outgoing)
        return _lost(f"died: no process could be started: {error.strerror}")
    if child == 0:
        _be_the_fork(runner, job, limits, folders, outgoing, template)
    os.close(outgoing)
    try:
        answer, reason = _receive(incoming, jobs, limits.seconds)
    finally:
        os.close(incoming)
        status = _end(child, patience=0.0 if reason else 1.0)
    if answer.endswith(b"\n") and answer.count(b"\n") == 1:
        return answer
    return _lost(reason or _death(status))


def _lost(reason: str) -> bytes:
    return json.dumps({"lost": reason}).encode() + b"\n"


def _be_the_fork(
    runner: Runner, job: Job, limits: Limits, folders: tuple[Path, ...], outgoing: int, template: int
) -> NoReturn:
    """Run the job in this process, the fork, and end it."""
    leave = os._exit  # a script may change that of the module
    try:
        die_with_parent(template)
        os.dup2(outgoing, ANSWER)
        os.closerange(ANSWER + 1, min(os.sysconf("SC_OPEN_MAX"), 1 << 16))
        os.environ["CUDA_VISIBLE_DEVICES"] = ""  # autograd starts threads for devices, and a fork's are none
        confine(folders)
        bound(limits)
        dumps, write = json.dumps, _write_bytes

        def answer(data: dict[str, Any], dumps: Callable[..., str] = dumps) -> NoReturn:
            write(ANSWER, dumps(data, allow_nan=False).encode() + b"\n")
            leave(0)

        def end(reason: str) -> NoReturn:
            answer({"lost": reason})

        refuse_outside(lambda what: end(f"touched the outside: {what}"), folders)
        answer(runner.run(job, refuse=lambda reason: end(f"refused: {reason}")))
    except MemoryError:
        os.write(ANSWER, b'{"lost": "memory"}\n')
    finally:
        leave(1)


def _receive(incoming: int, jobs: int, seconds: float) -> tuple[bytes, str]:
    """What a fork answers until it ends, and why no more is waited for: "" where it closed its answer itself."""
    deadline = time.monotonic() + seconds
    poll = select.poll()
    poll.register(incoming, select.POLLIN)
    poll.register(jobs, 0)  # an end of the input is told although nothing is asked of it
    parts: list[bytes] = []
    size = 0
    while (left := deadline - time.monotonic()) > 0:
        for descriptor, _ in poll.poll(left * 1000 + 1):
            if descriptor == jobs:
                return b"", "died: the worker was ended"
            part = os.read(incoming, CHUNK)
            if not part:
                return b"".join(parts), ""
            parts.append(part)
            size += len(part)
            if size > LONGEST:
                return b"", "memory"
    return b"", "timed out"


def _end(child: int, patience: float) -> int:
    """Wait so long for a fork that is about to end, then kill it; returns its wait status, 0 where it was killed."""
    until = time.monotonic() + patience
    while time.monotonic() < until:
        ended, status = os.waitpid(child, os.WNOHANG)
        if ended:
            return status
        time.sleep(0.0005)
    with suppress(ProcessLookupError):
        os.kill(child, signal.SIGKILL)
    os.waitpid(child, 0)
    return 0


def _death(status: int) -> str:
    """The reason that a fork without an answer is lost."""
    code = os.waitstatus_to_exitcode(status)
    if code == -signal.SIGXCPU:
        return "timed out"
    if code == -signal.SIGKILL:
        return "memory"  # nobody but the kernel kills a fork that is within its time, for want of memory
    return f"died: signal {-code}" if code < 0 else f"died: exit status {code}"


# -- all scripts in this process ----------------------------------------------------------------------------------


class Resident:
    """Scripts that run in the template itself, on a device that forks cannot use."""

    def __init__(self, runner: Runner, limits: Limits, folders: tuple[Path, ...], answers: int) -> None:
        self._runner = runner
        self._limits = limits
        self._answers = answers
        self._running = False
        self._folders = folders
        self._watched = False

    def run(self, job: Job) -> bool:
        """Answer a job; returns whether this process is of no further use."""
        try:
            self._runner.begin(job.device, self._limits.memory_mb)
        except Exception as error:
            _write(self._answers, {"lost": f"failed: no device `{job.device}`: {error}"})
            return False
        if not self._watched:
            refuse_outside(lambda what: self._end(f"touched the outside: {what}"), self._folders, lambda: self._running)
            self._watched = True
        _write(self._answers, {"started": "here"})
        before = self._runner.fingerprint()
        self._running = True
        reply = self._runner.run(job, refuse=lambda reason: self._end(f"refused: {reason}"))
        gc.collect()  # what a script's `__del__` does is still its doing
        self._running = False
        last = not self._runner.finish() or self._runner.fingerprint() != before
        _write(self._answers, {**reply, "last": last})
        return last

    def _end(self, reason: str, leave: Callable[[int], NoReturn] = os._exit) -> NoReturn:
        _write(self._answers, {"lost": reason, "last": True})
        leave(1)


if __name__ == "__main__":
    main()
