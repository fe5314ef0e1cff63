"""A worker process as its parent sees it: started with next to nothing, asked, and replaced when it has died."""

from __future__ import annotations

import contextlib
import json
import os
import signal
import site
import subprocess
import sys
import threading
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import IO, Any

from optlint.replay.wire import Job, Lost, Outcome, job_to_json, trace_from_json

START = 180.0
"""Seconds that a worker may take until it is ready: torch's import on a cold disk; the same for a device's start."""
GRACE = 5.0
"""Seconds beyond a script's own after which a worker that keeps silent is taken for hung: forks are ended by it."""

KEPT = tuple(
    "LD_LIBRARY_PATH DYLD_LIBRARY_PATH CUDA_VISIBLE_DEVICES CUDA_HOME HIP_VISIBLE_DEVICES ROCM_PATH SYSTEMROOT".split()
)
"""Variables of the environment that torch may need in order to be imported and to find a device; no others are kept."""

SET: Mapping[str, str] = {
    "LC_ALL": "C.UTF-8",
    "OMP_NUM_THREADS": "1",
    "MKL_NUM_THREADS": "1",
    "PYTHONDONTWRITEBYTECODE": "1",
    "PYTHONHASHSEED": "0",
    "CUBLAS_WORKSPACE_CONFIG": ":4096:8",  # or matrix products are not deterministic
    "PYTORCH_NVML_BASED_CUDA_CHECK": "1",  # a look for devices does not start them, after which no fork could
}


BOOT = "import sys; sys.path.append(sys.argv.pop(1)); from optlint.replay.worker import main; main()"
"""What the interpreter runs: the worker, found where this package lies if nowhere else; nothing goes before the
standard library, lest a module of a project's be taken for one of that."""


def command_for(python: str, seconds: float, memory_mb: int, arguments: Sequence[str] = ()) -> list[str]:
    """The command line of a worker; of the current folder (`-P`) nothing is imported."""
    limits = [f"--seconds={seconds}", f"--memory={memory_mb}"]
    return [python, "-P", "-c", BOOT, str(Path(__file__).parents[2]), *limits, *arguments]


class NoWorker(Exception):  # noqa: N818 - what there is, not what went wrong
    """No worker could be started, so that no replay is possible; the message says why."""


class NoDevice(Exception):  # noqa: N818 - what there is, not what went wrong
    """The device that was asked for is not there; the message says why, and what to do."""


class GivenUp(Exception):  # noqa: N818 - no error
    """Nobody waits for the job any more."""


