"""Stand-ins: what a replay script has in the place of all that is not torch.

A *stand-in* (`Unknown`) is some value: it can be called, indexed, entered, iterated (two elements), counted (two) and
given to torch; numbers that people name (`args.lr`, `config["epochs"]`) are real ones. A *flow* (`Flow`) is what comes
out of a module that was given a stand-in: a number with a real graph over all of the module's parameters, so that
`backward()` gives real gradients, whatever shapes the data would have had. The loss surface is a quadratic one with
its minimum elsewhere in each forward, as mini-batches have it.

Nothing here needs anything but torch, so that a script with this text before it runs alone.
"""

from __future__ import annotations

import dis
import math
import re
import sys
from collections.abc import Iterator
from typing import Any

import torch

BATCHES = 2
"""Elements of an iterable that is a stand-in."""
EPOCHS = 6
"""How often a loop runs that nobody knows the length of, unless a schedule needs more (`cover`)."""

NUMBERS: tuple[tuple[str, Any], ...] = (
    (r"betas$", (0.9, 0.999)),
    (r"milestones?|lr_steps?$|decay_epochs$", [2, 4]),
    (r"(beta|b)_?1$", 0.9),
    (r"(beta|b)_?2$", 0.999),
    (r"mom(entum)?$", 0.9),
    (r"(weight_?decay|wd|l2(_?reg)?)$", 1e-2),
    (r"(^|_)eps(ilon)?$", 1e-8),
    (r"(gamma|decay_?rate|lr_?decay|factor)$", 0.5),
    (r"warm_?up", 2),
    (r"(step_?size|decay_?(step|every|epoch)s?|lr_?decay_?(step|epoch)s?|patience|lr_?step)$", 2),
    (r"(min_?lr|lr_?min|eta_?min)$", 1e-4),
    (r"(^|_)(lr|lrate|learning_?rate)(_?(init|base|max|min|head|backbone|encoder|decoder|g|d|gen|dis\w*|\d))?$", 0.1),
    (r"(start|begin|init|first|resume|last)_?(epoch|step|iter)", 0),
    (r"(global_?step|cur(rent)?_?(step|epoch|iter)|it(eration)?_?num)$", 0),
    (r"(t_?max|epochs?|n_?epochs?|num_?epochs?|nb_?epochs?|max_?epochs?|niter)$", EPOCHS),
    (r"accum\w*_(steps?|iters?|freq\w*|num)$|^(grad(ient)?_?)?accum(ulation|ulate)?(_steps?)?$", 2),
    (r"((max|total|num|n|train)_?(steps|iters|iterations|updates)|iterations|iters|steps)$", 12),
    (r"(max_?norm|clip|grad_?norm)", 1.0),
    (r"batch_?size|(^|_)bs$", 4),
    (r"(interval|freq(uency)?|every|n_?critic|d_?steps|g_?steps|critic_?iters)$", 2),
    (r"seed$", 0),
    (r"dropout|drop_?rate|smoothing", 0.0),
    (r"(dims?|size|channels?|hidden|width|num_?labels|latent|nz|ngf|ndf|nc|vocab)$", 4),
    (r"(in|out|num|n|hidden)_?(features|units|classes|filters|labels|outputs?|inputs?)$", 4),
    (r"(num|n)_?(layers?|blocks|heads)$|^depth$", 2),
)  # fmt: skip
"""What names stand for which numbers, the first that fits."""


class StandInError(Exception):
    """A stand-in was asked for what it cannot be; says nothing about the code that is replayed."""


def number_for(name: str) -> Any:
    """Return the number that a name stands for, or None."""
    for pattern, value in NUMBERS:
        if re.search(pattern, name, re.IGNORECASE):
            if value == EPOCHS:
                return max(value, _cover.get("epochs", 0))
            return list(value) if isinstance(value, list) else value
    return None


_TRAINING = re.compile(r"(?i)(train|fit|step|update|optimi[sz]e|epoch|run|learn)(?!\w*(lr|rate))[a-z_]*$")
"""Functions that may step an optimizer that they are given."""
_MODULE_METHODS = frozenset(
    "parameters named_parameters state_dict children modules named_modules requires_grad_ zero_grad train eval".split()
)
"""What shows that a value is a module."""


