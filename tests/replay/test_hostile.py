"""Scripts that mean harm: the guard refuses them; were it not there, the limits would hold them all the same.

After each of them the same worker gives the next script its right answer, and every file is as it was.
"""

from __future__ import annotations

import ast
import os
import signal
import sys
import textwrap
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

pytest.importorskip("torch", reason="scripts run with torch")
if not hasattr(os, "fork"):
    pytest.skip("the limits of a script's own process are those of POSIX", allow_module_level=True)

from optlint.replay.guard import allowed
from optlint.replay.landlock import confine
from optlint.replay.pool import Job, Lost, Outcome, Pool
from optlint.replay.trace import Trace

SECONDS = 1.5
CANARY = "canary\n" * 1000
SECRET = "OPTLINT_TEST_SECRET"
RIGHT = """
torch.manual_seed(1)
weight = torch.nn.Parameter(torch.ones(3))
optimizer = torch.optim.SGD([weight], lr=0.5)
(weight * 2.0).sum().backward()
optimizer.step()
raise ValueError(weight.tolist(), torch.nn.Linear(1, 1).bias is not None)
"""
ANSWER = "([0.0, 0.0, 0.0], True)"


def job(body: str) -> Job:
    return Job(textwrap.dedent(body), "cpu", "float64")


@dataclass(frozen=True, slots=True)
class Place:
    """A folder with files that must stay as they are, and the pools that must not change them."""

    folder: Path
    unguarded: Pool
    guarded: Pool

    def intact(self) -> bool:
        names = sorted(each.name for each in self.folder.iterdir())
        return names == ["canary", "folder"] and (self.folder / "canary").read_text() == CANARY


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Place]:
    folder = tmp_path_factory.mktemp("hostile")
    (folder / "canary").write_text(CANARY)
    (folder / "folder").mkdir()
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv(SECRET, "xyzzy")
        with (
            Pool(seconds=SECONDS, memory_mb=256, arguments=["--unguarded"]) as unguarded,
            Pool(seconds=SECONDS, memory_mb=256) as guarded,
        ):
            yield Place(folder, unguarded, guarded)


def run(pool: Pool, body: str) -> Outcome:
    """Run a body and, in the same worker, one that must come out right after it."""
    outcomes = dict(pool.run([job(body), job(RIGHT)]))
    following = outcomes[1]
    assert isinstance(following, Trace), following
    assert following.failure is not None
    assert following.failure.message == ANSWER
    assert len(following.updates) == 1
    return outcomes[0]


def filled(body: str, place: Place) -> str:
    return body.replace("CANARY", repr(str(place.folder / "canary"))).replace("FOLDER", str(place.folder))


