"""Values: stand-ins for anything (`Unknown`), and the numbers with a graph that come out of modules (`Flow`)."""

from __future__ import annotations

import dis
import re
import sys
from collections.abc import Iterator
from functools import lru_cache
from typing import Any

import torch

from optlint.replay.standin.conditions import StandInError, decided, is_equal
from optlint.replay.standin.numbers import BATCHES, element_count, number_for

_TRAINING = re.compile(r"(?i)(train|fit|step|update|optimi[sz]e|epoch|run|learn)(?!\w*(lr|rate))[a-z_]*$")
"""Functions that may step an optimizer that they are given."""
_MODULE_METHODS = frozenset(
    "parameters named_parameters state_dict children modules named_modules requires_grad_ zero_grad train eval".split()
)
"""What shows that a value is a module."""
_OF_TENSORS = re.compile(r"\.(clone|detach|unsqueeze|squeeze|reshape|view|flatten|contiguous|permute)\(\)$")
"""What comes of methods that tensors alone have: it may want a gradient, and is no module."""


BECOMES: dict[str, Any] = {}
"""What a stand-in turns into when more is heard of it: `module` makes one of a label and its parts, `device` the
argument that says on which device a tensor is made."""


def taken_for_module(method: str) -> None:
    """A value is taken for a module from now on, because it was asked for a method; hooks look at that."""


