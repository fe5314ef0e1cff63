"""Whether a model has layers that do otherwise in training than in evaluation."""

from __future__ import annotations

import ast
import re

from optlint.api import Model

_WITH_MODES = re.compile(r"(?i)drop|norm|RReLU|Transformer|MultiheadAttention|training")
"""Words of layers, arguments and attributes that depend on the mode."""
_PLAIN = re.compile(
    r"Linear|Bilinear|Conv\w*|\w*ReLU\w*|ELU|GELU|SiLU|Mish|Tanh|Sigmoid|Softmax|LogSoftmax|Softplus|Hard\w+|Identity"
    r"|Flatten|Unflatten|Embedding|EmbeddingBag|\w*Pool\w*|Upsample\w*|PixelShuffle|\w*Pad\w*|Parameter\w*"
    r"|Sequential|Module(List|Dict)?|LSTM(Cell)?|GRU(Cell)?|RNN(Cell)?|\w+Loss|LayerNorm"
)
"""Layers of torch without modes, as long as they are given no dropout."""


def knows_no_modes(model: Model, depth: int = 0) -> bool:
    """Whether all layers of a model are visible in the project, and none of them depends on the mode."""
    info = model.info
    if info is not None:
        if any(base not in ("torch.nn.Module", "torch.nn.modules.Module") for base in info.foreign_bases):
            return False
        return all(_is_plain(each.module.segment(each.node), each.node) for each in info.lineage) and _parts(
            model, depth
        )
    place = model.place
    if place is None or not isinstance(place.node, ast.Call):
        return False
    return _is_plain(ast.unparse(place.node), place.node) and _parts(model, depth)


def _parts(model: Model, depth: int) -> bool:
    return depth > 4 or all(
        knows_no_modes(part, depth + 1) for part in model.parts.values() if part.place is not model.place
    )


def _is_plain(text: str, tree: ast.AST) -> bool:
    if _WITH_MODES.search(text.replace("LayerNorm", "")):
        return False
    for node in ast.walk(tree):
        if isinstance(node, ast.Call):
            name = getattr(node.func, "attr", getattr(node.func, "id", ""))
            if name[:1].isupper() and not _PLAIN.fullmatch(name):
                return False
    return True
