"""What calls that clip gradients are given."""

from __future__ import annotations

import ast

from optlint.api import Binding, Event, ModuleInfo


def limits(event: Event, binding: Binding) -> bool:
    """A clipping that changes something; one with a limit of infinity only measures the norm."""
    node = event.place.node
    if not isinstance(node, ast.Call):
        return True
    return not any(map(_is_infinite, [*node.args, *(keyword.value for keyword in node.keywords)]))


def _is_infinite(argument: ast.expr) -> bool:
    match argument:
        case ast.Attribute(attr="inf"):
            return True
        case ast.Call(func=ast.Name(id="float"), args=[ast.Constant(value=str(text))]):
            return text.strip().lower().lstrip("+") in ("inf", "infinity")
        case _:
            return False


def is_torch(call: ast.Call, module: ModuleInfo) -> bool:
    """Whether a call names torch's own function: through `utils` or `clip_grad`, or by a name imported from there."""
    match call.func:
        case ast.Attribute(value=ast.Attribute(attr="utils" | "clip_grad")):
            return True
        case ast.Attribute(value=ast.Name(id=owner)):
            return owner in ("clip_grad", "nn_utils") or _imported(module, owner, "")
        case ast.Name(id=name):
            return _imported(module, name, "torch.nn.utils")
        case _:
            return False


def _imported(module: ModuleInfo, name: str, source: str) -> bool:
    """Whether a name of the file comes out of torch's `nn.utils`, or is that itself."""
    for node in ast.walk(module.tree):
        if isinstance(node, ast.ImportFrom) and node.module is not None and node.module.startswith("torch.nn"):
            for alias in node.names:
                if (alias.asname or alias.name) == name:
                    return node.module.startswith("torch.nn.utils") or (not source and alias.name == "utils")
        if isinstance(node, ast.Import) and not source:
            if any(alias.asname == name and alias.name.startswith("torch.nn.utils") for alias in node.names):
                return True
    return False
