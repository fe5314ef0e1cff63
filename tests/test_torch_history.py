"""Since when and until when torch has things is read from the sources of its releases."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

torch_history = pytest.importorskip("torch_history", reason="the reader of sources is in the checkout alone")
UnreadableError, history, text = torch_history.UnreadableError, torch_history.history, torch_history.text

OPTIMIZER = "class Optimizer:\n    def zero_grad(self, set_to_none=True): ...\n"
CLIP = "def clip_grad_norm_(parameters, max_norm): ...\n"
SCALER = "class GradScaler:\n    def __init__(self, device): ...\n    def step(self, optimizer): ...\n"
SCHEDULERS = "class LRScheduler:\n    def __init__(self, optimizer): ...\n    def step(self): ...\n"


def _release(folder: Path, number: str, **files: str) -> None:
    sources = {
        "optim/__init__.py": "from torch.optim.sgd import SGD as SGD\nfrom torch.optim.optimizer import Optimizer\n",
        "optim/optimizer.py": OPTIMIZER,
        "optim/sgd.py": "class SGD(Optimizer):\n    def __init__(self, params, lr): ...\n",
        "optim/lr_scheduler.py": SCHEDULERS,
        "optim/swa_utils.py": "",
        "nn/utils/clip_grad.py": CLIP,
        "amp/grad_scaler.py": SCALER,
        **{f"optim/{name}.py": source for name, source in files.items()},
    }
    for name, source in sources.items():
        file = folder / number / "torch" / name
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(source)


def _changes(folder: Path) -> dict[str, object]:
    found: dict[str, object] = history(folder)["changes"]
    return found


def test_releases_that_do_not_differ_have_no_history(tmp_path: Path) -> None:
    for number in ("2.9", "2.10"):
        _release(tmp_path, number)
    assert history(tmp_path) == {"releases": ["2.9", "2.10"], "changes": {}}


def test_what_comes_and_goes_is_dated(tmp_path: Path) -> None:
    with_verbose = (
        SCHEDULERS.replace("(self, optimizer)", "(self, optimizer, verbose)") + "    def print_lr(self): ...\n"
    )
    _release(tmp_path, "2.4", lr_scheduler=with_verbose)
    _release(tmp_path, "2.5", sgd="class SGD(Optimizer):\n    def __init__(self, params, lr, *, fused=None): ...\n")
    _release(tmp_path, "2.6", sgd="class SGD(Optimizer):\n    def __init__(self, params, lr, *, fused=None): ...\n")
    assert _changes(tmp_path) == {
        "torch.optim.SGD": {"parameters": {"fused": {"since": "2.5"}}},
        "torch.optim.lr_scheduler.LRScheduler": {
            "methods": {"print_lr": {"until": "2.5"}},
            "parameters": {"verbose": {"until": "2.5"}},
        },
    }


def test_what_comes_with_its_class_is_not_named(tmp_path: Path) -> None:
    _release(tmp_path, "2.8")
    _release(
        tmp_path,
        "2.9",
        __init__="from .sgd import SGD\nfrom ._muon import Muon\n",
        _muon="class Muon(Optimizer):\n    def __init__(self, params): ...\n    def step(self): ...\n",
    )
    assert _changes(tmp_path) == {"torch.optim.Muon": {"since": "2.9"}}


def test_a_method_that_is_inherited_from_now_on_has_not_gone(tmp_path: Path) -> None:
    base = "class Adam(Optimizer):\n    def __init__(self, params): ...\n    def step(self): ...\n"
    names = "from .adam import Adam\nfrom .adamw import AdamW\n"
    own = "class AdamW(Optimizer):\n    def __init__(self, params): ...\n    def step(self): ...\n"
    _release(tmp_path, "2.6", __init__=names, adam=base, adamw=own)
    _release(tmp_path, "2.7", __init__=names, adam=base, adamw="class AdamW(Adam):\n    def extra(self): ...\n")
    assert _changes(tmp_path) == {"torch.optim.AdamW": {"methods": {"extra": {"since": "2.7"}}}}


def test_signatures_for_type_checkers_do_not_count(tmp_path: Path) -> None:
    _release(tmp_path, "2.6")
    told = "    @overload\n    def __init__(self, optimizer, other): ...\n    @overload\n    def step(self, x): ...\n"
    _release(tmp_path, "2.7", lr_scheduler=SCHEDULERS.replace(":\n", f":\n{told}", 1))
    assert _changes(tmp_path) == {}


def test_a_release_that_is_not_whole_is_named(tmp_path: Path) -> None:
    _release(tmp_path, "2.6")
    with pytest.raises(UnreadableError, match="two releases"):
        history(tmp_path)
    _release(tmp_path, "2.7")
    (tmp_path / "2.7" / "torch" / "amp" / "grad_scaler.py").unlink()
    with pytest.raises(UnreadableError, match=r"grad_scaler\.py: the source of a release could not be read"):
        history(tmp_path)
    (tmp_path / "newest").mkdir()
    with pytest.raises(UnreadableError, match="named by its number"):
        history(tmp_path)


def test_the_table_is_written_with_a_line_for_each_class(tmp_path: Path) -> None:
    _release(tmp_path, "2.8", sgd="class SGD(Optimizer):\n    def __init__(self, params): ...\n")
    _release(tmp_path, "2.9")
    data = history(tmp_path)
    assert json.loads(text(data)) == data
    assert '"torch.optim.SGD": {"parameters": {"lr": {"since": "2.9"}}}\n' in text(data)
