"""Whether one sees in a program's own text all that is done with an optimizer, or other code may do the rest."""

from __future__ import annotations

import re
import sys
from collections.abc import Iterator

import libcst as cst

from mutate.idioms import OPTIMIZERS, SCHEDULER, SCHEDULERS, Idioms, Made
from mutate.tree import Tree

_IMPORT = re.compile(r"(?m)^ *from (\w+)[\w.]* import (?:\(([^)]*)\)|([^\n(]+))|^ *import (\w+)[\w.]*(?: as (\w+))?")
_ASKED = frozenset("zero_grad state_dict load_state_dict param_groups add_param_group state defaults".split())
_NAME = re.compile(r"[A-Za-z_][\w.]*")
_OWN = frozenset(("torch", "torchvision", *sys.stdlib_module_names))


def models_of(idioms: Idioms) -> dict[str, Made]:
    """Return the optimizers that take all parameters of one model and are used, by the model's text."""
    found: dict[str, Made] = {}
    for each in idioms.optimizers:
        if not is_used(idioms, each):
            continue
        given = each.call.args[0].value if each.call.args else None
        if isinstance(given, cst.Call) and isinstance(given.func, cst.Attribute) and not given.args:
            model = idioms.tree.code(given.func.value)
            if given.func.attr.value == "parameters" and _NAME.fullmatch(model):
                found.setdefault(model, each)
    return found


def is_used(idioms: Idioms, made: Made) -> bool:
    """Whether an optimizer is stepped, or goes anywhere but to a schedule, before its name is given another one.

    One that is only cleared, saved and loaded does no harm, whatever parameters it holds.
    """
    tree, last = idioms.tree, made.name.rpartition(".")[2]
    block = tree.block(made.line.node)
    below = [each.line.node for each in idioms.made if each.name == made.name and each is not made]
    again = next((each for each in block[block.index(made.line.node) + 1 :] if each in below), None)
    end = tree.row(again) if again is not None else sys.maxsize
    if any(
        tree.code(node) == made.name and tree.row(made.line.node) < tree.row(node) < end and _is_use(tree, node)
        for node in tree.nodes
        if isinstance(node, cst.Name | cst.Attribute)
    ):
        return True
    if again is not None:
        return False
    elsewhere = idioms.whole.replace(tree.text, "") if made.name.isidentifier() else idioms.whole
    return (
        re.search(rf"\b{last}\.step\(|\.step\([^)]*\b{last}\b|\breturn\b[^\n]*\b{last}\b(?!\.)", elsewhere) is not None
    )


def _is_use(tree: Tree, node: cst.CSTNode) -> bool:
    outer = next(tree.around(node))
    if isinstance(outer, cst.Attribute):
        return outer.value is node and outer.attr.value not in _ASKED
    if isinstance(outer, cst.Arg):
        call = next(tree.around(outer))
        return not (isinstance(call, cst.Call) and tree.code(call.func).rpartition(".")[2] in SCHEDULERS)
    return not isinstance(outer, cst.AssignTarget)


def is_made(idioms: Idioms, optimizer: str) -> bool:
    """Whether an optimizer is made by a call of its class: under this name, or for a function that gets it."""
    kinds = "|".join(kind for kind in sorted(OPTIMIZERS) if idioms.is_torch(kind))
    name = re.escape(optimizer.rpartition(".")[2])
    named = rf"(?m)^[^=\n]*\b{name}\b[^=\n]*= *(?:[\w.]+\.)?(?:{kinds})\("
    got = rf"\bdef \w+\([^)]*\b{name}\b"
    if re.search(rf"\bfor {name} in|\b{name} = [^\n]* if ", idioms.whole):
        return False
    if any(re.search(rf"\b{name} = {each}\(", idioms.whole) for each in re.findall(r"\bfor (\w+) in", idioms.whole)):
        return False  # which class it is of goes round in a loop
    return re.search(named, idioms.whole) is not None or (
        re.search(got, idioms.tree.text) is not None and re.search(rf"\b(?:{kinds})\(", idioms.whole) is not None
    )


def is_handed_on(idioms: Idioms, optimizer: str) -> bool:
    """Whether another package gets an optimizer, which may step or clear it, or make another one of it.

    What is called a schedule sets rates, and does none of that.
    """
    name = re.escape(optimizer)
    if re.search(rf"\b(?:prepare|initialize|auto_optim)\([^)]*\b{name}\b", idioms.whole):
        return True
    names = "|".join(sorted(_foreign(idioms.whole)))
    last = re.escape(optimizer.rpartition(".")[2])
    given = rf"\b((?:{names})(?:\.\w+)*)\((?:[^()]|(?<!\w)\(|\([^()]*\))*?\b{last}\b(?!\s*[.=(])"
    return bool(names) and any(not SCHEDULER.search(each) for each in re.findall(given, idioms.whole))


def _foreign(text: str) -> Iterator[str]:
    """Yield the names of what a program imports from other packages than torch and Python's own."""
    for package, several, one, module, alias in _IMPORT.findall(text):
        if (package or module) in _OWN:
            continue
        for name in re.findall(r"(\w+)\s*(?:,|$|\)|#)", several or one) if package else (alias or module,):
            if re.search(rf"(?m)^ *(?:class|def) {name}\b|^{name} *=", text) is None:
                yield name


def is_driven_from_elsewhere(idioms: Idioms, node: cst.CSTNode, depth: int = 3) -> bool:
    """Whether the loop of another package may run some code: that calls a method, or a function it is handed."""
    tree = idioms.tree
    function = tree.function(node)
    if function is None or tree.loops(node):
        return False
    owner = next((each for each in tree.around(node) if isinstance(each, cst.ClassDef)), None)
    bases = [tree.code(each.value).rpartition(".")[2] for each in owner.bases] if owner is not None else []
    if any(each not in ("object", "Module") and f"class {each}" not in idioms.whole for each in bases):
        return True
    name = function.name.value
    here = [each for each in tree.calls() if tree.code(each.func).rpartition(".")[2] == name]
    inside = [each for each in here if tree.function(each) is not function]
    if inside and depth:
        return all(is_driven_from_elsewhere(idioms, each, depth - 1) for each in inside)
    return re.search(rf"(?<!def )\b{name}\(", idioms.whole) is None


def trains_layers(idioms: Idioms, optimizer: str) -> bool:
    """Whether an optimizer takes the parameters of a model of several layers, of which each needs the next one's.

    The backward of a single layer needs nothing that a step changes.
    """
    own = re.findall(r"class (\w+)\([^)]*Module\)", idioms.whole)
    several = "|".join(("Sequential", "LSTM", "GRU", r"Transformer\w*", *own))
    models = [model for model, made in models_of(idioms).items() if made.name == optimizer]
    for target, value in _assigned(idioms):
        if idioms.tree.code(target) in models:
            return re.match(rf"(?:\w+\.)*(?:{several})\(", idioms.tree.code(value)) is not None
    made_elsewhere = any(each.name == optimizer for each in idioms.optimizers) and not models
    return not made_elsewhere and bool(own or re.search(r"\bSequential\(", idioms.whole))


def _assigned(idioms: Idioms) -> Iterator[tuple[cst.BaseExpression, cst.BaseExpression]]:
    """Yield the targets of assignments with their values, also of several at once: `a, b = 1, 2`."""
    for line in idioms.tree.lines:
        match line.assigned:
            case cst.Tuple() as targets, cst.Tuple() as values:
                pairs = zip(targets.elements, values.elements, strict=False)
                yield from ((one.value, two.value) for one, two in pairs)
            case target, value:
                yield target, value
