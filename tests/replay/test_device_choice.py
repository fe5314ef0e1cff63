"""Which device replays run on: what is there, what answers, and what a person is told of what is not."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

pytest.importorskip("torch", reason="a replay needs torch")

import torch

from optlint.replay import device_choice
from optlint.replay.device_choice import NoDeviceError, answer_of, chosen
from optlint.replay.placement import places_itself
from optlint.replay.pool import NoDevice, NoWorker, Pool

OPTLINT = Path(sys.executable).with_name("optlint")
FAULTY = """\
import torch

model = torch.nn.Linear(2, 1)
optimizer = torch.optim.SGD(model.parameters(), lr=0.1)
for _ in range(3):
    model(torch.ones(2)).sum().backward()
    optimizer.zero_grad()
    optimizer.step()
"""


@pytest.fixture
def machine(monkeypatch: pytest.MonkeyPatch) -> Iterator[dict[str, str]]:
    """A machine with two CUDA devices and MPS; the table says of each device why it does not answer."""
    broken: dict[str, str] = {}
    monkeypatch.setattr(torch.version, "cuda", "13.0")
    monkeypatch.setattr(torch.cuda, "is_available", lambda: True)
    monkeypatch.setattr(torch.cuda, "device_count", lambda: 2)
    monkeypatch.setattr(torch.backends.mps, "is_built", lambda: True)
    monkeypatch.setattr(torch.backends.mps, "is_available", lambda: True)
    asked: list[str] = []

    def zeros(_: int, *, device: str) -> torch.Tensor:
        asked.append(device)
        if device in broken:
            raise RuntimeError(broken[device])
        return torch.ones(1)

    monkeypatch.setattr(torch, "zeros", zeros)
    monkeypatch.setattr(device_choice, "answer_of", device_choice._complaint)
    yield broken
    assert asked


def test_auto_takes_the_best_device_that_answers(machine: dict[str, str]) -> None:
    assert chosen("auto") == "cuda"
    machine["cuda"] = "CUDA error: no kernel image is available\nmore of it"
    assert chosen("auto") == "mps"
    machine["mps"] = "out of memory"
    assert chosen("auto") == "cpu"


def test_what_was_asked_for_is_taken_or_refused(machine: dict[str, str]) -> None:
    assert chosen("cuda:1") == "cuda:1"
    machine["cuda"] = "CUDA error: no kernel image is available\nmore of it"
    with pytest.raises(NoDeviceError, match=r"`cuda`: it does not work \(RuntimeError: .* available\); take `--device"):
        chosen("cuda")
    with pytest.raises(NoDeviceError, match="there is `cuda:0` to `cuda:1`; take one that is there"):
        chosen("cuda:2")


@pytest.mark.parametrize("wanted", ["cuda", "mps"])
def test_a_torch_without_the_device_says_so(wanted: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(torch.version, "cuda", None)
    monkeypatch.setattr(torch.version, "hip", None)
    monkeypatch.setattr(torch.backends.mps, "is_built", lambda: False)
    with pytest.raises(NoDeviceError, match=f"`{wanted}`: torch .* is built without .*`--device cpu`"):
        chosen(wanted)


def test_no_gpu_is_said_with_where_to_look(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(torch.version, "cuda", "13.0")
    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
    with pytest.raises(NoDeviceError, match="torch finds no GPU; look at the driver and at `CUDA_VISIBLE_DEVICES`"):
        chosen("cuda")


@pytest.mark.skipif(not hasattr(os, "fork"), reason="there are no forks")
def test_a_device_that_kills_its_process_does_not_answer() -> None:
    assert answer_of(lambda: 1) == ""
    assert "RuntimeError: gone" in answer_of(lambda: (_ for _ in ()).throw(RuntimeError("gone")))
    assert "ends the process" in answer_of(lambda: os.kill(os.getpid(), signal.SIGKILL))
    assert "does not answer" in answer_of(signal.pause, patience=0.05)


def test_a_worker_chooses_for_its_pool() -> None:
    with Pool() as pool:
        kinds = {pool.device(wanted).partition(":")[0] for wanted in ("auto", "auto")}
        assert len(kinds) == 1
        assert kinds <= ({"cuda"} if torch.cuda.is_available() else {"cpu", "mps"})
        assert pool.device("cpu") == "cpu"
        with pytest.raises(NoDevice, match="there is no device `cuda:97`"):
            pool.device("cuda:97")
    with pytest.raises(NoWorker, match="not open"):
        Pool().device("auto")


@pytest.mark.parametrize("command", [["verify"], ["check", "--verify"], ["check", "--fix", "--verified"], ["schedule"]])
def test_a_device_that_is_not_there_ends_a_command_in_one_line(command: list[str], tmp_path: Path) -> None:
    (tmp_path / "train.py").write_text(FAULTY, encoding="utf-8")
    result = subprocess.run(
        [OPTLINT, *command, "train.py", "--isolated", "--device", "cuda:97"],
        cwd=tmp_path,
        capture_output=True,
        text=True,
        check=False,
    )
    assert result.returncode == 2
    [line] = [each for each in result.stderr.splitlines() if each]
    assert line.startswith("optlint: there is no device `cuda:97`: ")
    assert "--device cpu" in line
    assert (tmp_path / "train.py").read_text("utf-8") == FAULTY


def test_a_device_of_no_kind_is_refused_as_an_option() -> None:
    result = subprocess.run(
        [OPTLINT, "verify", "--device", "tpu"], capture_output=True, text=True, check=False, env={**os.environ}
    )
    assert result.returncode == 2
    assert "`tpu` is none of `auto`, `cpu`, `cuda`" in result.stderr


@pytest.mark.parametrize(
    ("body", "places"),
    [
        ("model = torch.nn.Linear(2, 2)", False),
        ("model.to(torch.float64)", False),
        ("model.double()", False),
        ("device = torch.device(standin.device('cuda'))", False),
        ("model.cuda()", True),
        ("model.to(device)", True),
        ("x = x.to(device, torch.float32)", True),
        ("x = torch.zeros(3, device=device)", True),
    ],
)
def test_a_script_that_names_devices_is_left_to_do_so(body: str, places: bool) -> None:
    assert places_itself(body) is places
