"""Modules whose parameters surely are of float16 when an optimizer steps."""

from __future__ import annotations

import ast

from optlint.api import (
    Act,
    Confidence,
    Entry,
    Event,
    Model,
    ModuleInfo,
    Optimizer,
    Place,
    Program,
    Selection,
    canonical,
    enclosing,
    enclosing_function,
    parent,
    repetition,
)

_HALF = frozenset(("torch.float16", "torch.half"))
_TYPES = frozenset(("torch.HalfTensor", "torch.cuda.HalfTensor"))

_NORMS = ("norm", "bn")


def is_half(node: ast.expr, module: ModuleInfo, program: Program) -> bool:
    """Whether an expression is `torch.float16`, by that name or by one that the file gives it."""
    dotted = program.definitions.dotted(node, module) if program.definitions is not None else ""
    if dotted in _HALF:
        return True
    if not isinstance(node, ast.Name):
        return False
    function = enclosing_function(Place(module, node))
    given = [
        each.value
        for each in ast.walk(function)
        if isinstance(each, ast.Assign) and any(isinstance(t, ast.Name) and t.id == node.id for t in each.targets)
    ]
    return len(given) == 1 and isinstance(given[0], ast.Attribute) and is_half(given[0], module, program)


def halving(entry: Entry, program: Program, optimizer: Optimizer, step: Event) -> Event | None:
    """Return what last makes all that an optimizer holds float16 before a step; None where that is not certain.

    It must lie on every way there, and nothing may undo it: a conversion back, a part that is exchanged, unknown code
    that is given the module.
    """
    known = optimizer.complete and all(each.selection is not Selection.SOME for each in optimizer.sources)
    models = dict.fromkeys(canonical(source.model) for source in optimizer.sources)
    found = [_halving_of(entry, program, model, step) for model in models]
    return found[0] if known and found and None not in found else None


def _halving_of(entry: Entry, program: Program, model: Model, step: Event) -> Event | None:
    found: Event | None = None
    for event in _up_to(entry, step):
        touched = [each for each in event.models() if each.overlaps(model)]
        if not touched:
            continue
        if event.act is Act.MOVE:
            to_half = _halves(event, program)
            if to_half and any(model.within(each) for each in touched) and _is_certain(entry, event, step):
                found = event
            elif (to_half or may_convert(event)) and not _is_of_norms(event, touched, model):
                found = None
        elif event.act in (Act.ESCAPE, Act.REPLACE, Act.SHARD):
            found = None
    return found


def _up_to(entry: Entry, step: Event) -> list[Event]:
    """Return what may come before the first time that an event happens: what stands above it, or in a loop with it."""
    events, loops = list(entry.events), enclosing(entry, step)
    at = events.index(step)
    return [*events[:at], *(each for each in events[at:] if any(one in loops for one in enclosing(entry, each)))]


def is_made_half(model: Model, program: Program) -> bool:
    """Whether a layer of torch is built with `dtype=torch.float16`, or a sequence of such layers is."""
    node = model.place.node if model.place is not None and model.info is None else None
    if model.place is None or not isinstance(node, ast.Call):
        return False
    return _is_half_layer(node, model.place.module, program)


def _is_half_layer(call: ast.Call, module: ModuleInfo, program: Program) -> bool:
    dotted = program.definitions.dotted(call.func, module) if program.definitions is not None else ""
    if not dotted.startswith("torch.nn."):
        return False
    if dotted.endswith(".Sequential"):
        layers = [each for each in call.args if isinstance(each, ast.Call)]
        halves = [_is_half_layer(each, module, program) for each in layers]
        plain = [not each.keywords and not each.args for each in layers]
        return len(layers) == len(call.args) and any(halves) and all(map(max, halves, plain))
    return any(each.arg == "dtype" and is_half(each.value, module, program) for each in call.keywords)


