"""The pool: what a script's run gives, in which order, and that nothing of a worker outlives it."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import textwrap
import time
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from optlint.program.events import Act
from optlint.replay import process
from optlint.replay.pool import Job, Lost, NoWorker, Outcome, Pool
from optlint.replay.trace import Trace
from optlint.replay.wire import to_json

torch = pytest.importorskip("torch", reason="scripts run with torch")
if not hasattr(os, "fork"):
    pytest.skip("forks and process groups are POSIX's", allow_module_level=True)

TRAIN = """
model = standin.model("net", "fc")
optimizer = torch.optim.SGD(model.parameters(), lr=0.1)
for batch in standin.unknown("loader"):
    optimizer.zero_grad()
    loss = model(batch)
    loss.backward()
    optimizer.step()
"""


def job(body: str, device: str = "cpu", dtype: str = "float64", seed: int = 0) -> Job:
    return Job(textwrap.dedent(body), device, dtype, seed=seed)


def said(outcome: Outcome) -> str:
    """What a script told by the error that it ended with."""
    assert isinstance(outcome, Trace), outcome
    assert outcome.failure is not None
    return outcome.failure.message


def traced(outcome: Outcome) -> Trace:
    assert isinstance(outcome, Trace), outcome
    return outcome


@pytest.fixture(scope="module")
def pool() -> Iterator[Pool]:
    with Pool(seconds=30.0) as opened:
        yield opened


@pytest.fixture(scope="module")
def remembering() -> Iterator[Pool]:
    with Pool(seconds=30.0, remembered=2) as opened:
        yield opened


def one(pool: Pool, asked: Job) -> Outcome:
    ((index, outcome),) = pool.run([asked])
    assert index == 0
    return outcome


# -- what a run gives ---------------------------------------------------------------------------------------------


def test_a_script_gives_the_trace_of_its_updates(pool: Pool) -> None:
    trace = traced(one(pool, job(TRAIN)))
    assert trace.failure is None
    assert not trace.cut
    assert trace.torch == torch.__version__
    assert [update.row for update in trace.updates] == [8, 8]
    assert [update.rates for update in trace.updates] == [(0.1,), (0.1,)]
    assert all(update.moved for update in trace.updates)
    assert [each.act for each in trace.happenings].count(Act.BACKWARD) == 2


def test_the_same_job_gives_the_same_trace_to_the_last_digit(pool: Pool) -> None:
    noisy = TRAIN + "raise ValueError(torch.rand(3).tolist(), random.random())\n"
    outcomes = [outcome for _, outcome in pool.run([job(noisy)] * 3)]
    assert outcomes[0] == outcomes[1] == outcomes[2]
    assert one(pool, job(noisy, seed=1)) != outcomes[0]


def test_outcomes_come_with_the_index_of_their_job(pool: Pool) -> None:
    jobs = [job(f"raise ValueError({number})") for number in range(10)]
    assert {index: said(outcome) for index, outcome in pool.run(jobs)} == {number: str(number) for number in range(10)}


def test_a_pool_that_is_not_open_says_so() -> None:
    with pytest.raises(NoWorker, match="not open"):
        list(Pool().run([job("")]))


def bodies_asked(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """A list that grows by the body of each job that a worker is asked."""
    asked: list[str] = []
    ask = process.WorkerProcess.ask

    def noted(self: process.WorkerProcess, job: Job) -> Outcome:
        asked.append(job.body)
        return ask(self, job)

    monkeypatch.setattr(process.WorkerProcess, "ask", noted)
    return asked


def test_a_job_that_was_run_is_answered_from_memory(remembering: Pool, monkeypatch: pytest.MonkeyPatch) -> None:
    asked = bodies_asked(monkeypatch)
    first = dict(remembering.run([job("a = 1"), job("b = 1")]))
    again = dict(remembering.run([job("b = 1"), job("c = 1"), job("a = 1", seed=1)]))
    assert again[0] == first[1]
    assert asked == ["a = 1", "b = 1", "c = 1", "a = 1"]
    one(remembering, job("b = 1"))  # which the two after it have driven out
    assert asked[-1] == "b = 1"


def test_what_was_lost_is_tried_again(remembering: Pool, monkeypatch: pytest.MonkeyPatch) -> None:
    asked = bodies_asked(monkeypatch)
    for _ in range(2):
        assert isinstance(one(remembering, job("import os")), Lost)
    assert asked == ["import os"] * 2


def test_what_came_to_its_end_is_the_same_with_any_higher_bound(
    remembering: Pool, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked = bodies_asked(monkeypatch)

    def bounded(most_updates: int) -> Trace:
        return traced(one(remembering, replace(job(TRAIN), most_updates=most_updates)))

    whole = bounded(3)
    assert len(whole.updates) == 2
    assert not whole.cut
    assert bounded(300) == whole
    assert len(asked) == 1
    cut = bounded(2)  # where it ends as it would go on
    assert cut.cut
    assert (bounded(2), bounded(3)) == (cut, whole)
    assert len(asked) == 2
    assert bounded(1).cut
    assert len(asked) == 3


def test_without_memory_a_job_is_run_each_time(pool: Pool, monkeypatch: pytest.MonkeyPatch) -> None:
    asked = bodies_asked(monkeypatch)
    assert one(pool, job("a = 1")) == one(pool, job("a = 1"))
    assert asked == ["a = 1"] * 2


def test_no_jobs_are_no_outcomes(pool: Pool) -> None:
    assert list(pool.run([])) == []


def test_the_plan_decides_conditions(pool: Pool) -> None:
    body = "raise ValueError(bool(standin.unknown('args.flag')))"
    outcome = one(pool, job(body))
    assert said(outcome) == "True"
    assert traced(outcome).asked == ("args.flag",)
    planned = Job(body, "cpu", "float64", plan=(("args.flag", False),))
    assert said(one(pool, planned)) == "False"


def test_what_stayed_because_its_device_is_not_there_is_told(pool: Pool) -> None:
    assert traced(one(pool, job("torch.nn.Linear(1, 1).cuda()"))).away
    assert not traced(one(pool, job("torch.nn.Linear(1, 1).cpu()"))).away


def test_new_tensors_have_the_dtype_of_the_job(pool: Pool) -> None:
    body = "raise ValueError(torch.ones(1).dtype)"
    assert said(one(pool, job(body))) == "torch.float64"
    assert said(one(pool, job(body, dtype="float32"))) == "torch.float32"


def test_the_meta_device_has_shapes_only(pool: Pool) -> None:
    assert said(one(pool, job("raise ValueError(torch.ones(2).device.type)", device="meta"))) == "meta"


def test_after_so_many_updates_the_replay_is_cut(pool: Pool) -> None:
    trace = traced(one(pool, Job(TRAIN, "cpu", "float64", most_updates=1)))
    assert trace.cut
    assert trace.failure is None
    assert len(trace.updates) == 1


def test_forks_see_no_cuda(pool: Pool) -> None:
    assert said(one(pool, job("raise ValueError(torch.cuda.is_available())"))) == "False"


FAILURES = {
    "an error of the code": ("x = 1\n1 / 0", "ZeroDivisionError", 2, False),
    "an error of torch": ("x = torch.ones(2)\nx @ torch.ones(3)", "RuntimeError", 2, False),
    "in a helper": ("def f():\n    raise KeyError('x')\nf()", "KeyError", 2, False),
    "what torch has not": ("torch.optim.SDG", "AttributeError", 1, False),
    "what an object has not": ("getattr(torch.nn.Linear(1, 1), 'x')", "AttributeError", 1, False),
    "an optimizer's own": ("torch.optim.SGD([torch.ones(1)], lr=-1.0)", "ValueError", 1, False),
    "backward twice": (
        "x = torch.ones(1, requires_grad=True)\ny = (x * x).sum()\ny.backward()\ny.backward()",
        "RuntimeError",
        4,
        False,
    ),
    "a name that the script has not": ("np.mean", "NameError", 1, True),
    "a call of exit": ("raise SystemExit(3)", "SystemExit", 1, False),
    "a stand-in's own": ("standin.unknown(3)", "AttributeError", 1, True),
}


@pytest.mark.parametrize(("body", "kind", "row", "in_standin"), FAILURES.values(), ids=FAILURES)
def test_an_error_is_told_with_its_row(pool: Pool, body: str, kind: str, row: int, in_standin: bool) -> None:
    failure = traced(one(pool, job(body))).failure
    assert failure is not None
    assert (failure.kind, failure.row, failure.in_standin) == (kind, row, in_standin)


def test_an_error_whose_text_is_an_error_is_told_without_it(pool: Pool) -> None:
    body = "class E(Exception):\n    def __str__(self):\n        return 1 / 0\nraise E"
    assert said(one(pool, job(body))) == ""


def test_a_long_message_is_cut(pool: Pool) -> None:
    assert len(said(one(pool, job("raise ValueError('x' * 10**7)")))) == 2000


def test_annotations_are_not_evaluated(pool: Pool) -> None:
    assert traced(one(pool, job("def f(x: np.ndarray) -> Missing: ...\ny: Missing = 1"))).failure is None


# -- more workers, and lost ones ----------------------------------------------------------------------------------


def pids(pool: Pool) -> list[int]:
    return [worker._process.pid for worker in pool._workers if worker._process is not None]


def gone(group: int) -> bool:
    """Whether no process of a group is left, a dead one that nobody waited for aside."""
    for each in Path("/proc").glob("[0-9]*/stat"):
        try:
            state, _, its_group = each.read_text().rpartition(")")[2].split()[:3]
        except OSError:
            continue
        if int(its_group) == group and state != "Z":
            return False
    return True


def gone_soon(group: int) -> bool:
    for _ in range(1000):
        if gone(group):
            return True
        time.sleep(0.01)
    return False


linux = pytest.mark.skipif(not Path("/proc/self/stat").exists(), reason="processes are looked for in /proc")


@linux
def test_two_workers_give_what_one_gives_and_none_is_left(pool: Pool) -> None:
    jobs = [job(TRAIN + f"raise ValueError({number}, torch.rand(1).item())") for number in range(6)]
    with Pool(workers=2, seconds=30.0) as two:
        outcomes = dict(two.run(jobs))
        groups = pids(two)
        # a worker that dies between jobs, or in one, costs no other job
        os.killpg(groups[0], signal.SIGKILL)
        again = dict(two.run(jobs))
        groups += pids(two)
    assert len(set(groups)) == 3
    assert outcomes == again == dict(pool.run(jobs))
    assert all(map(gone, groups))


@linux
def test_leaving_in_the_middle_ends_the_running_script(pool: Pool) -> None:
    running = job("while True: pass")
    started = time.monotonic()
    for _ in pool.run([job(TRAIN), running]):
        groups = pids(pool)
        break
    assert time.monotonic() - started < 25  # it has 30 seconds
    assert gone_soon(groups[0])
    assert traced(one(pool, job(TRAIN))).failure is None


@linux
@pytest.mark.parametrize("error", [KeyboardInterrupt, ValueError])
def test_an_exception_ends_all_processes(error: type[BaseException]) -> None:
    groups = []
    with pytest.raises(error), Pool(workers=2) as opened:  # noqa: PT012 - what is within the pool is the test
        groups += pids(opened)
        raise error
    assert len(groups) == 2
    assert all(map(gone, groups))


@linux
def test_when_the_parent_is_killed_the_workers_end(tmp_path: Path) -> None:
    program = """
        import sys
        from optlint.replay.pool import Job, Pool
        with Pool(seconds=600.0) as pool:
            for _ in pool.run([Job("", "cpu", "float64")]):
                print(pool._workers[0]._process.pid, flush=True)
            list(pool.run([Job("while True: pass", "cpu", "float64")]))
        """
    environment = {**os.environ, "PYTHONPATH": str(Path(process.__file__).parents[2]), "TMPDIR": str(tmp_path)}
    command = [sys.executable, "-c", textwrap.dedent(program)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, cwd=tmp_path, env=environment) as parent:
        assert parent.stdout is not None
        group = int(parent.stdout.readline())
        assert not gone(group)
        parent.kill()
    assert gone_soon(group)
    assert list(tmp_path.iterdir()) == []


def test_the_parent_needs_no_torch() -> None:
    program = "import sys, optlint.replay.pool, optlint.replay.guard; sys.exit('torch' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", program], check=False).returncode == 0


# -- workers that are none ----------------------------------------------------------------------------------------


def fake(folder: Path, program: str) -> str:
    """An interpreter that, whatever it is asked to run, runs a program of ours; it imports no torch."""
    path = folder / "python"
    imports = "import json, os, sys, time\ndef say(**data): print(json.dumps(data), flush=True)\n"
    path.write_text(f"#!{sys.executable}\n{imports}{textwrap.dedent(program)}")
    path.chmod(0o755)
    return str(path)


@pytest.mark.parametrize(
    ("program", "message"),
    [
        ("say(failed='ModuleNotFoundError: No module named torch')", "No module named torch"),
        ("sys.exit(3)", "exit status 3"),
        ("os.kill(os.getpid(), 9)", "signal 9"),
        ("print('nonsense', flush=True)", "could not start"),
    ],
)
def test_a_worker_that_cannot_start_is_no_worker(tmp_path: Path, program: str, message: str) -> None:
    with Pool(python=fake(tmp_path, program)) as opened, pytest.raises(NoWorker, match=message):
        list(opened.run([job("")]))


def test_an_interpreter_that_is_not_there_is_an_error() -> None:
    with pytest.raises(FileNotFoundError), Pool(python="/no/such/python"):
        pass


RIGHT = f"say(trace={to_json(Trace((), (), (), None, False, 'cpu', '2'))!r})"


@pytest.mark.parametrize(
    ("act", "reason"),
    [
        ("time.sleep(1000)", "timed out"),
        ("sys.exit(3)", "died: exit status 3"),
        ("os.kill(os.getpid(), 11)", "died: signal 11"),
        ("print('nonsense', flush=True)", "failed: "),
        ("say(trace=3)", "failed: "),
        ("say(nothing=3)", "failed: "),
        ("print('{\"trace\"', end='', flush=True); sys.exit(0)", "died: exit status 0"),
        ("say(lost='memory')", "memory"),
        ("say(started=True)", "failed: "),
        ("say(lost='touched the outside: x', last=True); sys.exit(1)", "touched the outside: x"),
    ],
)
def test_a_worker_that_fails_in_a_job_costs_that_job(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, act: str, reason: str
) -> None:
    monkeypatch.setattr(process, "GRACE", 0.2)
    program = f"""
        say(ready='2')
        for line in sys.stdin:
            say(started=True)
            if 'bad' in line:
                {act}
            else:
                {RIGHT}
        """
    with Pool(python=fake(tmp_path, program), seconds=0.3) as opened:
        outcomes = dict(opened.run([job("good"), job("bad"), job("good")]))
    assert isinstance(outcomes[1], Lost)
    assert outcomes[1].reason.startswith(reason)
    assert isinstance(outcomes[0], Trace)
    assert isinstance(outcomes[2], Trace)


def test_a_worker_that_dies_before_its_job_is_begun_costs_none(tmp_path: Path) -> None:
    program = f"""
        say(ready='2')
        for line in sys.stdin:
            if not os.path.exists('died'):
                open('died', 'w').close()
                os.kill(os.getpid(), 9)
            say(started=True)
            {RIGHT}
        """
    with Pool(python=fake(tmp_path, program)) as opened:
        assert isinstance(one(opened, job("")), Trace)


def test_a_worker_that_never_begins_a_job_costs_that_job(tmp_path: Path) -> None:
    program = """
        say(ready='2')
        sys.stdin.readline()
        sys.exit(4)
        """
    with Pool(python=fake(tmp_path, program)) as opened:
        assert one(opened, job("")) == Lost("died: exit status 4")


# -- without forks ------------------------------------------------------------------------------------------------


def test_without_forks_a_script_that_harms_the_worker_costs_its_own_replay() -> None:
    """As on devices that forks cannot use; here on the processor, where any machine can show it."""
    with Pool(seconds=2.0, arguments=["--in-process", "--unguarded"]) as opened:
        jobs = [
            job(TRAIN),
            job("torch.nn.Linear.forward = torch.optim.SGD.step = None"),  # the next worker is a new one
            job(TRAIN),
            job("torch.set_default_dtype(torch.float16)\ntorch.set_grad_enabled(False)\nraise ValueError('set')"),
            job(TRAIN),
            job("import os\ntry:\n    os.mkdir('x')\nexcept BaseException: pass"),
            job("while True: pass"),
            job(TRAIN),
        ]
        outcomes = [outcome for _, outcome in sorted(opened.run(jobs), key=lambda each: each[0])]
    assert outcomes[0] == outcomes[2] == outcomes[4] == outcomes[7]
    assert len(traced(outcomes[0]).updates) == 2
    assert said(outcomes[3]) == "set"
    assert outcomes[5] == Lost("touched the outside: os.mkdir 'x'")
    assert outcomes[6] == Lost("timed out")


@pytest.mark.gpu
@pytest.mark.skipif(not torch.cuda.is_available(), reason="there is no CUDA device")
def test_on_cuda_scripts_run_there_and_errors_of_the_device_cost_their_own_replay() -> None:
    with Pool(seconds=60.0, memory_mb=4096) as opened:
        broken = "torch.zeros(2)[torch.tensor([5])].sum().item()"
        jobs = [
            job(TRAIN, device="cuda"),
            job("raise ValueError(torch.ones(1).device.type, torch.cuda.is_available())", device="cuda"),
            job("torch.empty(2**40)", device="cuda"),
            job(broken, device="cuda"),
            job("torch.nn.Linear.forward = None", device="cuda"),
            job(TRAIN, device="cuda"),
            job(TRAIN),
        ]
        outcomes = [outcome for _, outcome in sorted(opened.run(jobs), key=lambda each: each[0])]
    assert len(traced(outcomes[0]).updates) == 2
    assert said(outcomes[1]) == "('cuda', True)"
    assert outcomes[2] == Lost("memory")
    assert isinstance(outcomes[3], Lost) or outcomes[3].failure is not None
    assert outcomes[5] == outcomes[0]
    assert len(traced(outcomes[6]).updates) == 2
