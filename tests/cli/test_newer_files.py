"""Files in newer syntax than that of the Python that runs optlint: found, silenced, followed and mended as others."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from optlint.cli.main import optlint as command

Check = Callable[..., Result]

TRAINER = """\
\"\"\"Größen.\"\"\"
import torch

type Batch[T] = dict[str, T]


class Trainer[M: torch.nn.Module, *Ts]:
    def __init__(self, model: M, epochs: int) -> None:
        self.model = model
        self.optimizer = torch.optim.SGD(model.parameters(), lr=0.1)
        self.scheduler = torch.optim.lr_scheduler.StepLR(self.optimizer, 10)

    def fit[B](self, batches: list[B], config: Batch[str]) -> None:
        for epoch in range(10):
            print(f"größe é {config["naïve"]!r:>{config["w"]}} ü"); self.scheduler.step()  # früh
            for batch in batches:
                self.optimizer.zero_grad()
                self.model(batch).sum().backward()
                self.optimizer.step()
                print(f"{
                    batch["a"]  # ä
                }", f'{"\\n".join(config)} ü')
"""
MENDED = TRAINER.replace("; self.scheduler.step()", "") + "            self.scheduler.step()\n"
PLACE = "15:69"


@pytest.fixture
def check(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Check:
    """Check the current folder, which is empty, and return what was printed, one line a finding."""
    monkeypatch.chdir(tmp_path)

    def call(*arguments: str) -> Result:
        return CliRunner().invoke(command, ["check", "--output-format", "concise", *arguments], prog_name="optlint")

    return call


def write(text: str, name: str = "train.py") -> Path:
    path = Path(name)
    path.write_bytes(text.encode())
    return path


def test_a_finding_stands_where_it_is(check: Check) -> None:
    write(TRAINER)
    result = check()
    (line,) = result.stdout.splitlines()
    assert line.startswith(f"train.py:{PLACE}: error OPT101 ")
    assert "`self.scheduler.step()` runs before `self.optimizer.step()`" in line
    assert result.exit_code == 1


@pytest.mark.parametrize("newline", ["\n", "\r\n"])
def test_a_fix_changes_its_statement_and_no_other_byte(check: Check, newline: str) -> None:
    path = write(TRAINER.replace("\n", newline))
    assert check("--fix", "--unsafe-fixes").exit_code == 0
    assert path.read_bytes() == MENDED.replace("\n", newline).encode()
    assert check().exit_code == 0


def test_a_comment_silences(check: Check) -> None:
    write(TRAINER.replace("# früh", "# optlint: ignore[OPT101]"))
    assert check().exit_code == 0


def test_a_comment_inside_of_a_string_is_none(check: Check) -> None:
    write(TRAINER.replace("naïve", "# optlint: ignore"))
    assert "OPT101" in check().stdout


def test_an_unused_comment_is_deleted_and_the_rest_stays(check: Check) -> None:
    path = write(MENDED.replace("# ä", "# optlint: ignore[OPT101]"))
    assert "OPT002" in check("--fail-on", "note").stdout
    check("--fix")
    assert path.read_text("utf-8") == MENDED.replace("  # ä", "")


def test_a_generic_class_is_followed(check: Check) -> None:
    fit = "\n\ndef main[T](model: T, batches):\n    Trainer[T](model, 1).fit(batches, {})\n"
    write(TRAINER + fit)
    assert f"train.py:{PLACE}: error OPT101 " in check().stdout


def test_a_helper_of_a_newer_file_is_followed(check: Check) -> None:
    write("def advance[S](scheduler: S) -> None:\n    print(f'é {s['a']}'); scheduler.step()\n", "helper.py")
    write(
        "import torch\nfrom helper import advance\n\n\ndef train(model, batches):\n"
        "    optimizer = torch.optim.SGD(model.parameters(), lr=0.1)\n"
        "    scheduler = torch.optim.lr_scheduler.StepLR(optimizer, 10)\n"
        "    for epoch in range(10):\n        advance(scheduler)\n        for batch in batches:\n"
        "            optimizer.zero_grad()\n            model(batch).sum().backward()\n            optimizer.step()\n"
    )
    (line,) = check().stdout.splitlines()
    assert line.startswith("helper.py:2:27: error OPT101 ")


def test_what_a_newer_string_does_counts(check: Check) -> None:
    write(
        "import torch\n\n\ndef train(model, batches):\n"
        "    optimizer = torch.optim.SGD(model.parameters(), lr=0.1)\n"
        "    scheduler = torch.optim.lr_scheduler.StepLR(optimizer, 10)\n"
        '    for epoch in range(10):\n        print(f"é {scheduler.step() or "é"}")\n        for batch in batches:\n'
        "            optimizer.zero_grad()\n            model(batch).sum().backward()\n            optimizer.step()\n"
    )
    (line,) = check().stdout.splitlines()
    assert line.startswith("train.py:8:20: error OPT101 ")
