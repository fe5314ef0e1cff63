"""Tensors with gradients in the text of a constructor: made by torch, or computed from an `nn.Parameter`."""

from __future__ import annotations

import ast

from optlint.api import Definitions, Editor, ModuleInfo

_MAKERS = frozenset(
    "randn rand zeros ones empty full tensor eye linspace arange randint randn_like rand_like zeros_like ones_like "
    "full_like empty_like normal FloatTensor Tensor".split()
)
_IN_VAIN = frozenset(
    "cuda to double half bfloat16 view reshape t transpose unsqueeze expand repeat mul div mul_ clone".split()
)
"""Methods of a parameter that give another tensor than the parameter."""
_KEPT = frozenset(("cpu", "float", "requires_grad_"))
"""Methods that mostly return the tensor itself."""


def stripped(node: ast.expr) -> ast.expr:
    """Return an expression without calls that mostly return the tensor itself."""
    match node:
        case ast.Call(func=ast.Attribute(value=inner, attr=method)) if method in _KEPT:
            return stripped(inner)
        case ast.Call(func=ast.Attribute(value=inner, attr="to"), args=[argument, *_]) if _is_no_move(argument):
            return stripped(inner)
        case _:
            return node


def _is_no_move(argument: ast.expr) -> bool:
    return ast.unparse(argument) in ("'cpu'", "torch.float", "torch.float32", "torch.device('cpu')")


def is_parameter(node: ast.expr, module: ModuleInfo, definitions: Definitions) -> bool:
    """Whether an expression is a call of `nn.Parameter`, with gradients."""
    if not isinstance(node, ast.Call) or any(keyword.arg == "requires_grad" for keyword in node.keywords):
        return False
    return definitions.dotted(node.func, module) in ("torch.nn.Parameter", "torch.nn.parameter.Parameter")


def loses_parameter(node: ast.expr, module: ModuleInfo, definitions: Definitions) -> bool:
    """Whether an expression is computed from an `nn.Parameter` that nothing else holds."""
    match node:
        case ast.Call(func=ast.Attribute(value=inner, attr=method)) if method in _IN_VAIN | _KEPT:
            return is_parameter(stripped(inner), module, definitions) or loses_parameter(inner, module, definitions)
        case ast.BinOp(left=left, right=right):
            return any(is_parameter(stripped(each), module, definitions) for each in (left, right))
        case _:
            return False


def is_flagged(node: ast.expr, module: ModuleInfo, definitions: Definitions) -> bool:
    """Whether an expression surely is a tensor that torch makes here, with `requires_grad`."""
    match node:
        case ast.Call(func=ast.Attribute(value=inner, attr="requires_grad_"), args=[] | [ast.Constant(value=True)]):
            return _is_made(inner, module, definitions)
        case ast.Call(func=ast.Attribute(value=inner, attr=method)) if method in _IN_VAIN | _KEPT:
            return is_flagged(inner, module, definitions)
        case ast.Call(keywords=keywords) if any(
            keyword.arg == "requires_grad" and isinstance(keyword.value, ast.Constant) and keyword.value.value is True
            for keyword in keywords
        ):
            return _is_made(node, module, definitions) or (
                definitions.dotted(node.func, module) in ("torch.autograd.Variable", "torch.autograd.variable.Variable")
                and bool(node.args)
                and _is_made(node.args[0], module, definitions)
            )
        case _:
            return False


def _is_made(node: ast.expr, module: ModuleInfo, definitions: Definitions) -> bool:
    """Whether an expression is a tensor that torch makes of numbers."""
    match node:
        case ast.Call(func=ast.Attribute(value=ast.Call() as inner)):
            return _is_made(inner, module, definitions)
        case ast.Call(func=function):
            head, _, name = definitions.dotted(function, module).rpartition(".")
            return head == "torch" and name in _MAKERS
        case ast.BinOp(left=left, right=right):
            return _is_made(left, module, definitions) or _is_made(right, module, definitions)
        case _:
            return False


def without_flag(node: ast.expr, editor: Editor, module: ModuleInfo, definitions: Definitions) -> str | None:
    """Return the text of a value without its inner `nn.Parameter` and `requires_grad`."""
    match node:
        case ast.Call(args=[inner], keywords=[]) if is_parameter(node, module, definitions):
            return editor.text(inner)
        case ast.Call(func=ast.Attribute(value=inner, attr="requires_grad_")):
            return without_flag(inner, editor, module, definitions)
        case ast.Call(func=ast.Attribute(value=inner)) if isinstance(inner, ast.Call | ast.BinOp):
            before, whole = without_flag(inner, editor, module, definitions), editor.text(node)
            old = editor.text(inner)
            at = whole.find(old)
            if before is None or at < 0 or "\n" in whole:
                return None
            return f"{whole[:at]}{_bracketed(before)}{whole[at + len(old) :]}"
        case ast.BinOp(left=left, right=right):
            whole = editor.text(node)
            for each in (left, right):
                if is_parameter(each, module, definitions):
                    inner_text = without_flag(each, editor, module, definitions)
                    if inner_text is None or whole.count(editor.text(each)) != 1:
                        return None
                    return whole.replace(editor.text(each), _bracketed(inner_text), 1)
            return whole
        case ast.Call(func=function, args=arguments, keywords=keywords):
            name = definitions.dotted(function, module)
            if name.endswith("Variable") and len(arguments) == 1:
                return editor.text(arguments[0])
            kept = [editor.text(each) for each in arguments]
            kept += [
                f"{each.arg}={editor.text(each.value)}" if each.arg else f"**{editor.text(each.value)}"
                for each in keywords
                if each.arg != "requires_grad"
            ]
            return f"{editor.text(function)}({', '.join(kept)})"
        case _:
            return None


def _bracketed(text: str) -> str:
    """Put brackets around what is not one operand."""
    node = ast.parse(text, mode="eval").body
    return text if isinstance(node, ast.Call | ast.Name | ast.Attribute | ast.Subscript) else f"({text})"