TOUCHING = {
    "deletes a file": ("import os\nos.remove(CANARY)", "os.remove"),
    "and swallows the refusal": (
        "import os\ntry:\n    os.remove(CANARY)\nexcept BaseException:\n    pass",
        "os.remove",
    ),
    "deletes by the inner module": ("import posix\nposix.unlink(CANARY)", "os.remove"),
    "deletes a folder": ("import shutil\nshutil.rmtree('FOLDER')", "shutil.rmtree"),
    "deletes by pathlib": ("import pathlib\npathlib.Path(CANARY).unlink()", "os.remove"),
    "renames": ("import os\nos.rename(CANARY, 'FOLDER/b')", "os.rename"),
    "makes a folder": ("import os\nos.mkdir('FOLDER/b')", "os.mkdir"),
    "links": ("import os\nos.symlink(CANARY, 'FOLDER/b')", "os.symlink"),
    "truncates": ("import os\nos.truncate(CANARY, 0)", "os.truncate"),
    "changes the mode": ("import os\nos.chmod(CANARY, 0)", "os.chmod"),
    "lists": ("import os\nos.listdir('FOLDER')", "os.listdir"),
    "walks": ("import os\nlist(os.walk('FOLDER'))", "os.walk"),
    "writes": ("open('FOLDER/b', 'w').write('x')", "open"),
    "appends": ("open(CANARY, 'a').write('x')", "open"),
    "opens for reading and writing": ("open(CANARY, 'r+').write('x')", "open"),
    "opens a descriptor": ("import os\nos.open('FOLDER/b', os.O_CREAT)", "open"),
    "makes a temporary file": ("import tempfile\ntempfile.mkstemp()", "open"),
    "makes a database": ("import sqlite3\nsqlite3.connect('FOLDER/b')", "sqlite3.connect"),
    "reads what is not its own": ("open('/etc/passwd').read()", "open"),
    "reads a canary": ("open(CANARY).read()", "open"),
    "reads by a path that goes up": ("open(torch.__file__ + '/../../../../../../../../../etc/passwd')", "open"),
    "reads the parent's environment": ("import os\nopen(f'/proc/{os.getppid()}/environ').read()", "open"),
    "opens a socket": ("import socket\nsocket.socket()", "socket.__new__"),
    "resolves a name": ("import socket\nsocket.getaddrinfo('localhost', 80)", "socket.getaddrinfo"),
    "fetches a page": ("import urllib.request\nurllib.request.urlopen('http://localhost:1')", "urllib.Request"),
    "forks": ("import os\nos.fork()", "os.fork"),
    "becomes another program": ("import os\nos.execv('/bin/ls', ['ls'])", "os.exec"),
    "spawns": ("import os\nos.posix_spawn('/bin/ls', ['ls'], {})", "os.posix_spawn"),
    "runs a shell": ("import os\nos.system('touch FOLDER/b')", "os.system"),
    "runs a program": ("import subprocess\nsubprocess.run(['touch', 'FOLDER/b'])", "subprocess.Popen"),
    "starts a process": ("import multiprocessing\nmultiprocessing.Process(target=print).start()", "os.fork"),
    "kills the parent": ("import os\nos.kill(os.getppid(), 9)", "os.kill"),
    "kills its group": ("import os\nos.killpg(0, 9)", "os.killpg"),
    "sets a variable": ("import os\nos.environ['A'] = 'b'", "os.putenv"),
    "lifts its limits": ("import resource\nresource.setrlimit(resource.RLIMIT_AS, (-1, -1))", "resource.setrlimit"),
    "calls C": ("import ctypes\nctypes.string_at(0)", "ctypes.string_at"),
    "loads a library": ("import ctypes\nctypes.CDLL(None).abort()", "ctypes.dlopen"),
    "maps memory": ("import mmap\nmmap.mmap(-1, 4096)", "mmap.__new__"),
    "looks at all objects": ("import gc\ngc.get_objects()", "gc.get_objects"),
    "watches": ("import sys\nsys.settrace(None)", "sys.settrace"),
    "listens to audit events": ("import sys\nsys.addaudithook(print)", "sys.addaudithook"),
    "goes elsewhere": ("import os\nos.chdir('/')", "os.chdir"),
}
"""What touches the outside, with the event that gives it away."""

IN_PLACES = {
    "in a helper": "def helper():\n    ACT\nhelper()",
    "in a decorator": "def decorate(function):\n    ACT\n@decorate\ndef f(): pass",
    "as a decorator": "@(lambda f: ACT)\ndef f(): pass",
    "in a default argument": "def f(x=ACT): pass",
    "in an annotation": "def f(x: ACT): pass",
    "in an f-string": "f'{ACT}'",
    "in a format of an f-string": "f'{1:{ACT}}'",
    "in a dunder method": "class A:\n    def __len__(self):\n        return ACT\nlen(A())",
    "in a class body": "class A:\n    x = ACT",
    "at the end of a generator": "def g():\n    try: yield\n    finally: ACT\nx = g()\nnext(x)\nx.close()",
    "in a __del__": "class A:\n    def __del__(self):\n        ACT\na = A()\ndel a",
    "in a __del__ at the end": "class A:\n    def __del__(self):\n        ACT\na = A()\nb = [a]\nb.append(b)",
    "in an `except`": "try:\n    raise ValueError\nexcept BaseException:\n    ACT",
    "in a comprehension": "[ACT for _ in [1]]",
    "in a lambda": "(lambda: ACT)()",
    "in a hook of a tensor": "x = torch.ones(1).requires_grad_()\nx.register_hook(lambda g: ACT)\nx.sum().backward()",
    "in a module's forward": "class A(torch.nn.Module):\n    def forward(self, x):\n        ACT\nA()(1)",
    "in an optimizer's hook": "o = torch.optim.SGD([torch.ones(1, requires_grad=True)], lr=1.0)\n"
    "o.register_step_pre_hook(lambda *a: ACT)\no.step()",
    "in the text of an error": "class E(Exception):\n    def __str__(self):\n        return ACT\nraise E",
}
ACT = 'open("FOLDER/b", "w").write("x")'
NEVER_DONE = ("in an annotation", "in a __del__ at the end")
"""Annotations are not evaluated; a fork ends without collecting what it has."""

