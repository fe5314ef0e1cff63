"""What the triggers and screens of rules let through: each way to write a fault, and little else, as that is parsed."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from optlint.catalog import load_catalog
from optlint.engine import Engine
from optlint.packs import Pack

HEAD = "import torch\nfrom torch import nn\nfrom blocks import make_block\n\n\n"
CLASS = HEAD + "class Net(nn.Module):\n    forward = 0\n\n    def __init__(self, layers):\n        "
LOOP = HEAD + "def evaluate(model, loader):\n    total = 0\n    for x, y in loader:\n        "


@pytest.fixture(scope="module")
def looks() -> Callable[[str, str], bool]:
    """Say whether a rule looks at a file with this text."""
    engines = {entry.rule.code: Engine([entry]) for entry in load_catalog([Pack("optlint", "optlint_rules")])}
    return lambda code, text: engines[code].triggered(Path("net.py"), text.encode()) != []


@pytest.mark.parametrize(
    "text",
    [
        "self.layers = [nn.Linear(2, 2), nn.Linear(2, 2)]\n",
        "self.layers = (nn.Linear(2, 2), nn.Linear(2, 2))\n",
        "self.layers = [\n            Block(width) for width in (2, 3)\n        ]\n",
        "self.heads = {'a': nn.Linear(2, 2)}\n",
        "self.layers = []\n        self.layers.append(nn.Linear(2, 2))\n",
        "self.layers: list[nn.Module] = []\n        self.layers += [Block(2)]\n",
        "self.layers = []\n        self.layers.append(\n            Block(2)\n        )\n",
        "self.layers = []\n        layer = nn.Linear(2, 2)\n        self.layers.append(layer)\n",
        "self.layers = []\n        layer = Block(2)\n        self.layers.extend([layer, layers])\n",
        "self.layers = {}\n        self.layers['a'] = make_block(2)\n",
        "self.layers = []\n        self.layers.append(self._made())\n\n    def _made(self):\n        return Block(2)\n",
        "self.layers = []\n        self.layers.append(f())\n\n\ndef f():\n  return g()\n\ndef g():\n  return Net(2)\n",
        "layers = []\n        for _ in layers:\n            layers.append(Block(2))\n        self.layers = layers\n",
        "layers = [nn.Linear(2, 2)]\n        self.layers = layers\n",
        "self.layers = []\n        self.layers.append(nn.Linear(2, 2) if layers else None)\n",
    ],
)
def test_containers_of_modules_pass(looks: Callable[[str, str], bool], text: str) -> None:
    assert looks("OPT210", CLASS + text)


@pytest.mark.parametrize(
    "text",
    [
        "self.layers = nn.ModuleList([nn.Linear(2, 2)])\n",
        "self.layer = (\n            nn.Linear(2, 2) if layers else nn.Identity()\n        )\n",
        "self.losses = []\n        self.losses.append(loss.item())\n",
        "self.sizes = []\n        size = layers[0]\n        self.sizes.append(size)\n",
        "self.scales = []\n        self.scales.append(torch.ones(2))\n",
        "self.sums = {}\n        self.sums['a'] = self._sum()\n\n    def _sum(self):\n        return sum(layers)\n",
        "self.layers = layers\n",
    ],
)
def test_other_containers_do_not(looks: Callable[[str, str], bool], text: str) -> None:
    assert not looks("OPT210", CLASS + text)


@pytest.mark.parametrize(
    ("passes", "text"),
    [
        (True, "self.scale = torch.ones(2, requires_grad=True)\n"),
        (True, "self.scale = torch.ones(\n            2,\n            requires_grad=True,\n        )\n"),
        (True, "self.scale: torch.Tensor = torch.ones(2).requires_grad_()\n"),
        (True, "self.scale = nn.Parameter(torch.ones(2)).cuda()\n"),
        (True, "self.scale = 0.1 * nn.Parameter(torch.ones(2))\n"),
        (True, "self.scale = nn.Parameter(torch.ones(2)) * 0.1\n"),
        (True, "self.scale = nn.Parameter(\n            torch.ones(2)\n        ).view(1, 2)\n"),
        (True, "self.register_buffer('scale', nn.Parameter(torch.ones(2)))\n"),
        (False, "self.scale = nn.Parameter(torch.ones(2))\n"),
        (False, "self.scale = nn.Parameter(torch.ones(2))  # (learnt)\n        self.width = 2\n"),
        (False, "self.scale = nn.Parameter(\n            torch.ones(2)\n        )\n        self.width = 2\n"),
        (False, "layers.weight.requires_grad = True\n"),
        (False, "self.scale = 2\n        points = torch.ones(2, requires_grad=True)\n"),
    ],
)
def test_tensors_that_are_kept_with_gradients_pass(looks: Callable[[str, str], bool], passes: bool, text: str) -> None:
    assert looks("OPT211", CLASS + text) is passes


@pytest.mark.parametrize(
    ("passes", "text"),
    [
        (True, "total += loss(model(x), y)\n"),
        (True, "total = total + loss\n"),
        (True, "self.loss = self.loss + y\n"),
        (True, "if x: total += 0.5 * loss\n"),
        (True, "total += loss + other.item()\n"),
        (False, "total += loss.item()\n"),
        (False, "total += loss.item() * len(x)  # loss of a batch\n"),
        (False, "losses += [loss]\n"),
        (False, "total = other + loss\n"),
        (False, "errors += 1\n"),
        (False, "pass\n    total += loss\n"),
    ],
)
def test_sums_of_losses_in_loops_pass(looks: Callable[[str, str], bool], passes: bool, text: str) -> None:
    assert looks("OPT510", LOOP + text) is passes


def test_sums_of_losses_pass_in_evaluations_or_beside_a_backward(looks: Callable[[str, str], bool]) -> None:
    summed = LOOP.replace("evaluate", "run") + "total += loss\n"
    assert not looks("OPT510", summed)
    assert looks("OPT510", summed + "        loss.backward()\n")
    assert looks("OPT510", summed + "    model.eval()\n")


@pytest.mark.parametrize(
    ("passes", "text"),
    [
        (True, "x.to(device)\n"),
        (True, "self.mask.cuda()\n"),
        (True, "batch['labels'].to(device)\n"),
        (True, "if device: y.float()\n"),
        (True, "if isinstance(batch.x, torch.Tensor):\n            batch.x.to(device)\n"),
        (False, "x = x.to(device)\n"),
        (False, "run(x.to(device))\n"),
        (False, "model.to(device)\n"),
        (False, "self.model.cuda()\n"),
        (False, "self.cuda()\n"),
        (False, "x.to(device).fill_(0)\n"),
        (False, "batch.x.to(device)  # of class Tensor\n"),
    ],
)
def test_moves_whose_result_is_dropped_pass(looks: Callable[[str, str], bool], passes: bool, text: str) -> None:
    assert looks("OPT304", LOOP + text) is passes


@pytest.mark.parametrize(
    ("passes", "text"),
    [
        (True, "for p in model.parameters():\n    p.require_grad = False\n"),
        (True, "model.backbone.requires_grad = False\n"),
        (True, "model.slope.requiresGrad = False\n"),
        (True, "for p in model.children():\n    p.requires_grad = False\n"),
        (True, "for layer in model.layers: layer.requires_grad = False\n"),
        (False, "for p in model.parameters():\n    p.requires_grad = False\n"),
        (False, "model.fc.weight.requires_grad = False\n"),
        (False, "for name, param in items:\n    param.requires_grad = False\n"),
        (False, "self.need_weights = False\n"),
        (False, '"""Layers are frozen: set module.requires_grad = False (or not)."""\n'),
    ],
)
def test_slips_of_requires_grad_pass(looks: Callable[[str, str], bool], passes: bool, text: str) -> None:
    assert looks("OPT204", HEAD + text) is passes


@pytest.mark.parametrize(
    ("passes", "text"),
    [
        (True, "with torch.no_grad():\n    y = model(x)\ny.sum().backward()\n"),
        (True, "@torch.inference_mode\ndef run(x):\n    (y * model(x, (1, 2))).mean().backward()\n"),
        (True, "@torch.no_grad()\ndef run(x):\n    losses['all'].backward()\n"),
        (True, "@torch.no_grad()\ndef run(x):\n    if x: self.fabric.backward(loss)\n"),
        (True, "@torch.no_grad()\ndef run(x):\n    torch.autograd.backward(\n        [model(x)]\n    )\n"),
        (False, "with torch.no_grad():\n    y = model(x)\n# then y.backward()\n"),
        (False, "with torch.no_grad():\n    y = model(x)\n    >>> y.backward()\n"),
        (False, "with torch.no_grad():\n    y = model(x)\n    The last step is ``y.backward()``.\n"),
        (False, "def run(x, inference_mode=False):\n    model(x).backward()\n"),
        (False, "model(x).backward()\n"),
    ],
)
def test_backwards_beside_code_without_gradients_pass(
    looks: Callable[[str, str], bool], passes: bool, text: str
) -> None:
    assert looks("OPT511", HEAD + text) is passes
