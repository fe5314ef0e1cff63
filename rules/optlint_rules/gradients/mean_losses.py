"""Whether a loss is the mean over its batch, as torch's own losses are, and whether something divides it further."""

from __future__ import annotations

import ast
from collections.abc import Iterator

from optlint.api import ModuleInfo, Place
from optlint_rules.gradients.losses import Assignments
from optlint_rules.gradients.windows import Reader

_FUNCTIONS = frozenset(
    """
    binary_cross_entropy binary_cross_entropy_with_logits cosine_embedding_loss cross_entropy gaussian_nll_loss
    hinge_embedding_loss huber_loss l1_loss margin_ranking_loss mse_loss multi_margin_loss multilabel_margin_loss
    multilabel_soft_margin_loss nll_loss poisson_nll_loss smooth_l1_loss soft_margin_loss triplet_margin_loss
    """.split()
)
_CLASSES = frozenset(
    """
    BCELoss BCEWithLogitsLoss CosineEmbeddingLoss CrossEntropyLoss GaussianNLLLoss HingeEmbeddingLoss HuberLoss L1Loss
    MarginRankingLoss MSELoss MultiMarginLoss MultiLabelMarginLoss MultiLabelSoftMarginLoss NLLLoss PoissonNLLLoss
    SmoothL1Loss SoftMarginLoss TripletMarginLoss
    """.split()
)
_KEPT = frozenset(("to", "cuda", "cpu", "float", "double"))
_DEPTH = 6


class MeanLosses:
    """Knows the losses of the functions that lead to one event."""

    def __init__(self, reader: Reader) -> None:
        self.reader = reader

    def is_mean(self, node: ast.expr, place: Place, frame: int, depth: int = _DEPTH) -> bool:
        """Whether an expression is surely the mean loss of a batch, or such losses added up.

        `place` is where it is used, in a function `frame` calls deep.
        """
        if not depth:
            return False
        match node:
            case ast.Name(id=name):
                found = Assignments(place, name).reaching()
                return bool(found) and all(
                    self.is_mean(each.value, Place(place.module, each.statement), frame, depth - 1)
                    for each in found or ()
                )
            case ast.BinOp(left=left, op=ast.Add(), right=right):
                return self.is_mean(left, place, frame, depth - 1) and self.is_mean(right, place, frame, depth - 1)
            case (
                ast.BinOp(left=ast.Constant(), op=ast.Mult(), right=inner)
                | ast.BinOp(left=inner, op=ast.Mult(), right=ast.Constant())
            ):
                return self.is_mean(inner, place, frame, depth - 1)
            case ast.Call(func=ast.Attribute(attr="mean"), args=[], keywords=[]):
                return True
            case ast.Call(func=ast.Attribute(value=ast.Name(id="torch"), attr="mean"), args=[_], keywords=[]):
                return True
            case ast.Call():
                return self._is_mean_call(node, place, frame)
            case _:
                return False

    def _is_mean_call(self, call: ast.Call, place: Place, frame: int) -> bool:
        if _is_function(call, place.module):
            return _averages(call)
        made = self._makers(call.func, place, frame)
        return bool(made) and all(_is_loss_module(each, module, averages=True) for each, module in made)

    def is_loss_call(self, call: ast.Call, place: Place, frame: int) -> bool:
        """Whether a call surely computes one of torch's losses, however it is reduced."""
        if _is_function(call, place.module):
            return True
        made = self._makers(call.func, place, frame)
        return bool(made) and all(_is_loss_module(each, module, averages=False) for each, module in made)

    def _makers(self, node: ast.expr, place: Place, frame: int) -> list[tuple[ast.expr, ModuleInfo]]:
        """Return all that the text assigns to what is called."""
        value, there = self.reader.resolved(node, frame) if isinstance(node, ast.Name) else (node, place)
        if isinstance(value, ast.Call):
            return [(value, there.module)]
        if not isinstance(value, ast.Name | ast.Attribute):
            return []
        return [(each, there.module) for each in _assigned(ast.unparse(value), there.module.tree)]