ENDING = {
    "leaves": ("import os\nos._exit(3)", "died: exit status 3"),
    "leaves as if all were well": ("import os\nos._exit(0)", "died: exit status 0"),
    "aborts": ("import os\nos.abort()", f"died: signal {int(signal.SIGABRT)}"),
    "segfaults": ("import faulthandler\nfaulthandler._sigsegv()", f"died: signal {int(signal.SIGSEGV)}"),
    "overflows the stack": (
        "import sys\nsys.setrecursionlimit(10**9)\nclass A:\n    def __repr__(self): return repr(self)\nrepr(A())",
        f"died: signal {int(signal.SIGSEGV)}",
    ),
    "answers in the place of the worker": ("import os\nos.write(3, b'hello\\n')\nos._exit(0)", "failed: "),
    "closes its answer and stays": ("import os\nos.close(3)\nwhile True: pass", "died: "),
    "loops": ("while True: pass", "timed out"),
    "loops and swallows all": (
        "while True:\n    try:\n        while True: pass\n    except BaseException: pass",
        "timed out",
    ),
    "sleeps": ("import time\ntime.sleep(1000)", "timed out"),
    "ignores signals": (
        "import signal\nfor s in (1, 2, 14, 15): signal.signal(s, signal.SIG_IGN)\nwhile True: pass",
        "timed out",
    ),
    "leaves its group": ("import os\nos.setsid()\nwhile True: pass", "timed out"),
    "prints without end": ("while True: print('x' * 10000)", "timed out"),
    "grows a list": ("x = [0]\nwhile True: x += x", "memory"),
    "grows by bytes": ("x = []\nwhile True: x.append(bytes(10**6))", "memory"),
    "makes a huge array": ("bytearray(10**12)", "memory"),
    "makes a huge tensor": ("torch.empty(10**12)", "memory"),
    "grows a tensor": ("x = torch.ones(1000)\nwhile True: x = torch.cat([x, x])", "memory"),
}
"""What ends a replay, or never would, with the reason of the loss."""


@pytest.mark.parametrize(("body", "event"), TOUCHING.values(), ids=TOUCHING)
def test_the_limits_hold_what_touches_the_outside(place: Place, body: str, event: str) -> None:
    outcome = run(place.unguarded, filled(body, place))
    assert isinstance(outcome, Lost), outcome
    assert outcome.reason.removeprefix("touched the outside: ").split()[0] == event
    assert place.intact()


@pytest.mark.parametrize("name", IN_PLACES)
def test_the_limits_hold_wherever_it_stands(place: Place, name: str) -> None:
    outcome = run(place.unguarded, filled(IN_PLACES[name].replace("ACT", ACT), place))
    if name in NEVER_DONE:
        assert isinstance(outcome, Trace)
    else:
        assert isinstance(outcome, Lost), outcome
        assert outcome.reason.startswith("touched the outside: open")
    assert place.intact()


@pytest.mark.parametrize(("body", "reason"), ENDING.values(), ids=ENDING)
def test_the_limits_hold_what_ends_or_never_ends(place: Place, body: str, reason: str) -> None:
    outcome = run(place.unguarded, body)
    assert isinstance(outcome, Lost), outcome
    assert outcome.reason.startswith(reason)


HARMFUL = {
    **{name: body for name, (body, _) in TOUCHING.items()},
    **{name: body.replace("ACT", ACT) for name, body in IN_PLACES.items()},
    **{name: body for name, (body, _) in ENDING.items() if "import" in body},
}


@pytest.mark.parametrize("body", HARMFUL.values(), ids=HARMFUL)
def test_the_guard_refuses_before_anything_runs(body: str) -> None:
    assert allowed(ast.parse(body))


@pytest.mark.parametrize("name", ["deletes a file", "in an f-string", "leaves"])
def test_a_refused_script_is_lost_and_says_why(place: Place, name: str) -> None:
    outcome = run(place.guarded, filled(HARMFUL[name], place))
    assert isinstance(outcome, Lost), outcome
    assert outcome.reason.startswith("refused: row ")
    assert place.intact()


@pytest.mark.parametrize("name", ["loops and swallows all", "grows a list", "makes a huge tensor"])
def test_what_needs_no_forbidden_word_is_held_with_the_guard_too(place: Place, name: str) -> None:
    body, reason = ENDING[name]
    outcome = run(place.guarded, body)
    assert isinstance(outcome, Lost), outcome
    assert outcome.reason == reason


