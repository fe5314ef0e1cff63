"""The namespace that a script has for `torch`: what computes comes out as it is, what touches the world does not.

Which names a module of torch offers is said by a `Rule`; a name that torch has and no rule offers is a stand-in, and
one that torch has not is the same error as from torch.
"""

from __future__ import annotations

import importlib.machinery
import sys
from collections.abc import Callable
from dataclasses import dataclass
from types import BuiltinFunctionType, ModuleType
from typing import Any

import torch

Unknown = Callable[[str], Any]
"""Makes the stand-in for a path: `torch.save`."""
Make = Callable[[str, Callable[[str], Any]], Any]
"""Makes a namespace of a label and what looks a name up."""


@dataclass(frozen=True, slots=True)
class Rule:
    """What a module of torch offers.

    Attributes:
        names: Values by name.
        whole: Whether all its classes and public functions come out that a whole part of torch defines.
        operations: Whether all public functions that are not written in Python come out: they compute on tensors.

    Of its modules those come out, as namespaces, that have a rule themselves or belong to a whole part.
    """

    names: frozenset[str] = frozenset()
    whole: bool = False
    operations: bool = False


def _names(text: str) -> frozenset[str]:
    return frozenset(text.split())


WHOLE = ("torch.nn", "torch.optim", "torch.distributions")
"""Parts of torch whose classes and functions all compute, but for `CLOSED`."""

CLOSED = _names(
    "torch.from_file torch.fork torch.wait torch.import_ir_module torch.import_ir_module_from_buffer torch.parse_ir "
    "torch.nn.parallel.parallel_apply torch.nn.parallel.DistributedDataParallel torch.nn.parallel.distributed "
    "torch.nn.parallel.comm torch.nn.parallel.replicate torch.nn.parallel.DistributedDataParallelCPU"
)

RULES: dict[str, Rule] = {
    "torch": Rule(
        operations=True,
        names=_names(
            "Tensor Size Generator device dtype layout memory_format finfo iinfo no_grad enable_grad inference_mode "
            "set_grad_enabled empty zeros ones rand randn full autocast GradScaler "
            "BFloat16Tensor BoolTensor ByteTensor CharTensor DoubleTensor "
            "FloatTensor HalfTensor IntTensor LongTensor ShortTensor OutOfMemoryError e inf nan pi newaxis "
            "__version__ atleast_1d atleast_2d atleast_3d block_diag broadcast_shapes broadcast_tensors "
            "cartesian_prod cdist chain_matmul einsum get_default_device get_float32_matmul_precision get_rng_state "
            "initial_seed is_storage is_tensor lobpcg lu manual_seed meshgrid norm pca_lowrank seed set_rng_state "
            "split stft svd_lowrank tensordot typename unique unique_consecutive unravel_index vmap "
            "are_deterministic_algorithms_enabled get_default_dtype get_num_threads is_autocast_enabled "
            "is_grad_enabled is_inference_mode_enabled strided"
        ),
    ),
    "torch.nn": Rule(whole=True),
    "torch.optim": Rule(whole=True),
    "torch.optim.optimizer": Rule(_names("required"), whole=True),
    "torch.distributions": Rule(whole=True),
    "torch.linalg": Rule(operations=True),
    "torch.fft": Rule(operations=True),
    "torch.special": Rule(operations=True),
    "torch.amp": Rule(_names("GradScaler autocast custom_bwd custom_fwd is_autocast_available")),
    "torch.amp.autocast_mode": Rule(_names("autocast custom_bwd custom_fwd")),
    "torch.amp.grad_scaler": Rule(_names("GradScaler OptState")),
    "torch.cpu": Rule(_names("is_available device_count synchronize")),
    "torch.cpu.amp": Rule(_names("autocast GradScaler")),
    "torch.cuda": Rule(
        _names(
            "is_available device_count current_device manual_seed manual_seed_all synchronize empty_cache set_device "
            "device is_bf16_supported memory_allocated max_memory_allocated reset_peak_memory_stats FloatTensor "
            "DoubleTensor HalfTensor LongTensor IntTensor BoolTensor ByteTensor OutOfMemoryError"
        )
    ),
    "torch.cuda.amp": Rule(_names("autocast GradScaler custom_bwd custom_fwd")),
    "torch.cuda.amp.autocast_mode": Rule(_names("autocast custom_bwd custom_fwd")),
    "torch.cuda.amp.grad_scaler": Rule(_names("GradScaler OptState")),
    "torch.autograd": Rule(
        _names(
            "Function Variable backward grad no_grad enable_grad set_grad_enabled inference_mode detect_anomaly "
            "set_detect_anomaly gradcheck"
        )
    ),
    "torch.autograd.function": Rule(_names("Function once_differentiable InplaceFunction")),
    "torch.autograd.functional": Rule(_names("jacobian hessian vjp jvp vhp hvp")),
    "torch.autograd.variable": Rule(_names("Variable")),
    "torch.autograd.grad_mode": Rule(_names("no_grad enable_grad set_grad_enabled inference_mode")),
    "torch.functional": Rule(_names("einsum norm split tensordot meshgrid")),
    "torch.version": Rule(_names("cuda hip __version__")),
    "torch.utils": Rule(),
}

