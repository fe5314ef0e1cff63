"""What the guard refuses by syntax, and what the names of a script keep closed when it runs."""

from __future__ import annotations

import ast
import builtins
import sys
import textwrap
from collections.abc import Iterator
from pathlib import Path
from types import CodeType, FrameType, ModuleType, TracebackType
from typing import Any

import pytest

from optlint.replay.guard import allowed
from optlint.replay.guard_words import closed_attribute, closed_text

pytest.importorskip("torch", reason="scripts run with torch")

import torch

from optlint.replay import standin
from optlint.replay.guard_names import BUILTINS, Namespace, Refused, names_for


def refusals(body: str) -> list[tuple[int, str]]:
    return [(each.row, each.reason) for each in allowed(ast.parse(textwrap.dedent(body)))]


def run(body: str) -> dict[str, Any]:
    """Run a body with the names of a script; it must pass the static check first."""
    body = textwrap.dedent(body)
    assert refusals(body) == []
    return unchecked(body)


def unchecked(body: str) -> dict[str, Any]:
    standin.restart()
    names = names_for(standin)
    exec(compile(textwrap.dedent(body), "<replay>", "exec"), names)
    return names


# -- syntax -------------------------------------------------------------------------------------------------------

REFUSED = {
    "import": "import os",
    "import from": "from os import remove",
    "import in a function": "def f():\n    import os",
    "async function": "async def f():\n    pass",
    "asynchronous comprehension": "[x async for x in y]",
    "exec": "exec('1')",
    "eval under another name": "f = eval",
    "open": "open('x', 'w')",
    "open in an f-string": "f'{open(1)}'",
    "open as a default argument": "def f(x=open('a')): pass",
    "open as a decorator": "@open\ndef f(): pass",
    "open as an annotation": "x: open('a') = 1",
    "open in a match": "match open('a'):\n    case _: pass",
    "globals": "globals()['x'] = 1",
    "__import__": "__import__('os')",
    "__builtins__": "__builtins__['open']",
    "__builtins__ by global": "def f():\n    global __builtins__",
    "__globals__": "f.__globals__",
    "__globals__ as a keyword": "dict(__globals__=1)",
    "__globals__ in a pattern": "match f:\n    case object(__globals__=g): pass",
    "frame in a pattern": "match g:\n    case object(gi_frame=f): pass",
    "subclasses": "().__class__.__base__.__subclasses__()",
    "the class of a value": "self.__class__(1)",
    "setting the class of a value": "x.__class__ = y",
    "the class cell": "class A:\n    def f(self): return __class__",
    "frame of a generator": "(i for i in x).gi_frame",
    "frame of a traceback": "error.tb_frame",
    "traceback": "error.__traceback__",
    "mro": "int.mro()",
    "a dictionary of attributes": "x.__dict__",
    "attributes of patterns": "class A:\n    __match_args__ = ('tb_frame',)",
    "slot of a frame as a field": "class A:\n    tb_frame: int = 0",
    "code by hand": "f.__code__ = g.__code__",
    "deleting": "class A:\n    def __del__(self): pass",
    "reducing": "class A:\n    def __reduce__(self): pass",
    "a special function outside of a class": "def __getattr__(name): pass",
    "assigning a special attribute": "x.__name__ = 'y'",
    "metaclass": "class A(metaclass=B): pass",
    "class of keywords": "class A(**kw): pass",
    "type of three": "type('A', (), {})",
    "type of a starred": "type(*x)",
    "format of an attribute": "'{0.__globals__}'.format(f)",
    "format of any attribute": "'{0.x}'.format(f)",
    "format within a format": "'{:{0.x}}'.format(1, f)",
    "format of an unknown text": "text.format(f)",
    "format by the class": "str.format('{0.x}', f)",
    "format by a map": "'{0.x}'.format_map(f)",
    "the object of an error": "error.obj",
    "arrays to files": "x.numpy().tofile('a')",
    "storages": "x.untyped_storage()",
    "torch's inner module": "x._C",
}


@pytest.mark.parametrize("body", REFUSED.values(), ids=REFUSED)
def test_refuses(body: str) -> None:
    assert refusals(body)