def _assigned(text: str, tree: ast.AST) -> Iterator[ast.expr]:
    """Yield what a file assigns to a name or attribute, anywhere; something unknown where it does so otherwise."""
    for node in ast.walk(tree):
        match node:
            case ast.Assign(targets=[ast.Tuple(elts=targets)], value=value) | ast.Assign(targets=targets, value=value):
                if any(_is_named(each, text) for each in targets):
                    yield value
            case ast.AnnAssign(target=target, value=ast.expr() as value) if _is_named(target, text):
                yield value
            case ast.arg(arg=name) if name == text:
                yield ast.Constant(None)  # a parameter that nobody says more of
            case _:
                pass


def _is_named(node: ast.expr, text: str) -> bool:
    return _last(node) == text.rpartition(".")[2] and ast.unparse(node) == text


def _is_function(call: ast.Call, module: ModuleInfo) -> bool:
    receivers = ("torch.nn.functional", "F", "functional")
    return _last(call.func) in _FUNCTIONS and _comes_from(call.func, module, receivers)


def _is_loss_module(node: ast.expr, module: ModuleInfo, *, averages: bool) -> bool:
    match node:
        case ast.Call(func=ast.Attribute(value=inner, attr=attribute)) if attribute in _KEPT:
            return _is_loss_module(inner, module, averages=averages)
        case ast.Call(func=function) if not averages or _averages(node):
            return _last(function) in _CLASSES and _comes_from(function, module, ("torch.nn", "nn"))
        case _:
            return False


def _averages(call: ast.Call) -> bool:
    for keyword in call.keywords:
        if keyword.arg in ("size_average", "reduce", None):
            return False
        if keyword.arg == "reduction":
            return isinstance(keyword.value, ast.Constant) and keyword.value.value == "mean"
    return not any(isinstance(each, ast.Starred) for each in call.args)


def _last(node: ast.expr) -> str:
    return getattr(node, "attr", "") or getattr(node, "id", "")


def _comes_from(function: ast.expr, module: ModuleInfo, receivers: tuple[str, ...]) -> bool:
    """Whether a function is torch's, by what it is called on or where its name was imported from."""
    if isinstance(function, ast.Attribute):
        receiver = ast.unparse(function.value)
        return receiver in receivers or receiver.endswith(f".{receivers[-1]}")
    if not isinstance(function, ast.Name):
        return False
    symbol = module.symbols.get(function.id)
    if not isinstance(symbol, ast.alias):
        return False
    origin = module.origins.get(symbol)
    return origin is not None and (origin.module or "").startswith("torch.nn")


def divides(module: ModuleInfo, length: str, number: int | None) -> bool:
    """Whether a file divides anything but a count by the length of a window: a loss, a gradient or a rate.

    `length` is the text of the length, of which the last name counts, and `number` what it is, if that is known.
    """
    name = length.rpartition(".")[2]
    for node in ast.walk(module.tree):
        match node:
            case (
                ast.BinOp(left=left, op=ast.Div(), right=right)
                | ast.AugAssign(target=left, op=ast.Div(), value=right)
                | ast.Call(func=ast.Attribute(value=left, attr="div" | "div_" | "true_divide"), args=[right, *_])
            ):
                if _is_length(right, name, number) and not _counts(left):
                    return True
            case (
                ast.BinOp(left=left, op=ast.Mult(), right=right)
                | ast.Call(func=ast.Attribute(value=left, attr="mul" | "mul_"), args=[right, *_])
            ):
                if any(isinstance(each, ast.Name | ast.Attribute) and "scale" in _last(each) for each in (left, right)):
                    return True
            case _:
                pass
    return False


def _is_length(node: ast.expr, name: str, number: int | None) -> bool:
    inner = node.args[0] if isinstance(node, ast.Call) and len(node.args) == 1 else node
    if isinstance(inner, ast.Constant):
        return number is not None and inner.value == number
    return any(_last(each) == name for each in ast.walk(inner) if isinstance(each, ast.Name | ast.Attribute))


def _counts(node: ast.expr) -> bool:
    """Whether an expression is a number of batches or steps."""
    text = ast.unparse(node).lower()
    return "len(" in text or text.endswith(("steps", "batches", "size", "epochs", "samples"))
