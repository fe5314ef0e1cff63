"""The call that enters what a script replays, with stand-ins for its arguments."""

from __future__ import annotations

import ast
import re
from typing import TYPE_CHECKING

from optlint.program.defaults import defaults_of
from optlint.program.modules import FunctionNode, ModuleInfo
from optlint.program.objects import Model, Object, Optimizer, Scaler, Scheduler
from optlint.program.values import Default, Join, Opaque
from optlint.replay.script import StandIn, origin_in
from optlint.replay.slicer.slice import CannotSliceError, definitions
from optlint.replay.slicer.vocabulary import OPTIMIZER_NAME

if TYPE_CHECKING:
    from optlint.replay.slicer.emit import Writer

_MODULE_NAME = re.compile(
    r"(?i)(^|_)(model|net|network|module|backbone|encoder|decoder|head|classifier|policy|actor|critic|generator|"
    r"discriminator|student)(_?\w)?$"
)
_ARGUMENTS = frozenset(("args", "opt", "opts", "config", "cfg", "hparams", "FLAGS", "flags", "params", "options"))


def names_given(name: str, module: ModuleInfo) -> frozenset[str]:
    """Return the names that the call that enters gives at the top level of a script."""
    head, _, method = name.partition(".")
    found = next((each for each in definitions(module.tree.body) if each.name == head), None)
    functions: list[FunctionNode] = []
    match found:
        case None:
            return frozenset()
        case ast.ClassDef():
            names = {_made_of(head)}
            functions = [each for each in found.body if isinstance(each, ast.FunctionDef)]
            functions = [each for each in functions if each.name in ("__init__", method)]
        case _:
            names, functions = set(), [found]
    for each in functions:
        spec = each.args
        names |= {argument.arg for argument in [*spec.posonlyargs, *spec.args, *spec.kwonlyargs]}
    return frozenset(names)


def enter(writer: Writer, module: ModuleInfo) -> None:
    """Write the call that enters."""
    name = writer.slice.name
    if name == "<module>":
        return
    head, _, method = name.partition(".")
    found = next((each for each in definitions(module.tree.body) if each.name == head), None)
    if found is None or found not in writer.slice.kept:
        raise CannotSliceError(f"`{name}` is defined in a way that cannot be called from outside")
    called = writer.naming.name(module, head)
    if isinstance(found, ast.ClassDef):
        methods = {each.name: each for each in found.body if isinstance(each, ast.FunctionDef)}
        made = _made_of(head)
        if "__init__" in methods:
            arguments = _arguments(writer, methods["__init__"], module, skip=1)
        else:
            arguments = ""
        writer.row(f"{made} = {called}({arguments})", 0, None)
        if method and method != "__init__":
            target = methods.get(method)
            if target is None:
                raise CannotSliceError(f"`{name}` is not defined in its own class")
            skip = 0 if any(ast.unparse(each) == "staticmethod" for each in target.decorator_list) else 1
            _call(writer, f"{made}.{method}({_arguments(writer, target, module, skip=skip)})", made)
        else:
            writer.row(f"standin.outlives({made})", 0, None)
    else:
        _call(writer, f"{called}({_arguments(writer, found, module, skip=0)})")


def _call(writer: Writer, call: str, *left: str) -> None:
    """Write the call that enters; what it returns, or leaves in an object, goes on to code that is not seen."""
    writer.row(f"standin.outlives({', '.join([call, *left])})", 0, None)


def _arguments(writer: Writer, function: FunctionNode, module: ModuleInfo, skip: int) -> str:
    """Write stand-ins for the parameters of a function, and return the arguments of its call."""
    spec = function.args
    names = [argument.arg for argument in [*spec.posonlyargs, *spec.args]][skip:]
    optional = {name for name, _ in defaults_of(spec)}
    required = [*names, *(argument.arg for argument in spec.kwonlyargs)]
    kinds = {name: _kind(writer, function, name) for name in required}
    origin = origin_in(module, function.lineno)
    written: list[str] = []
    models = [name for name in required if isinstance(kinds[name], Model)]
    for name in required:
        if kinds[name] is None and OPTIMIZER_NAME.search(name) and name not in optional:
            kinds[name] = Optimizer(0, name, None)
    supposed = [] if models else [name for name in required if kinds[name] is None and _is_forward(function, name)]
    for name in sorted(required, key=lambda name: 0 if name in supposed else _rank(kinds[name])):
        kind = kinds[name]
        option = _option(writer, function, name) if name in optional and kind is None else ""
        if name in optional and kind is None and not option:
            continue
        match kind:
            case _ if option:
                text = option
            case _ if name in supposed:
                text = writer.stand_ins.model(name, None)
            case Model():
                text = writer.stand_ins.model(name, kind)
            case Optimizer():
                text = f"standin.optimizer({', '.join(models or supposed) or writer.stand_ins.model('model', None)})"
            case Scheduler():
                driven = next((other for other in required if isinstance(kinds[other], Optimizer)), None)
                text = f"standin.scheduler({driven or 'standin.optimizer(standin.model())'})"
            case Scaler():
                text = 'torch.amp.GradScaler("cuda")'
            case _:
                text = writer.stand_ins.unknown(name, name in _ARGUMENTS)
        writer.row(f"{name} = {text}", 0, None)
        writer.standins.append(StandIn(name, f"the parameter `{name}` of `{function.name}`", origin))
        written.append(name)
    positional = [name for name in names if name in written]
    by_name = positional != names[: len(positional)]
    return ", ".join(f"{name}={name}" if by_name or name not in names else name for name in required if name in written)


def _kind(writer: Writer, function: FunctionNode, name: str) -> Object | None:
    """Return the optimizer, scheduler, scaler or module that a parameter was found to be."""
    observed = writer.slice.observed
    for node in ast.walk(function):
        if isinstance(node, ast.Name) and node.id == name and isinstance(node.ctx, ast.Load):
            for found in observed.objects(node):
                if isinstance(found, Model | Optimizer | Scheduler | Scaler):
                    return found
    return None


def _is_forward(function: FunctionNode, name: str) -> bool:
    """Whether a parameter is called what people call a module, and is called: nothing else shows it to be one."""
    return _MODULE_NAME.search(name) is not None and any(
        isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id == name
        for node in ast.walk(function)
    )


def _option(writer: Writer, function: FunctionNode, name: str) -> str:
    """Return a stand-in for an option that a caller may give otherwise than by default; nothing where it is none.

    Only what is kept of the function counts.
    """
    observed, layouts = writer.slice.observed, writer.slice.layouts.values()
    for node in ast.walk(function):
        if isinstance(node, ast.Name) and node.id == name and isinstance(node.ctx, ast.Load):
            value = observed.values.get(node)
            if not any(layout.statement.get(node) in writer.slice.kept for layout in layouts):
                continue
            if isinstance(value, Default) and isinstance(value.value, bool):
                return f"standin.flag({name!r}, {value.value})"
            if isinstance(value, Join) and any(
                isinstance(each, Opaque) and each.serial in observed.machine.unsaid for each in value.alternatives
            ):
                return f"standin.option({name!r})"
    return ""


def _rank(kind: Object | None) -> int:
    return (
        0 if isinstance(kind, Model) else 1 if isinstance(kind, Optimizer) else 2 if isinstance(kind, Scheduler) else 3
    )


def _made_of(name: str) -> str:
    """Return what an object of a class is called; not what the class is."""
    found = "".join(f"_{each.lower()}" if each.isupper() and at else each.lower() for at, each in enumerate(name))
    return found if found != name else f"made_{name}"