def test_says_the_row_and_the_reason() -> None:
    assert refusals("x = 1\nimport os\ny = f.__globals__\n") == [(2, "imports"), (3, "reaches for `__globals__`")]


def test_unicode_that_python_reads_as_another_identifier_is_that_one() -> None:
    assert refusals("f.__\uff47lobals__") == [(1, "reaches for `__globals__`")]


TRAINING = '''
class Net(torch.nn.Module):
    """A net."""

    def __init__(self, width=4, *, deep=False):
        super().__init__()
        self.fc = torch.nn.Linear(width, width)
        self.__private = deep
        self.name = self.__class__.__name__ + type(self).__name__

    def forward(self, x):
        return torch.nn.functional.relu(self.fc(x)) if not self.__private else x

    def __getattr__(self, name):
        return super().__getattr__(name)

def train(model, optimizer, epochs=2):
    for epoch in range(epochs):
        for index, (input, target) in enumerate(batches):
            optimizer.zero_grad()
            with torch.autocast("cpu", enabled=False):
                loss = (model(input) - target).pow(2).mean()
            loss.backward()
            optimizer.step()
            if getattr(optimizer, "param_groups", None) and hasattr(loss, "item"):
                print("{} {:.3f} {name}".format(epoch, loss.item(), name="x"), f"{loss.item():>10.3f}")
    return loss

batches = [(torch.ones(3, 4), torch.zeros(3, 4))] * 2
net = Net()
optimizer = torch.optim.SGD([{"params": net.parameters(), "lr": 0.1}], lr=1.0, momentum=0.9)
first = (net(batches[0][0]) ** 2).mean().item()
match len(batches):
    case 2:
        last = train(net, optimizer).item()
    case _:
        last = None
assert isinstance(net, torch.nn.Module) and isinstance(Net, type) and type(net) is Net
if __name__ == "__main__":
    done = True
'''


def test_an_optimizer_of_the_script_s_own_passes() -> None:
    names = run(
        """
        class Plain(torch.optim.optimizer.Optimizer):
            def __init__(self, params, lr=torch.optim.optimizer.required):
                super().__init__(params, dict(lr=lr))

            def __setstate__(self, state):
                super().__setstate__(state)

            @torch.no_grad()
            def step(self, closure=None):
                for group in self.param_groups:
                    for p in group["params"]:
                        p.add_(p.grad, alpha=-group["lr"])

        weight = torch.nn.Parameter(torch.ones(2))
        optimizer = Plain([weight], lr=0.5)
        weight.sum().backward()
        optimizer.step()
        values = weight.tolist()
        """
    )
    assert names["values"] == [0.5, 0.5]


def test_training_code_passes_and_trains() -> None:
    torch.manual_seed(0)
    names = run(TRAINING)
    assert names["last"] < names["first"]
    assert names["done"]
    assert names["net"].name == "NetNet"


# -- what values lead to ------------------------------------------------------------------------------------------


def samples() -> Iterator[Any]:
    """Values such as a script can hold, of every kind that Python itself makes."""

    def function(x: int = 0) -> Iterator[int]:
        yield x

    class Plain:
        def method(self) -> int:
            return 1

        @property
        def read(self) -> int:
            return 1

    try:
        raise AttributeError("no", name="x", obj=sys)
    except AttributeError as error:
        yield error
        yield error.__traceback__
    yield from (
        function,
        function(),
        Plain,
        Plain(),
        Plain().method,
        Plain.read,
        Plain.__dict__["read"],
        len,
        [].append,
    )
    yield from (
        1,
        1.0,
        "",
        b"",
        [],
        (),
        {},
        set(),
        range(3),
        iter([]),
        property(),
        staticmethod(len),
        classmethod(type),
    )
    yield from (zip(), map(len, []), filter(None, []), enumerate([]), reversed([]), slice(1), super(Plain, Plain()))
    yield from (torch.ones(1), torch.nn.Linear(1, 1), torch.optim.SGD, torch.float32, torch.nn.functional.relu)
    yield from (torch.ones(1, requires_grad=True).sum().grad_fn, torch.optim.SGD([torch.ones(1)], lr=1.0))
    yield from names_for(standin).values()
    yield from (standin.model("m", "fc"), standin.unknown("x"))


