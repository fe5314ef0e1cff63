"""Misuse inside of module classes: parts and parameters that nobody registers, by the wording of a text."""

from __future__ import annotations

import re
from collections.abc import Iterator

import libcst as cst

from mutate.idioms import Idioms
from mutate.mutation import Mutation, misuse
from mutate.tree import REMOVED, Line

_LAYER = re.compile(r"(?:torch\.)?nn\.(?:Linear|Conv\w+|Embedding|LSTM|GRU|LayerNorm|BatchNorm\w+)\(")
_OWN = re.compile(r"def (?:named_)?parameters\b|\b(?:add_module|register_\w+|setattr|autograd\.grad)\(")
"""What registers, gives or differentiates tensors by hand."""
_FROZEN = re.compile(r"requires_grad(?: = |_\()False")


@misuse("OPT210")
def unregistered_modules(idioms: Idioms) -> Iterator[Mutation]:
    """Keep modules in plain containers: those of containers that there are, and two that are attributes."""
    yield from _plain_list(idioms)
    yield from _gathered_modules(idioms)


def _plain_list(idioms: Idioms) -> Iterator[Mutation]:
    """Keep modules in a plain list or dict."""
    for line in idioms.tree.lines:
        if line.assigned is not None and isinstance(line.assigned[1], cst.Call):
            call = line.assigned[1]
            name = idioms.tree.code(call.func).rpartition(".")[2]
            own = idioms.tree.code(line.assigned[0]).startswith("self.")
            attribute = idioms.tree.code(line.assigned[0]).rpartition(".")[2]
            # Who reads the list outside of the class may give its parameters to the optimizer by hand.
            outside = re.search(rf"(?<!\bself)\.{attribute}\b", idioms.whole) or _FROZEN.search(idioms.whole)
            if name in ("ModuleList", "ModuleDict") and len(call.args) == 1 and own and not outside:
                given = call.args[0].value
                if isinstance(given, cst.List | cst.ListComp | cst.Dict | cst.DictComp):
                    yield Mutation(idioms.tree.changed({call: given}), line.node)
                elif isinstance(given, cst.GeneratorExp):
                    listed = cst.ListComp(given.elt, given.for_in)
                    yield Mutation(idioms.tree.changed({call: listed}), line.node)


@misuse("OPT211")
def unregistered_parameter(idioms: Idioms) -> Iterator[Mutation]:
    """Keep tensors that want a gradient, in place of parameters: of those that there are, and of one more."""
    yield from _unregistered(idioms)
    yield from _added_parameters(idioms)


def _unregistered(idioms: Idioms) -> Iterator[Mutation]:
    """Make an attribute of a module a tensor that wants a gradient, in place of a parameter."""
    for line in idioms.tree.lines:
        if line.assigned is not None and isinstance(line.assigned[1], cst.Call):
            call = line.assigned[1]
            if idioms.tree.code(call.func).endswith("nn.Parameter") and len(call.args) == 1:
                name = idioms.tree.code(line.assigned[0])
                attribute = name.rpartition(".")[2]
                read = len(re.findall(rf"\bself\.{attribute}\b", idioms.whole)) > 1
                # In other classes there is nothing to register; and by hand it may be given to the optimizer.
                module = idioms.tree.in_module_class(line.node) and "nn.Parameter(" in idioms.tree.code(line.node)
                other = (
                    rf"(?<!\bself)\.{attribute}\b|\[self\.{attribute}\b"
                    rf"|self\.{attribute}\.(?:requires_grad|grad|data|zero_)\b"
                )
                outside = re.search(other, idioms.whole)
                used = "def forward" in idioms.whole and "def parameters" not in idioms.whole
                if name == f"self.{attribute}" and module and read and used and not outside:
                    given = idioms.tree.code(call.args[0].value)
                    if re.match(r"torch\.(randn|zeros|ones|rand|full)\(.*\)$", given) and "requires_grad" not in given:
                        wrong = idioms.tree.replaced(call, f"{given[:-1]}, requires_grad=True)")
                        yield Mutation(wrong, line.node)
                    yield Mutation(idioms.tree.replaced(call, f"nn.Parameter({given}) * 1.0"), line.node)


