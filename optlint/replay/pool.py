"""The pool: worker processes that run scripts for this one, and what a script that kills, hangs or floods costs.

It costs its own replay: that is `Lost`, the others come as if it had not been. torch is not imported here.
"""

from __future__ import annotations

import queue
import sys
import tempfile
import threading
from collections.abc import Iterator, Sequence
from dataclasses import replace
from types import TracebackType
from typing import Self

from optlint.replay.process import GivenUp, NoDevice, NoWorker, WorkerProcess, command_for
from optlint.replay.trace import Trace
from optlint.replay.wire import Job, Lost, Outcome

__all__ = ["Job", "Lost", "NoDevice", "NoWorker", "Outcome", "Pool"]


class Pool:
    """Runs jobs in worker processes; a context manager, at whose end none is left.

    Args:
        workers: How many processes.
        python: The interpreter; it must have torch.
        seconds: Of time for each script.
        memory_mb: Megabytes for each script, beyond what torch itself takes.
        remembered: Of how many jobs, the latest, the traces are kept for when they are asked for again: several
            findings of a file have one script, and the same job gives the same trace; one that came to its end gives
            it with any higher bound of updates too.
        arguments: More of the worker's command line; for tests.
    """

    def __init__(
        self,
        workers: int = 1,
        python: str = sys.executable,
        seconds: float = 20.0,
        memory_mb: int = 2048,
        *,
        remembered: int = 0,
        arguments: Sequence[str] = (),
    ) -> None:
        self._command = command_for(python, seconds, memory_mb, arguments)
        self._count = workers
        self._seconds = seconds
        self._folder: tempfile.TemporaryDirectory[str] | None = None
        self._workers: list[WorkerProcess] = []
        self._most_remembered = remembered
        self._remembered: dict[Job, Trace] = {}

    def __enter__(self) -> Self:
        """Start the processes; they import torch while this one goes on."""
        self._folder = tempfile.TemporaryDirectory(prefix="optlint-", ignore_cleanup_errors=True)
        self._workers = [WorkerProcess(self._command, self._folder.name, self._seconds) for _ in range(self._count)]
        try:
            for worker in self._workers:
                worker.start()
        except BaseException:
            self._close()
            raise
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """End the processes, whatever they are at."""
        self._close()

    def _close(self) -> None:
        for worker in self._workers:
            worker.give_up()
        for worker in self._workers:
            worker.kill()
        self._workers = []
        if self._folder is not None:
            self._folder.cleanup()
            self._folder = None

    def device(self, wanted: str) -> str:
        """Return the device for `auto`: a GPU that answers, else the processor; any other one if it is there.

        Raises:
            NoDevice: If it is not there.
            NoWorker: If no worker starts, or the pool is not open.
        """
        if not self._workers:
            raise NoWorker("The pool is not open: it runs jobs within its `with`")
        return "cpu" if wanted == "cpu" else self._workers[0].choose(wanted)

    def run(self, jobs: Sequence[Job]) -> Iterator[tuple[int, Outcome]]:
        """Run jobs; yield the index and the outcome of each, as they come.

        Raises:
            NoWorker: If no worker starts, or the pool is not open.
        """
        if jobs and not self._workers:
            raise NoWorker("The pool is not open: it runs jobs within its `with`")
        recalled = ((index, self._recall(job)) for index, job in enumerate(jobs))
        known = {index: trace for index, trace in recalled if trace is not None}
        yield from known.items()
        todo = iter([(index, job) for index, job in enumerate(jobs) if index not in known])
        lock = threading.Lock()
        stopping = threading.Event()
        done: queue.SimpleQueue[tuple[int, Outcome] | BaseException] = queue.SimpleQueue()

        def work(worker: WorkerProcess) -> None:
            while not stopping.is_set():
                with lock:
                    index, job = next(todo, (-1, None))
                if job is None:
                    return
                try:
                    done.put((index, worker.ask(job)))
                except GivenUp:
                    done.put(NoWorker("The pool is closed"))
                    return
                except BaseException as error:  # it is the caller's: the thread has nobody to tell
                    done.put(error)
                    return

        left = len(jobs) - len(known)
        busy = self._workers[:left]
        for worker in busy:
            worker.take_up()
        threads = [threading.Thread(target=work, args=(worker,), daemon=True) for worker in busy]
        for thread in threads:
            thread.start()
        try:
            while left:
                answer = done.get()
                if isinstance(answer, BaseException):
                    raise answer
                left -= 1
                self._remember(jobs[answer[0]], answer[1])
                yield answer
        finally:
            stopping.set()
            if left:  # what is running need not be waited for
                for worker in busy:
                    worker.give_up()
            for thread in threads:
                thread.join()

    def _recall(self, job: Job) -> Trace | None:
        """The trace that a job would give, where that is known."""
        whole = self._remembered.get(_unbounded(job))
        return whole if whole is not None and len(whole.updates) < job.most_updates else self._remembered.get(job)

    def _remember(self, job: Job, outcome: Outcome) -> None:
        """Keep a trace; what was lost may come another time."""
        if isinstance(outcome, Lost) or not self._most_remembered:
            return
        while len(self._remembered) >= self._most_remembered:
            del self._remembered[next(iter(self._remembered))]
        self._remembered[job if outcome.cut else _unbounded(job)] = outcome


def _unbounded(job: Job) -> Job:
    return replace(job, most_updates=-1)