@pytest.mark.filterwarnings("ignore:The use of `x.T`:UserWarning")
def test_no_open_attribute_leads_to_a_module_a_frame_or_code() -> None:
    looked_at = 0
    for value in samples():
        for name in dir(value):
            if closed_attribute(name):
                continue
            looked_at += 1
            try:
                found = getattr(value, name, None)
            except RuntimeError:  # of torch: this tensor has no such property
                continue
            assert not isinstance(found, (ModuleType, FrameType, CodeType, TracebackType)), (value, name)
            assert found is not builtins.__dict__
            assert found is not globals()
    assert looked_at > 1000


def walk_torch() -> Iterator[tuple[str, Any]]:
    """Every value that the namespaces of torch hand out, by its path."""
    root = names_for(standin)["torch"]
    waiting: list[tuple[str, Any]] = [("torch", root)]
    seen = set()
    while waiting:
        path, space = waiting.pop()
        if path in seen or path.startswith("torch.backends"):
            continue
        seen.add(path)
        for name in [*vars(sys.modules[path])]:
            if name.startswith("__"):
                continue
            value = getattr(space, name)
            yield f"{path}.{name}", value
            if isinstance(value, Namespace):
                waiting.append((f"{path}.{name}", value))


def test_torch_gives_no_module_no_metaclass_and_nothing_that_can_adopt_classes() -> None:
    count = 0
    for path, value in walk_torch():
        count += 1
        assert not isinstance(value, ModuleType), path
        if isinstance(value, type):
            assert not issubclass(value, type), path
            assert not hasattr(type(value), "register"), path
            for name, inner in vars(value).items():
                assert closed_attribute(name) or not isinstance(inner, ModuleType), (path, name)
    assert count > 1500


def test_what_touches_the_world_is_a_stand_in() -> None:
    paths = (
        "save load from_file compile hub ops classes jit utils.data utils.data.DataLoader multiprocessing distributed "
        "os sys PyTorchFileWriter import_ir_module UntypedStorage nn.parallel.DistributedDataParallel "
        "autograd.profiler onnx _C _dynamo serialization nn.modules.module.functools cuda.memory "
        "optim.lr_scheduler.warnings utils.tensorboard"
    ).split()
    torch_names = names_for(standin)["torch"]
    for path in paths:
        value = torch_names
        for name in path.split("."):
            value = getattr(value, name)
        assert isinstance(value, standin.Unknown), path


def test_the_same_path_is_the_same_stand_in() -> None:
    names = run("a, b = torch.save, torch.save")
    assert names["a"] is names["b"]


REAL = (
    "Tensor tensor zeros float32 float64 no_grad manual_seed device stack nn.Module nn.Parameter "
    "nn.functional.cross_entropy nn.utils.clip_grad_norm_ nn.init.xavier_uniform_ nn.modules.loss._Loss "
    "nn.modules.batchnorm._BatchNorm optim.AdamW optim.Optimizer optim.optimizer.Optimizer "
    "optim.lr_scheduler.OneCycleLR optim.lr_scheduler._LRScheduler optim.swa_utils.AveragedModel amp.GradScaler "
    "cuda.amp.autocast cuda.is_available autograd.grad autograd.Function autograd.Variable linalg.norm "
    "distributions.Normal nn.parallel.DataParallel nn.utils.parametrizations.weight_norm"
).split()


@pytest.mark.parametrize("path", REAL)
def test_what_computes_is_real(path: str) -> None:
    value: Any = names_for(standin)["torch"]
    real: Any = torch
    for name in path.split("."):
        value = getattr(value, name)
        real = getattr(real, name) if hasattr(real, name) else sys.modules[f"{real.__name__}.{name}"]
    assert value is real


def test_a_function_that_is_patched_later_is_the_patched_one(monkeypatch: pytest.MonkeyPatch) -> None:
    names = names_for(standin)

    def patched() -> None: ...

    patched.__module__ = "optlint.replay.hooks_gradient"
    monkeypatch.setattr(torch.nn.utils, "clip_grad_norm_", patched)
    assert names["torch"].nn.utils.clip_grad_norm_ is patched


def test_what_torch_has_not_is_the_error_that_torch_gives() -> None:
    with pytest.raises(AttributeError, match=r"module 'torch.optim' has no attribute 'SDG'") as caught:
        run("torch.optim.SDG")
    assert caught.value.obj is None or not isinstance(caught.value.obj, ModuleType)