INERT = _names(
    "torch.set_default_dtype torch.set_default_device torch.set_default_tensor_type torch.set_num_threads "
    "torch.set_num_interop_threads torch.set_printoptions torch.set_float32_matmul_precision torch.set_flush_denormal "
    "torch.set_warn_always torch.use_deterministic_algorithms torch.set_deterministic_debug_mode"
)
"""Settings that are the replay's own: a script's calls of them do nothing."""

EXTENSIONS = _names("torch.npu torch.mlu torch.musa torch.gcu torch.sdaa torch.xla")
"""What other packages add to torch: it is not there, and no fault of a script."""

WITHOUT_CUDA = _names("synchronize set_device reset_peak_memory_stats empty_cache")
"""Of `torch.cuda`: does nothing where there is no such device, so that a replay on the processor goes on."""


def torch_namespace(unknown: Unknown, make: Make) -> Any:
    """The namespace for `torch`; those of its parts are made when they are asked for, and once."""
    made: dict[str, Any] = {}

    def part(path: str) -> Any:
        if path not in made:
            made[path] = make(path, lambda name: look(path, name))
        return made[path]

    def look(path: str, name: str) -> Any:
        inner = f"{path}.{name}"
        if inner == "torch.backends":
            return made.setdefault(inner, Backends(unknown))
        if inner in INERT or (path == "torch.cuda" and name in WITHOUT_CUDA and not torch.cuda.is_available()):
            return _no_effect
        module = sys.modules[path]
        if name not in vars(module) and inner not in sys.modules:
            if _is_part(module, name) or inner in EXTENSIONS:
                return unknown(inner)
            message = f"module '{path}' has no attribute '{name}'"
            raise AttributeError(message)  # by itself: that of `getattr` would carry the module in `obj`
        value = vars(module).get(name, sys.modules.get(inner))  # torch takes some of its modules' names away again
        if isinstance(value, ModuleType):
            same = sys.modules.get(inner) is value
            return part(inner) if same and inner not in CLOSED and _rule(inner) else unknown(inner)
        return value if inner not in CLOSED and _offers(_rule(path), name, value) else unknown(inner)

    return part("torch")


def _rule(path: str) -> Rule | None:
    """The rule for a module, or None where the whole module is closed, as all private ones are."""
    if "._" in path:
        return None
    if path in RULES:
        return RULES[path]
    if path.startswith(tuple(f"{each}." for each in WHOLE)):
        return RULES["torch.nn"]
    return None


def _offers(rule: Rule | None, name: str, value: Any) -> bool:
    """Whether a value comes out under a rule; never a module, nor a class that makes classes."""
    if rule is None:
        return False
    if isinstance(value, type) and (issubclass(value, type) or hasattr(type(value), "register")):
        return False  # nor one that others can be declared to belong to: a `match` would read their attributes
    if name in rule.names:
        return True
    if isinstance(value, BuiltinFunctionType):  # of torch's C++ part, and all of them on tensors
        return (rule.operations or rule.whole) and not name.startswith("_") and _computes(name, value)
    if rule.operations and isinstance(value, (torch.dtype, torch.layout, torch.memory_format)):
        return True
    home = getattr(value, "__module__", None) or ""
    if rule.whole and (callable(value) or isinstance(value, type)):
        public = not name.startswith("_") or isinstance(value, type)
        return public and f"{home}.".startswith(
            tuple(f"{each}." for each in (*WHOLE, "optlint.replay", "torch.autograd"))
        )
    return False


def _computes(name: str, value: Any) -> bool:
    """Whether a function of C++ is an operation on tensors, not one of the many others that `torch` holds."""
    home = getattr(value, "__self__", None)
    if home is None or isinstance(home, ModuleType):
        return not hasattr(torch._C, name) or hasattr(torch._C._nn, name)
    return True


def _is_part(module: ModuleType, name: str) -> bool:
    """Whether a module has a module of this name that is not imported yet."""
    if name in getattr(module, "_lazy_modules", ()):
        return True
    places = getattr(module, "__path__", None)
    return (
        places is not None and importlib.machinery.PathFinder.find_spec(f"{module.__name__}.{name}", places) is not None
    )


def _no_effect(*args: object, **kwargs: object) -> None:
    """A setting that a script makes in vain."""


class Backends:
    """`torch.backends` in a script: its switches can be set and read, and have no effect."""

    def __init__(self, unknown: Unknown, path: str = "torch.backends") -> None:
        self.__dict__.update(_unknown=unknown, _path=path)

    def __getattr__(self, name: str) -> Any:
        path = f"{self._path}.{name}"
        if name.startswith("__"):
            raise AttributeError(f"no `{name}` in {self._path}")
        if path in ("torch.backends.mps.is_available", "torch.backends.cudnn.is_available"):
            return getattr(torch.backends, self._path.rpartition(".")[2]).is_available
        if self._path == "torch.backends":
            return self.__dict__.setdefault(name, Backends(self._unknown, path))
        return self._unknown(path)
