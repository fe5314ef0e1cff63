"""What the screens of rules let through: every way to write a fault, and little else, since what passes is parsed."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from optlint.catalog import load_catalog
from optlint.packs import Pack

HEAD = "import torch\nfrom torch import nn\nfrom blocks import make_block\n\n\n"
CLASS = HEAD + "class Net(nn.Module):\n    def __init__(self, layers):\n        super().__init__()\n        "
LOOP = HEAD + "def evaluate(model, loader):\n    total = 0\n    for x, y in loader:\n        "


@pytest.fixture(scope="module")
def screens() -> dict[str, Callable[[bytes], bool]]:
    rules = (entry.rule for entry in load_catalog([Pack("optlint", "optlint_rules")]))
    return {rule.code: rule.screen for rule in rules if rule.screen is not None}


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
def test_containers_of_modules_pass(screens: dict[str, Callable[[bytes], bool]], text: str) -> None:
    assert screens["OPT210"]((CLASS + text).encode())


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
def test_other_containers_do_not(screens: dict[str, Callable[[bytes], bool]], text: str) -> None:
    assert not screens["OPT210"]((CLASS + text).encode())


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
def test_tensors_that_are_kept_with_gradients_pass(
    screens: dict[str, Callable[[bytes], bool]], passes: bool, text: str
) -> None:
    assert screens["OPT211"]((CLASS + text).encode()) is passes


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
def test_sums_of_losses_in_loops_pass(screens: dict[str, Callable[[bytes], bool]], passes: bool, text: str) -> None:
    assert screens["OPT510"]((LOOP + text).encode()) is passes


def test_sums_of_losses_pass_in_evaluations_or_beside_a_backward(screens: dict[str, Callable[[bytes], bool]]) -> None:
    summed = LOOP.replace("evaluate", "run") + "total += loss\n"
    assert not screens["OPT510"](summed.encode())
    assert screens["OPT510"]((summed + "        loss.backward()\n").encode())
    assert screens["OPT510"]((summed + "    model.eval()\n").encode())


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
def test_moves_whose_result_is_dropped_pass(
    screens: dict[str, Callable[[bytes], bool]], passes: bool, text: str
) -> None:
    assert screens["OPT304"]((LOOP + text).encode()) is passes


@pytest.mark.parametrize(
    ("passes", "text"),
    [
        (True, "for p in model.parameters():\n    p.require_grad = False\n"),
        (True, "model.backbone.requires_grad = False\n"),
        (True, "for p in model.children():\n    p.requires_grad = False\n"),
        (True, "for layer in model.layers: layer.requires_grad = False\n"),
        (False, "for p in model.parameters():\n    p.requires_grad = False\n"),
        (False, "model.fc.weight.requires_grad = False\n"),
        (False, "for name, param in items:\n    param.requires_grad = False\n"),
        (False, "self.need_weights = False\n"),
        (False, '"""Layers are frozen: set module.requires_grad = False (or not)."""\n'),
    ],
)
def test_slips_of_requires_grad_pass(screens: dict[str, Callable[[bytes], bool]], passes: bool, text: str) -> None:
    assert screens["OPT204"]((HEAD + text).encode()) is passes