def _gathered_modules(idioms: Idioms) -> Iterator[Mutation]:
    """Yield two layers of a class in a plain list, beside a `ModuleList`, where only the class names them."""
    tree = idioms.tree
    if len(re.findall(r"(?m)^class ", idioms.whole)) != 1 or _FROZEN.search(idioms.whole):
        return
    for first, second in zip(tree.lines, tree.lines[1:], strict=False):
        names = [_layer_name(idioms, line) for line in (first, second)]
        if not all(names) or any(re.search(rf"(?<!\bself)\.{name}\b", idioms.whole) for name in names):
            continue
        used = [re.findall(rf"\bself\.{name}\b(.)", idioms.whole) for name in names]
        if not all(len(after) > 1 and set(after[1:]) <= {"("} for after in used):
            continue
        values = [tree.code(line.assigned[1]) for line in (first, second) if line.assigned is not None]
        prefix = values[0].partition("nn.")[0]
        texts = []
        for call in (f"{prefix}nn.ModuleList([{', '.join(values)}])", f"[{', '.join(values)}]"):
            text = tree.changed({first.node: cst.parse_statement(f"self.parts = {call}"), second.node: REMOVED})
            for i, name in enumerate(names):
                text = re.sub(rf"\bself\.{name}\(", f"self.parts[{i}](", text)
            texts.append(text)
        yield Mutation(texts[1], first.node, texts[0])


def _layer_name(idioms: Idioms, line: Line) -> str:
    """Return the attribute that a constructor of a module class gives a layer of torch, or nothing."""
    if line.assigned is None or not idioms.tree.in_module_class(line.node):
        return ""
    target, value = map(idioms.tree.code, line.assigned)
    found = re.fullmatch(r"self\.(\w+)", target)
    return found[1] if found and _LAYER.match(value) else ""


def _added_parameters(idioms: Idioms) -> Iterator[Mutation]:
    """Yield a factor that a class multiplies its outputs with, as a tensor, beside the same as a parameter.

    Modules that have no parameters may be kept where none are looked for.
    """
    tree = idioms.tree
    if not re.search(r"(?m)^import torch\b", tree.text) or _FROZEN.search(idioms.whole) or _OWN.search(idioms.whole):
        return
    for line in tree.lines:
        if line.call is None or tree.code(line.call) != "super().__init__()" or not tree.in_module_class(line.node):
            continue
        owner = next(each for each in tree.around(line.node) if isinstance(each, cst.ClassDef))
        returned = _only_return(owner)
        if returned is None or returned.value is None or isinstance(returned.value, cst.Tuple | cst.Dict | cst.List):
            continue
        base = next(tree.code(each.value) for each in owner.bases if tree.code(each.value).endswith("Module"))
        if base.rpartition(".")[2] != "Module":
            continue  # a class of another package, which has no parameters of its own beside it
        if not re.search(r"\bnn\.(?!Module\b)[A-Z]", tree.code(owner)):
            continue
        parameter = f"{base.removesuffix('Module')}Parameter"
        product = cst.parse_expression(f"({tree.code(returned.value)}) * self.factor")
        texts = [
            tree.changed(
                {
                    line.node: cst.FlattenSentinel([line.node, cst.parse_statement(f"self.factor = {value}")]),
                    returned.value: product,
                }
            )
            for value in (
                f"{parameter}(torch.ones(1))",
                "torch.ones(1, requires_grad=True)",
                f"{parameter}(torch.ones(1)) * 1.0",
            )
        ]
        for wrong in texts[1:]:
            yield Mutation(wrong, line.node, texts[0])


def _only_return(owner: cst.ClassDef) -> cst.Return | None:
    """Return what a class's `forward` returns, where it does that at one place."""
    for function in owner.body.body:
        if isinstance(function, cst.FunctionDef) and function.name.value == "forward":
            found = []
            pending: list[cst.CSTNode] = [function]
            while pending:
                node = pending.pop()
                pending.extend(node.children)
                if isinstance(node, cst.Return):
                    found.append(node)
            return found[0] if len(found) == 1 else None
    return None