def test_a_refusal_at_run_time_ends_the_script_though_it_catches_all(place: Place) -> None:
    body = "try:\n    getattr(len, '__se' + 'lf__')\nexcept BaseException:\n    pass"
    assert run(place.guarded, body) == Lost("refused: reaches for `__self__`")


@pytest.mark.skipif(sys.platform != "linux", reason="Landlock is Linux's")
@pytest.mark.parametrize(
    "body",
    [
        "t = torch.from_file(CANARY, shared=True, size=100, dtype=torch.uint8)\nt.fill_(0)",
        "torch.UntypedStorage.from_file(CANARY, True, 100).fill_(0)",
        "torch._C.PyTorchFileWriter(CANARY)",
        "torch.save({}, 'FOLDER/b')",
        "torch.jit.save(torch.jit.script(torch.nn.Linear(1, 1)), 'FOLDER/b')",
        "from torch.distributed import TCPStore\nTCPStore('127.0.0.1', 0, 1, True)",
    ],
)
def test_the_kernel_holds_what_only_cpp_sees(place: Place, body: str) -> None:
    """No audit event tells of these; the script gets an error from the kernel, or is lost for what it did before."""
    if not _kernel_confines():
        pytest.skip("this kernel has no Landlock")
    outcome = run(place.unguarded, filled(body, place))
    assert isinstance(outcome, Lost) or outcome.failure is not None
    assert place.intact()


def _kernel_confines() -> bool:
    child = os.fork()
    if child == 0:
        os._exit(0 if confine([]) else 1)
    return os.waitpid(child, 0)[1] == 0


def test_the_environment_is_bare_and_the_folder_empty(place: Place) -> None:
    outcome = run(place.unguarded, "import os\nraise ValueError(sorted(os.environ), os.getcwd())")
    assert isinstance(outcome, Trace)
    assert outcome.failure is not None
    assert SECRET not in outcome.failure.message
    assert not {"PATH", "USER", "http_proxy"} & set(outcome.failure.message.replace("'", " ").replace(",", " ").split())
    folder = Path(outcome.failure.message.rpartition("'")[0].rpartition("'")[2])
    assert folder.is_dir()
    assert list(folder.iterdir()) == []


def test_any_amount_of_output_goes_nowhere(place: Place, capfd: pytest.CaptureFixture[str]) -> None:
    body = "import sys\nfor _ in range(1000):\n    print('x' * 10000)\n    sys.stderr.write('y' * 10000)"
    outcome = run(place.unguarded, body)
    assert isinstance(outcome, Trace)
    assert outcome.failure is None
    assert capfd.readouterr() == ("", "")


def test_closing_the_usual_streams_costs_nothing(place: Place) -> None:
    outcome = run(place.unguarded, "import os\nfor each in (0, 1, 2): os.close(each)\nraise ValueError('there')")
    assert isinstance(outcome, Trace)
    assert outcome.failure is not None
    assert outcome.failure.message == "there"


def test_a_changed_torch_is_whole_again_in_the_next_script(place: Place) -> None:
    body = """
        def nothing(*args, **kwargs): pass
        torch.ones = torch.manual_seed = torch.optim.SGD.step = torch.Tensor.backward = nothing
        torch.nn.Module.__call__ = torch.nn.Linear.__init__ = nothing
        torch.set_default_dtype(torch.float16)
        """
    assert isinstance(run(place.unguarded, body), Trace)


def test_a_changed_class_of_torch_is_whole_again_with_the_guard_too(place: Place) -> None:
    outcome = run(place.guarded, "torch.nn.Linear.forward = None\ntorch.optim.SGD.step = None")
    assert isinstance(outcome, Trace)


def test_deep_recursion_is_an_error_of_the_script(place: Place) -> None:
    outcome = run(place.guarded, "def f(): return f()\nf()")
    assert isinstance(outcome, Trace)
    assert outcome.failure is not None
    assert outcome.failure.kind == "RecursionError"


@pytest.mark.parametrize("body", ["(" * 5000, "-" * 100_000 + "1", "x" + ".a" * 50_000, "1\0", "x = "])
def test_a_text_that_no_parser_takes_is_lost(place: Place, body: str) -> None:
    assert isinstance(run(place.guarded, body), Lost)


def test_a_thread_ends_with_its_script(place: Place) -> None:
    body = "import threading\nthreading.Thread(target=lambda: [None for _ in iter(int, 1)], daemon=True).start()"
    outcome = run(place.unguarded, body)
    assert isinstance(outcome, Trace | Lost)  # some Pythons tell of a new thread by an audit event