class Unknown:
    """Some value. `wrapped` is a module or an optimizer that it was made of, and that it then stands for."""

    def __init__(self, label: str = "", known: dict[str, Any] | None = None, given: tuple[Any, ...] = ()) -> None:
        self.__dict__["_label"] = label
        self.__dict__["_known"] = dict(known or {})
        self.__dict__["_given"] = given
        solid = [each for each in given if _is_solid(each)]
        self.__dict__["_wrapped"] = solid[0] if len(solid) == 1 else None

    def __repr__(self) -> str:
        return f"<{self._label or 'a stand-in'}>"

    def __getattr__(self, name: str) -> Any:
        if name.startswith("__"):
            raise AttributeError(name)
        if name in _MODULE_METHODS and self._wrapped is None:
            self.__dict__["_wrapped"] = Model(
                self._label or "model", *(key for key in self._known if key.isidentifier())
            )
        wrapped = self._wrapped
        if wrapped is not None and name == "module":
            return wrapped
        if wrapped is not None and hasattr(wrapped, name):
            return getattr(wrapped, name)
        return self._named(name)

    def __setattr__(self, name: str, value: Any) -> None:
        self._known[name] = value

    def __getitem__(self, key: Any) -> Any:
        if isinstance(key, str):
            return self._named(key)
        return self._named(f"[{key}]")

    def __setitem__(self, key: Any, value: Any) -> None:
        self._known[key if isinstance(key, str) else f"[{key}]"] = value

    def __delitem__(self, key: Any) -> None:
        self._known.pop(key, None)

    def _named(self, name: str) -> Any:
        if name not in self._known:
            number = number_for(name)
            self._known[name] = Unknown(f"{self._label}.{name}") if number is None else number
        return self._known[name]

    def __call__(self, *args: Any, **kwargs: Any) -> Any:
        """What unknown code makes of the arguments."""
        given = (*args, *kwargs.values())
        if isinstance(self._wrapped, torch.nn.Module):
            return forward(self._wrapped, given)
        if _TRAINING.search(self._label) and any(isinstance(each, torch.optim.Optimizer) for each in given):
            raise StandInError(f"`{self._label}` was given an optimizer, and may have stepped it")
        if any(map(_holds_flow, given)):
            return mixed(given)
        return Unknown(f"{self._label}()", given=given)

    def __iter__(self) -> Iterator[Any]:
        count = _unpacked(sys._getframe(1))
        if count is None:
            return iter([self._named(f"[{index}]") for index in range(_count())])
        return iter(_handed_back(self._given, count) or [self._named(f"[{index}]") for index in range(count)])

    def __next__(self) -> Any:
        return self._named("[next]")

    def __len__(self) -> int:
        return _count()

    def __bool__(self) -> bool:
        return _decided(self._label)

    def __contains__(self, item: Any) -> bool:
        return _decided(f"{item!r} in {self._label}")

    def __enter__(self) -> Any:
        return self

    def __exit__(self, *_: object) -> None:
        return None

    def __index__(self) -> int:
        return 3

    def __int__(self) -> int:
        return 3

    def __float__(self) -> float:
        return 0.5

    def __hash__(self) -> int:
        return id(self)

    def __eq__(self, other: object) -> bool:
        return self is other or _is_equal(self._label, other)

    def __format__(self, spec: str) -> str:
        return repr(self)

    @classmethod
    def __torch_function__(cls, function: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        name, kwargs = getattr(function, "__name__", ""), kwargs or {}
        if name in _FACTORIES:
            return function(*_sized(args), **{key: _sized(value) for key, value in kwargs.items()})
        return mixed((*args, *kwargs.values()), name)


_FACTORIES = frozenset(
    "empty zeros ones rand randn randint full eye arange linspace tensor zeros_like randn_like normal".split()
)


def _sized(value: Any) -> Any:
    """The sizes of a tensor: a stand-in is the number that it counts as."""
    if isinstance(value, Unknown):
        return int(value)
    return type(value)(map(_sized, value)) if type(value) in (list, tuple) else value


def _operator(name: str) -> Any:
    def apply(self: Any, *others: Any) -> Any:
        made = mixed((self, *others), name)
        if isinstance(made, Unknown):
            made.__dict__["_label"] = f"{self._label} {name} {' '.join(map(repr, others))}".strip()
        return made

    return apply


# -- conditions ---------------------------------------------------------------------------------------------------

_plan: dict[str, bool] = {}
_asked: dict[str, bool] = {}
_equal: dict[str, Any] = {}


def asked() -> list[str]:
    """The conditions that depended on stand-ins, in the order in which they were first met."""
    return list(_asked)


def _decided(condition: str) -> bool:
    """The outcome of a condition: the planned one, else true; the same one each time."""
    return _asked.setdefault(condition, _plan.get(condition, True))


def _is_equal(label: str, other: object) -> bool:
    """Whether a stand-in equals a value: one that equals one value equals no other."""
    if label in _equal:
        return bool(_equal[label] == other)
    outcome = _decided(f"{label} == {other!r}")
    if outcome:
        _equal[label] = other
    return outcome


for _name in (
    "add radd sub rsub mul rmul truediv rtruediv floordiv rfloordiv mod rmod pow rpow matmul rmatmul and rand or ror "
    "xor rxor lshift rshift neg pos abs invert lt le gt ge round"
).split():
    setattr(Unknown, f"__{_name}__", _operator(_name))


def mixed(parts: tuple[Any, ...], label: str = "") -> Any:
    """What unknown code makes of some values: a flow if there is one in them, else a stand-in."""
    flows = _flows(parts)
    return Flow.of(sum(flows[1:], flows[0])) if flows else Unknown(label, given=parts)


def _holds_flow(value: Any, depth: int = 2) -> bool:
    """Whether a value is a flow or a tensor that was computed, or holds one; a parameter is neither."""
    if isinstance(value, torch.Tensor):
        return isinstance(value, Flow) or not value.is_leaf
    if isinstance(value, (list, tuple, dict)) and depth:
        return any(_holds_flow(each, depth - 1) for each in (value.values() if isinstance(value, dict) else value))
    return False


def _flows(parts: Any, depth: int = 3) -> list[torch.Tensor]:
    """The numbers with a graph in some values: flows, and sums of tensors that want a gradient."""
    found: list[torch.Tensor] = []
    for part in parts:
        if isinstance(part, Flow):
            found.append(part.plain())
        elif isinstance(part, torch.Tensor):
            if part.requires_grad and part.is_floating_point():
                found.append(_quadratic(part) if part.is_leaf else part.sum())
        elif isinstance(part, (list, tuple)) and depth:
            found += _flows(part, depth - 1)
        elif isinstance(part, dict) and depth:
            found += _flows(part.values(), depth - 1)
    return found


class Flow(torch.Tensor):
    """A number with a graph: what is computed from modules that were given stand-ins."""

    @staticmethod
    def of(value: torch.Tensor) -> Flow:
        """The flow of a number."""
        return value.as_subclass(Flow)

    def plain(self) -> torch.Tensor:
        """The number, an ordinary tensor."""
        return self.as_subclass(torch.Tensor)

    @classmethod
    def __torch_function__(cls, function: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        kwargs = kwargs or {}
        name = getattr(function, "__name__", "")
        with torch._C.DisableTorchFunctionSubclass():
            if name in _REAL or (name == "__get__" and _property(function) in _REAL_PROPERTIES):
                result = function(*args, **kwargs)
                return Flow.of(result) if name in _KEEPS and isinstance(result, torch.Tensor) else result
            if name == "__get__":
                return Unknown(_property(function))
            if name in _ARITHMETIC and all(_is_scalar(each) for each in args) and not kwargs:
                return Flow.of(function(*args))
            if name in _COUNTS:
                return Unknown(name)
            flows = _flows((*args, *kwargs.values()))
            return Flow.of(sum(flows[1:], flows[0])) if flows else Flow.of(torch.zeros(()))

    def __getattr__(self, name: str) -> Any:
        if name.startswith("__"):
            raise AttributeError(name)
        return self

    def __call__(self, *args: Any, **kwargs: Any) -> Any:
        """A method of an output is another look at it."""
        return self

    def __getitem__(self, key: Any) -> Any:
        return self

    def __setitem__(self, key: Any, value: Any) -> None:
        pass

    def __enter__(self) -> Any:
        return self

    def __exit__(self, *_: object) -> None:
        return None

    def __iter__(self) -> Iterator[Any]:
        count = _unpacked(sys._getframe(1))
        share = Flow.of(self.plain() / (count or BATCHES))
        return iter([share] * (count or BATCHES))

    def __len__(self) -> int:
        return BATCHES

    def __bool__(self) -> bool:
        return _decided("a condition on a loss")

    def __contains__(self, item: Any) -> bool:
        return True

    def __format__(self, spec: str) -> str:
        return format(self.plain().detach().item(), spec)

    def __repr__(self) -> str:  # type: ignore[override]
        return f"<a flow of {self.plain().detach().item():.6g}>"

    def __hash__(self) -> int:
        return id(self)


_REAL = frozenset(
    "backward detach detach_ item register_hook retain_grad requires_grad_ is_floating_point is_complex __deepcopy__ "
    "clone as_subclass dim __float__ __int__ tolist".split()
)
_KEEPS = frozenset(("detach", "clone", "requires_grad_"))
_REAL_PROPERTIES = frozenset("requires_grad grad grad_fn is_leaf dtype device data is_sparse is_cuda layout".split())
_ARITHMETIC = frozenset(
    "add sub mul div true_divide rsub __add__ __radd__ __sub__ __rsub__ __mul__ __rmul__ __truediv__ __rtruediv__ "
    "__neg__ neg __pow__ pow __iadd__ __imul__ __itruediv__ sum mean".split()
)
_COUNTS = frozenset("size numel __len__ nelement stride".split())


def _property(function: Any) -> str:
    return str(getattr(getattr(function, "__self__", None), "__name__", ""))


def _is_scalar(value: Any) -> bool:
    return isinstance(value, (int, float)) or (isinstance(value, torch.Tensor) and value.dim() == 0)


def _is_solid(value: Any) -> bool:
    return isinstance(value, (torch.nn.Module, torch.optim.Optimizer, torch.optim.lr_scheduler.LRScheduler))


def _handed_back(given: tuple[Any, ...], count: int) -> list[Any] | None:
    """What a function that wraps its arguments hands back: `model, optimizer = amp.initialize(model, optimizer)`."""
    if len(given) == count and any(map(_is_solid, given)):
        return list(given)
    solid = [each for each in given if _is_solid(each)]
    return solid if len(solid) == count else None


def _unpacked(frame: Any) -> int | None:
    """How many values the running instruction takes from an iterable, or None where it is no unpacking."""
    code = frame.f_code.co_code
    at = frame.f_lasti
    name = dis.opname[code[at]]
    if name == "UNPACK_SEQUENCE":
        return int(code[at + 1])
    if name == "UNPACK_EX":
        before = code[at + 1]
        after = code[at - 1] if dis.opname[code[at - 2]] == "EXTENDED_ARG" else 0
        return int(before + after + 1)
    return None


# -- modules ------------------------------------------------------------------------------------------------------

_forwards = 0


def restart(plan: dict[str, bool] | None = None) -> None:
    """Begin a new replay: the first forward has number 0, and conditions come out as planned."""
    global _forwards
    _forwards = 0
    _plan.clear()
    _plan.update(plan or {})
    _asked.clear()
    _equal.clear()
    _cover.clear()
    _away.clear()


_cover: dict[str, int] = {}


def cover(steps: int, batches: int = 0) -> None:
    """Let loops of unknown length see a schedule of so many steps, and loaders have so many batches."""
    _cover["epochs"] = steps
    _cover["batches"] = batches


def _count() -> int:
    return max(BATCHES, _cover.get("batches", 0))


def install() -> None:
    """Let every module that is given a stand-in answer with a flow, and nothing be loaded from a stand-in."""
    called = torch.nn.Module.__call__

    def call(self: torch.nn.Module, *args: Any, **kwargs: Any) -> Any:
        given = (*args, *kwargs.values())
        return forward(self, given) if takes_standins(self, given) else called(self, *args, **kwargs)

    torch.nn.Module.__call__ = call  # type: ignore[method-assign]
    torch.nn.Module.__setattr__ = _setting(torch.nn.Module.__setattr__)  # type: ignore[method-assign]
    torch.nn.Module.add_module = _adding(torch.nn.Module.add_module)  # type: ignore[method-assign]
    torch.cuda.is_available = _asking(torch.cuda.is_available)
    loading: tuple[Any, ...] = (torch.nn.Module, torch.optim.Optimizer, torch.optim.lr_scheduler.LRScheduler)
    for owner in loading:
        owner.load_state_dict = _loading(owner.load_state_dict)
    moving: tuple[Any, ...] = (torch.nn.Module, torch.Tensor)
    for owner in moving:
        for name in ("to", "cuda", "npu", "xpu", "mps"):
            setattr(owner, name, _staying(getattr(owner, name, None), name))


def _setting(set_attribute: Any) -> Any:
    def setting(self: Any, name: str, value: Any) -> None:
        # What unknown code makes for a module to keep is a module more often than anything else.
        made = isinstance(value, Unknown) and value._label.endswith(")") and value._wrapped is None
        set_attribute(self, name, Model(name) if made else value)

    return setting


def _adding(add: Any) -> Any:
    def add_module(self: Any, name: str, module: Any) -> None:
        add(self, name, Model(name) if isinstance(module, (Unknown, _Method)) else module)

    return add_module


def item(container: Any, key: Any) -> Any:
    """`container[key]`; where nobody knows the key, any value that is there."""
    if isinstance(container, (Unknown, Flow, torch.Tensor)):
        return container[key]
    try:
        return container[key]
    except (LookupError, TypeError):
        values = list(container.values() if isinstance(container, dict) else container)
        return values[0] if values else Unknown(f"[{key!r}]")


def _loading(load: Any) -> Any:
    def load_state_dict(self: Any, state: Any, *args: Any, **kwargs: Any) -> Any:
        if not isinstance(state, Unknown):
            return load(self, state, *args, **kwargs)
        if kwargs.get("assign") and isinstance(self, torch.nn.Module):
            fresh = {name: torch.nn.Parameter(value.detach().clone()) for name, value in self.state_dict().items()}
            return load(self, fresh, *args, **kwargs)
        return Unknown("load_state_dict()")

    return load_state_dict


_away: set[str] = set()


def moved_away() -> bool:
    """Whether something was to go to a device that is not here, and stayed."""
    return bool(_away)


def device(name: Any) -> str:
    """The device of a name, or the processor where there is none such."""
    if isinstance(name, Unknown):
        _away.add("unknown")
        return "cpu"
    if isinstance(name, int):
        name = f"cuda:{name}"
    name = f"{name}"
    kind = name.partition(":")[0]
    if kind in ("cpu", "meta") or (kind == "cuda" and torch.cuda.is_available()):
        return str(name)
    _away.add(kind)
    return "cpu"


def _asking(is_available: Any) -> Any:
    def asked_for_cuda() -> bool:
        found = bool(is_available())
        if not found and sys._getframe(1).f_code.co_filename == "<replay>":
            _away.add("cuda")  # elsewhere the code goes another way
        return found

    return asked_for_cuda


def _copied(value: Any) -> Any:
    """What a move to another device makes of a value: a tensor becomes another one, a module stays itself."""
    if not isinstance(value, torch.Tensor) or getattr(value, "_is_away", False):
        return value
    copy = value.clone()
    copy._is_away = True  # type: ignore[attr-defined]
    return copy


def _staying(move: Any, name: str) -> Any:
    def moved(self: Any, *args: Any, **kwargs: Any) -> Any:
        if name != "to":
            return move(self, *args, **kwargs) if device(name) != "cpu" else _copied(self)
        target = kwargs.get("device", args[0] if args else None)
        if isinstance(target, (Unknown, Flow)):
            _away.add("unknown")
            return _copied(self)
        if isinstance(target, int) and not isinstance(target, bool):
            target = f"cuda:{target}"
        if isinstance(target, (str, torch.device)) and device(str(target)) != str(target):
            rest = {key: value for key, value in kwargs.items() if key != "device"}
            args = args[1:] if "device" not in kwargs else args
            return _copied(move(self, *args, **rest) if args or rest else self)
        return move(self, *args, **kwargs)

    return moved


def _quadratic(parameter: torch.Tensor) -> torch.Tensor:
    """Half the square of the distance of a parameter from a point that differs from forward to forward."""
    real = torch.view_as_real(parameter) if parameter.is_complex() else parameter
    places = torch.arange(real.numel(), dtype=real.dtype, device=real.device).reshape(real.shape)
    return 0.5 * (real - torch.sin(places + 0.7 * _forwards)).square().sum()


def forward(module: torch.nn.Module, given: tuple[Any, ...] = ()) -> Any:
    """What a module makes of stand-ins: a flow from all its parameters and from the flows that it was given."""
    global _forwards
    _forwards += 1
    terms = [_quadratic(parameter) for parameter in module.parameters() if parameter.is_floating_point()]
    terms += _flows(given)
    return Flow.of(sum(terms[1:], terms[0])) if terms else Unknown(type(module).__name__)


def takes_standins(module: torch.nn.Module, given: tuple[Any, ...]) -> bool:
    """Whether a call of a module is one that `forward` answers."""
    return isinstance(module, Model) or any(_holds_standin(each) for each in given)


def _holds_standin(value: Any, depth: int = 2) -> bool:
    if isinstance(value, (Unknown, Flow)):
        return True
    if isinstance(value, (list, tuple)) and depth:
        return any(_holds_standin(each, depth - 1) for each in value)
    return isinstance(value, dict) and bool(depth) and any(_holds_standin(each, depth - 1) for each in value.values())


class Model(torch.nn.Module):
    """A module with a weight and a bias of its own and with the parts that the code names: `model("net", "fc.0")`."""

    def __init__(self, label: str = "model", *parts: str) -> None:
        super().__init__()
        self.__dict__["_label"] = label
        self.register_parameter("weight", torch.nn.Parameter(torch.linspace(-1.0, 1.0, 3)))
        self.register_parameter("bias", torch.nn.Parameter(torch.linspace(0.5, 1.0, 2)))
        for part in parts:
            here: Any = self
            for name in filter(None, part.replace("[", ".").replace("]", "").split(".")):
                if name in ("weight", "bias"):
                    break
                if name not in here._modules:
                    here.add_module(name, Model(f"{here._label}.{name}"))
                here = here._modules[name]

    def register_parameter(self, name: str, param: torch.nn.Parameter | None) -> None:
        """Take a parameter in: every name is free, although each gives something."""
        self._parameters[name] = param

    def add_module(self, name: str, module: torch.nn.Module | None) -> None:
        """Take a part in."""
        self._modules[name] = module

    def register_buffer(self, name: str, tensor: torch.Tensor | None, persistent: bool = True) -> None:
        """Take a buffer in."""
        self._buffers[name] = tensor

    def forward(self, *args: Any, **kwargs: Any) -> Any:
        """A flow from all parameters."""
        return forward(self, (*args, *kwargs.values()))

    def __getattr__(self, name: str) -> Any:
        try:
            return super().__getattr__(name)
        except AttributeError:
            if name.startswith("__"):
                raise
            number = number_for(name)
            if number is not None or name in ("config", "cfg", "args"):
                return Unknown(name) if number is None else number
            return _Method(self, name)

    def __getitem__(self, key: Any) -> Any:
        children = list(self._modules.values())
        if isinstance(key, str):
            return self._modules[key] if key in self._modules else Unknown(key)
        if isinstance(key, slice):
            return torch.nn.Sequential(*(each for each in children[key] if each is not None)) if children else self
        if isinstance(key, int) and -len(children) <= key < len(children):
            return children[key]
        return children[0] if children else self

    def __iter__(self) -> Iterator[Any]:
        return iter(self._modules.values())

    def __len__(self) -> int:
        return len(self._modules)


class _Method:
    """A method of a stand-in's module that nobody knows: called, it is another forward."""

    def __init__(self, module: torch.nn.Module, name: str) -> None:
        self._module = module
        self._name = name

    def __call__(self, *args: Any, **kwargs: Any) -> Any:
        return forward(self._module, (*args, *kwargs.values()))

    def __getattr__(self, name: str) -> Any:
        if name.startswith("__"):
            raise AttributeError(name)
        return Unknown(f"{self._name}.{name}")


def model(label: str = "model", *parts: str) -> Model:
    """A stand-in for a module, with the parts that the code speaks of."""
    return Model(label, *parts)


def unknown(label: str = "", **known: Any) -> Any:
    """A stand-in for anything else; a name that people give to numbers is a number. `known` are its attributes."""
    number = number_for(label.rpartition(".")[2]) if not known else None
    return Unknown(label, known) if number is None else number


class Open:
    """The base of the project's own classes: an attribute that the script leaves out is a stand-in."""

    def __getattr__(self, name: str) -> Any:
        if name.startswith("__"):
            raise AttributeError(name)
        value = unknown(name)
        self.__dict__[name] = value
        return value


def wrapped(inner: Any) -> Any:
    """What stands for a module or an optimizer, and has it as `module`."""
    return Unknown("wrapped", given=(inner,))


def namespace(**members: Any) -> Any:
    """A stand-in for a module of the project, with what is used of it."""
    return Unknown("module", members)


def progress(iterable: Any = None, *args: Any, **kwargs: Any) -> Any:
    """A progress bar: the iterable that it was given."""
    return range(iterable) if isinstance(iterable, int) else Unknown("bar") if iterable is None else iterable


def optimizer(*given: Any) -> torch.optim.Optimizer:
    """A stand-in for an optimizer of modules, parameters or param groups: SGD with momentum."""
    return torch.optim.SGD([*_parameters(given)] or Model().parameters(), lr=0.1, momentum=0.9)


def _parameters(given: Any) -> Iterator[torch.Tensor]:
    for each in given:
        if isinstance(each, torch.Tensor):
            if each.requires_grad and each.is_leaf:
                yield each
        elif isinstance(each, torch.optim.Optimizer):
            yield from _parameters(group["params"] for group in each.param_groups)
        elif hasattr(each, "parameters"):
            yield from each.parameters()
        elif isinstance(each, dict):
            yield from _parameters([each.get("params", ())])
        elif hasattr(each, "__iter__") and not isinstance(each, str):
            yield from _parameters(each)


def scheduler(of: torch.optim.Optimizer) -> torch.optim.lr_scheduler.LRScheduler:
    """A stand-in for a scheduler: half the rate every two steps."""
    return torch.optim.lr_scheduler.StepLR(of, 2, 0.5)


def linear_warm_up(
    optimizer: torch.optim.Optimizer, num_warmup_steps: int, num_training_steps: int, last_epoch: int = -1
) -> torch.optim.lr_scheduler.LRScheduler:
    """The schedule that transformers makes under that name: up to the base rate, then down to zero."""
    return _warm_up(optimizer, num_warmup_steps, num_training_steps, lambda share: 1.0 - share)


def cosine_warm_up(
    optimizer: torch.optim.Optimizer,
    num_warmup_steps: int,
    num_training_steps: int,
    num_cycles: float = 0.5,
    last_epoch: int = -1,
) -> torch.optim.lr_scheduler.LRScheduler:
    """The schedule that transformers makes under that name: up to the base rate, then down along a cosine."""
    return _warm_up(
        optimizer,
        num_warmup_steps,
        num_training_steps,
        lambda share: 0.5 * (1.0 + math.cos(math.pi * num_cycles * 2.0 * share)),
    )


def _warm_up(
    optimizer: torch.optim.Optimizer, warm_up: Any, total: Any, falling: Any
) -> torch.optim.lr_scheduler.LRScheduler:
    first, last = int(warm_up), max(int(total), int(warm_up) + 1)

    def factor(step: int) -> float:
        if step < first:
            return step / max(1, first)
        return float(max(0.0, falling(min(1.0, (step - first) / (last - first)))))

    made: torch.optim.lr_scheduler.LRScheduler = torch.optim.lr_scheduler.LambdaLR(optimizer, factor)
    made.total_steps = last  # type: ignore[attr-defined]
    return made
