"""The options that an optimizer is built with, against those of another one whose group dicts it gets."""

from __future__ import annotations

import ast
import re

from optlint.api import (
    Act,
    Argument,
    Confidence,
    Const,
    Construction,
    Entry,
    ModuleInfo,
    Object,
    Optimizer,
    Scheduler,
    canonical,
    optimizer_signature,
)
from optlint_rules.parameters.shared_groups import Sharing


def is_of_torch(subject: Object) -> bool:
    """Whether an object is an optimizer of one of torch's own classes, built by one call."""
    optimizer = canonical(subject)
    if not isinstance(optimizer, Optimizer) or optimizer.info is not None:
        return False
    certain = optimizer.confidence is Confidence.CERTAIN and len(optimizer.constructions) == 1
    return certain and all(optimizer_signature(name) is not None for name in optimizer.classes)


def options_apart(entry: Entry, first: Optimizer, second: Optimizer, sharing: Sharing) -> list[str]:
    """Return the options that the second optimizer is built with, in vain, since the first has other ones."""
    former, latter = first.constructions[0], second.constructions[0]
    if not latter.complete or any(entry.concerning(second, Act.LOAD)):
        return []
    found = []
    for name, argument in given_options(second, latter).items():
        if name not in _keys(first) or name not in _keys(second):
            continue
        if all(name in group.keys or not group.complete for group in sharing.groups) and sharing.groups:
            continue
        differs = _differs(argument, given_options(first, former).get(name), first, name, former.complete)
        if (differs or (name == "lr" and _is_scheduled(entry, first))) and not is_set_by_hand(entry, name):
            found.append(name)
    return found


def given_options(optimizer: Optimizer, construction: Construction) -> dict[str, Argument]:
    """Return the arguments of a construction by name, without the parameters."""
    signatures = [optimizer_signature(name) for name in sorted(optimizer.classes)]
    signature = signatures[0] if len(signatures) == 1 else None
    positional = [each.name for each in signature.parameters if not each.keyword_only] if signature is not None else []
    found: dict[str, Argument] = {}
    for argument in construction.arguments:
        name = argument.name
        if argument.index is not None:
            name = positional[argument.index] if argument.index < len(positional) else ""
        if name and name != "params":
            found[name] = argument
    return found


def _keys(optimizer: Optimizer) -> frozenset[str]:
    """Return the keys that an optimizer writes into its groups, whichever of its classes it is of."""
    signatures = [optimizer_signature(name) for name in optimizer.classes]
    return frozenset.intersection(*(each.group_keys for each in signatures if each is not None))


def _differs(argument: Argument, former: Argument | None, first: Optimizer, name: str, complete: bool) -> bool:
    if former is not None:
        if isinstance(argument.value, Const) and isinstance(former.value, Const):
            return argument.value != former.value
        if argument.value == former.value or (argument.length is not None and argument.length == former.length):
            return False
        labels = [_label(each.value) for each in (argument, former)]
        if all(labels):
            return labels[0] != labels[1]
        texts = [ast.unparse(each.node) for each in (argument, former) if each.node is not None]
        return len(texts) == 2 and texts[0] != texts[1]
    if not complete:
        return False
    signatures = [optimizer_signature(each) for each in first.classes]
    formals = [each.formal(name) for each in signatures if each is not None]
    defaults = [each.default for each in formals if each is not None and not each.required]
    if not isinstance(argument.value, Const) or len(defaults) != len(formals):
        return False
    return all(default != argument.value.value for default in defaults)


def _is_scheduled(entry: Entry, optimizer: Optimizer) -> bool:
    """Whether a schedule may have changed the rate that an optimizer was built with."""
    stepped = (subject for each in entry.having(Act.SCHEDULE) for subject in map(canonical, each.subjects))
    return any(isinstance(each, Scheduler) and optimizer in map(canonical, each.optimizers) for each in stepped)


def is_set_by_hand(entry: Entry, name: str) -> bool:
    """Whether any file of a program writes, or takes away, an option in some dict."""
    key = rf"""["']{re.escape(name)}["']"""
    pattern = re.compile(rf"{key}\s*\]\s*=[^=]|\.pop\(\s*{key}|\bdel\b[^\n]*{key}|\.update\([^)\n]*\b{name}\b".encode())
    modules: dict[ModuleInfo, None] = {}
    for each in entry.having(Act.NEW, Act.STEP, Act.SCHEDULE, Act.SET_RATE):
        modules.update(dict.fromkeys(place.module for place in (*each.stack, each.place)))
    return any(pattern.search(module.source.data) for module in modules)


def _label(value: object) -> str:
    """Return the name that an unknown value goes by, or an attribute of one."""
    return str(getattr(value, "label", "") or getattr(value, "name", ""))