class Unknown:
    """Some value. `wrapped` is a module or an optimizer that it was made of, and that it then stands for."""

    def __init__(self, label: str = "", known: dict[str, Any] | None = None, given: tuple[Any, ...] = ()) -> None:
        self.__dict__["_label"] = label
        self.__dict__["_known"] = dict(known or {})
        self.__dict__["_given"] = given
        self.__dict__["_handed"] = given
        self.__dict__["_usual"] = True
        solid = [each for each in given if _is_solid(each)]
        self.__dict__["_wrapped"] = solid[0] if len(solid) == 1 else None

    def __repr__(self) -> str:
        return f"<{self._label or 'a stand-in'}>"

    def __getattr__(self, name: str) -> Any:
        if name.startswith("__"):
            raise AttributeError(name)
        if name in self._known and self._wrapped is None:
            return self._known[name]
        # `args.train` and `cfg.train.lr` are no methods.
        if name == "requires_grad_" and _OF_TENSORS.search(self._label):
            return lambda requires_grad=True: self
        is_method = name in _MODULE_METHODS and (name not in ("train", "eval") or is_called(sys._getframe(1)))
        if is_method and name == "train" and self._wrapped is None:
            return self._train
        if is_method and self._wrapped is None:
            self._become_module(name)
        wrapped = self._wrapped
        if wrapped is not None and name == "module":
            return wrapped
        if wrapped is not None and hasattr(wrapped, name):
            return getattr(wrapped, name)
        if name not in self._known and is_called(sys._getframe(1)):
            return Unknown(f"{self._label}.{name}")  # no number is called
        return self._named(name)

    def _become_module(self, method: str) -> None:
        taken_for_module(method)
        parts = (key for key in self._known if key.isidentifier())
        self.__dict__["_wrapped"] = BECOMES["module"](self._label or "model", *parts)

    def _train(self, *args: Any, **kwargs: Any) -> Any:
        """The mode of a module; with more than that, the work of a trainer."""
        if len(args) + len(kwargs) > 1:
            return Unknown(f"{self._label}.train")(*args, **kwargs)
        self._become_module("train")
        return self._wrapped.train(*args, **kwargs)

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
        if self._label.endswith("is_available"):
            return False  # as of `torch.npu`, which torch alone has not
        if isinstance(self._wrapped, torch.nn.Module):
            return forward(self._wrapped, given)
        if self._label.endswith("master_params"):
            return [each for optimizer in given for group in optimizer.param_groups for each in group["params"]]
        if _TRAINING.search(self._label) and any(isinstance(each, torch.optim.Optimizer) for each in given):
            raise StandInError(f"`{self._label}` was given an optimizer, and may have stepped it")
        if any(map(_holds_flow, given)):
            if self._label.endswith("backward"):  # as of `accelerator.backward(loss)`
                return _flows(given)[0].backward()  # type: ignore[no-untyped-call]
            return mixed(given)
        if self._label.endswith(("clip_grad_norm_", "clip_grad_norm", "clip_gradients")) and given:
            norm = next((float(each) for each in given[1:] if isinstance(each, (int, float))), 1.0)
            return torch.nn.utils.clip_grad_norm_(_leaves(given[0]), norm)
        made = Unknown(f"{self._label}()", given=given)
        made.__dict__["_handed"] = args
        return made

    def __iter__(self) -> Iterator[Any]:
        taken = _unpacked(sys._getframe(1))
        if taken is None:
            count = BATCHES if self._label.endswith("]") else element_count()  # what a loader hands out is a batch
            return iter([self._named(f"[{index}]") for index in range(count)])
        handed = _handed_back(self._handed, self._given, taken)
        return iter(handed or [self._named(f"[{index}]") for index in range(taken)])

    def __next__(self) -> Any:
        return self._named("[next]")

    def keys(self) -> Any:
        """The names of a mapping's members, as `**batch` asks for them."""
        if isinstance(self._wrapped, torch.nn.Module):
            return self._named("keys")
        return [key for key in self._known if key.isidentifier()] or ["first", "second"]

    def get(self, key: Any = None, default: Any = None) -> Any:
        """A member of a mapping, or what is to be there in its place."""
        if isinstance(key, str) and key not in self._known and default is not None:
            self._known[key] = default
        return self._named("got") if key is None else self[key]

    def items(self) -> Any:
        """The members of a mapping."""
        return [(key, self._named(key)) for key in self.keys()]

    def values(self) -> Any:
        """The values of a mapping."""
        return [self._named(key) for key in self.keys()]

    def __len__(self) -> int:
        return element_count()

    def __bool__(self) -> bool:
        return decided(self._label, self._usual)

    def __contains__(self, item: Any) -> bool:
        return decided(f"{_written(item)} in {self._label}")

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
        return self is other or is_equal(self._label, other)

    def __format__(self, spec: str) -> str:
        return repr(self)

    @classmethod
    def __torch_function__(cls, function: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        name, kwargs = getattr(function, "__name__", ""), kwargs or {}
        if name in _FACTORIES:
            known = {key: _sized(value) for key, value in kwargs.items() if not isinstance(value, Unknown)}
            if isinstance(kwargs.get("device"), Unknown):
                known |= BECOMES["device"](kwargs["device"])
            return function(*_sized(args), **known)
        if name in _IN_PLACE and isinstance(args[0], torch.Tensor):
            try:
                return function(*map(_counted, args), **{key: _counted(value) for key, value in kwargs.items()})
            except (TypeError, RuntimeError):  # one that wants a gradient, or counts
                pass
        return mixed((*args, *kwargs.values()), name)


_FACTORIES = frozenset(
    "empty zeros ones rand randn randint full eye arange linspace tensor zeros_like randn_like normal".split()
)


_IN_PLACE = frozenset(
    "__iadd__ __isub__ __imul__ __itruediv__ add_ sub_ mul_ div_ copy_ fill_ addcmul_ addcdiv_ lerp_ clamp_".split()
)


def _counted(value: Any) -> Any:
    """An operand: a stand-in is the number that it is as a float."""
    return torch.tensor(float(value)) if isinstance(value, Unknown) else value


def _written(item: Any) -> str:
    """A value in words that are the same in each run: no addresses."""
    words = repr(item)
    return "it" if (isinstance(item, int) and abs(item) > 2**31) or " at 0x" in words else words


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


for _name in (
    "add radd sub rsub mul rmul truediv rtruediv floordiv rfloordiv mod rmod pow rpow matmul rmatmul and rand or ror "
    "xor rxor lshift rshift neg pos abs invert lt le gt ge round"
).split():
    setattr(Unknown, f"__{_name}__", _operator(_name))


def mixed(parts: tuple[Any, ...], label: str = "") -> Any:
    """What unknown code makes of some values: a flow if there is one in them, else a stand-in."""
    flows = _flows(parts)
    return Flow.of(sum(flows[1:], flows[0])) if flows else Unknown(label, given=parts)


def _leaves(given: Any) -> list[torch.Tensor]:
    """The parameters that a value is, holds or hands out."""
    if isinstance(given, torch.Tensor):
        return [given]
    if isinstance(given, (torch.nn.Module, Unknown)):
        given = given.parameters()
    return [each for each in given if isinstance(each, torch.Tensor)]


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
            if name.endswith("_like"):
                return Flow.of(_alike(name, *args[1:], **kwargs))
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
        return decided("a condition on a loss")

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


def _alike(name: str, value: Any = None, **options: Any) -> torch.Tensor:
    """A number as `ones_like` and its kin make it, without a graph; one that is drawn is 1, and lets all through."""
    if name == "full_like":
        value = options.get("fill_value", value)
        return torch.tensor(float(value))
    return torch.zeros(()) if name == "zeros_like" else torch.ones(())


_COUNTS = frozenset("size numel __len__ nelement stride".split())


def _property(function: Any) -> str:
    return str(getattr(getattr(function, "__self__", None), "__name__", ""))


def _is_scalar(value: Any) -> bool:
    return isinstance(value, (int, float)) or (isinstance(value, torch.Tensor) and value.dim() == 0)


def _is_solid(value: Any) -> bool:
    return isinstance(value, (torch.nn.Module, torch.optim.Optimizer, torch.optim.lr_scheduler.LRScheduler))


def _handed_back(handed: tuple[Any, ...], given: tuple[Any, ...], count: int) -> list[Any] | None:
    """What a function that wraps its arguments hands back: `model, optimizer = amp.initialize(model, optimizer)`.

    Those `handed` without a keyword come back in their order; `given` are all.
    """
    if len(handed) == count and any(map(_is_solid, handed)):
        return list(handed)
    solid = [each for each in given if _is_solid(each)]
    if len(handed) >= count and solid and not any(_is_solid(each) for each in given[count:]):
        return list(handed[:count])
    return solid if len(solid) == count else None


def is_called(frame: Any) -> bool:
    """Whether the running instruction looks an attribute up to call it, as no number is."""
    code, at = frame.f_code.co_code, frame.f_lasti
    name = dis.opname[code[at]]
    return name == "LOAD_METHOD" or (name == "LOAD_ATTR" and sys.version_info >= (3, 12) and bool(code[at + 1] & 1))


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


# -- forwards -----------------------------------------------------------------------------------------------------

_forwards = 0


def first_forward() -> None:
    """Let the next forward be the first."""
    global _forwards
    _forwards = 0


def _quadratic(parameter: torch.Tensor) -> torch.Tensor:
    """Half the square of the distance of a parameter from a point that differs from forward to forward."""
    real = torch.view_as_real(parameter) if parameter.is_complex() else parameter
    return 0.5 * (real - _point(real)).square().sum()


def _point(real: torch.Tensor) -> torch.Tensor:
    return torch.sin(_places(real.shape, real.dtype, real.device) + 0.7 * _forwards)


@lru_cache(maxsize=64)
def _places(shape: torch.Size, dtype: torch.dtype, device: torch.device) -> torch.Tensor:
    return torch.arange(shape.numel(), dtype=dtype, device=device).reshape(shape)


def pull(parameter: torch.Tensor) -> torch.Tensor:
    """The way of a parameter from that point: the gradient that stands in for one of which nothing is known."""
    real = torch.view_as_real(parameter) if parameter.is_complex() else parameter
    away = real.detach() - _point(real)
    return torch.view_as_complex(away) if parameter.is_complex() else away


def forward(module: torch.nn.Module, given: tuple[Any, ...] = ()) -> Any:
    """What a module makes of stand-ins: a flow from all its parameters and from the flows that it was given."""
    global _forwards
    _forwards += 1
    terms = [_quadratic(parameter) for parameter in module.parameters() if parameter.is_floating_point()]
    terms += _flows(given)
    return Flow.of(sum(terms[1:], terms[0])) if terms else Unknown(type(module).__name__)


def holds_standins(given: tuple[Any, ...]) -> bool:
    """Whether there are stand-ins or flows among some values."""
    return any(_holds_standin(each) for each in given)


def _holds_standin(value: Any, depth: int = 2) -> bool:
    if isinstance(value, (Unknown, Flow)):
        return True
    if isinstance(value, (list, tuple)) and depth:
        return any(_holds_standin(each, depth - 1) for each in value)
    return isinstance(value, dict) and bool(depth) and any(_holds_standin(each, depth - 1) for each in value.values())
