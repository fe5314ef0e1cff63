"""`optlint schedule` as a person calls it: what it prints, what it refuses, and how it ends."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

pytest.importorskip("torch", reason="a replay needs torch")

OPTLINT = Path(sys.executable).with_name("optlint")
TRAIN = """\
from torch import nn
from torch.optim import SGD, Adam
from torch.optim.lr_scheduler import StepLR


def train(loader, epochs):
    net_g, net_d = nn.Linear(3, 1), nn.Linear(1, 1)
    optimizer_g = SGD(net_g.parameters(), lr=0.1)
    optimizer_d = Adam([{"params": [parameter]} for parameter in net_d.parameters()], lr=2e-4)
    scheduler = StepLR(optimizer_g, 2)
    for epoch in range(epochs):
        scheduler.step()
        for x, y in loader:
            optimizer_g.zero_grad()
            optimizer_d.zero_grad()
            (net_d(net_g(x)) - y).square().mean().backward()
            optimizer_g.step()
            optimizer_d.step()


def score(model, loader, optimizer):
    return sum(model(x) for x in loader)
"""


def optlint(folder: Path, *arguments: str, **environment: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [OPTLINT, "schedule", *arguments],
        cwd=folder,
        capture_output=True,
        encoding="utf-8",
        check=False,
        env={**os.environ, "COLUMNS": "80", **environment},
    )


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("schedule")
    (folder / "train.py").write_text(TRAIN, encoding="utf-8")
    (folder / "empty.py").write_text("print('no optimizer')\n", encoding="utf-8")
    (folder / "broken.py").write_text("x = 1\ndef f(:\n", encoding="utf-8")
    return folder


@pytest.fixture(scope="module")
def printed(folder: Path) -> str:
    result = optlint(folder, "train.py", "--isolated", PYTHONIOENCODING="utf-8")
    assert (result.returncode, result.stderr) == (0, "")
    return result.stdout


def test_each_optimizer_is_shown_with_its_scheduler_and_lines(printed: str) -> None:
    assert printed.startswith("train.py, train()\n")
    assert "\nSGD `optimizer_g` at line 8, 12 updates\n" in printed
    assert "\n  StepLR `scheduler` at line 10, stepped at line 12 (6 times)\n" in printed
    assert "\nAdam `optimizer_d` at line 9, 12 updates\n  no scheduler\n" in printed
    assert "\n  the rate is 0.0002 throughout\n" in printed
    assert "score" not in printed


def test_both_curves_are_drawn_and_the_finding_named(printed: str) -> None:
    assert "as written: first 0.1, peak 0.1, last 0.0001, 12 updates\n" in printed
    assert "as fixed:   first 0.1, peak 0.1, last 0.001, 12 updates\n" in printed
    assert "\n  as fixed: with the fix of OPT101 at line 12\n" in printed
    assert "  rate, log scale\n" in printed
    assert "•" in printed
    assert re.search("[\u2801-\u28ff]", printed)


def test_stand_ins_are_told(printed: str) -> None:
    assert "\n  stand-ins, no numbers of yours: `epochs` = 6\n" in printed
    assert "is a stand-in, has 2 elements\n" in printed


def test_in_a_pipe_it_is_as_wide_as_eighty_columns_and_has_no_colour(printed: str) -> None:
    assert max(map(len, printed.splitlines())) == 80
    assert "\x1b" not in printed


def test_an_ascii_stream_gets_ascii_and_colours_only_if_asked_for(folder: Path) -> None:
    (folder / "ünder.py").write_text(TRAIN, encoding="utf-8")
    arguments = ("ünder.py", "--isolated", "--optimizer", "optimizer_g")
    result = optlint(folder, *arguments, PYTHONIOENCODING="ascii", COLUMNS="70", FORCE_COLOR="1")
    assert result.returncode == 0
    assert result.stdout.isascii()
    assert "\\xfcnder.py, train()" in result.stdout
    assert "****" in result.stdout
    assert "oooo" in result.stdout
    assert "\x1b[96m" in result.stdout
    assert "optimizer_d" not in result.stdout
    assert max(len(re.sub(r"\x1b\[[\d;]+m", "", line)) for line in result.stdout.splitlines()) == 70


def test_data_have_every_rate(folder: Path) -> None:
    result = optlint(folder, "train.py", "--isolated", "--output-format", "json", "--updates", "10")
    assert result.returncode == 0
    [entry] = json.loads(result.stdout)
    assert (entry["entry"], entry["reason"], entry["elements"]) == ("train", None, 2)
    assert [finding["code"] for finding in entry["findings"]] == ["OPT101"]
    assert entry["stand_ins"] == [{"name": "epochs", "value": "6", "is_default": False}]
    [run] = entry["runs"]
    assert run["conditions"] == {}
    assert [text.split("; ")[0] for text in run["ended"]] == [
        "as written, the replay stops after 10 updates",
        "as fixed, the replay stops after 10 updates",
    ]
    first, second = run["optimizers"]
    assert (first["name"], first["class"], first["place"], first["updates"]) == (
        "optimizer_g",
        "SGD",
        "train.py:8",
        5,
    )
    assert first["schedulers"] == [
        {
            "name": "scheduler",
            "class": "StepLR",
            "place": "train.py:10",
            "stand_in_for": None,
            "built": 1,
            "steps": [{"place": "train.py:12", "times": 3}],
        }
    ]
    [group] = first["groups"]
    assert group["rates"] == pytest.approx([0.1, 0.1, 0.01, 0.01, 0.01])
    assert group["fixed_rates"] == pytest.approx([0.1, 0.1, 0.1, 0.1, 0.01])
    [group] = second["groups"]
    assert (group["groups"], group["rates"], group["fixed_rates"]) == ([0, 1], [2e-4] * 5, None)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ((), "name one file, whose learning rates are to be shown"),
        (("train.py", "empty.py"), "and not 2"),
        (("gone.py",), "`gone.py`: no such file or folder"),
        ((".",), "is a folder: name the file in it that trains"),
        (("train.py", "--updates", "0"), "--updates"),
        (("empty.py",), "optlint: `empty.py` shows no learning rate: no optimizer steps in it"),
        (("broken.py",), "optlint: `broken.py` cannot be read, row 2"),
        (("train.py", "--report", "gone/out.html"), "there is no folder `gone`"),
        (("train.py", "--report", "train.py"), "is no HTML page"),
    ],
)
def test_what_cannot_be_shown_is_said_in_a_line(folder: Path, arguments: tuple[str, ...], message: str) -> None:
    if "--report" in arguments:
        pytest.importorskip("plotly", reason="plotly is not installed")
    result = optlint(folder, *arguments)
    assert (result.returncode, result.stdout) == (2, "")
    assert message in result.stderr
    assert "Traceback" not in result.stderr
    assert (folder / "train.py").read_text("utf-8") == TRAIN


def test_an_unknown_optimizer_is_answered_with_the_nearest(folder: Path) -> None:
    result = optlint(folder, "train.py", "--isolated", "--optimizer", "optimizer_gg")
    assert (result.returncode, result.stdout) == (2, "")
    assert result.stderr == "optlint: no optimizer is called `optimizer_gg`: did you mean `optimizer_g`?\n"


def test_what_the_code_made_impossible_is_the_reason(folder: Path) -> None:
    text = TRAIN.replace("lr=0.1", "lr=-1").replace("StepLR(optimizer_g, 2)", "None").replace("scheduler.step()", "")
    (folder / "refused.py").write_text(text, encoding="utf-8")
    result = optlint(folder, "refused.py", "--isolated")
    assert (result.returncode, result.stdout) == (2, "")
    assert "train(): the replay ended before any update at refused.py:8: ValueError: Invalid learning rate" in (
        result.stderr
    )


def test_a_suppressed_finding_has_no_fixed_curve(folder: Path) -> None:
    line = "        scheduler.step()"
    (folder / "kept.py").write_text(TRAIN.replace(line, f"{line}  # optlint: ignore[OPT101] meant"), encoding="utf-8")
    result = optlint(folder, "kept.py", "--isolated", PYTHONIOENCODING="utf-8")
    assert result.returncode == 0
    assert "as fixed" not in result.stdout


def test_a_page_is_written(folder: Path) -> None:
    pytest.importorskip("plotly", reason="plotly is not installed")
    result = optlint(folder, "train.py", "--isolated", "--report", "out.html")
    assert result.returncode == 0
    assert result.stderr == "optlint: the report is in out.html\n"
    page = (folder / "out.html").read_text("utf-8")
    assert page.startswith("<!doctype html>")
    assert page.count('class="plot"') == 2


def test_without_torch_it_says_what_to_install(folder: Path, tmp_path: Path) -> None:
    (tmp_path / "sitecustomize.py").write_text(
        "import importlib.util\n"
        "_find = importlib.util.find_spec\n"
        "importlib.util.find_spec = lambda name, package=None: None if name == 'torch' else _find(name, package)\n",
        encoding="utf-8",
    )
    result = optlint(folder, "train.py", "--isolated", PYTHONPATH=str(tmp_path))
    assert (result.returncode, result.stdout) == (2, "")
    assert "pip install 'optlint[verify]'" in result.stderr
    assert "Traceback" not in result.stderr


def test_the_example_in_the_documentation_is_what_it_prints() -> None:
    root = Path(__file__).parents[2]
    page = (root / "docs" / "schedule.md").read_text("utf-8")
    [example] = re.findall(r"^```text\n(.*?)^```$", page, re.MULTILINE | re.DOTALL)
    result = optlint(root / "demo", "image_classifier/trainer.py", "--isolated", PYTHONIOENCODING="utf-8")
    assert result.stdout == example


def test_it_is_among_the_commands() -> None:
    result = subprocess.run([OPTLINT, "--help"], capture_output=True, encoding="utf-8", check=True)
    assert re.search(r"^  schedule +Show the learning rates", result.stdout, re.MULTILINE)