def test_settings_of_the_replay_stay_what_they_are() -> None:
    before = torch.get_default_dtype(), torch.backends.cudnn.benchmark, torch.get_num_threads()
    names = run(
        """
        torch.set_default_dtype(torch.float16)
        torch.set_num_threads(7)
        torch.backends.cudnn.benchmark = True
        read = torch.backends.cudnn.benchmark
        here = torch.backends.mps.is_available()
        """
    )
    assert (torch.get_default_dtype(), torch.backends.cudnn.benchmark, torch.get_num_threads()) == before
    assert names["read"] is True
    assert names["here"] is torch.backends.mps.is_available()


@pytest.mark.skipif(torch.cuda.is_available(), reason="on a machine without CUDA alone these would be errors")
def test_calls_that_need_a_device_do_nothing_without_one() -> None:
    assert run("done = torch.cuda.synchronize(), torch.cuda.set_device(0)")["done"] == (None, None)


# -- what happens at run time -------------------------------------------------------------------------------------

ESCAPES = {
    "getattr": "getattr(run, '__glo' + 'bals__')",
    "getattr with a default": "getattr(run, '__globals__', None)",
    "hasattr": "hasattr(run, '__code' + '__')",
    "setattr": "setattr(run, '__code' + '__', 1)",
    "setattr of an open word": "setattr(run, '__na' + 'me__', 'x')",
    "delattr": "delattr(run, '__defaults' + '__')",
    "getattr by reduce": "functools.reduce(getattr, ['__class' + '__', '__base' + '__'], run)",
    "getattr by partial": "functools.partial(getattr, run)('__globals' + '__')",
    "getattr by map": "list(map(getattr, [run], ['__globals' + '__']))",
    "format by getattr": "getattr('{0.__globals__}', 'for' + 'mat')(run)",
    "a text of a class of its own": "class S(str):\n    pass\ngetattr(run, S('x'))",
    "type of a class": "type(type(int))('A', (), {})",
    "type of int": "type(int)('A', (), {})",
    "type by another name": "make = type\nmake('A', (), {})",
    "type by the class of torch's parameter": "type(torch.nn.Parameter)('A', (), {})",
    "assigning a name of torch": "torch.ones = 1",
    "deleting a name of torch": "del torch.nn",
    "tuple of frames": "collections.namedtuple('T', ['tb_' + 'frame'])",
    "tuple of special names": "collections.namedtuple('T', '__globals' + '__')",
}


@pytest.mark.parametrize("body", ESCAPES.values(), ids=ESCAPES)
def test_is_refused_at_run_time(body: str) -> None:
    with pytest.raises(Refused):
        run("def run():\n    pass\n" + body)


@pytest.mark.parametrize(
    "body",
    [
        "class A(type):\n    pass\nA('B', (), {})",
        "functools.wraps(run, assigned=('__globals' + '__',))(run)",
        "functools.update_wrapper",
        "dataclasses.make_dataclass('A', ['x'])().y",
        "typing.get_type_hints(run)",
        "__builtins__['open']",
        "standin.torch.os.name",
        "torch._look('os').name",
        "contextlib.sys.modules",
        "math.__loader__",
    ],
)
def test_leads_nowhere(body: str) -> None:
    """What is not refused is an error, or gives a stand-in."""
    try:
        names = unchecked("def run():\n    pass\nfound = None\n" + body.replace("__builtins__", "found"))
    except (AttributeError, TypeError, Refused):
        return
    assert not isinstance(names["found"], ModuleType)


def test_a_refusal_can_end_the_script_instead_of_being_raised() -> None:
    told = []

    class Ended(BaseException):
        pass

    def end(reason: str) -> Any:
        told.append(reason)
        raise Ended

    names = names_for(standin, end)
    with pytest.raises(Ended):
        exec("try:\n    getattr(1, '__globals' + '__')\nexcept Exception:\n    pass", names)
    assert told == ["reaches for `__globals__`"]


def test_an_import_that_the_syntax_did_not_show_is_refused() -> None:
    for body in ("import os", "def f():\n    from os import path\nf()", "class A:\n    import os.path as p"):
        with pytest.raises(Refused, match="imports"):
            unchecked(body)