class WorkerProcess:
    """One worker process, and the next one when it has died."""

    def __init__(self, command: Sequence[str], folder: str, seconds: float) -> None:
        self._command = command
        self._folder = folder
        self._seconds = seconds
        self._process: subprocess.Popen[bytes] | None = None
        self._ready = False
        self._given_up = False
        self._lock = threading.Lock()

    def start(self) -> None:
        """Start the process without waiting for it.

        Raises:
            GivenUp: If no process is wanted any more.
        """
        with self._lock:
            if self._given_up:
                raise GivenUp
            self._ready = False
            self._process = subprocess.Popen(
                self._command,
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=subprocess.DEVNULL,
                cwd=self._folder,
                env=_environment(self._folder),
                start_new_session=True,  # Ctrl-C is for us; and with the worker its forks can be killed
            )

    def give_up(self) -> None:
        """End the process, and let the thread that waits for its answer start no other."""
        with self._lock:
            self._given_up = True
            if self._process is not None:
                _kill(self._process)

    def take_up(self) -> None:
        """Let processes be started again."""
        self._given_up = False

    def kill(self) -> None:
        """End the process and its fork, and wait until it has ended."""
        with self._lock:
            process, self._process = self._process, None
        if process is None:
            return
        _kill(process)
        process.wait()
        for stream in (process.stdin, process.stdout):
            if stream is not None:
                with contextlib.suppress(OSError):  # there may be a job in its buffer that nobody reads
                    stream.close()

    def ask(self, job: Job) -> Outcome:
        """Have a job run.

        Raises:
            NoWorker: If no worker starts.
        """
        line = json.dumps(job_to_json(job), allow_nan=False).encode() + b"\n"
        process, reply, late = self._begin(line)
        if reply is None and not late:  # it had died since its last job, and this one was never begun
            self.kill()
            process, reply, late = self._begin(line)
        if reply is not None and "started" in reply:
            reply, late = _answer(process, self._seconds + (0.0 if reply["started"] == "here" else GRACE))
        outcome = _outcome(reply) if reply is not None else Lost("timed out" if late else f"died: {_end_of(process)}")
        if reply is None or reply.get("last") is True or process.poll() is not None:
            self.kill()
            self.start()
        return outcome

    def choose(self, wanted: str) -> str:
        """Have the worker say on which device jobs run, where `auto` or a certain one is wanted.

        Raises:
            NoDevice: If it is not there.
            NoWorker: If no worker starts.
        """
        process = self._awake()
        with contextlib.suppress(OSError):
            _stream(process.stdin).write(json.dumps({"choose": wanted}).encode() + b"\n")
            _stream(process.stdin).flush()
        reply, late = _answer(process, START)
        if reply is not None and "device" in reply:
            return str(reply["device"])
        if reply is not None and "absent" in reply:
            raise NoDevice(str(reply["absent"]))
        why = "it did not answer in time" if late else _end_of(process)
        self.kill()
        raise NoWorker(f"The worker found no device: {why}")

    def _begin(self, line: bytes) -> tuple[subprocess.Popen[bytes], dict[str, Any] | None, bool]:
        """Give a job to the process; returns that, and what `_answer` says of its turn."""
        process = self._awake()
        with contextlib.suppress(OSError):  # of a worker that has just died: it gives no answer, which says it all
            _stream(process.stdin).write(line)
            _stream(process.stdin).flush()
        return process, *_answer(process, START)

    def _awake(self) -> subprocess.Popen[bytes]:
        """The process, ready for a job; one that died since the last job is replaced."""
        for attempt in (1, 2):
            if self._process is None or (self._ready and self._process.poll() is not None):
                self.kill()
                self.start()
            process = self._process
            assert process is not None
            if self._ready:
                return process
            reply, late = _answer(process, START)
            if reply is not None and "ready" in reply:
                self._ready = True
                return process
            if reply is not None:
                self.kill()
                raise NoWorker(f"The worker could not start: {reply.get('failed')}")
            why = "it did not get ready in time" if late else _end_of(process)
            self.kill()
            if attempt == 2:
                raise NoWorker(f"The worker could not start (`{self._command[0]}`): {why}")
        raise AssertionError("The second attempt returns or raises")


def _environment(folder: str) -> dict[str, str]:
    """The environment of a worker: nothing of ours but what torch needs, and no place of the user's to write to."""
    kept = {name: os.environ[name] for name in KEPT if name in os.environ}
    own = dict.fromkeys(("TMPDIR", "TEMP", "TMP", "TORCHINDUCTOR_CACHE_DIR", "HOME"), folder)
    packages = {"PYTHONUSERBASE": site.getuserbase()} if site.ENABLE_USER_SITE else {}
    return {**kept, **SET, **own, **packages}


def _stream(stream: IO[bytes] | None) -> IO[bytes]:
    assert stream is not None
    return stream


def _answer(process: subprocess.Popen[bytes], seconds: float) -> tuple[dict[str, Any] | None, bool]:
    """The next line of a worker, or None where it ended; and whether it was killed, because it took too long."""
    late = threading.Event()

    def stop() -> None:
        late.set()
        _kill(process)

    timer = threading.Timer(seconds, stop)
    timer.daemon = True
    timer.start()
    try:
        line = _stream(process.stdout).readline()
    except (OSError, ValueError):  # closed by a `kill` on the way
        line = b""
    finally:
        timer.cancel()
    if not line.endswith(b"\n"):
        return None, late.is_set()
    try:
        reply = json.loads(line)
    except ValueError:
        reply = None
    return (reply if isinstance(reply, dict) else {}), False


def _kill(process: subprocess.Popen[bytes]) -> None:
    """Kill a worker with its forks."""
    if process.poll() is not None:
        return
    with contextlib.suppress(ProcessLookupError, PermissionError):
        if sys.platform == "win32":
            process.kill()
        else:
            os.killpg(process.pid, signal.SIGKILL)


def _end_of(process: subprocess.Popen[bytes]) -> str:
    """How a worker ended that says nothing more."""
    try:
        code = process.wait(1.0)
    except subprocess.TimeoutExpired:
        return "it closed its answers"
    return f"signal {-code}" if code < 0 else f"exit status {code}"


def _outcome(reply: dict[str, Any]) -> Outcome:
    try:
        return trace_from_json(reply["trace"]) if "trace" in reply else Lost(str(reply["lost"]))
    except (KeyError, ValueError) as error:
        return Lost(f"failed: the answer cannot be read: {error}")