def _halves(event: Event, program: Program) -> bool:
    call = event.place.node
    if not isinstance(call, ast.Call) or not isinstance(call.func, ast.Attribute):
        return False
    module = event.place.module
    given = [*call.args, *(each.value for each in call.keywords)]
    match call.func.attr:
        case "half":
            return not given
        case "to":
            return any(is_half(each, module, program) for each in given)
        case "type":
            dotted = program.definitions.dotted if program.definitions is not None else (lambda *_: "")
            return any(is_half(each, module, program) or dotted(each, module) in _TYPES for each in given)
        case _:
            return False


def may_convert(event: Event) -> bool:
    """Whether a move may change the type: it is named by it, or given more than a device."""
    call = event.place.node
    if not isinstance(call, ast.Call) or not isinstance(call.func, ast.Attribute):
        return True
    if call.func.attr in ("cuda", "cpu", "xpu", "npu", "hpu", "ipu", "to_empty"):
        return False
    if call.func.attr != "to":
        return True
    given = [*call.args, *(each.value for each in call.keywords if each.arg != "device")]
    return any(not _is_device(each) for each in given)


def _is_device(node: ast.expr) -> bool:
    text = ast.unparse(node).lower()
    known = ("dev", "cuda", "cpu", "gpu", "rank", "npu", "mps", "xpu", "non_blocking", "true")
    return isinstance(node, ast.Constant) or any(word in text for word in known)


def _is_of_norms(event: Event, touched: list[Model], model: Model) -> bool:
    """Whether only layers of normalisation are converted: `if isinstance(layer, nn.BatchNorm2d): layer.float()`."""
    if any(model.within(each) for each in touched):
        return False
    node: ast.AST | None = event.place.node
    while node is not None and not isinstance(node, ast.FunctionDef | ast.Module):
        node = parent(event.place.module, node)
        if isinstance(node, ast.If) and any(word in ast.unparse(node.test).lower() for word in _NORMS):
            return True
    return False


def _is_certain(entry: Entry, event: Event, step: Event) -> bool:
    """Whether a move comes before a step whenever that does: without a condition, and not after it in a loop."""
    around, beside = (repetition(entry, each).around for each in (event, step))
    events = entry.events
    return events.index(event) < events.index(step) and all(each in beside for each in around)


def is_held_plainly(optimizer: Optimizer) -> bool:
    """Whether an optimizer is given the parameters themselves: `model.parameters()`, filtered perhaps, or in groups."""
    call = optimizer.place.node if optimizer.place is not None else None
    if optimizer.place is None or not isinstance(call, ast.Call) or optimizer.confidence is not Confidence.CERTAIN:
        return False
    given = call.args[0] if call.args else next((each.value for each in call.keywords if each.arg == "params"), None)
    return given is not None and _is_plain(given, optimizer.place)


def _is_plain(node: ast.expr, place: Place) -> bool:
    match node:
        case ast.Call(func=ast.Attribute(attr="parameters"), args=[]):
            return True
        case ast.Call(func=ast.Name(id="filter"), args=[_, inner]):
            return _is_plain(inner, place)
        case ast.Call(func=ast.Name(id="list" | "tuple" | "iter"), args=[inner]):
            return _is_plain(inner, place)
        case ast.GeneratorExp(elt=ast.Name(), generators=[each]) | ast.ListComp(elt=ast.Name(), generators=[each]):
            return _is_plain(each.iter, place)
        case ast.List(elts=[_, *_] as elements) | ast.Tuple(elts=[_, *_] as elements):
            return all(_is_plain(each, place) for each in elements)
        case ast.Dict(keys=keys, values=values):
            named = [(getattr(key, "value", None), value) for key, value in zip(keys, values, strict=True)]
            return all(key != "eps" for key, _ in named) and any(
                key == "params" and _is_plain(value, place) for key, value in named
            )
        case ast.Name(id=name):
            function = enclosing_function(place)
            bound = [
                each.value
                for each in ast.walk(function)
                if isinstance(each, ast.Assign) and any(isinstance(t, ast.Name) and t.id == name for t in each.targets)
            ]
            return len(bound) == 1 and not isinstance(bound[0], ast.Name) and _is_plain(bound[0], place)
        case _:
            return False