def test_what_torch_imports_while_a_script_calls_it_is_imported() -> None:
    """Its C++ asks the builtins of the script's frame; a print of a tensor and a copy are among the cases."""
    names = run(
        """
        class Double(torch.autograd.Function):
            @staticmethod
            def forward(ctx, x):
                return x * 2

            @staticmethod
            def backward(ctx, gradient):
                return gradient * 2

        weight = torch.nn.Parameter(torch.ones(2))
        weight.register_hook(lambda gradient: gradient * 3)
        Double.apply(copy.deepcopy(weight)).sum().backward()
        Double.apply(weight).sum().backward()
        with torch.no_grad():
            weight.add_(weight.grad, alpha=-0.5)
        values, shown = weight.tolist(), repr(weight)
        """
    )
    assert names["values"] == [-2.0, -2.0]
    assert names["shown"].startswith("Parameter containing")


def test_the_builtins_that_touch_the_world_are_not_there() -> None:
    given = names_for(standin)["__builtins__"]
    assert "open" not in given
    assert given["print"]("x") is None
    closed = "open exec eval compile input globals locals vars dir breakpoint help exit quit memoryview".split()
    assert not set(closed) & set(given)
    assert set(BUILTINS) <= set(vars(builtins))
    for name, value in given.items():
        assert not isinstance(value, ModuleType), name


@pytest.mark.parametrize(
    "word", ["__globals__", "gi_frame", "format", "tofile", 3, None, "__class__", "_share_filename_"]
)
def test_a_closed_text(word: object) -> None:
    assert closed_text(word)


@pytest.mark.parametrize("word", ["lr", "weight", "_private", "__init__", "__name__", "formats"])
def test_an_open_text(word: str) -> None:
    assert not closed_text(word)


# -- the standard library of a script -----------------------------------------------------------------------------


def test_safe_modules_work() -> None:
    names = run(
        """
        root = math.sqrt(9)
        half = functools.partial(pow, 2)(3)
        chained = list(itertools.chain([1], [2]))
        copied = copy.deepcopy({"a": [1]})
        counts = collections.defaultdict(int)
        Point = collections.namedtuple("Point", "x y", defaults=[2])
        point = Point(1)

        @dataclasses.dataclass
        class Config:
            lr: float = 0.1
            steps: list = dataclasses.field(default_factory=list)

        @functools.wraps(len)
        def wrapped(): ...

        @contextlib.contextmanager
        def managed():
            yield 5

        with managed() as five, warnings.catch_warnings(), contextlib.suppress(ValueError):
            warnings.simplefilter("ignore")
            raise ValueError
        lr = Config().lr
        def typed(x: typing.Optional[typing.List[int]] = None) -> "typing.Any": ...
        """
    )
    assert names["root"] == 3.0
    assert names["half"] == 8
    assert names["chained"] == [1, 2]
    assert names["copied"] == {"a": [1]}
    assert names["point"] == (1, 2)
    assert names["lr"] == 0.1
    assert names["five"] == 5
    assert names["wrapped"].__name__ == "len"


def test_time_goes_on_by_itself_alone() -> None:
    body = """
        start = time.time()
        rounds = 0
        while time.time() - start < 1:
            rounds += 1
        time.sleep(3600)
        late = time.time() - start
        """
    first, second = run(body), run(body)
    assert first["rounds"] == second["rounds"] == 99
    assert first["late"] > 3600


def test_random_numbers_are_the_same_in_each_script() -> None:
    body = "numbers = [random.random(), random.randint(1, 100)]\nrandom.seed(3)\nlater = random.random()"
    first, second = run(body), run(body)
    assert first["numbers"] == second["numbers"]
    assert first["later"] == second["later"]


# -- the parent ---------------------------------------------------------------------------------------------------


def test_the_static_check_needs_no_torch() -> None:
    source = Path(sys.modules["optlint.replay.guard"].__file__ or "")
    tree = ast.parse(source.read_text())
    at_the_top = [each for each in tree.body if isinstance(each, (ast.Import, ast.ImportFrom))]
    assert not any("guard_names" in ast.unparse(each) or "torch" in ast.unparse(each) for each in at_the_top)
